#include "io/sandbox.hpp"

#include <array>
#include <cstring>
#include <linux/capability.h>
#include <optional>
#include <sys/stat.h>
#include <unistd.h>

namespace lanrage::io {
namespace {

struct Named {
  Capability capability;
  std::string_view name;
};
constexpr std::array kNames{
    Named{CAP_DAC_OVERRIDE, "dac_override"}, Named{CAP_NET_BIND_SERVICE, "net_bind_service"},
    Named{CAP_NET_ADMIN, "net_admin"},       Named{CAP_NET_RAW, "net_raw"},
    Named{CAP_PERFMON, "perfmon"},           Named{CAP_BPF, "bpf"}};

std::string capabilities_now() {
  std::string out;
  for (const auto& [capability, name] : kNames)
    if (has_capability(capability)) out += (out.empty() ? "" : ",") + std::string(name);
  return out.empty() ? "none" : out;
}

std::unexpected<Error> without_sandbox(const Error& error) {
  return std::unexpected(error.with_advice("--sandbox off runs without one"));
}

// A folder that root can't use as its owner.
std::optional<std::filesystem::path> foreign_folder(const Sandbox& sandbox) {
  std::error_code ignored;
  for (const auto& path : sandbox.files.writable)
    if (std::filesystem::is_directory(path, ignored) &&
        !can_use_with_only(sandbox.capabilities, path, R_OK | W_OK | X_OK))
      return path;
  return std::nullopt;
}

Result<void> can_use_needed(const Sandbox& sandbox) {
  struct stat status{};
  for (const auto& [path, written] : sandbox.needed) {
    if (::stat(path.c_str(), &status) != 0) continue;
    if (can_use_with_only(sandbox.capabilities, path, written ? R_OK | W_OK : R_OK)) continue;
    return fail(SandboxErrc::files,
                path.string() + " (of user " + std::to_string(status.st_uid) + ") can't be " +
                    (written ? "written" : "read") +
                    " without CAP_DAC_OVERRIDE, which is given up: chown it to root, and see that "
                    "root may enter the folders above it");
  }
  return {};
}

}  // namespace

Result<void> enter_sandbox(Sandbox sandbox, Log& log) {
  if (has_capability(CAP_DAC_OVERRIDE)) {
    if (const auto folder = foreign_folder(sandbox)) {
      log.warning("sandbox_wider",
                  {{"folder", folder->string()},
                   {"detail",
                    "it, or a folder above it, is another user's: CAP_DAC_OVERRIDE is kept to use "
                    "it; choose a place below root's folders"}});
      sandbox.capabilities.push_back(CAP_DAC_OVERRIDE);
    }
    if (auto usable = can_use_needed(sandbox); !usable) return without_sandbox(usable.error());
  }
  const auto confined = confine_files(sandbox.files);
  if (!confined) return without_sandbox(confined.error());
  for (const auto& [path, error] : confined->skipped)
    log.warning("sandbox_skipped",
                {{"path", path.string()},
                 {"detail", std::string(std::strerror(error)) + ": nothing there can be used"}});
  if (auto kept = keep_capabilities(sandbox.capabilities); !kept)
    return without_sandbox(kept.error());
  if (auto filtered = filter_system_calls(sandbox.calls); !filtered)
    return without_sandbox(filtered.error());
  log.info("sandbox",
           {{"capabilities", capabilities_now()},
            {"files", confined->enforced ? "confined" : "unconfined: the kernel has no Landlock"},
            {"system_calls", "filtered"}});
  return {};
}

}  // namespace lanrage::io
