#include "base/endpoint.hpp"

#include <arpa/inet.h>
#include <charconv>
#include <cstring>

namespace lanrage {
namespace {

template <class T>
std::optional<T> parse_number(std::string_view text) {
  T value{};
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

IpAddress IpAddress::v4(std::uint32_t host_order) {
  IpAddress out;
  for (int i = 0; i < 4; ++i)
    out.bytes_[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(host_order >> (24 - 8 * i));
  return out;
}

IpAddress IpAddress::v4(const ByteArray<4>& bytes) {
  IpAddress out;
  std::memcpy(out.bytes_.data(), bytes.data(), bytes.size());
  return out;
}

IpAddress IpAddress::v6(const ByteArray<16>& bytes) {
  constexpr std::uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  IpAddress out;
  if (std::memcmp(bytes.data(), kMapped, sizeof kMapped) == 0) {
    std::memcpy(out.bytes_.data(), bytes.data() + 12, 4);
    return out;
  }
  out.v6_ = true;
  out.bytes_ = bytes;
  return out;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  char buffer[INET6_ADDRSTRLEN] = {};
  if (text.size() >= sizeof buffer) return std::nullopt;
  if (text.find('\0') != std::string_view::npos) return std::nullopt;  // inet_pton would stop there
  std::memcpy(buffer, text.data(), text.size());
  ByteArray<4> four{};
  if (inet_pton(AF_INET, buffer, four.data()) == 1) return v4(four);
  ByteArray<16> sixteen{};
  if (inet_pton(AF_INET6, buffer, sixteen.data()) == 1) return v6(sixteen);
  return std::nullopt;
}

std::uint32_t IpAddress::v4_value() const {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i)
    value = value << 8 | bytes_[i];
  return value;
}

std::string IpAddress::to_string() const {
  char buffer[INET6_ADDRSTRLEN] = {};
  inet_ntop(v6_ ? AF_INET6 : AF_INET, bytes_.data(), buffer, sizeof buffer);
  return buffer;
}

bool IpAddress::is_unspecified() const {
  return bytes_ == ByteArray<16>{};
}

bool IpAddress::is_loopback() const {
  if (!v6_) return bytes_[0] == 127;
  ByteArray<16> one{};
  one[15] = 1;
  return bytes_ == one;
}

bool IpAddress::is_multicast() const {
  return v6_ ? bytes_[0] == 0xff : (bytes_[0] & 0xf0) == 0xe0;
}

bool IpAddress::is_link_local() const {
  return v6_ ? bytes_[0] == 0xfe && (bytes_[1] & 0xc0) == 0x80
             : bytes_[0] == 169 && bytes_[1] == 254;
}

bool IpAddress::is_private() const {
  if (v6_) return (bytes_[0] & 0xfe) == 0xfc;
  return bytes_[0] == 10 || (bytes_[0] == 172 && (bytes_[1] & 0xf0) == 16) ||
         (bytes_[0] == 192 && bytes_[1] == 168) || (bytes_[0] == 100 && (bytes_[1] & 0xc0) == 64);
}

std::optional<Endpoint> Endpoint::parse(std::string_view text) {
  auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  auto host = text.substr(0, colon);
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  auto address = IpAddress::parse(host);
  auto port = parse_number<std::uint16_t>(text.substr(colon + 1));
  // A bare IPv6 address has colons of its own: only brackets make clear where the port begins.
  const bool colons = host.find(':') != std::string_view::npos;
  if (!address || !port || colons != bracketed) return std::nullopt;
  return Endpoint{*address, *port};
}

std::string Endpoint::to_string() const {
  auto host = address.to_string();
  return (address.is_v6() ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

std::optional<Prefix> Prefix::parse(std::string_view text) {
  auto slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  auto address = IpAddress::parse(text.substr(0, slash));
  auto length = parse_number<std::uint8_t>(text.substr(slash + 1));
  if (!address || !length || !address->is_v4() || *length > 32) return std::nullopt;
  const std::uint32_t host_mask = *length == 0 ? ~0u : *length == 32 ? 0u : ~0u >> *length;
  if ((address->v4_value() & host_mask) != 0) return std::nullopt;
  return Prefix{*address, *length};
}

bool Prefix::contains(const IpAddress& candidate) const {
  if (!candidate.is_v4()) return false;
  if (length == 0) return true;
  return (candidate.v4_value() ^ address.v4_value()) >> (32 - length) == 0;
}

std::string Prefix::to_string() const {
  return address.to_string() + "/" + std::to_string(length);
}

}  // namespace lanrage
