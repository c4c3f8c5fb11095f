#include "sim/path_party.hpp"

#include <algorithm>

#include "crypto/hash.hpp"
#include "stun/message.hpp"
#include "wireguard/packet.hpp"

namespace lanrage::sim {
namespace {

constexpr std::size_t kGamePacket = 60;  // bytes

enum class Data : std::uint8_t { application = 1, ping = 2, pong = 3 };

stun::NatType nat_type(Nat nat) {
  switch (nat) {
    case Nat::open:
      return stun::NatType::open;
    case Nat::full_cone:
      return stun::NatType::full_cone;
    case Nat::restricted:
      return stun::NatType::restricted_cone;
    case Nat::port_restricted:
      return stun::NatType::port_restricted_cone;
    case Nat::symmetric:
    case Nat::counting:
      return stun::NatType::symmetric;
  }
  return stun::NatType::unknown;
}

}  // namespace

Agent::Agent(Party& party, Router& router, const Endpoint& local, std::uint64_t number)
    : number(number), party_(&party), router_(&router), local_(local) {
  id_.bytes = party.random.array<16>();
  key_.bytes = party.random.array<32>();
  router.hosts[local] = [this](const Datagram& datagram) { receive(datagram); };
  restart();
}

path::PeerPathConfig Agent::config_for(const Agent& other) const {
  path::PeerPathConfig config;
  config.self = id_;
  config.peer = other.id_;
  config.own_wg = key_;
  config.peer_wg = other.key_;
  config.packet_filter = filter_works;
  config.predict_ports = predicts;
  return config;
}

void Agent::restart() {
  ++boot_;
  wireguard_ = std::make_unique<WireGuard>(
      party_->clock, party_->random, key_,
      [this](const Endpoint& to, Bytes bytes) {
        const Bytes copy =
            bytes.size() == wireguard::kInitiationSize || bytes.size() == wireguard::kResponseSize
                ? bytes
                : Bytes{};
        send_from_port(to, std::move(bytes));
        if (copy.empty() || copy[0] > 2) return;
        party_->clock.after(Duration{}, [this, copy, boot = boot_] {
          if (boot != boot_) return;
          for (auto& [other, peer] : peers_) {
            path::Actions actions;
            peer.path->on_handshake_sent(party_->clock.now(), copy, actions);
            run(peer, std::move(actions));
          }
        });
      },
      [this](const crypto::ExchangeKey& from, ByteView data) { on_data(from, data); });
  binds_.clear();
  for (auto& relay : party_->relays) {
    relay->knows(key_, number);
    binds_.emplace_back(*relay, number);
  }
  for (auto& [other, peer] : peers_) {
    Traffic traffic = peer.traffic;
    Agent* agent = peer.agent;
    std::uint64_t generation = peer.poll_generation + 1;
    peer = {};
    peer.agent = agent;
    peer.traffic = traffic;
    peer.poll_generation = generation;
    peer.path = std::make_unique<path::PeerPath>(config_for(*agent), party_->random);
    wireguard_->add_peer(agent->key_);
    poll(peer, generation);
    probe(other, generation);
  }
}

void Agent::meet(Agent& other) {
  Peer& peer = peers_[other.number];
  peer.agent = &other;
  peer.path = std::make_unique<path::PeerPath>(config_for(other), party_->random);
  wireguard_->add_peer(other.key_);
  poll(peer, 0);
  probe(other.number, 0);
}

void Agent::start() {
  tell_local();
  tick(boot_);
}

void Agent::send_from_port(const Endpoint& to, Bytes bytes) {
  party_->network.send(*router_, {local_, to, std::move(bytes)});
}

void Agent::tick(std::uint64_t boot) {
  if (boot != boot_) return;
  bool news = false;
  for (SimBind& bind : binds_)
    news = (with_relay && bind.on_tick(party_->clock.now(),
                                       [&](const Endpoint& to, Bytes bytes) {
                                         send_from_port(to, std::move(bytes));
                                       })) ||
           news;
  if (news) tell_local();
  party_->clock.after(Milliseconds(250), [this, boot] { tick(boot); });
}

void Agent::tell_routes() {
  std::vector<std::pair<std::uint64_t, std::uint32_t>> routes;
  for (const auto& [other, peer] : peers_)
    for (std::uint32_t index : peer.routes)
      routes.emplace_back(other, index);
  for (SimBind& bind : binds_)
    bind.set_routes(routes,
                    [&](const Endpoint& to, Bytes bytes) { send_from_port(to, std::move(bytes)); });
}

void Agent::tell_local() {
  path::LocalView local;
  local.candidates.push_back({path::CandidateKind::host, local_});
  local.nat = nat_type(router_->nat());
  local.ready = true;
  for (const SimBind& bind : binds_) {
    if (!bind.listed()) continue;
    local.candidates.push_back({path::CandidateKind::server_reflexive, *bind.observed()});
    local.relays.push_back(
        {bind.relay().id(), bind.relay().endpoint(), bind.rtt(), bind.generation()});
  }
  for (auto& [other, peer] : peers_) {
    path::Actions actions;
    peer.path->on_local(party_->clock.now(), local, actions);
    run(peer, std::move(actions));
  }
}

void Agent::link_change() {
  for (auto& [other, peer] : peers_) {
    path::Actions actions;
    peer.path->on_link_change(party_->clock.now(), actions);
    run(peer, std::move(actions));
  }
}

void Agent::poll(Peer& peer, std::uint64_t generation) {
  if (generation != peer.poll_generation) return;
  path::Actions actions;
  peer.path->on_wireguard(party_->clock.now(), wireguard_->view(peer.agent->key_), actions);
  run(peer, std::move(actions));
  if (generation != peer.poll_generation) return;  // run() has started a faster round
  const bool direct = peer.path->status(party_->clock.now()).path == path::PathKind::direct;
  party_->clock.after(Milliseconds(peer.fast ? 100
                                   : direct  ? 1'000
                                             : 300),
                      [this, &peer, generation] { poll(peer, generation); });
}

void Agent::probe(std::uint64_t other, std::uint64_t boot) {
  Peer& peer = peers_.at(other);
  std::uint64_t own_boot = boot_;
  if (peer.ping) {
    path::Actions actions;
    peer.path->on_tunnel_probe(party_->clock.now(), std::nullopt, actions);
    run(peer, std::move(actions));
  }
  peer.ping = party_->random.u64();
  peer.ping_sent = party_->clock.now();
  send_ping(peer, *peer.ping);
  party_->clock.after(Milliseconds(2'000), [this, other, boot, own_boot] {
    if (own_boot == boot_) probe(other, boot);
  });
}

void Agent::send_ping(Peer& peer, std::uint64_t id) {
  const Bytes bytes = ByteWriter().u8(static_cast<std::uint8_t>(Data::ping)).u64(id).bytes();
  wireguard_->send_data(peer.agent->key_, bytes);
}

void Agent::say(Agent& other, Duration every) {
  Peer& peer = peers_.at(other.number);
  ++peer.traffic.sent;
  Bytes game(kGamePacket);
  game[0] = static_cast<std::uint8_t>(Data::application);
  wireguard_->send_data(other.key_, game);
  party_->clock.after(every, [this, &other, every] { say(other, every); });
}

void Agent::on_data(const crypto::ExchangeKey& from, ByteView data) {
  for (auto& [other, peer] : peers_) {
    if (peer.agent->key_ != from) continue;
    Instant now = party_->clock.now();
    ByteReader in(data);
    switch (static_cast<Data>(in.u8())) {
      case Data::application:
        ++peer.traffic.received;
        if (!peer.traffic.first_received) peer.traffic.first_received = now;
        if (peer.traffic.last_received)
          peer.traffic.longest_gap =
              std::max(peer.traffic.longest_gap, now - *peer.traffic.last_received);
        peer.traffic.last_received = now;
        return;
      case Data::ping: {
        Bytes answer = ByteWriter().u8(static_cast<std::uint8_t>(Data::pong)).u64(in.u64()).bytes();
        return wireguard_->send_data(from, answer);
      }
      case Data::pong: {
        if (peer.ping != in.u64()) return;
        peer.ping.reset();
        path::Actions actions;
        peer.path->on_tunnel_probe(now, now - peer.ping_sent, actions);
        return run(peer, std::move(actions));
      }
    }
  }
}

void Agent::receive(const Datagram& datagram) {
  const Bytes& bytes = datagram.bytes;
  Instant now = party_->clock.now();
  if (bytes.size() < 28) {
    for (SimBind& bind : binds_)
      if (bind.relay().endpoint() == datagram.from &&
          bind.on_datagram(now, datagram, [&](const Endpoint& to, Bytes answer) {
            send_from_port(to, std::move(answer));
          }))
        tell_local();
    return;
  }
  if (auto message = stun::MessageView::parse(bytes)) {
    auto source = path::check_source(*message);
    for (auto& [other, peer] : peers_) {
      path::Actions actions;
      bool mine = false;
      if (source && source->matches(peer.agent->id_))
        peer.path->on_check(now, datagram.from, *message, actions);
      else if (!source)
        mine = peer.path->on_check_response(now, datagram.from, *message, actions);
      run(peer, std::move(actions));
      if (mine) return;
    }
    return;
  }
  auto header = wireguard::classify(bytes);
  if (!header) return;
  Endpoint from = datagram.from;
  for (auto& [other, peer] : peers_)
    if (peer.filter && header->type == wireguard::PacketType::data && peer.filter->relay == from &&
        peer.filter->receiver_index == header->receiver_index)
      from = peer.filter->as;
  const auto sender = wireguard_->receive(from, bytes);
  for (auto& [other, peer] : peers_)
    if (sender == peer.agent->key_) peer.heard[datagram.from] = now;
  if (header->type == wireguard::PacketType::data) return;
  for (auto& [other, peer] : peers_) {
    path::Actions actions;
    peer.path->on_handshake_packet(now, datagram.from, bytes, actions);
    run(peer, std::move(actions));
  }
}

void Agent::run(Peer& peer, path::Actions actions) {
  const crypto::ExchangeKey& key = peer.agent->key_;
  for (path::Action& action : actions) {
    count(peer, action);
    if (auto* send = std::get_if<path::SendDatagram>(&action)) {
      party_->network.send(*router_, {local_, send->to, send->bytes, send->ttl.value_or(64)});
    } else if (auto* set = std::get_if<path::SetEndpoint>(&action)) {
      wireguard_->set_endpoint(key, set->endpoint);
    } else if (auto* replace = std::get_if<path::ReplacePeer>(&action)) {
      wireguard_->replace_peer(key, replace->endpoint);
    } else if (std::get_if<path::SendKeepalive>(&action)) {
      wireguard_->send_keepalive(key);
    } else if (auto* block = std::get_if<path::BlockRelayed>(&action)) {
      if (filter_works) peer.filter = *block;
    } else if (std::get_if<path::UnblockRelayed>(&action)) {
      peer.filter.reset();
    } else if (auto* routes = std::get_if<path::SetRoutes>(&action)) {
      peer.routes = routes->receiver_indexes;
      tell_routes();
    } else if (std::get_if<path::ProbeTunnel>(&action)) {
      send_ping(peer, party_->random.u64());
    } else if (auto* ask = std::get_if<path::AskMapping>(&action)) {
      ask_mapping(peer, ask->number);
    } else if (std::get_if<path::SendSignal>(&action)) {
      path::Signal signal = peer.path->signal();
      signal.boot = boot_;
      signal.counter = ++peer.signals_sent;
      party_->clock.after(Milliseconds(20 + party_->random.below(30)),
                          [to = peer.agent, from = number, body = path::encode_signal(signal)] {
                            to->on_control(from, body);
                          });
    } else if (auto* poll_rate = std::get_if<path::WantFastPoll>(&action)) {
      peer.fast = poll_rate->fast;
      if (peer.fast)
        party_->clock.after(Duration{}, [this, &peer, generation = ++peer.poll_generation] {
          poll(peer, generation);
        });
    }
  }
  note(peer);
  schedule(peer);
}

// The STUN server itself isn't simulated: what it would see is known at once.
void Agent::ask_mapping(Peer& peer, std::uint32_t question) {
  const Endpoint server{IpAddress::v4(0xC63364C8u), 3478};  // 198.51.100.200
  const Endpoint unused{local_.address, ++last_unused_port_};
  const Endpoint seen = router_->translate_out(party_->clock.now(), unused, server);
  Duration answered = 2 * party_->network.quality.delay;
  const auto lost = static_cast<std::uint64_t>(party_->network.quality.loss * 10'000);
  while (party_->random.below(10'000) < lost)
    answered += Milliseconds(250);
  party_->clock.after(answered, [this, &peer, question, seen, asked = boot_] {
    if (asked != boot_) return;
    path::Actions actions;
    peer.path->on_mapping_seen(party_->clock.now(), question, seen, actions);
    run(peer, std::move(actions));
  });
}

void Agent::note(Peer& peer) {
  const path::PathStatus status = peer.path->status(party_->clock.now());
  if (status.path == peer.last) return;
  ++peer.moves;
  peer.last = status.path;
  if (status.path == path::PathKind::direct && !peer.heard.contains(*status.endpoint))
    party_->fault("a path is trusted on which WireGuard has received nothing");
}

void Agent::count(Peer& peer, const path::Action& action) {
  const bool packet = std::holds_alternative<path::SendDatagram>(action) ||
                      std::holds_alternative<path::SendKeepalive>(action) ||
                      std::holds_alternative<path::SetEndpoint>(action) ||
                      std::holds_alternative<path::ProbeTunnel>(action) ||
                      std::holds_alternative<path::AskMapping>(action);
  if (!packet) return;
  const Instant now = party_->clock.now();
  ++peer.packets;
  peer.sent.push_back(now);
  while (now - peer.sent.front() >= Milliseconds(1'000))
    peer.sent.pop_front();
  if (peer.sent.size() > path::kMostPacketsPerSecond)
    party_->fault("more packets in a second than their cap");
}

void Agent::forget_moves() {
  for (auto& [other, peer] : peers_)
    peer.moves = 0;
}

void Agent::schedule(Peer& peer) {
  auto next = peer.path->next_timeout();
  if (!next || (peer.wake && *peer.wake <= *next && *peer.wake >= party_->clock.now())) return;
  Instant at = std::max(*next, party_->clock.now());
  peer.wake = at;
  party_->clock.at(at, [this, &peer, at] {
    if (peer.wake != at) return;
    peer.wake.reset();
    auto due = peer.path->next_timeout();
    path::Actions actions;
    if (due && *due <= party_->clock.now()) peer.path->on_timeout(party_->clock.now(), actions);
    run(peer, std::move(actions));
  });
}

void Agent::on_control(std::uint64_t from, const Bytes& body) {
  auto it = peers_.find(from);
  auto signal = path::decode_signal(body);
  if (it == peers_.end() || !signal || !it->second.replay.accept(*signal)) return;
  path::Actions actions;
  it->second.path->on_signal(party_->clock.now(), *signal, actions);
  run(it->second, std::move(actions));
}

path::PathStatus Agent::status(const Agent& other) {
  return peer(other).path->status(party_->clock.now());
}

Party::Party(std::uint64_t seed, int relay_count) : random(seed), network(clock, random) {
  for (int number = 1; number <= relay_count; ++number) {
    const Endpoint endpoint{IpAddress::v4(0xC6336400u + static_cast<std::uint32_t>(number)),
                            51820};  // 198.51.100.0/24
    relays.push_back(
        std::make_unique<SimRelay>(network, "relay-" + std::to_string(number), endpoint));
  }
}

Agent& Party::add(Router& router) {
  std::uint64_t number = agents.size();
  // Homes use the same private addresses: only the host number within the router differs.
  auto host = static_cast<std::uint32_t>(router.hosts.size() + 2);
  Endpoint local{router.nat() == Nat::open ? router.address() : IpAddress::v4(0xC0A80100u + host),
                 static_cast<std::uint16_t>(50'000 + number % 2)};
  agents.push_back(std::make_unique<Agent>(*this, router, local, number));
  return *agents.back();
}

Agent& Party::join(Nat nat) {
  return add(network.add_router(nat));
}
Agent& Party::join_behind(Router& router) {
  return add(router);
}

void Party::everybody_meets(Duration spread) {
  for (auto& a : agents)
    for (auto& b : agents)
      if (a != b) a->meet(*b);
  for (auto& agent : agents)
    clock.after(Duration(random.below(static_cast<std::uint64_t>(spread.count()) + 1)),
                [&agent = *agent] { agent.start(); });
}

}  // namespace lanrage::sim
