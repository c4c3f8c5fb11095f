#include "io/sandbox.hpp"

#include <array>
#include <linux/capability.h>

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

}  // namespace

Result<void> enter_sandbox(Sandbox sandbox, Log& log) {
  std::error_code ignored;
  for (const auto& path : sandbox.files.writable) {
    if (!std::filesystem::is_directory(path, ignored) || !has_capability(CAP_DAC_OVERRIDE) ||
        can_use_with_only(sandbox.capabilities, path))
      continue;
    log.warning("sandbox_wider",
                {{"folder", path.string()},
                 {"detail",
                  "it, or a folder above it, is another user's: CAP_DAC_OVERRIDE is kept to use "
                  "it; choose a place below root's folders"}});
    sandbox.capabilities.push_back(CAP_DAC_OVERRIDE);
    break;
  }
  const auto confined = confine_files(sandbox.files);
  if (!confined) return without_sandbox(confined.error());
  if (auto kept = keep_capabilities(sandbox.capabilities); !kept)
    return without_sandbox(kept.error());
  if (auto filtered = filter_system_calls(sandbox.calls); !filtered)
    return without_sandbox(filtered.error());
  log.info("sandbox", {{"capabilities", capabilities_now()},
                       {"files", *confined ? "confined" : "unconfined: the kernel has no Landlock"},
                       {"system_calls", "filtered"}});
  return {};
}

}  // namespace lanrage::io
