#include "sim/path_party.hpp"

#include <algorithm>

#include "crypto/hash.hpp"
#include "stun/message.hpp"
#include "wireguard/packet.hpp"

namespace lanrage::sim {
namespace {

// In place of the relay's bind protocol: a letter, and a number or nothing.
constexpr std::uint8_t kBind = 'B';
constexpr std::uint8_t kBound = 'b';
constexpr std::uint8_t kUnbound = 'u';
constexpr Milliseconds kBindEvery(15'000);

enum class Data : std::uint8_t { application = 1, ping = 2, pong = 3 };

stun::NatType nat_type(Nat nat) {
  switch (nat) {
    case Nat::open:
      return stun::NatType::open;
    case Nat::full_cone:
      return stun::NatType::full_cone;
    case Nat::port_restricted:
      return stun::NatType::port_restricted_cone;
    case Nat::symmetric:
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
  return config;
}

void Agent::restart() {
  ++boot_;
  wireguard_ = std::make_unique<WireGuard>(
      party_->clock, party_->random, key_,
      [this](const Endpoint& to, Bytes bytes) {
        party_->network.send(*router_, {local_, to, std::move(bytes)});
      },
      [this](const crypto::ExchangeKey& from, ByteView data) { on_data(from, data); });
  observed_.reset();
  relay_boot_.reset();
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
  bind(boot_);
}

void Agent::bind(std::uint64_t boot) {
  if (boot != boot_) return;
  if (with_relay) {
    Bytes bytes{kBind, static_cast<std::uint8_t>(number)};
    party_->network.send(*router_, {local_, party_->relay, bytes});
  }
  party_->clock.after(observed_ ? kBindEvery : Milliseconds(250), [this, boot] { bind(boot); });
}

void Agent::on_bound(const Endpoint& observed, std::uint64_t relay_boot) {
  if (observed_ == observed && relay_boot_ == relay_boot) return;
  observed_ = observed;
  relay_boot_ = relay_boot;
  tell_local();
}

void Agent::tell_local() {
  path::LocalView local;
  local.candidates.push_back({path::CandidateKind::host, local_});
  local.nat = nat_type(router_->nat());
  local.ready = true;
  if (observed_) {
    local.candidates.push_back({path::CandidateKind::server_reflexive, *observed_});
    local.relays.push_back({"relay-1", party_->relay, Milliseconds(40), *relay_boot_});
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
  party_->clock.after(peer.fast ? Milliseconds(100) : Milliseconds(1'000),
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
  Bytes bytes = ByteWriter().u8(static_cast<std::uint8_t>(Data::ping)).u64(*peer.ping).bytes();
  wireguard_->send_data(peer.agent->key_, bytes);
  party_->clock.after(Milliseconds(2'000), [this, other, boot, own_boot] {
    if (own_boot == boot_) probe(other, boot);
  });
}

void Agent::say(Agent& other, Duration every) {
  Peer& peer = peers_.at(other.number);
  ++peer.traffic.sent;
  wireguard_->send_data(other.key_, Bytes{static_cast<std::uint8_t>(Data::application)});
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
  if (datagram.from == party_->relay && bytes.size() < 28) {
    ByteReader in(bytes);
    std::uint8_t letter = in.u8();
    if (letter == kUnbound) {
      Bytes again{kBind, static_cast<std::uint8_t>(number)};
      return party_->network.send(*router_, {local_, party_->relay, again});
    }
    std::uint64_t boot = in.u64();
    auto address = IpAddress::v4(in.u32());
    return on_bound({address, in.u16()}, boot);
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
  for (auto& [other, peer] : peers_)
    if (peer.filter && header->type == wireguard::PacketType::data &&
        peer.filter->first == datagram.from && peer.filter->second == header->receiver_index)
      return;
  wireguard_->receive(datagram.from, bytes);
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
    if (auto* send = std::get_if<path::SendDatagram>(&action)) {
      party_->network.send(*router_, {local_, send->to, send->bytes, send->ttl.value_or(64)});
    } else if (auto* set = std::get_if<path::SetEndpoint>(&action)) {
      wireguard_->set_endpoint(key, set->endpoint);
    } else if (auto* replace = std::get_if<path::ReplacePeer>(&action)) {
      wireguard_->replace_peer(key, replace->endpoint);
    } else if (std::get_if<path::SendKeepalive>(&action)) {
      wireguard_->send_keepalive(key);
    } else if (auto* block = std::get_if<path::BlockRelayed>(&action)) {
      if (filter_works) peer.filter = {block->relay, block->receiver_index};
    } else if (std::get_if<path::UnblockRelayed>(&action)) {
      peer.filter.reset();
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

void Agent::note(Peer& peer) {
  path::PathKind kind = peer.path->status(party_->clock.now()).path;
  if (kind != peer.last) ++peer.moves;
  peer.last = kind;
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

Party::Party(std::uint64_t seed) : random(seed), network(clock, random) {
  network.add_server(relay, [this](const Datagram& datagram) { relay_receive(datagram); });
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

void Party::everybody_meets() {
  for (auto& a : agents)
    for (auto& b : agents)
      if (a != b) a->meet(*b);
  for (auto& agent : agents)
    clock.after(Milliseconds(random.below(100)), [&agent = *agent] { agent.start(); });
}

void Party::restart_relay() {
  ++relay_boot_;
  slots_.clear();
  pending_.clear();
  sessions_.clear();
}

std::optional<std::uint64_t> Party::slot_of(const Endpoint& source) const {
  for (const auto& [number, slot] : slots_)
    if (slot.source == source) return number;
  return std::nullopt;
}

void Party::relay_receive(const Datagram& datagram) {
  auto answer = [&](Bytes bytes) {
    network.send_from_server({relay, datagram.from, std::move(bytes)});
  };
  const Bytes& bytes = datagram.bytes;
  if (bytes.size() == 2 && bytes[0] == kBind) {
    slots_[bytes[1]] = {datagram.from};
    return answer(ByteWriter()
                      .u8(kBound)
                      .u64(relay_boot_)
                      .u32(datagram.from.address.v4_value())
                      .u16(datagram.from.port)
                      .bytes());
  }
  auto header = wireguard::classify(bytes);
  auto source = slot_of(datagram.from);
  if (!source) return answer({kUnbound});
  if (!header) return;
  auto forward = [&](std::uint64_t to) {
    auto slot = slots_.find(to);
    if (slot != slots_.end()) network.send_from_server({relay, slot->second.source, bytes});
  };
  switch (header->type) {
    case wireguard::PacketType::initiation:
      for (auto& agent : agents) {
        if (agent->key_ != recipient_of(bytes) || !slots_.contains(agent->number)) continue;
        pending_[{agent->number, header->sender_index}] = *source;
        forward(agent->number);
      }
      return;
    case wireguard::PacketType::response: {
      auto pending = pending_.find({*source, header->receiver_index});
      if (pending == pending_.end()) return;
      sessions_[{*source, header->receiver_index}] = pending->second;
      sessions_[{pending->second, header->sender_index}] = *source;
      return forward(pending->second);
    }
    case wireguard::PacketType::data: {
      auto session = sessions_.find({*source, header->receiver_index});
      if (session != sessions_.end()) forward(session->second);
      return;
    }
    case wireguard::PacketType::cookie:
      return;
  }
}

}  // namespace lanrage::sim
