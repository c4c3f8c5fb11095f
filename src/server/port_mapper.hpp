// Asks the home's router to forward this server's ports, on a thread of its own.
#pragma once

#include <functional>

#include "portmap/round_thread.hpp"
#include "portmap/router.hpp"
#include "server/port_mapping.hpp"

namespace lanrage::server {

class PortMapper {
 public:
  // `news` is called on the mapper's thread, after each round. Its end takes the mappings back;
  // some seconds at most.
  PortMapper(const std::vector<ServerPort>& ports, const IpAddress& own,
             std::function<void(const PortMapping::News&, const MappingRound&)> news);

 private:
  Duration ask(const std::stop_token& stop);

  PortMapping mapping_;
  std::function<void(const PortMapping::News&, const MappingRound&)> news_;
  portmap::Router router_;
  portmap::RoundThread thread_;  // last: it uses the others
};

}  // namespace lanrage::server
