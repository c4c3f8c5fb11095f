#include "sim/path_network.hpp"

#include <algorithm>
#include <stdexcept>

namespace lanrage::sim {
namespace {

constexpr Milliseconds kMappingLife(60'000);
constexpr int kMostAtOnce = 100'000;
constexpr int kHopsInside = 1;  // a host's own router
constexpr int kHopsAcross = 5;  // between two routers

}  // namespace

void Clock::at(Instant when, std::function<void()> what) {
  events_.push({std::max(when, now_), ++order_, std::move(what)});
}

void Clock::run_until(Instant end) {
  while (!events_.empty() && events_.top().when <= end) {
    Event event = std::move(const_cast<Event&>(events_.top()));  // popped before it is compared
    events_.pop();
    events_at_once_ = event.when == now_ ? events_at_once_ + 1 : 0;
    if (events_at_once_ > kMostAtOnce) throw std::logic_error("the simulation stands still");
    now_ = event.when;
    event.what();
  }
  now_ = end;
}

std::uint16_t Router::new_port() {
  if (nat_ != Nat::counting) return static_cast<std::uint16_t>(1024 + random_->below(60'000));
  const auto others = flows_between == 0 ? 0 : random_->below(flows_between + 1);
  const int moved = step * static_cast<int>(1 + others);
  next_port_ = (next_port_ + 60'000 + moved) % 60'000;
  return static_cast<std::uint16_t>(1024 + next_port_);
}

Endpoint Router::translate_out(Instant now, const Endpoint& from, const Endpoint& to) {
  if (nat_ == Nat::open) return from;
  const bool symmetric = nat_ == Nat::symmetric || nat_ == Nat::counting;
  std::pair key(from, symmetric ? to : Endpoint{});
  auto it = mappings_.find(key);
  if (it == mappings_.end() || now - it->second.used > kMappingLife) {
    it = mappings_.insert_or_assign(key, Mapping{from, new_port(), {}, now}).first;
  }
  it->second.used = now;
  it->second.contacted[to] = now;
  return {address_, it->second.port};
}

std::optional<Endpoint> Router::translate_in(Instant now, const Endpoint& from,
                                             const Endpoint& to) {
  if (nat_ == Nat::open) return to;
  for (auto& [key, mapping] : mappings_) {
    if (mapping.port != to.port || now - mapping.used > kMappingLife) continue;
    const bool contacted = std::ranges::any_of(mapping.contacted, [&](const auto& contact) {
      const auto& [whom, when] = contact;
      const bool same = nat_ == Nat::restricted ? whom.address == from.address : whom == from;
      return same && now - when <= kMappingLife;
    });
    if (nat_ != Nat::full_cone && !contacted) continue;
    return mapping.inside;
  }
  return std::nullopt;
}

void Router::forget_mappings() {
  mappings_.clear();
}

Router& Network::add_router(Nat nat) {
  auto number = static_cast<std::uint32_t>(routers_.size());
  IpAddress address = IpAddress::v4(0xCB007100u + 10 + number);  // 203.0.113.0/24
  routers_.push_back(std::make_unique<Router>(nat, address, *random_));
  return *routers_.back();
}

void Network::send(Router& from, Datagram datagram) {
  // On the LAN: same router, private destination.
  if (datagram.to.address.is_private() && from.nat() != Nat::open) {
    if (from.hosts.contains(datagram.to))
      clock_->after(Milliseconds(1),
                    [receive = from.hosts[datagram.to], datagram] { receive(datagram); });
    return;
  }
  if (datagram.ttl <= kHopsInside) return;
  datagram.from = from.translate_out(clock_->now(), datagram.from, datagram.to);
  if (datagram.ttl <= kHopsInside + kHopsAcross || chance(quality.loss) || chance(from.loss_out))
    return;
  const Duration distance = over_distance(datagram.to, from.address());
  clock_->after(travel() + distance,
                [this, datagram = std::move(datagram), router = &from]() mutable {
                  deliver(std::move(datagram), router);
                });
}

Duration Network::over_distance(const Endpoint& server, IpAddress router) {
  const auto near = pair_distances_.find({server, router});
  const auto far = distances_.find(server);
  const Duration distance = near != pair_distances_.end() ? near->second
                            : far != distances_.end()     ? far->second
                                                          : Duration{};
  if (distance_jitter_percent == 0) return distance;
  const auto longest = distance.count() * distance_jitter_percent / 100;
  return distance + Duration(random_->below(static_cast<std::uint64_t>(longest) + 1));
}

void Network::send_from_server(Datagram datagram) {
  if (chance(quality.loss)) return;
  const Duration distance = over_distance(datagram.from, datagram.to.address);
  clock_->after(travel() + distance, [this, datagram = std::move(datagram)]() mutable {
    deliver(std::move(datagram), nullptr);
  });
}

void Network::deliver(Datagram datagram, Router* sender) {
  if (auto server = servers_.find(datagram.to); server != servers_.end())
    return server->second(datagram);
  for (auto& router : routers_) {
    if (router->address() != datagram.to.address) continue;
    if (router.get() == sender) return;  // no hairpin
    if (chance(router->loss_in)) return;
    if (sender && (chance(sender->direct_loss_out) || chance(router->direct_loss_in))) return;
    auto inside = router->translate_in(clock_->now(), datagram.from, datagram.to);
    if (!inside) return;
    auto host = router->hosts.find(*inside);
    if (host == router->hosts.end()) return;
    datagram.to = *inside;
    host->second(datagram);
  }
}

}  // namespace lanrage::sim
