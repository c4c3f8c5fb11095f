#include "server/relay_top.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <span>
#include <tuple>
#include <unordered_map>

namespace lanrage::server {
namespace {

using relay::ClientTraffic;
using relay::Traffic;

// What grew from one look to the next; zero where it began anew.
std::uint64_t growth(std::uint64_t before, std::uint64_t after) {
  return after > before ? after - before : 0;
}

class Per {
 public:
  explicit Per(double seconds) : seconds_(std::max(seconds, 0.001)) {}
  double second(double units) const { return units / seconds_; }
  std::uint64_t whole(std::uint64_t units) const {
    return static_cast<std::uint64_t>(std::llround(second(static_cast<double>(units))));
  }
  RelayTop::Flow flow(const Traffic& traffic) const {
    return {whole(traffic.packets), whole(traffic.bytes)};
  }

 private:
  double seconds_;
};

struct GroupSum {
  std::uint64_t id = 0;  // orders those that are equally busy; isn't shown
  Traffic sent;
  std::vector<std::pair<Endpoint, Traffic>> members;
};

std::uint64_t key_of(const relay::ClientRef& client) {
  return std::uint64_t{client.slot} << 32 | client.generation;
}

std::vector<GroupSum> sums_of(const std::vector<ClientTraffic>& before,
                              const std::vector<ClientTraffic>& after) {
  std::unordered_map<std::uint64_t, Traffic> earlier;
  earlier.reserve(before.size());
  for (const auto& each : before)
    earlier[key_of(each.client)] = each.sent;
  std::unordered_map<std::uint64_t, GroupSum> groups;
  for (const auto& each : after) {
    const auto found = earlier.find(key_of(each.client));
    const Traffic& start = found == earlier.end() ? each.sent : found->second;
    const Traffic sent{growth(start.bytes, each.sent.bytes),
                       growth(start.packets, each.sent.packets)};
    GroupSum& group = groups[each.group];
    group.id = each.group;
    group.sent += sent;
    group.members.emplace_back(each.address, sent);
  }
  std::vector<GroupSum> out;
  out.reserve(groups.size());
  for (auto& [id, group] : groups)
    out.push_back(std::move(group));
  return out;
}

RelayTop::Group shown(GroupSum& group, const Per& per) {
  std::ranges::sort(group.members, [](const auto& a, const auto& b) {
    return std::tie(b.second.bytes, b.second.packets, a.first) <
           std::tie(a.second.bytes, a.second.packets, b.first);
  });
  RelayTop::Group out{group.members.size(), per.flow(group.sent), {}};
  for (const auto& [address, sent] : group.members) {
    if (out.busiest.size() == kMostTopMembers) break;
    out.busiest.push_back({address, per.flow(sent)});
  }
  return out;
}

// The least bound that holds so large a part of what came between; the last bucket has none, and
// stands for twice the greatest.
std::optional<double> quantile(const RelayLatency& before, const RelayLatency& after, double part) {
  std::uint64_t all = 0;
  for (std::size_t i = 0; i < after.counts().size(); ++i)
    all += growth(before.counts()[i], after.counts()[i]);
  if (all == 0) return std::nullopt;
  std::uint64_t within = 0;
  for (std::size_t i = 0; i < after.counts().size(); ++i) {
    within += growth(before.counts()[i], after.counts()[i]);
    if (static_cast<double>(within) >= part * static_cast<double>(all))
      return RelayLatency::bound_seconds(i);
  }
  return RelayLatency::bound_seconds(RelayLatency::kBounds);
}

}  // namespace

RelayTop relay_top(const RelayServer::Look& before, const RelayServer::Look& after,
                   std::size_t groups) {
  const Per per(std::chrono::duration<double>(after.at - before.at).count());
  const auto& [then, now] = std::tie(before.counters, after.counters);
  RelayTop top;
  top.clients = now.clients;
  top.sessions = now.sessions / 2;  // a row each way
  top.forwarded = per.flow({growth(then.relay.forwarded_bytes, now.relay.forwarded_bytes),
                            growth(then.relay.forwarded_packets, now.relay.forwarded_packets)});
  top.in_kernel =
      per.flow({growth(then.xdp.bytes, now.xdp.bytes), growth(then.xdp.packets, now.xdp.packets)});
  for (std::size_t i = 0; i < now.relay.drops.size(); ++i) {
    const auto drops = per.whole(growth(then.relay.drops[i], now.relay.drops[i]));
    if (drops == 0) continue;
    top.drops.push_back({std::string(name_of(static_cast<relay::DropReason>(i))), drops});
  }
  std::ranges::sort(top.drops, [](const auto& a, const auto& b) {
    return std::tie(b.packets, a.reason) < std::tie(a.packets, b.reason);
  });
  for (std::size_t i = 0; i < std::min(then.cpu_seconds.size(), now.cpu_seconds.size()); ++i)
    top.thread_loads.push_back(std::max(per.second(now.cpu_seconds[i] - then.cpu_seconds[i]), 0.0));
  top.latency_p50 = quantile(then.latency, now.latency, 0.5);
  top.latency_p99 = quantile(then.latency, now.latency, 0.99);

  auto sums = sums_of(before.clients, after.clients);
  top.groups = sums.size();
  const auto count = static_cast<std::ptrdiff_t>(std::min({sums.size(), groups, kMostTopGroups}));
  std::ranges::partial_sort(sums, sums.begin() + count, [](const GroupSum& a, const GroupSum& b) {
    const std::size_t a_members = a.members.size();
    const std::size_t b_members = b.members.size();
    return std::tie(b.sent.bytes, b.sent.packets, b_members, a.id) <
           std::tie(a.sent.bytes, a.sent.packets, a_members, b.id);
  });
  for (auto& sum : std::span(sums).first(static_cast<std::size_t>(count)))
    top.busiest.push_back(shown(sum, per));
  return top;
}

}  // namespace lanrage::server
