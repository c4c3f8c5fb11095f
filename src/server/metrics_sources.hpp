// What other parts of a server count, as metrics.
#pragma once

#include "io/http_server.hpp"
#include "server/exposition.hpp"
#include "server/udp_services.hpp"
#include "store/store.hpp"

namespace lanrage::server {

void write(Exposition& out, const io::ServerCounters& counters);
void write(Exposition& out, const store::StoreCounters& counters);
void write(Exposition& out, const RelayServer::Counters& counters);
void write(Exposition& out, const StunServer::Counters& counters);
void write(Exposition& out, const UdpServices& services);  // those that run

// Of this process, out of /proc/self.
struct ProcessFacts {
  double cpu_seconds = 0;  // user and system
  std::uint64_t resident_bytes = 0;
  std::uint64_t open_files = 0;
  std::uint64_t most_files = 0;  // the limit of open ones
  std::uint64_t threads = 0;
};
ProcessFacts process_facts();
void write(Exposition& out, const ProcessFacts& facts);

}  // namespace lanrage::server
