// How this machine's programs find names, from the files that say so.
#pragma once

#include <string_view>

namespace lanrage::lan {

// Whether they ask systemd-resolved: by nsswitch.conf(5), or by its address in resolv.conf(5).
bool asks_resolved(std::string_view nsswitch, std::string_view resolv_conf);

// Whether a Unix socket is bound to `path`, by /proc/net/unix: whoever bound it is then in the same
// network namespace.
bool has_socket(std::string_view proc_net_unix, std::string_view path);

}  // namespace lanrage::lan
