#include "io/route_lookup.hpp"

#include <cerrno>
#include <cstring>

#include "io/sockaddr.hpp"

namespace lanrage::io {
namespace {

// Of documentation prefixes (RFC 5737, RFC 3849): they lead where everything unknown goes.
const IpAddress kAnywhere4 = IpAddress::v4(0xc6336401u);  // 198.51.100.1
const IpAddress kAnywhere6 = *IpAddress::parse("2001:db8::1");

}  // namespace

// A family that the kernel lacks has no routes: source_for() says so.
RouteLookup::RouteLookup()
    : v4_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)),
      v6_(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {}

Result<IpAddress> RouteLookup::source_for(const IpAddress& to) {
  const auto no_route = [&](int error) {
    return fail(RouteErrc::no_route,
                "no route to " + to.to_string() + ": " + std::string(std::strerror(error)));
  };
  const UniqueFd& fd = to.is_v4() ? v4_ : v6_;
  if (!fd) return no_route(EAFNOSUPPORT);
  // A connected UDP socket sends nothing, but has a source address. It must forget the last one
  // first, or that would bind it.
  sockaddr nobody{};
  nobody.sa_family = AF_UNSPEC;
  static_cast<void>(::connect(fd.get(), &nobody, sizeof nobody));
  auto address = to_socket_address({to, 9});  // any port will do
  if (::connect(fd.get(), address.get(), address.size) != 0) return no_route(errno);
  SocketAddress own;
  if (::getsockname(fd.get(), own.get(), &own.size) != 0) return no_route(errno);
  return from_socket_address(own.storage).address;
}

Result<IpAddress> RouteLookup::source_to_internet(bool v6) {
  return source_for(v6 ? kAnywhere6 : kAnywhere4);
}

}  // namespace lanrage::io
