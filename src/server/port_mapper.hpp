// Asks the home's router to forward this server's ports: by NAT-PMP (RFC 6886), else by UPnP
// (WANIPConnection). On a thread of its own, as the libraries for both block.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "server/port_mapping.hpp"

namespace lanrage::server {

class PortMapper {
 public:
  // `news` is called on the mapper's thread, after each round.
  PortMapper(std::vector<ServerPort> ports, const IpAddress& own,
             std::function<void(const PortMapping::News&, const MappingRound&)> news);
  // Takes the mappings back; some seconds at most.
  ~PortMapper();
  PortMapper(const PortMapper&) = delete;
  PortMapper& operator=(const PortMapper&) = delete;

 private:
  void run();

  PortMapping mapping_;
  std::function<void(const PortMapping::News&, const MappingRound&)> news_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::thread thread_;
};

// Shared by the two ways to ask. Both block for some seconds at most.
class Gateway {
 public:
  virtual ~Gateway() = default;
  // One round; `method` stays empty where no such router answers.
  virtual MappingRound map(const std::vector<ServerPort>& ports, std::chrono::seconds lifetime) = 0;
  virtual void unmap(const std::vector<ServerPort>& ports) = 0;
};
std::unique_ptr<Gateway> nat_pmp_gateway();
std::unique_ptr<Gateway> upnp_gateway();

}  // namespace lanrage::server
