#include "server/confinement.hpp"

#include <filesystem>
#include <linux/capability.h>

#include "io/private_files.hpp"
#include "io/sandbox.hpp"
#include "server/admin_commands.hpp"
#include "server/deployment.hpp"

namespace lanrage::server {
namespace {

namespace fs = std::filesystem;

void close_keys_to_others(const std::string& data_dir, io::Log& log) {
  // Database, certificate's key, and what SQLite keeps beside its file. A relay alone has no
  // secret.
  const auto found = io::make_files_private(
      data_dir, [](std::string_view name) { return name.starts_with("server."); });
  if (!found) return;  // opening them says it better
  for (const auto& path : found->exposed)
    log.warning("data_was_open",
                {{"file", path.string()},
                 {"detail",
                  "other users of this machine could use it; they can't any more, but may know "
                  "what is in it"}});
}

bool loads_kernel_program(const Config& config) {
  return config.xdp && config.has_role("relay");
}

std::string database_of(const Config& config) {
  const auto location = store_location(config);
  return location.substr(location.find(':') + 1);
}

fs::path folder_of(const std::string& file) {
  const auto folder = fs::path(file).parent_path();
  return folder.empty() ? fs::path(".") : folder;
}

std::vector<io::NeededFile> needed_files(const Config& config) {
  const fs::path data(config.data_dir);
  std::vector<io::NeededFile> out{{data / "lock", true}, {data / "relay_id"}};
  if (config.enroll.expose().starts_with('@')) out.push_back({config.enroll.expose().substr(1)});
  if (!config.has_role("control")) return out;
  const bool own = config.tls_cert.empty();
  const fs::path certificate = own ? data / "server.crt" : fs::path(config.tls_cert);
  const fs::path key = own ? data / "server.key" : fs::path(config.tls_key);
  if (!config.insecure_http) out.insert(out.end(), {{certificate}, {key}});
  for (const auto* beside : {"", "-wal", "-shm", "-journal"})
    out.push_back({database_of(config) + beside, true});
  if (!config.audit_log.empty()) out.push_back({config.audit_log, true});
  return out;
}

io::Sandbox confinement(const Config& config) {
  io::Sandbox out;
  out.capabilities = {CAP_NET_BIND_SERVICE};
  // Larger buffers of UDP sockets than others may have.
  if (config.has_role("relay") || config.has_role("stun"))
    out.capabilities.push_back(CAP_NET_ADMIN);
  if (loads_kernel_program(config)) {
    out.capabilities.insert(out.capabilities.end(), {CAP_BPF, CAP_PERFMON});
    out.calls.bpf = true;
  }
  out.needed = needed_files(config);
  // A reload reads settings and certificate again, wherever they are.
  out.files.readable = {"/"};
  out.files.writable = {config.data_dir, "/dev/null"};
  if (config.has_role("control")) {
    out.files.writable.push_back(folder_of(database_of(config)));
    if (!config.audit_log.empty()) out.files.writable.push_back(folder_of(config.audit_log));
  }
  return out;
}

}  // namespace

Result<void> shut_in(const Config& config, const std::string& settings_file, io::Log& log) {
  if (auto made = make_data_directory(config.data_dir); !made) return made;
  close_keys_to_others(config.data_dir, log);
  if (config.sandbox) {
    auto sandbox = confinement(config);
    if (!settings_file.empty()) sandbox.needed.push_back({settings_file});
    return io::enter_sandbox(std::move(sandbox), log);
  }
  log.warning("sandbox_off", {{"detail", "the server keeps all that its user may do, as asked"}});
  return {};
}

Result<void> shut_in_further(const Config& config) {
  if (!config.sandbox || !loads_kernel_program(config)) return {};
  return io::forbid_bpf_programs();
}

}  // namespace lanrage::server
