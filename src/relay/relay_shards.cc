// A relay's shard and the others: what it is told, and what it tells.
#include "base/overloaded.hpp"
#include "relay/relay.hpp"

namespace lanrage::relay {

Verdict Relay::on_message(Instant now, UnixTime unix_now, const ShardMessage& message) {
  const Overloaded take{
      [&](const ClientUpdate& update) {
        clients_.apply(update);
        follow_moves();
        return Verdict::elsewhere();
      },
      [&](const BindRequest& request) {
        const auto parsed = stun::MessageView::parse(request.packet);
        if (!parsed) return Verdict::drop(DropReason::stun_malformed);
        return on_bind(now, unix_now, request.from, request.local, request.home, *parsed);
      },
      [&](const PassedInitiation& passed) { return deliver(now, passed, passed.packet); },
      [&](const PassedResponse& passed) { return deliver(now, passed, passed.packet); },
      [&](const Answered& answered) {
        on_answered(now, answered);
        return Verdict::elsewhere();
      },
      [&](const MovedClient& moved) {
        on_moved(moved);
        return Verdict::elsewhere();
      },
  };
  const auto* bind = std::get_if<BindRequest>(&message);
  return count(std::visit(take, message), packet_of(message).size(),
               bind ? bind->local : IpAddress{});
}

Verdict Relay::deliver(Instant now, const PassedInitiation& passed, ByteView packet) {
  const Client* target = clients_.get(passed.target);
  if (!target || !target->has_address) return Verdict::drop(DropReason::receiver_gone);
  if (!is_home(*target)) {
    post(target->home, PassedInitiation{passed.source, passed.target, passed.sender_index,
                                        Bytes(packet.begin(), packet.end())});
    return Verdict::elsewhere();
  }
  const Learned learned =
      sessions_.initiation(now, passed.source, passed.target, passed.sender_index);
  if (learned != Learned::yes) return Verdict::drop(reason_of(learned));
  return Verdict::forward(target->address, target->local);
}

Verdict Relay::deliver(Instant now, const PassedResponse& passed, ByteView packet) {
  const Client* initiator = clients_.get(passed.initiator);
  if (!initiator || !initiator->has_address) return Verdict::drop(DropReason::receiver_gone);
  if (!is_home(*initiator)) {
    post(initiator->home,
         PassedResponse{passed.responder, passed.initiator, passed.responder_index,
                        passed.initiator_index, Bytes(packet.begin(), packet.end())});
    return Verdict::elsewhere();
  }
  const Learned learned =
      sessions_.told(now, passed.initiator, passed.responder_index, passed.responder);
  if (learned != Learned::yes) return Verdict::drop(reason_of(learned));
  on_answered(now, {passed.responder, passed.initiator, passed.initiator_index});
  return Verdict::forward(initiator->address, initiator->local);
}

void Relay::on_answered(Instant now, const Answered& answered) {
  const Client* responder = clients_.get(answered.responder);
  if (!responder) return;
  if (!is_home(*responder)) {
    post(responder->home, answered);
    return;
  }
  sessions_.answered(now, answered.responder, answered.initiator, answered.initiator_index);
}

void Relay::on_moved(const MovedClient& moved) {
  Client* client = clients_.get(moved.client);
  if (!client) return;
  if (!is_home(*client)) {
    post(client->home, moved);
    return;
  }
  client->traffic = moved.traffic;
  client->carried += moved.carried;  // to what came before this did
  client->of_group = moved.of_group;
  client->of_address = moved.of_address;
  client->initiations = moved.initiations;
  client->routes = moved.routes;
  sessions_.put(moved.client, moved.sessions);
}

void Relay::follow_moves() {
  for (const std::uint32_t slot : clients_.take_moved()) {
    if (fast_path_ != nullptr) leases_.revoke(slot, *fast_path_);
    if (shard_.count > 1) follow_move(slot);
  }
}

void Relay::follow_move(std::uint32_t slot) {
  Client& client = clients_.at(slot);
  if (shard_.number == kAdmitting) {
    const ClientUpdate update = clients_.update_of(slot);
    // The home first: whoever knows it may count on its knowing.
    if (client.home != shard_.number) post(client.home, update);
    for (std::uint32_t other = 0; other < shard_.count; ++other)
      if (other != shard_.number && other != client.home) post(other, update);
  }
  if (client.generation == 0) return;
  if (is_home(client)) {
    client.held = true;
  } else if (std::exchange(client.held, false)) {
    const ClientRef ref = clients_.ref(slot);
    post(client.home,
         MovedClient{ref, client.traffic, client.carried, client.of_group, client.of_address,
                     client.initiations, client.routes, sessions_.take(ref)});
    client.traffic = {};
    client.carried = {};
    client.of_group = client.of_address = {};
    client.initiations = client.routes = {};
  }
}

}  // namespace lanrage::relay
