#include "io/route_lookup.hpp"

#include <cerrno>
#include <cstring>

#include "io/sockaddr.hpp"

namespace lanrage::io {

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

}  // namespace lanrage::io
