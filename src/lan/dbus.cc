#include "lan/dbus.hpp"

namespace lanrage::lan {
namespace {

constexpr std::uint8_t kLittleEndian = 'l';
constexpr std::uint8_t kBigEndian = 'B';
constexpr std::uint8_t kVersion = 1;
constexpr std::uint8_t kMethodCall = 1;
constexpr std::uint8_t kMethodReturn = 2;
constexpr std::uint8_t kError = 3;

enum class Field : std::uint8_t {
  path = 1,
  interface = 2,
  member = 3,
  error_name = 4,
  reply_serial = 5,
  destination = 6,
  signature = 8,
};

constexpr std::uint32_t kIpv4 = 2;  // AF_INET and AF_INET6, as resolved is told them
constexpr std::uint32_t kIpv6 = 10;

DbusCall of_resolved(std::string_view member, std::string_view signature, DbusWriter body) {
  return {"org.freedesktop.resolve1",
          "/org/freedesktop/resolve1",
          "org.freedesktop.resolve1.Manager",
          member,
          signature,
          std::move(body).take()};
}

// Values of either byte order, with their alignment counted from the message's begin.
class Reader {
 public:
  Reader(ByteView bytes, bool little) : bytes_(bytes), little_(little) {}

  bool ok() const { return ok_; }
  std::size_t position() const { return position_; }
  void pad(std::size_t alignment) { skip((alignment - position_ % alignment) % alignment); }
  void skip(std::size_t count) {
    if (count > bytes_.size() - position_)
      ok_ = false;
    else
      position_ += count;
  }
  std::uint8_t byte() {
    const auto at = position_;
    skip(1);
    return ok_ ? bytes_[at] : 0;
  }
  std::uint32_t u32() {
    pad(4);
    const auto at = position_;
    skip(4);
    std::uint32_t out = 0;
    for (std::size_t i = 0; ok_ && i < 4; ++i)
      out = out << 8 | bytes_[at + (little_ ? 3 - i : i)];
    return out;
  }
  std::string_view text(std::size_t size) {
    const auto at = position_;
    skip(size);
    skip(1);  // the closing NUL
    return ok_ ? as_text(bytes_.subspan(at, size)) : std::string_view();
  }

 private:
  ByteView bytes_;
  bool little_;
  bool ok_ = true;
  std::size_t position_ = 0;
};

}  // namespace

DbusWriter& DbusWriter::byte(std::uint8_t value) {
  out_.push_back(value);
  return *this;
}

DbusWriter& DbusWriter::u16(std::uint16_t value) {
  pad(2);
  return byte(static_cast<std::uint8_t>(value)).byte(static_cast<std::uint8_t>(value >> 8));
}

DbusWriter& DbusWriter::u32(std::uint32_t value) {
  pad(4);
  out_.resize(out_.size() + 4);
  patch(out_.size() - 4, value);
  return *this;
}

DbusWriter& DbusWriter::string(std::string_view text) {
  return u32(static_cast<std::uint32_t>(text.size())).raw(as_bytes(text)).byte(0);
}

DbusWriter& DbusWriter::signature(std::string_view text) {
  return byte(static_cast<std::uint8_t>(text.size())).raw(as_bytes(text)).byte(0);
}

DbusWriter& DbusWriter::raw(ByteView bytes) {
  out_.insert(out_.end(), bytes.begin(), bytes.end());
  return *this;
}

DbusWriter& DbusWriter::pad(std::size_t alignment) {
  while (out_.size() % alignment != 0)
    out_.push_back(0);
  return *this;
}

void DbusWriter::patch(std::size_t at, std::uint32_t value) {
  for (std::size_t i = 0; i < 4; ++i)
    out_[at + i] = static_cast<std::uint8_t>(value >> 8 * i);
}

Bytes encode_call(std::uint32_t serial, const DbusCall& call) {
  DbusWriter out;
  out.byte(kLittleEndian).byte(kMethodCall).byte(0).byte(kVersion);
  out.u32(static_cast<std::uint32_t>(call.body.size())).u32(serial);
  out.array(8, [&](DbusWriter& fields) {
    const auto field = [&](Field which, std::string_view type) -> DbusWriter& {
      return fields.pad(8).byte(static_cast<std::uint8_t>(which)).signature(type);
    };
    field(Field::path, "o").string(call.path);
    field(Field::interface, "s").string(call.interface);
    field(Field::member, "s").string(call.member);
    field(Field::destination, "s").string(call.destination);
    if (!call.signature.empty()) field(Field::signature, "g").signature(call.signature);
  });
  return std::move(out.pad(8).raw(call.body)).take();
}

DbusCall hello_call() {
  return {"org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "Hello"};
}

DbusCall set_link_dns(std::uint32_t device, const Endpoint& server) {
  DbusWriter body;
  body.u32(device).array(8, [&](DbusWriter& servers) {
    servers.u32(server.address.is_v4() ? kIpv4 : kIpv6);
    servers.array(1, [&](DbusWriter& bytes) { bytes.raw(server.address.bytes()); });
    servers.u16(server.port).string("");  // no name: nothing is encrypted
  });
  return of_resolved("SetLinkDNSEx", "ia(iayqs)", std::move(body));
}

DbusCall set_link_domains(std::uint32_t device, const std::set<std::string>& domains) {
  DbusWriter body;
  body.u32(device).array(8, [&](DbusWriter& list) {
    for (const auto& domain : domains)
      list.pad(8).string(domain).boolean(true);  // a route, not something to search in
  });
  return of_resolved("SetLinkDomains", "ia(sb)", std::move(body));
}

DbusCall set_link_default_route(std::uint32_t device, bool value) {
  DbusWriter body;
  body.u32(device).boolean(value);
  return of_resolved("SetLinkDefaultRoute", "ib", std::move(body));
}

DbusCall set_link_mode(std::string_view member, std::uint32_t device, std::string_view mode) {
  DbusWriter body;
  body.u32(device).string(mode);
  return of_resolved(member, "is", std::move(body));
}

std::optional<std::size_t> dbus_size(ByteView begin) {
  if (begin.size() < kDbusFixedHeader || begin[3] != kVersion ||
      (begin[0] != kLittleEndian && begin[0] != kBigEndian))
    return std::nullopt;
  Reader reader(begin, begin[0] == kLittleEndian);
  reader.skip(4);
  const std::size_t body = reader.u32();
  reader.u32();  // serial
  const std::size_t fields = reader.u32();
  if (body > kMostDbusBytes || fields > kMostDbusBytes) return std::nullopt;
  const auto size = kDbusFixedHeader + (fields + 7) / 8 * 8 + body;
  return size > kMostDbusBytes ? std::nullopt : std::optional(size);
}

std::optional<DbusMessage> parse_dbus(ByteView message) {
  if (dbus_size(message) != message.size()) return std::nullopt;
  Reader reader(message, message[0] == kLittleEndian);
  reader.skip(12);
  const auto fields_end = kDbusFixedHeader + reader.u32();
  DbusMessage out;
  bool says_text = false;
  while (reader.ok() && reader.position() < fields_end) {
    reader.pad(8);
    const auto field = static_cast<Field>(reader.byte());
    const auto type = reader.text(reader.byte());
    if (type == "u") {
      const auto value = reader.u32();
      if (field == Field::reply_serial) out.reply_serial = value;
    } else if (type == "g") {
      const auto signature = reader.text(reader.byte());
      if (field == Field::signature) says_text = signature.starts_with('s');
    } else if (type == "s" || type == "o") {
      const auto text = reader.text(reader.u32());
      if (field == Field::error_name) out.error = text;
    } else {
      return std::nullopt;  // no field has another type
    }
  }
  if (!reader.ok()) return std::nullopt;
  if (message[1] == kMethodReturn) out.type = DbusMessage::Type::reply;
  if (message[1] != kError) return out;
  out.type = DbusMessage::Type::error;
  reader.pad(8);
  const auto text = says_text ? reader.text(reader.u32()) : std::string_view();
  if (reader.ok() && !text.empty()) out.error += ": " + std::string(text);
  return out;
}

}  // namespace lanrage::lan
