#include "agent/state_directory.hpp"

#include <cstring>
#include <string_view>
#include <sys/stat.h>

#include "agent/device_keys.hpp"
#include "io/private_files.hpp"

namespace lanrage::agent {
namespace {

namespace fs = std::filesystem;

// With what is left of them after a crash, and what was moved aside.
bool is_state(std::string_view name) {
  return name.starts_with("identity.json") || name.starts_with("state.json") ||
         name == "local-server" || name == "lock";
}
bool is_local_server(std::string_view name) {
  return name.starts_with("server.") || name == "port.json";
}

Result<void> close_to_others(const fs::path& folder, bool (*kept_private)(std::string_view),
                             io::Log& log) {
  const auto found = io::make_files_private(folder, kept_private);
  if (!found)
    return fail(StateErrc::unwritable, "cannot look after " + found.error().path.string() + ": " +
                                           std::strerror(found.error().error));
  if (!found->foreign.empty())
    return fail(StateErrc::unsafe, found->foreign.front().string() +
                                       " belongs to another user, who could put keys of his own "
                                       "there; if it is yours, chown it to root, or choose another "
                                       "--state-dir");
  if (found->others_may_write)
    return fail(StateErrc::unsafe, "other users may write to " + folder.string() +
                                       ", and could put keys of their own there; chmod go-w it, or "
                                       "choose another --state-dir");
  for (const auto& path : found->exposed)
    log.warning("state_was_open",
                {{"file", path.string()},
                 {"detail",
                  "other users of this machine could use it; they can't any more, but may know "
                  "what is in it"}});
  return {};
}

}  // namespace

Result<void> open_state_directory(const fs::path& directory, io::Log& log) {
  std::error_code failed;
  if (fs::create_directories(directory, failed)) ::chmod(directory.c_str(), 0700);
  if (failed)
    return fail(StateErrc::unwritable, "cannot make " + directory.string() + ": " +
                                           failed.message() + "; choose another with --state-dir");
  if (auto closed = close_to_others(directory, is_state, log); !closed) return closed;
  const auto local_server = directory / "local-server";
  if (!fs::is_directory(local_server, failed)) return {};
  return close_to_others(local_server, is_local_server, log);
}

}  // namespace lanrage::agent
