#include "relay/relay.hpp"

#include <algorithm>

#include "relay/bind_messages.hpp"
#include "relay/route_messages.hpp"
#include "stun/message.hpp"
#include "stun/responder.hpp"

namespace lanrage::relay {
namespace {

// Its transaction id is no secret: an indication answers nothing.
Bytes make_notice(std::uint64_t boot_id) {
  ByteWriter writer;
  writer.u64(boot_id).u32(0);
  stun::TransactionId id;
  std::copy(writer.bytes().begin(), writer.bytes().end(), id.bytes.begin());
  return stun::MessageBuilder(stun::Method::bind_relay, stun::Class::indication, id).fingerprint();
}

Rate share_of(const Rate& rate, std::uint32_t shards) {
  return {std::max<std::uint64_t>(rate.per_second / shards, 1),
          std::max<std::uint64_t>(rate.burst / shards, 1)};
}

}  // namespace

DropReason Relay::reason_of(Learned learned) {
  switch (learned) {
    case Learned::too_fast:
      return DropReason::initiation_rate;
    case Learned::collision:
      return DropReason::index_collision;
    case Learned::pairs_full:
      return DropReason::pairs_full;
    case Learned::rows_full:
    case Learned::yes:
      break;
  }
  return DropReason::rows_full;
}

struct Relay::Common {
  Common(const RelayConfig& config, Random& random)
      : seed(random.u64()),
        binds(config.id, config.token_key, config.limits, random),
        address_pools(std::make_shared<std::vector<BudgetPools>>(config.limits.address_cells)),
        stun_requests(config.limits.stun_an_address, seed, config.limits.address_cells),
        signatures(config.limits.verify_an_address, seed, config.limits.address_cells) {}

  std::uint64_t seed;
  BindServer binds;  // every shard answers as the same relay
  AddressPools address_pools;
  AddressPacer stun_requests;
  AddressPacer signatures;
};

Relay::Relay(const RelayConfig& config, Random& random)
    : Relay(config, Common(config, random), Shard{}) {}

std::vector<std::unique_ptr<Relay>> Relay::shards(const RelayConfig& config, Random& random,
                                                  std::uint32_t count) {
  const Common common(config, random);
  std::vector<std::unique_ptr<Relay>> out;
  out.reserve(count);
  for (std::uint32_t number = 0; number < count; ++number)
    out.emplace_back(new Relay(config, common, {number, count}));
  return out;
}

Relay::Relay(const RelayConfig& config, const Common& common, Shard shard)
    : shard_(shard),
      limits_(config.limits),
      seed_(common.seed),
      clients_(limits_, seed_, common.address_pools),
      sessions_(limits_, seed_,
                shard_.count > 1 ? SessionTable::Moves::yes : SessionTable::Moves::no),
      binds_(common.binds),
      rates_(limits_, shard_.count == 1 ? Threads::one : Threads::several),
      route_rate_(limits_.routes_a_client),
      stun_requests_(common.stun_requests),
      signatures_(common.signatures),
      notices_(limits_.notice_spacing, share_of(limits_.notices, shard_.count), seed_,
               limits_.notice_cells),
      leases_(seed_),
      notice_(make_notice(binds_.boot_id())) {}

Verdict Relay::on_packet(Instant now, UnixTime unix_now, const Endpoint& from, ByteView packet,
                         const IpAddress& local) {
  return count(judge(now, unix_now, from, packet, local), packet.size(), local);
}

Verdict Relay::count(Verdict verdict, std::size_t size, const IpAddress& local) {
  switch (verdict.kind) {
    case Verdict::Kind::forward:
      ++counters_.forwarded_packets;
      counters_.forwarded_bytes += size;
      break;
    case Verdict::Kind::reply:
      verdict.local = local;
      if (verdict.reply.size() > size) verdict = Verdict::drop(DropReason::would_amplify);
      break;
    case Verdict::Kind::drop:
    case Verdict::Kind::elsewhere:
      break;
  }
  if (verdict.kind == Verdict::Kind::drop) ++counters_.drops[static_cast<int>(verdict.reason)];
  if (verdict.kind == Verdict::Kind::reply) ++counters_.replies;
  return verdict;
}

Verdict Relay::judge(Instant now, UnixTime unix_now, const Endpoint& from, ByteView packet,
                     const IpAddress& local) {
  auto header = wireguard::classify(packet);
  if (!header) return on_stun(now, unix_now, from, packet, local);
  auto source = clients_.find(from);
  if (!source || !is_home(clients_.at(source->slot))) return on_unbound(now, from);
  switch (header->type) {
    case wireguard::PacketType::data:
      return on_data(now, *source, header->receiver_index, packet.size());
    case wireguard::PacketType::initiation:
      return on_initiation(now, *source, packet, header->sender_index);
    case wireguard::PacketType::response:
      return on_response(now, *source, packet, *header);
    case wireguard::PacketType::cookie:
      return on_cookie(now, *source, header->receiver_index, packet.size());
  }
  return Verdict::drop(DropReason::not_for_us);
}

Verdict Relay::on_data(Instant now, ClientRef source, std::uint32_t index, std::size_t size) {
  const auto route = sessions_.route(now, source, index);
  if (!route) return Verdict::drop(DropReason::no_session);
  const Verdict verdict = forward(now, clients_.at(source.slot), route->target, size);
  if (fast_path_ != nullptr && verdict.kind == Verdict::Kind::forward)
    lease(now, source, index, size, *route);
  return verdict;
}

void Relay::lease(Instant now, ClientRef source, std::uint32_t index, std::size_t size,
                  const SessionTable::Route& route) {
  Client& client = clients_.at(source.slot);
  const Client& receiver = clients_.at(route.target.slot);
  Traffic traffic = leases_.wanted(now, source, index, size);
  // Addresses of another family would change the packet's size.
  if (client.address.address.is_v4() != receiver.address.address.is_v4()) traffic = {};
  const FastRoute fast{client.address, client.local, index, receiver.address, receiver.local};
  if (traffic.bytes != 0 && !(fast_path_->takes(fast) && rates_.charge_ahead(now, client, traffic)))
    traffic = {};
  leases_.note(now, source, route.target, client.address, index, size, traffic.bytes);
  if (traffic.bytes == 0) return;
  client.carried += traffic;
  fast_path_->grant(fast, traffic, std::min(now + Leases::kTime, route.expires));
}

Verdict Relay::forward(Instant now, Client& source, ClientRef target, std::size_t size) {
  const Client* receiver = clients_.get(target);
  if (!receiver || !receiver->has_address) return Verdict::drop(DropReason::receiver_gone);
  if (const auto refusal = rates_.charge(now, source, size)) return Verdict::drop(*refusal);
  source.carried += Traffic{size, 1};
  return Verdict::forward(receiver->address, receiver->local);
}

Verdict Relay::on_initiation(Instant now, ClientRef source, ByteView packet, std::uint32_t index) {
  Client& client = clients_.at(source.slot);
  // Before the search, which costs a BLAKE2s for each member of the group.
  if (const auto refusal = rates_.charge_initiation(now, client)) return Verdict::drop(*refusal);
  auto target = addressee(client, source.slot, packet);
  if (!target) return Verdict::drop(DropReason::no_member);
  client.last_destination = target->slot;
  const Verdict verdict = forward(now, client, *target, packet.size());
  if (verdict.kind != Verdict::Kind::forward) return verdict;
  return deliver(now, PassedInitiation{source, *target, index, {}}, packet);
}

std::optional<ClientRef> Relay::addressee(const Client& source, std::uint32_t source_slot,
                                          ByteView packet) {
  auto fits = [&](std::uint32_t slot) {
    return slot != source_slot && wireguard::mac1_matches(packet, clients_.at(slot).token.mac1_key);
  };
  // A guess that may have left, or moved to another group, since.
  const Client& guess = clients_.at(source.last_destination);
  if (guess.group == source.group && fits(source.last_destination)) {
    return clients_.ref(source.last_destination);
  }
  for (std::uint32_t slot : clients_.members(source)) {
    if (slot != source.last_destination && fits(slot)) return clients_.ref(slot);
  }
  return std::nullopt;
}

Verdict Relay::on_response(Instant now, ClientRef source, ByteView packet,
                           const wireguard::Packet& header) {
  auto initiator = sessions_.awaiting(now, source, header.receiver_index);
  if (!initiator) return Verdict::drop(DropReason::no_pending);
  const Client* receiver = clients_.get(*initiator);
  if (!receiver) return Verdict::drop(DropReason::receiver_gone);
  if (!wireguard::mac1_matches(packet, receiver->token.mac1_key)) {
    return Verdict::drop(DropReason::wrong_mac1);
  }
  // Both ways or neither: half a session would only time out.
  const Learned learned = sessions_.may_tell(now, source, header.receiver_index, *initiator);
  if (learned != Learned::yes) return Verdict::drop(reason_of(learned));
  const Verdict verdict = forward(now, clients_.at(source.slot), *initiator, packet.size());
  if (verdict.kind != Verdict::Kind::forward) return verdict;
  return deliver(now,
                 PassedResponse{source, *initiator, header.sender_index, header.receiver_index, {}},
                 packet);
}

Verdict Relay::on_cookie(Instant now, ClientRef source, std::uint32_t index, std::size_t size) {
  // A loaded responder answers the initiation by a cookie; a loaded initiator the response, and
  // the session then exists already.
  auto target = sessions_.awaiting(now, source, index);
  if (!target) {
    if (const auto route = sessions_.route(now, source, index)) target = route->target;
  }
  if (!target) return Verdict::drop(DropReason::no_pending);
  return forward(now, clients_.at(source.slot), *target, size);
}

Verdict Relay::on_unbound(Instant now, const Endpoint& from) {
  if (!notices_.open(now, from)) return Verdict::drop(DropReason::unbound);
  ++counters_.notices;
  return Verdict::answer(from, notice_);
}

Verdict Relay::on_stun(Instant now, UnixTime unix_now, const Endpoint& from, ByteView packet,
                       const IpAddress& local) {
  if (!stun::looks_like_stun(packet)) return Verdict::drop(DropReason::not_for_us);
  auto message = stun::MessageView::parse(packet);
  if (!message) return Verdict::drop(DropReason::stun_malformed);
  bool bind = message->is(stun::Method::bind_relay, stun::Class::request);
  bool route = message->is(stun::Method::route_relay, stun::Class::request);
  if (!bind && !route && !message->is(stun::Method::binding, stun::Class::request)) {
    return Verdict::drop(DropReason::not_for_us);
  }
  // Who has proved his address draws on a bucket of its own, which nobody who forges that address
  // can empty.
  const bool proved = (bind || route) && binds_.has_fresh_nonce(now, from, *message);
  AddressPacer& pacer = proved ? signatures_ : stun_requests_;
  if (!pacer.take(now, from.address, 1)) return Verdict::drop(DropReason::stun_rate);
  if (route) return on_route(now, from, *message);
  if (!bind) {
    auto answer = stun::respond(packet, from, {});
    if (!answer) return Verdict::drop(DropReason::stun_malformed);
    reply_ = std::move(answer->bytes);
    return Verdict::answer(from, reply_);
  }
  if (proved && shard_.number != kAdmitting) {
    post(kAdmitting, BindRequest{from, local, shard_.number, Bytes(packet.begin(), packet.end())});
    return Verdict::elsewhere();
  }
  return on_bind(now, unix_now, from, local, shard_.number, *message);
}

Verdict Relay::on_bind(Instant now, UnixTime unix_now, const Endpoint& from, const IpAddress& local,
                       std::uint32_t home, const stun::MessageView& request) {
  auto answer = binds_.on_request(now, unix_now, from, local, home, request, clients_);
  follow_moves();
  bool challenged = answer.code == kChallenge || answer.code == kStaleNonce;
  ++(answer.code == 0 ? counters_.binds
     : challenged     ? counters_.challenges
                      : counters_.bind_refusals);
  reply_ = std::move(answer.bytes);
  return Verdict::answer(from, reply_);
}

Verdict Relay::on_route(Instant now, const Endpoint& from, const stun::MessageView& request) {
  auto source = clients_.find(from);
  if (!source || !is_home(clients_.at(source->slot))) return on_unbound(now, from);
  if (int code = binds_.judge_routes(now, from, request, clients_.at(source->slot))) {
    if (code != kStaleNonce) ++counters_.route_refusals;
    reply_ = binds_.error(now, from, request, code);
    return Verdict::answer(from, reply_);
  }
  std::uint32_t taken = take_routes(now, *source, *request.find(stun::Attribute::relay_routes));
  reply_ =
      stun::MessageBuilder(stun::Method::route_relay, stun::Class::success, request.transaction())
          .attribute_u32(stun::Attribute::routes_taken, taken)
          .fingerprint();
  return Verdict::answer(from, reply_);
}

std::uint32_t Relay::take_routes(Instant now, ClientRef source, ByteView routes) {
  Client& client = clients_.at(source.slot);
  const auto wanted = decode_routes(routes);
  if (!wanted) {
    ++counters_.route_refusals;
    return 0;
  }
  std::uint32_t taken = 0;
  for (std::size_t i = 0; i < wanted->size(); ++i) {
    const auto& [mac1_key, index] = (*wanted)[i];
    auto target = clients_.find_member(client.group->id, mac1_key);
    const bool holds = client.routes.take(now, 1, route_rate_) && target && *target != source &&
                       sessions_.told(now, source, index, *target) == Learned::yes;
    if (holds) taken |= std::uint32_t{1} << i;
    ++(holds ? counters_.routes : counters_.route_refusals);
  }
  return taken;
}

void Relay::on_timeout(Instant now) {
  sessions_.expire(now);
  if (shard_.number == kAdmitting) clients_.expire(now);
  follow_moves();
  if (fast_path_ != nullptr) leases_.expire(now, *fast_path_);
}

}  // namespace lanrage::relay
