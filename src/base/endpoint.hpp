// IP addresses, UDP/TCP endpoints and prefixes as plain values; no socket anywhere near.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.hpp"

namespace lanrage {

class IpAddress {
 public:
  IpAddress() = default;  // 0.0.0.0
  static IpAddress v4(std::uint32_t host_order);
  static IpAddress v4(const ByteArray<4>& bytes);
  static IpAddress v6(const ByteArray<16>& bytes);  // an IPv4-mapped address becomes IPv4
  static std::optional<IpAddress> parse(std::string_view text);

  bool is_v4() const { return !v6_; }
  bool is_v6() const { return v6_; }
  std::uint32_t v4_value() const;  // host order; only for IPv4
  ByteView bytes() const { return {bytes_.data(), v6_ ? 16u : 4u}; }
  std::string to_string() const;

  bool is_unspecified() const;
  bool is_loopback() const;
  bool is_multicast() const;
  bool is_link_local() const;
  // RFC 1918, RFC 6598 shared space (100.64/10), ULA (fc00::/7).
  bool is_private() const;

  friend auto operator<=>(const IpAddress&, const IpAddress&) = default;

 private:
  bool v6_ = false;
  ByteArray<16> bytes_{};  // IPv4 in the first four
};

struct Endpoint {
  IpAddress address;
  std::uint16_t port = 0;

  // "203.0.113.9:51820" or "[2001:db8::1]:51820".
  static std::optional<Endpoint> parse(std::string_view text);
  std::string to_string() const;
  friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

// An IPv4 prefix such as 10.66.0.0/16; host bits are zero.
struct Prefix {
  IpAddress address;
  std::uint8_t length = 0;

  static std::optional<Prefix> parse(std::string_view text);
  bool contains(const IpAddress& candidate) const;
  std::string to_string() const;
  friend auto operator<=>(const Prefix&, const Prefix&) = default;
};

}  // namespace lanrage

template <>
struct std::hash<lanrage::Endpoint> {
  std::size_t operator()(const lanrage::Endpoint& endpoint) const noexcept {
    std::size_t h = endpoint.port;  // FNV-1a over the address
    for (std::uint8_t byte : endpoint.address.bytes())
      h = (h ^ byte) * 1099511628211ull;
    return h ^ h >> 29;
  }
};
