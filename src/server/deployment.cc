#include "server/deployment.hpp"

#include <arpa/inet.h>
#include <cstdlib>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/route_lookup.hpp"
#include "store/store.hpp"

namespace lanrage::server {

namespace {

IpAddress from_sockaddr(const sockaddr_in& address) {
  return IpAddress::v4(ntohl(address.sin_addr.s_addr));
}

// Nothing is sent to them: they stand for the internet when the kernel is asked for its way there.
const IpAddress kSomewhere4 = IpAddress::v4(0xc6336401u);        // 198.51.100.1, TEST-NET-2
const IpAddress kSomewhere6 = *IpAddress::parse("2001:db8::1");  // RFC 3849

std::optional<IpAddress> first_interface_address() {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return std::nullopt;
  std::optional<IpAddress> found;
  for (const ifaddrs* entry = list; entry && !found; entry = entry->ifa_next) {
    if (!entry->ifa_addr || entry->ifa_addr->sa_family != AF_INET || !(entry->ifa_flags & IFF_UP))
      continue;
    const auto address = from_sockaddr(*reinterpret_cast<const sockaddr_in*>(entry->ifa_addr));
    if (!address.is_loopback() && !address.is_link_local()) found = address;
  }
  ::freeifaddrs(list);
  return found;
}

}  // namespace

std::filesystem::path default_data_directory() {
  if (::geteuid() == 0) return "/var/lib/lanrage-server";
  if (const char* state = std::getenv("XDG_STATE_HOME"); state && *state)
    return std::filesystem::path(state) / "lanrage-server";
  const char* home = std::getenv("HOME");
  return std::filesystem::path(home ? home : ".") / ".local/state/lanrage-server";
}

Result<void> make_data_directory(const std::filesystem::path& directory) {
  std::error_code error;
  if (std::filesystem::is_directory(directory, error)) return {};
  error.clear();  // it says that nothing is there
  const auto parent = directory.parent_path();
  if (!parent.empty()) std::filesystem::create_directories(parent, error);
  if (!error && ::mkdir(directory.c_str(), 0700) != 0)
    error = std::error_code(errno, std::generic_category());
  if (!error) return {};
  return fail(store::Errc::storage_failed,
              "can't make the data directory " + directory.string() + " (" + error.message() +
                  "): make it, or name another with --data-dir",
              "--data-dir");
}

IpAddress address_of_this_machine() {
  io::RouteLookup routes;
  for (const auto& somewhere : {kSomewhere4, kSomewhere6})
    if (auto address = routes.source_for(somewhere); address && !address->is_loopback())
      return *address;
  if (auto address = first_interface_address()) return *address;
  return IpAddress::v4(0x7f000001u);
}

std::vector<IpAddress> addresses_on_the_internet() {
  io::RouteLookup routes;
  std::vector<IpAddress> out;
  for (const auto& somewhere : {kSomewhere4, kSomewhere6}) {
    const auto address = routes.source_for(somewhere);
    if (!address || address->is_loopback() || address->is_private() || address->is_link_local())
      continue;
    out.push_back(*address);
  }
  return out;
}

protocol::CreatePolicy default_create_policy(const IpAddress& advertised) {
  const bool local =
      advertised.is_loopback() || advertised.is_private() || advertised.is_link_local();
  return local ? protocol::CreatePolicy::anyone : protocol::CreatePolicy::word;
}

}  // namespace lanrage::server
