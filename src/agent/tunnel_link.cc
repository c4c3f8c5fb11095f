#include "agent/tunnel_link.hpp"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <tuple>
#include <unistd.h>

#include "crypto/keys.hpp"

namespace lanrage::agent {
namespace {

constexpr std::string_view kMark = "lanrage agent";
constexpr std::size_t kMaxInterfaceName = 15;  // IFNAMSIZ - 1
constexpr int kRandomPorts = 32;
constexpr std::uint16_t kFirstRandomPort = 49152;  // RFC 6335: dynamic ports

// When a process started, in clock ticks since boot: with the pid it names one process for good.
std::optional<std::uint64_t> start_time_of(long pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
  std::string text((std::istreambuf_iterator<char>(file)), {});
  // Field 2 is the program's name in parentheses and may hold anything; field 22 is wanted.
  const auto name_end = text.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream fields(text.substr(name_end + 1));
  std::string skipped;
  for (int field = 3; field < 22; ++field)
    fields >> skipped;
  std::uint64_t ticks = 0;
  if (!(fields >> ticks)) return std::nullopt;
  return ticks;
}

std::string mark_of(long pid) {
  return std::string(kMark) + " " + std::to_string(pid) + " " +
         std::to_string(start_time_of(pid).value_or(0));
}

// The pid in a mark whose process still runs.
std::optional<long> living_owner(const std::string& mark) {
  std::istringstream fields(mark.substr(kMark.size()));
  long pid = 0;
  if (!(fields >> pid) || mark_of(pid) != mark || !start_time_of(pid)) return std::nullopt;
  return pid;
}

TunnelErrc meaning_of(const Error& cause) {
  if (cause.is(io::NetlinkErrc::no_permission)) return TunnelErrc::no_permission;
  if (cause.is(io::NetlinkErrc::no_such_device)) return TunnelErrc::device_gone;
  if (cause.is(io::NetlinkErrc::exists)) return TunnelErrc::interface_taken;
  if (cause.is(io::NetlinkErrc::in_use) || cause.is(wireguard::Errc::port_in_use))
    return TunnelErrc::port_taken;
  return TunnelErrc::device_failed;
}

}  // namespace

Result<void> check_interface_name(const std::string& name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto allowed = [&](char c) {
    return letter(c) || (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
  };
  if (!name.empty() && name.size() <= kMaxInterfaceName && letter(name[0]) &&
      std::ranges::all_of(name, allowed))
    return {};
  return fail(TunnelErrc::bad_interface_name,
              "'" + name +
                  "' can't name an interface: expected 1 to 15 letters, digits, '_', '.' or '-', a "
                  "letter first",
              "interface");
}

Result<void> mark_as_ours(io::Links& links, const std::string& name) {
  auto result = links.set_alias(name, mark_of(::getpid()));
  if (!result) return std::unexpected(tunnel_error(result.error()));
  return {};
}

bool is_marked_as_ours(io::Links& links, const std::string& name) {
  const auto link = links.find(name);
  return link && *link && (*link)->alias.starts_with(kMark);
}

Result<void> remove_leftover(io::Links& links, const std::string& name) {
  const auto link = links.find(name);
  if (!link) return std::unexpected(tunnel_error(link.error()));
  if (!*link) return {};
  const auto& alias = (*link)->alias;
  if (!alias.starts_with(kMark))
    return fail(
        TunnelErrc::interface_taken,
        "interface " + name + " exists and isn't lanrage's; choose another name with --interface",
        "interface");
  if (const auto pid = living_owner(alias))
    return fail(TunnelErrc::interface_taken,
                "interface " + name + " belongs to the running lanrage agent with pid " +
                    std::to_string(*pid) + "; choose another name with --interface",
                "interface");
  auto removed = links.remove(name);
  // A wireguard-go that ends at this moment takes its interface along.
  if (removed || removed.error().is(io::NetlinkErrc::no_such_device)) return {};
  return std::unexpected(tunnel_error(removed.error()));
}

Result<void> give_address(io::Links& links, const TunnelOptions& options, const std::string& name) {
  auto result = links.set_mtu(name, kTunnelMtu);
  if (result && !options.vip.is_unspecified())
    result = links.add_address(name, options.vip, options.prefix.length);
  if (!result) return std::unexpected(tunnel_error(result.error()));
  if (options.agent_address.is_unspecified()) return {};
  // Without IPv6 there is none: whoever needs it notices when it binds to it.
  std::ignore = links.add_address(name, options.agent_address, options.agent_prefix_length);
  return {};
}

Error tunnel_error(const Error& cause) {
  const auto code = meaning_of(cause);
  std::string message = cause.message();
  if (code == TunnelErrc::no_permission)
    message += "; run the daemon as root or with CAP_NET_ADMIN and CAP_NET_RAW";
  return Error(code, std::move(message), cause.field());
}

std::optional<std::uint16_t> port_to_try(std::uint16_t wanted, int attempt) {
  if (wanted != 0) return attempt == 0 ? std::optional(wanted) : std::nullopt;
  if (attempt >= kRandomPorts) return std::nullopt;
  crypto::SystemRandom random;
  return static_cast<std::uint16_t>(kFirstRandomPort + random.below(65536 - kFirstRandomPort));
}

std::unexpected<Error> port_taken(std::uint16_t wanted) {
  if (wanted == 0)
    return fail(TunnelErrc::port_taken, "32 random UDP ports in 49152-65535 were all in use");
  return fail(TunnelErrc::port_taken,
              "UDP port " + std::to_string(wanted) + " is in use by another program",
              "listen_port");
}

}  // namespace lanrage::agent
