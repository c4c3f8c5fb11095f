// What a server works out about where it runs, so that one command is enough.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/endpoint.hpp"
#include "base/result.hpp"
#include "protocol/rest.hpp"

namespace lanrage::server {

// /var/lib/lanrage-server for root, else below $XDG_STATE_HOME or ~/.local/state.
std::filesystem::path default_data_directory();

// With mode 0700 when absent, and the folders above it. storage_failed.
Result<void> make_data_directory(const std::filesystem::path& directory);

// The address others reach this machine at, as far as it can tell: the source address of its
// default route (IPv4's, else IPv6's), else the first address that isn't loopback or link-local,
// else 127.0.0.1.
IpAddress address_of_this_machine();

// Those that this machine has on the internet itself, at most one a family: what its default routes
// leave from, unless that is an address of a home's network.
std::vector<IpAddress> addresses_on_the_internet();

// An open server is an open relay. So where nothing is said, a server that others on the internet
// can reach wants the join word, and one on a private address or loopback lets anybody create.
protocol::CreatePolicy default_create_policy(const IpAddress& advertised);

}  // namespace lanrage::server
