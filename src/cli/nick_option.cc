#include "cli/nick_option.hpp"

#include <cstdlib>
#include <pwd.h>
#include <unistd.h>

namespace lanrage::cli {

std::string NickOption::value() const {
  if (!nick_.empty()) return nick_;
  // Under sudo the login name is the person's, not root's.
  for (const char* variable : {"SUDO_USER", "LOGNAME", "USER"})
    if (const char* name = std::getenv(variable); name != nullptr && *name != '\0') return name;
  const passwd* entry = getpwuid(getuid());
  return entry != nullptr ? entry->pw_name : "player";
}

}  // namespace lanrage::cli
