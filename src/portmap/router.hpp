// The home's router, whatever it speaks.
#pragma once

#include <map>

#include "portmap/gateway.hpp"

namespace lanrage::portmap {

class Router {
 public:
  // In order of preference.
  explicit Router(std::vector<std::unique_ptr<Gateway>> gateways)
      : gateways_(std::move(gateways)) {}

  // Asks by one method after the other until all wishes are granted; the one that worked last goes
  // first. What the best of them granted, and what all that were asked said.
  Round map(std::span<const Wish> wishes, std::chrono::seconds lifetime,
            const std::stop_token& stop);
  // By each method that granted something for one of them.
  void unmap(std::span<const Port> ports);
  void unmap_all();

 private:
  void remember(std::size_t gateway, std::span<const Grant> grants);

  std::vector<std::unique_ptr<Gateway>> gateways_;
  std::map<std::size_t, std::vector<Grant>> granted_;  // by number of the gateway
  std::size_t first_ = 0;
};

}  // namespace lanrage::portmap
