// Debian's miniupnpd on a lab router, with nftables chains of its own.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "portmap/gateway.hpp"
#include "support/network.hpp"
#include "support/process.hpp"
#include "support/temp_dir.hpp"

namespace lanrage::lab {

class MappingDaemon {
 public:
  // Speaks this method, or at least none that goes before it.
  MappingDaemon(const Router& router, portmap::Method method);

  // miniupnpd forwards nothing where its own address is private, or one for documentation as the
  // lab's are. So the router has this one too, and whoever is to reach it needs a route.
  static IpAddress external_address();
  static void add_route(const NetNamespace& from, const Router& router);

  static bool forwards(const Router& router, std::uint16_t port);
  std::string log() const { return process_->out() + process_->err(); }

 private:
  TempDir directory_;
  std::unique_ptr<Process> process_;
};

}  // namespace lanrage::lab
