#include "agent/confinement.hpp"

#include <iterator>
#include <linux/capability.h>
#include <string_view>

#include "agent/tunnel_process.hpp"

namespace lanrage::agent {
namespace {

namespace fs = std::filesystem;

// /run, /tmp and their like (right below the root, or writable for others), the system's own
// folders (/usr/bin, /var/lib), somebody's home. Which of the rest is another program's can't be
// told.
bool is_everybodys(const fs::path& folder) {
  std::error_code failed;
  const auto real = fs::weakly_canonical(folder, failed);
  const bool near_root = std::distance(real.begin(), real.end()) <= 2;
  if (near_root) return true;
  for (const std::string_view system : {"usr", "etc", "boot", "dev", "proc", "sys"})
    if (*std::next(real.begin()) == system) return true;
  for (const std::string_view parent : {"/var", "/home", "/var/home"})
    if (real.parent_path() == parent) return true;
  const auto status = fs::status(folder, failed);
  return fs::exists(status) && (status.permissions() & fs::perms::others_write) != fs::perms::none;
}

}  // namespace

Result<io::Sandbox> confinement(const fs::path& state_dir, const fs::path& socket_dir,
                                Backend backend) {
  if (is_everybodys(socket_dir))
    return fail(io::SandboxErrc::files,
                "other programs have their files in " + socket_dir.string() +
                    ", and the agent may write to its socket's folder: choose one of its own, such "
                    "as --socket /run/lanrage/agent.sock",
                "--socket");
  io::Sandbox out;
  // Devices, routes and packet filters; raw sockets at WireGuard's port; the members' port.
  out.capabilities = {CAP_NET_ADMIN, CAP_NET_RAW, CAP_NET_BIND_SERVICE};
  out.calls.packet_sockets = true;
  out.files.writable = {state_dir, socket_dir, "/dev/null"};
  if (backend == Backend::kernel) return out;
  // Also where it isn't installed yet: a player who is told to install it then tries again.
  const fs::path program = find_wireguard_go();
  make_control_socket_folder();
  out.calls.executes = true;
  out.files.executable = {"/usr", "/lib", "/lib64"};
  if (!program.empty()) {
    std::error_code gone;
    out.files.executable.push_back(program.parent_path());
    out.files.executable.push_back(fs::canonical(program, gone).parent_path());
    if (gone) out.files.executable.pop_back();
  }
  out.files.writable.insert(out.files.writable.end(),
                            {fs::path(control_socket_path("x")).parent_path(), "/dev/net/tun"});
  return out;
}

}  // namespace lanrage::agent
