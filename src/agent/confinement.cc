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
  if (backend == Backend::kernel) return out;
  // Also where it isn't installed yet: a player who is told to install it then tries again.
  const std::filesystem::path program = find_wireguard_go();
  make_control_socket_folder();
  out.calls.executes = true;
  out.files.executable = {"/usr", "/lib", "/lib64"};
  if (!program.empty()) {
    std::error_code gone;
    out.files.executable.push_back(program.parent_path());
    out.files.executable.push_back(std::filesystem::canonical(program, gone).parent_path());
    if (gone) out.files.executable.pop_back();
  }
  out.files.writable.insert(
      out.files.writable.end(),
      {std::filesystem::path(control_socket_path("x")).parent_path(), "/dev/net/tun"});
  return out;
}

}  // namespace lanrage::agent
