#include "server/relay_id_file.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <string>
#include <unistd.h>

#include "io/durable_file.hpp"
#include "io/unique_fd.hpp"

namespace lanrage::server {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kFile = "relay_id";

std::unexpected<Error> cannot(RelayIdErrc code, const char* what, const fs::path& file,
                              int error = errno) {
  return fail(code, std::string("can't ") + what + " " + file.string() + " (" +
                        std::strerror(error) +
                        "): it keeps this relay's id; check the directory of --data-dir");
}

Result<std::string> content(int fd, const fs::path& file) {
  std::array<char, 64> buffer{};
  const auto size = ::read(fd, buffer.data(), buffer.size());
  if (size < 0) return cannot(RelayIdErrc::cannot_read, "read", file);
  std::string text(buffer.data(), static_cast<std::size_t>(size));
  if (text.ends_with('\n')) text.pop_back();
  return text;
}

}  // namespace

Result<RelayId> load_or_make_relay_id(const fs::path& directory, Random& random) {
  const fs::path file = directory / kFile;
  const io::UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() >= 0) {
    const auto text = content(fd.get(), file);
    if (!text) return std::unexpected(text.error());
    if (const auto id = RelayId::parse(*text)) return *id;
    return fail(RelayIdErrc::damaged,
                file.string() +
                    " isn't a relay's id (26 characters of a-z and 2-7): put back what "
                    "was there, or remove it and the relay gets a new id");
  }
  if (errno != ENOENT) return cannot(RelayIdErrc::cannot_read, "read", file);
  const RelayId id{random.array<16>()};
  if (auto written = io::write_durably(file, id.to_string() + "\n"); !written)
    return cannot(RelayIdErrc::cannot_write, "write", file, written.error().error);
  return id;
}

}  // namespace lanrage::server
