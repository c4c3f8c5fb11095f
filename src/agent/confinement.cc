#include "agent/confinement.hpp"

#include <linux/capability.h>

#include "agent/tunnel_process.hpp"

namespace lanrage::agent {

io::Sandbox confinement(const std::filesystem::path& state_dir,
                        const std::filesystem::path& socket_dir, Backend backend) {
  io::Sandbox out;
  // Devices, routes and packet filters; raw sockets at WireGuard's port; the members' port.
  out.capabilities = {CAP_NET_ADMIN, CAP_NET_RAW, CAP_NET_BIND_SERVICE};
  out.calls.packet_sockets = true;
  out.files.writable = {state_dir, socket_dir, "/dev/null"};
  const std::filesystem::path program =
      backend == Backend::kernel ? std::string() : find_wireguard_go();
  if (program.empty()) return out;
  make_control_socket_folder();
  out.calls.executes = true;
  out.files.executable = {program.parent_path(), "/usr", "/lib", "/lib64"};
  out.files.writable.insert(
      out.files.writable.end(),
      {std::filesystem::path(control_socket_path("x")).parent_path(), "/dev/net/tun"});
  return out;
}

}  // namespace lanrage::agent
