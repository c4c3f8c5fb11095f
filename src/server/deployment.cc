#include "server/deployment.hpp"

#include <cstdlib>
#include <ifaddrs.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/route_lookup.hpp"
#include "io/sockaddr.hpp"
#include "store/store.hpp"

namespace lanrage::server {

namespace {

std::optional<IpAddress> first_interface_address() {
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return std::nullopt;
  std::optional<IpAddress> found;
  for (const ifaddrs* entry = list; entry && !found; entry = entry->ifa_next) {
    const auto address = io::ip_address_of(entry->ifa_addr);
    if (!address || !address->is_v4() || !(entry->ifa_flags & IFF_UP)) continue;
    if (!address->is_loopback() && !address->is_link_local()) found = address;
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
  for (const bool v6 : {false, true})
    if (auto address = routes.source_to_internet(v6); address && !address->is_loopback())
      return *address;
  if (auto address = first_interface_address()) return *address;
  return IpAddress::v4(0x7f000001u);
}

std::vector<IpAddress> addresses_on_the_internet() {
  io::RouteLookup routes;
  std::vector<IpAddress> out;
  for (const bool v6 : {false, true}) {
    const auto address = routes.source_to_internet(v6);
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
