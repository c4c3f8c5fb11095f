#include "agent/relay_binds.hpp"

#include <algorithm>

#include "path/selector.hpp"

namespace lanrage::agent {

void RelayBinds::set_grant(Instant now, const protocol::RelayGrant& grant, stun::Datagrams& out) {
  grant_ = grant;
  std::vector<Endpoint> targets;
  std::erase_if(grant_.relays, [](const auto& relay) { return !RelayId::parse(relay.id); });
  for (auto& relay : grant_.relays) {
    relay.endpoints.resize(std::min(relay.endpoints.size(), kMaxAddresses));
    targets.insert(targets.end(), relay.endpoints.begin(), relay.endpoints.end());
  }
  meter_.set_targets(now, targets);
  next_choice_.reset();
  if (grant_.relays.size() > kAnyway) next_choice_ = now + kChosenSoon;
  for (auto& bind : binds_)
    bind.client.set_token(now, grant_.token);
  bind(now, out);
}

void RelayBinds::set_needed(Instant now, std::vector<std::string> relays, stun::Datagrams& out) {
  if (relays == needed_) return;
  needed_ = std::move(relays);
  bind(now, out);
}

void RelayBinds::bind(Instant now, stun::Datagrams& out) {
  const auto chosen = choose();
  std::vector<Bind> kept;
  for (const auto& relay : grant_.relays) {
    if (std::ranges::find(chosen, relay.id) == chosen.end()) continue;
    for (const auto& endpoint : relay.endpoints) {
      const auto known = std::ranges::find_if(binds_, [&](const Bind& bind) {
        return bind.relay == relay.id && bind.client.target().endpoint == endpoint;
      });
      if (known != binds_.end()) {
        kept.push_back(std::move(*known));
        binds_.erase(known);
        continue;
      }
      kept.push_back(Bind{relay.id, relay::BindClient({*RelayId::parse(relay.id), endpoint},
                                                      grant_.token, bind_key_, random_)});
      kept.back().client.set_routes(now, all_routes(), out);
      kept.back().client.start(now, out);
    }
  }
  binds_ = std::move(kept);
}

const protocol::Relay* RelayBinds::listed(const std::string& relay) const {
  const auto found = std::ranges::find(grant_.relays, relay, &protocol::Relay::id);
  return found == grant_.relays.end() ? nullptr : &*found;
}

std::vector<std::string> RelayBinds::choose() {
  std::vector<std::string> out;
  const auto take = [&](const std::string& id) {
    if (out.size() < kMaxRelays && std::ranges::find(out, id) == out.end()) out.push_back(id);
  };
  for (const auto& relay : grant_.relays)
    if (out.size() < kCommon && is_fit(relay)) take(relay.id);
  choose_nearest();
  for (const auto& id : nearest_)
    take(id);
  for (const auto& id : needed_)
    if (listed(id) != nullptr) take(id);
  // The server names those first that are likely to do.
  for (const bool fit : {true, false})
    for (const auto& relay : grant_.relays)
      if (out.size() < kAnyway && is_fit(relay) == fit) take(relay.id);
  return out;
}

void RelayBinds::choose_nearest() {
  std::vector<std::string> measured;
  for (const auto& relay : grant_.relays)
    if (is_fit(relay) && rtt_of(relay.id)) measured.push_back(relay.id);
  const auto by_rtt = [this](const std::string& id) { return *rtt_of(id); };
  std::ranges::sort(measured, {}, [&](const std::string& id) { return std::pair(by_rtt(id), id); });
  std::erase_if(nearest_, [&](const std::string& id) {
    return std::ranges::find(measured, id) == measured.end();
  });
  for (const auto& id : measured) {
    if (std::ranges::find(nearest_, id) != nearest_.end()) continue;
    if (nearest_.size() < kNearest) {
      nearest_.push_back(id);
      continue;
    }
    const auto farthest = std::ranges::max_element(nearest_, {}, by_rtt);
    if (path::is_better_relay(rtt_of(id), rtt_of(*farthest))) *farthest = id;
  }
}

bool RelayBinds::is_fit(const protocol::Relay& relay) const {
  using Trouble = relay::BindClient::Trouble;
  if (relay.loaded()) return false;
  // Several addresses: one that works is enough.
  bool bound = false;
  bool works = false;
  for (const auto& bind : binds_) {
    if (bind.relay != relay.id) continue;
    bound = true;
    works = works || bind.client.trouble() == Trouble::none ||
            bind.client.trouble() == Trouble::token_expired;
  }
  const auto silent = [this](const Endpoint& endpoint) { return meter_.silent(endpoint); };
  return bound ? works : !std::ranges::all_of(relay.endpoints, silent);
}

std::optional<Duration> RelayBinds::rtt_of(const std::string& relay) const {
  std::optional<Duration> out;
  const protocol::Relay* known = listed(relay);
  if (known == nullptr) return out;
  for (const auto& endpoint : known->endpoints)
    if (const auto rtt = meter_.rtt(endpoint); rtt && (!out || *rtt < *out)) out = rtt;
  return out;
}

void RelayBinds::set_routes(Instant now, const wireguard::Mac1Key& peer,
                            std::span<const std::uint32_t> indexes, stun::Datagrams& out) {
  if (indexes.empty())
    routes_.erase(peer);
  else
    routes_[peer].assign(indexes.begin(), indexes.end());
  const auto routes = all_routes();
  for (auto& bind : binds_)
    bind.client.set_routes(now, routes, out);
}

std::vector<relay::Route> RelayBinds::all_routes() const {
  std::vector<relay::Route> out;
  for (const auto& [peer, indexes] : routes_)
    for (const auto index : indexes)
      out.push_back({peer, index});
  return out;
}

void RelayBinds::on_link_change(Instant now, stun::Datagrams& out) {
  meter_.restart(now);
  if (next_choice_) next_choice_ = now + kChosenSoon;
  restart(now, out);
}

void RelayBinds::restart(Instant now, stun::Datagrams& out) {
  for (auto& bind : binds_)
    bind.client.start(now, out);
}

bool RelayBinds::on_datagram(Instant now, const Endpoint& from, const stun::MessageView& message,
                             stun::Datagrams& out) {
  const auto bind = std::ranges::find_if(
      binds_, [&](Bind& bind) { return bind.client.on_datagram(now, from, message, out); });
  if (bind == binds_.end()) return meter_.on_datagram(now, from, message);
  if (const auto rtt = bind->client.take_rtt()) meter_.add(bind->client.target().endpoint, *rtt);
  return true;
}

void RelayBinds::on_timeout(Instant now, stun::Datagrams& out) {
  for (auto& bind : binds_) {
    bind.client.on_timeout(now, out);
    if (bind.client.trouble() == relay::BindClient::Trouble::no_answer)
      meter_.doubt(now, bind.client.target().endpoint);
  }
  meter_.on_timeout(now, out);
  if (!next_choice_ || now < *next_choice_) return;
  next_choice_ = now + kChosenEvery;
  bind(now, out);
}

std::optional<Instant> RelayBinds::next_timeout() const {
  auto next = meter_.next_timeout();
  if (next_choice_ && (!next || *next_choice_ < *next)) next = next_choice_;
  for (const auto& bind : binds_)
    if (const auto due = bind.client.next_timeout(); due && (!next || *due < *next)) next = due;
  return next;
}

std::vector<path::RelayBinding> RelayBinds::bindings() const {
  std::vector<path::RelayBinding> out;
  for (const auto& bind : binds_) {
    if (!bind.client.bound() || bind.client.trouble() == relay::BindClient::Trouble::no_answer)
      continue;
    // A second address of the same relay adds nothing: the pair needs one way to it.
    if (!out.empty() && out.back().id == bind.relay) continue;
    const protocol::Relay* relay = listed(bind.relay);
    out.push_back({bind.relay, bind.client.target().endpoint,
                   meter_.rtt(bind.client.target().endpoint), bind.client.generation(),
                   relay != nullptr && relay->loaded()});
  }
  return out;
}

std::vector<Endpoint> RelayBinds::observed() const {
  std::vector<Endpoint> out;
  for (const auto& bind : binds_)
    if (bind.client.bound() && bind.client.observed()) out.push_back(*bind.client.observed());
  return out;
}

bool RelayBinds::silent(Instant now) const {
  return !binds_.empty() && std::ranges::all_of(binds_, [now](const Bind& bind) {
    const auto since = bind.client.unanswered_since();
    return since && now - *since >= kSilent;
  });
}

bool RelayBinds::needs_token() const {
  return std::ranges::any_of(binds_, [](const Bind& bind) {
    return bind.client.trouble() == relay::BindClient::Trouble::token_expired ||
           bind.client.trouble() == relay::BindClient::Trouble::refused;
  });
}

}  // namespace lanrage::agent
