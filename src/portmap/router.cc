#include "portmap/router.hpp"

#include <algorithm>

namespace lanrage::portmap {

Round Router::map(std::span<const Wish> wishes, std::chrono::seconds lifetime,
                  const std::stop_token& stop) {
  std::vector<std::size_t> order{first_};
  for (std::size_t number = 0; number < gateways_.size(); ++number)
    if (number != first_) order.push_back(number);
  Round best;
  std::string reasons;
  for (const auto number : order) {
    if (stop.stop_requested()) break;
    Round round = gateways_[number]->map(wishes, lifetime, stop);
    if (!round.reason.empty()) reasons += (reasons.empty() ? "" : "; ") + round.reason;
    remember(number, round.granted);
    if (!round.method || (best.method && round.granted.size() <= best.granted.size())) continue;
    best = std::move(round);
    first_ = number;
    if (best.granted.size() == wishes.size()) break;
  }
  best.reason = std::move(reasons);
  return best;
}

void Router::remember(std::size_t gateway, std::span<const Grant> grants) {
  auto& known = granted_[gateway];
  for (const auto& grant : grants) {
    std::erase_if(known, [&](const Grant& old) { return old.port == grant.port; });
    known.push_back(grant);
  }
}

void Router::unmap(std::span<const Port> ports) {
  for (auto& [number, known] : granted_) {
    const auto going = std::ranges::partition(known, [&](const Grant& grant) {
      return std::ranges::find(ports, grant.port) == ports.end();
    });
    const std::vector<Grant> gone(going.begin(), going.end());
    known.erase(going.begin(), going.end());
    if (!gone.empty()) gateways_[number]->unmap(gone);
  }
}

void Router::unmap_all() {
  for (auto& [number, known] : granted_)
    if (!known.empty()) gateways_[number]->unmap(std::exchange(known, {}));
}

std::vector<std::unique_ptr<Gateway>> all_gateways(const NonceKey& key) {
  std::vector<std::unique_ptr<Gateway>> out;
  out.push_back(pcp_gateway(key));
  out.push_back(nat_pmp_gateway());
  out.push_back(upnp_gateway());
  return out;
}

}  // namespace lanrage::portmap
