#include "agent/json_secret.hpp"

#include <algorithm>
#include <boost/json/memory_resource.hpp>
#include <boost/json/serializer.hpp>
#include <new>

namespace lanrage::agent {
namespace {

namespace json = boost::json;

class WipingResource final : public json::memory_resource {
  // As Boost's own: nothing in JSON wants more than the default alignment, and what it asks for
  // isn't always what it gives back with.
  void* do_allocate(std::size_t size, std::size_t) override { return ::operator new(size); }
  void do_deallocate(void* start, std::size_t size, std::size_t) override {
    wipe({static_cast<std::uint8_t*>(start), size});
    ::operator delete(start, size);
  }
  bool do_is_equal(const json::memory_resource& other) const noexcept override {
    return this == &other;
  }
};

constexpr std::size_t kFirstPart = 4096;

}  // namespace

json::storage_ptr wiped_storage() {
  static WipingResource resource;
  return &resource;
}

// json::serialize() has buffers of its own.
WipedString to_wiped_text(const json::object& object) {
  json::serializer serializer;
  serializer.reset(&object);
  WipedString out;
  while (!serializer.done()) {
    const auto before = out.size();
    out.resize(std::max(2 * before, kFirstPart));
    const auto part = serializer.read(out.data() + before, out.size() - before);
    out.resize(before + part.size());
  }
  return out;
}

}  // namespace lanrage::agent
