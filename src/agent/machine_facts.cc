#include "agent/machine_facts.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <linux/capability.h>
#include <linux/netlink.h>
#include <nftables/libnftables.h>
#include <sstream>
#include <sys/socket.h>

#include "agent/lan_segment.hpp"
#include "agent/netcheck.hpp"
#include "agent/routes.hpp"
#include "agent/tunnel_kernel.hpp"
#include "agent/tunnel_process.hpp"
#include "agent/ufw_rules.hpp"
#include "io/route_lookup.hpp"
#include "io/unique_fd.hpp"

namespace lanrage::agent {
namespace {

std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// proc(5): "CapEff:\t000001ffffffffff".
std::uint64_t effective_capabilities() {
  std::istringstream status(text_of("/proc/thread-self/status"));
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("CapEff:")) return std::strtoull(line.c_str() + 7, nullptr, 16);
  return 0;
}

std::string tun_problem() {
  const io::UniqueFd fd(::open("/dev/net/tun", O_RDWR | O_CLOEXEC));
  return fd ? "" : std::strerror(errno);
}

// `nft -j list ruleset`, or why not.
Result<FirewallRules> read_firewall(std::string& why) {
  const auto refused = [&](std::string reason) {
    why = std::move(reason);
    return fail(FirewallErrc::malformed, why);
  };
  // Without netfilter in the kernel libnftables would end the whole process.
  if (!io::UniqueFd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER)))
    return FirewallRules::parse(R"({"nftables":[]})");  // no netfilter, no rules
  const std::unique_ptr<nft_ctx, decltype(&nft_ctx_free)> context(nft_ctx_new(0), nft_ctx_free);
  if (!context) return refused("libnftables can't start");
  nft_ctx_buffer_output(context.get());
  nft_ctx_buffer_error(context.get());
  nft_ctx_output_set_flags(context.get(), NFT_CTX_OUTPUT_JSON | NFT_CTX_OUTPUT_HANDLE);
  if (nft_run_cmd_from_buffer(context.get(), "list ruleset") != 0) {
    std::string reason = nft_ctx_get_error_buffer(context.get());
    return refused(reason.empty() ? "nftables refuses" : reason.substr(0, reason.find('\n')));
  }
  auto rules = FirewallRules::parse(nft_ctx_get_output_buffer(context.get()));
  if (!rules) why = rules.error().message();
  return rules;
}

FirewallFacts firewall_facts(bool may_read) {
  FirewallFacts out;
  if (may_read) {
    if (auto rules = read_firewall(out.unreadable)) out.rules = std::move(*rules);
  } else {
    out.unreadable = "that takes CAP_NET_ADMIN";
  }
  out.ufw = shell_assignment(text_of("/etc/ufw/ufw.conf"), "ENABLED") == "yes";
  if (out.ufw) {
    out.ufw_rules = text_of("/etc/ufw/user.rules");
    out.ufw_rules6 = text_of("/etc/ufw/user6.rules");
    const auto defaults = text_of("/etc/default/ufw");
    out.ufw_input_policy = shell_assignment(defaults, "DEFAULT_INPUT_POLICY");
    const auto ipv6 = shell_assignment(defaults, "IPV6");
    out.ufw_ipv6 = ipv6 == "yes" || ipv6 == "YES";  // as ufw's own scripts read it
  }
  out.legacy_iptables = !text_of("/proc/thread-self/net/ip_tables_names").empty();
  return out;
}

}  // namespace

DoctorFacts machine_facts(Backend backend) {
  DoctorFacts out;
  const auto capabilities = effective_capabilities();
  const auto has = [&](unsigned which) { return (capabilities >> which & 1) != 0; };
  out.net_admin = has(CAP_NET_ADMIN);
  out.net_raw = has(CAP_NET_RAW);
  out.kernel_wireguard = kernel_has_wireguard();
  out.wireguard_go = have_wireguard_go();
  out.kernel_vxlan = kernel_has_vxlan();
  out.kernel_only = backend == Backend::kernel;
  out.userspace_only = backend == Backend::userspace;
  out.tun_problem = tun_problem();
  out.ipv6_address = has_global_ipv6();
  out.ipv6_route = io::RouteLookup().source_to_internet(true).has_value();
  if (auto routes = read_routes()) out.routes = std::move(*routes);
  out.uplink = uplink(false);
  out.uplink6 = uplink(true);
  out.firewall = firewall_facts(out.net_admin);
  return out;
}

bool is_udp_port_bound(std::uint16_t port) {
  return is_udp_port_bound(text_of("/proc/thread-self/net/udp"), port) ||
         is_udp_port_bound(text_of("/proc/thread-self/net/udp6"), port);
}

}  // namespace lanrage::agent
