#include "agent/port_leases.hpp"

#include <algorithm>
#include <utility>

#include "portmap/default_gateway.hpp"

namespace lanrage::agent {

std::optional<Endpoint> reachable_at(const PortMapping& mapping, std::span<const Endpoint> seen) {
  const auto is_seen = [&](const IpAddress& address) {
    return std::ranges::find(seen, address, &Endpoint::address) != seen.end();
  };
  if (mapping.address) {
    if (portmap::is_of_the_internet(*mapping.address) || is_seen(*mapping.address))
      return Endpoint{*mapping.address, mapping.external};
    return std::nullopt;
  }
  // A router that keeps its address to itself: servers see it, if they agree on one.
  std::optional<IpAddress> address;
  for (const auto& endpoint : seen) {
    if (!portmap::is_of_the_internet(endpoint.address) || !endpoint.address.is_v4()) continue;
    if (address && address != endpoint.address) return std::nullopt;
    address = endpoint.address;
  }
  if (!address) return std::nullopt;
  return Endpoint{*address, mapping.external};
}

void PortLeases::want(std::uint16_t port) {
  released_.erase(port);
  leases_.try_emplace(port, Lease{std::nullopt, std::nullopt, port});
  next_at_ = {};
}

void PortLeases::release(std::uint16_t port) {
  if (leases_.erase(port) > 0) released_.insert(port);
}

void PortLeases::ask_anew() {
  anew_ = true;
  retry_ = kFirstRetry;
  next_at_ = {};
}

std::vector<portmap::Port> PortLeases::take_released() {
  std::vector<portmap::Port> out;
  for (const auto port : std::exchange(released_, {}))
    out.push_back({portmap::Transport::udp, port});
  return out;
}

std::optional<Instant> PortLeases::next_at() const {
  if (leases_.empty()) return std::nullopt;
  return next_at_;
}

std::vector<portmap::Wish> PortLeases::take_due(Instant now) {
  std::vector<portmap::Wish> out;
  if (now < next_at_ || leases_.empty()) return out;
  asking_ = std::exchange(anew_, false);
  out.reserve(leases_.size());
  for (const auto& [port, lease] : leases_)
    out.push_back({{portmap::Transport::udp, port}, lease.wish, true});
  return out;
}

// What came up during the round isn't made to wait.
void PortLeases::wait_until(Instant when, std::span<const portmap::Wish> wishes) {
  const bool asked_all = std::ranges::all_of(leases_, [&](const auto& entry) {
    return std::ranges::any_of(wishes,
                               [&](const auto& wish) { return wish.port.port == entry.first; });
  });
  next_at_ = asked_all && !anew_ ? when : Instant{};
}

bool PortLeases::is_others(std::uint16_t port, std::uint16_t external) const {
  return std::ranges::any_of(leases_, [&](const auto& entry) {
    return entry.first != port && entry.second.mapping &&
           entry.second.mapping->external == external;
  });
}

// True when the router granted this port.
bool PortLeases::take(Instant now, std::uint16_t port, Lease& lease, const portmap::Round& round) {
  const auto grant = std::ranges::find(round.granted, portmap::Port{portmap::Transport::udp, port},
                                       &portmap::Grant::port);
  const bool granted = round.method && grant != round.granted.end();
  if (granted && !is_others(port, grant->external)) {
    lease.mapping = PortMapping{*round.method, round.public_address, grant->external};
    lease.wish = grant->external;
    lease.ends.reset();
    if (grant->lifetime.count() > 0) lease.ends = now + grant->lifetime;
    return true;
  }
  // A router that gives one port twice forwards it to one of both only.
  if (granted) lease.wish = static_cast<std::uint16_t>(grant->external ^ 1u);
  // What it granted before holds, unless this may be another router.
  if (granted || asking_ || (lease.ends && *lease.ends <= now)) lease.mapping.reset();
  return false;
}

std::vector<PortLeases::Change> PortLeases::on_round(Instant now,
                                                     std::span<const portmap::Wish> wishes,
                                                     const portmap::Round& round) {
  std::vector<Change> out;
  bool all = true;
  Duration again = kLookAgain;
  for (const auto& wish : wishes) {
    const auto found = leases_.find(wish.port.port);
    if (found == leases_.end()) continue;  // released meanwhile
    auto& lease = found->second;
    const auto before = lease.mapping;
    all = take(now, wish.port.port, lease, round) && all;
    if (lease.mapping && lease.ends) again = std::min(again, (*lease.ends - now) / 2);
    if (lease.mapping != before) out.push_back({wish.port.port, lease.mapping});
  }
  if (all) {
    retry_ = kFirstRetry;
  } else {
    again = std::min(again, retry_);
    // Nothing to lose: less and less often.
    if (std::ranges::none_of(leases_,
                             [](const auto& entry) { return entry.second.mapping.has_value(); }))
      again = retry_;
    retry_ = std::min<Duration>(retry_ * 2, kLastRetry);
  }
  wait_until(now + std::max<Duration>(again, kNoSooner), wishes);
  return out;
}

std::vector<PortLeases::Change> PortLeases::on_no_router(Instant now,
                                                         std::span<const portmap::Wish> wishes) {
  std::vector<Change> out;
  for (auto& [port, lease] : leases_)
    if (std::exchange(lease.mapping, std::nullopt)) out.push_back({port, std::nullopt});
  wait_until(now + kLookAgain, wishes);
  return out;
}

}  // namespace lanrage::agent
