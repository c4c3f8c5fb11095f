// The little of D-Bus (its specification 0.38, "Message Protocol") that it takes to tell
// systemd-resolved which names are ours: method calls, and whether they went well.
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/bytes.hpp"
#include "base/endpoint.hpp"

namespace lanrage::lan {

// Values in the order of a signature, in little-endian bytes, each padded to its alignment.
class DbusWriter {
 public:
  DbusWriter& byte(std::uint8_t value);
  DbusWriter& u16(std::uint16_t value);
  DbusWriter& u32(std::uint32_t value);
  DbusWriter& boolean(bool value) { return u32(value ? 1 : 0); }
  DbusWriter& string(std::string_view text);  // an object's path as well
  DbusWriter& signature(std::string_view text);
  DbusWriter& raw(ByteView bytes);
  DbusWriter& pad(std::size_t alignment);
  // An array, whose elements `write` appends; `alignment` is theirs.
  template <class Write>
  DbusWriter& array(std::size_t alignment, Write&& write) {
    u32(0);
    const auto length_at = out_.size() - 4;
    pad(alignment);
    const auto begin = out_.size();
    write(*this);
    patch(length_at, static_cast<std::uint32_t>(out_.size() - begin));
    return *this;
  }
  std::size_t size() const { return out_.size(); }
  Bytes take() && { return std::move(out_); }

 private:
  void patch(std::size_t at, std::uint32_t value);
  Bytes out_;
};

struct DbusCall {
  std::string_view destination, path, interface, member;
  std::string_view signature{};
  Bytes body{};
};

// `serial` is not zero, and comes back in the answer.
Bytes encode_call(std::uint32_t serial, const DbusCall& call);

// The first call of each connection: a name for us.
DbusCall hello_call();
// Of org.freedesktop.resolve1.Manager: names in `domains` are asked at `server` and no others, as
// they are, by the device with this index; until the device is gone.
DbusCall set_link_dns(std::uint32_t device, const Endpoint& server);
DbusCall set_link_domains(std::uint32_t device, const std::set<std::string>& domains);
DbusCall set_link_default_route(std::uint32_t device, bool value);
DbusCall set_link_mode(std::string_view member, std::uint32_t device, std::string_view mode);

inline constexpr std::size_t kDbusFixedHeader = 16;
inline constexpr std::size_t kMostDbusBytes = 64 * 1024;  // of a message that we take

// Size of the message that begins with these kDbusFixedHeader bytes; nothing: it isn't D-Bus, or
// larger than we take.
std::optional<std::size_t> dbus_size(ByteView begin);

struct DbusMessage {
  enum class Type { other, reply, error };
  Type type = Type::other;
  std::uint32_t reply_serial = 0;
  std::string error;  // its name, and what it says
};
std::optional<DbusMessage> parse_dbus(ByteView message);

}  // namespace lanrage::lan
