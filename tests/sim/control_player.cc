// Device: what players want.
#include <algorithm>
#include <array>

#include "party/proofs.hpp"
#include "sim/control_device.hpp"

namespace lanrage::control_sim {

namespace ws = protocol::ws;

namespace {

std::vector<protocol::SealedBox> boxes_of(const std::vector<party::SealedBox>& boxes) {
  std::vector<protocol::SealedBox> out;
  out.reserve(boxes.size());
  for (const auto& box : boxes)
    out.push_back({box.recipient, box.box});
  return out;
}

}  // namespace

void Device::act() {
  if (asleep_until) return;
  if (replicas_.empty() || world_.chance(8)) {
    if (world_.links.empty() || world_.chance(6)) return create();
    return join();
  }
  const auto wanted = world_.random().below(replicas_.size());
  act_in(std::next(replicas_.begin(), static_cast<std::ptrdiff_t>(wanted))->second);
}

void Device::act_in(Replica& replica) {
  const PartyId party = replica.ledger().party_id();
  if (!replica.ledger().founded() || !replica.ledger().member(id())) return;
  if (world_.chaos().slow && world_.chance(4)) return signal(replica);
  const auto dice = world_.random().below(100);
  if (dice < 24) return update(replica);
  if (dice < 32) return rename(replica);
  if (dice < 44) return heartbeat(party);
  if (dice < 50)
    return http(io::Method::post,
                "/parties/" + party.to_string() + "/peers/" + id().to_string() + "/heartbeat", {},
                [](const auto&) {});
  if (dice < 62) return signal(replica);
  if (dice < 72) return rotate(replica);
  if (dice < 77) return invite(replica);
  if (dice < 81) return change_charter(replica);
  if (dice < 85) return leave(replica);
  if (dice < 89) return get_party(party);
  if (dice < 93) return repeat();
  if (dice < 95) return send(ws::RelayTokenRequest{party, self_.keys.identity.public_key(), "t"});
  if (dice < 98) return ask_for(party);
  if (dice < 99) return close_party(replica);
  http(io::Method::del, "/auth/token", {}, [](const auto&) {});
}

void Device::create() {
  if (world_.founded.size() >= world_.most_parties()) return;
  const auto& pool = Pool::get().parties;
  const auto unused = std::ranges::find_if(pool, [&](const auto& pooled) {
    return pooled.host == number_ && !world_.founded.contains(pooled.made.id);
  });
  if (unused == pool.end()) return;
  const auto& made = unused->made;
  world_.founded[made.id] = &*unused;
  world_.party_keys.emplace(crypto::sha256(made.roster), made.key);
  Pending pending;
  pending.request_id = world_.next_request_id();
  pending.what = "creates " + made.id.to_string().substr(0, 6);
  pending.party = made.id;
  pending.enters = true;
  protocol::CreatePartyRequest request{
      pending.request_id,   made.charter, made.roster, made.statement,
      boxes_of(made.boxes), {},           {},          {}};
  pending.target = "/parties";
  pending.body = protocol::to_json(request);
  pending.text = ws::to_json(ws::RegisterParty{std::move(request)});
  pending.when_done = [this, &pooled = *unused] {
    world_.links.push_back({pooled.made.id, pooled.first_invite});
  };
  world_.oracle().expect(pending.request_id, {pending.party, id(), false});
  submit(std::move(pending));
}

void Device::join() {
  const auto& link = world_.links[world_.random().below(world_.links.size())];
  if (replica(link.party)) return;
  protocol::OpenInviteRequest request;
  request.nonce = protocol::open_nonce(world_.random().array<16>(), world_.clock().unix_time());
  request.signature = party::prove_invite(link.keys.signing, {link.party, {}, id(), request.nonce});
  http(io::Method::post,
       "/parties/" + link.party.to_string() + "/invites/" + link.keys.id().to_string() + "/open",
       protocol::to_json(request), [this, link](const auto& answer) {
         if (!answer || answer->status != 200) return;
         const auto opened = protocol::parse<protocol::OpenInviteAnswer>(answer->body);
         if (!opened) return world_.complain("an unreadable invite");
         open_and_join(link, *opened);
       });
}

void Device::open_and_join(const Link& link, const protocol::OpenInviteAnswer& opened) {
  party::Ledger ledger(link.party);
  for (const auto& record : opened.log)
    if (!ledger.append_trusted(record)) return world_.complain("a log that doesn't fit");
  if (world_.chance(6)) {
    const auto key = party::recover_party_key(ledger, link.keys.box, opened.box);
    const auto known = world_.party_keys.find(ledger.roster_hash());
    if (!key || known == world_.party_keys.end() || !(*key == known->second))
      world_.complain("an invite's box without the party's key");
  }
  const auto statement = party::build_statement(ledger, self_.keys.identity, name_, opened.vip);
  if (!statement || ledger.member(id())) return;
  Pending pending;
  pending.request_id = world_.next_request_id();
  pending.what = "joins " + link.party.to_string().substr(0, 6);
  pending.party = link.party;
  pending.enters = true;
  protocol::JoinRequest request{pending.request_id,
                                party::build_admission(ledger, link.keys, self_.keys),
                                *statement,
                                {},
                                {},
                                {}};
  pending.target = "/parties/" + link.party.to_string() + "/join";
  pending.body = protocol::to_json(request);
  pending.text = ws::to_json(ws::JoinParty{link.party, std::move(request)});
  world_.oracle().expect(pending.request_id, {pending.party, id(), false});
  submit(std::move(pending));
}

void Device::update(const Replica& replica) {
  constexpr std::array kTypes{protocol::NatType::open, protocol::NatType::full_cone,
                              protocol::NatType::symmetric};
  Pending pending;
  pending.request_id = world_.next_request_id();
  pending.party = replica.ledger().party_id();
  pending.what = "updates hints in " + pending.party.to_string().substr(0, 6);
  protocol::UpdatePeerRequest request;
  request.request_id = pending.request_id;
  request.nat_type = kTypes[world_.random().below(kTypes.size())];
  if (world_.chance(2))
    request.public_endpoint = Endpoint{
        IpAddress::v4(0xcb007101u), static_cast<std::uint16_t>(1'000 + world_.random().below(3))};
  pending.method = io::Method::patch;
  pending.target = "/parties/" + pending.party.to_string() + "/peers/" + id().to_string();
  pending.body = protocol::to_json(request);
  pending.text = ws::to_json(ws::UpdatePeer{pending.party, request});
  world_.oracle().expect(pending.request_id, {pending.party, id(), true});
  submit(std::move(pending));
}

void Device::rename(const Replica& replica) {
  const auto& ledger = replica.ledger();
  const auto statement = party::build_statement(
      ledger, self_.keys.identity, name_ + " " + std::to_string(world_.random().below(9)),
      ledger.member(id())->vip);
  if (!statement) return;
  Pending pending;
  pending.request_id = world_.next_request_id();
  pending.party = ledger.party_id();
  pending.what = "takes another nick in " + pending.party.to_string().substr(0, 6);
  const protocol::UpdatePeerRequest request{pending.request_id, *statement, {}, {}};
  pending.method = io::Method::patch;
  pending.target = "/parties/" + pending.party.to_string() + "/peers/" + id().to_string();
  pending.body = protocol::to_json(request);
  pending.text = ws::to_json(ws::UpdatePeer{pending.party, request});
  world_.oracle().expect(pending.request_id, {pending.party, id(), false});
  submit(std::move(pending));
}

void Device::leave(const Replica& replica) {
  Pending pending;
  pending.request_id = world_.next_request_id();
  pending.party = replica.ledger().party_id();
  pending.what = "leaves " + pending.party.to_string().substr(0, 6);
  pending.leaves = true;
  const protocol::LeaveRequest request{pending.request_id,
                                       party::build_leave(replica.ledger(), self_.keys.identity)};
  pending.method = io::Method::del;
  pending.target = "/parties/" + pending.party.to_string() + "/peers/" + id().to_string();
  pending.body = protocol::to_json(request);
  pending.text = ws::to_json(ws::LeaveParty{pending.party, request});
  world_.oracle().expect(pending.request_id, {pending.party, id(), false});
  submit(std::move(pending));
}

// The root key is the host's; a deputy signs as itself.
const crypto::SigningKey* Device::governing_key(const Replica& replica) const {
  const auto& ledger = replica.ledger();
  if (ledger.host_id() == id()) return &world_.founded.at(ledger.party_id())->made.root;
  return ledger.may_govern(self_.keys.identity.public_key()) ? &self_.keys.identity : nullptr;
}

void Device::rotate(const Replica& replica) {
  const auto* signer = governing_key(replica);
  if (!signer) return;
  const auto& ledger = replica.ledger();
  party::RotationOptions options;
  if (world_.chance(2) && ledger.members().size() > 1) {
    const auto wanted = static_cast<std::ptrdiff_t>(world_.random().below(ledger.members().size()));
    const auto& victim = std::next(ledger.members().begin(), wanted)->first;
    if (victim != id()) options.remove.insert(victim);
  } else if (world_.chance(2) && !ledger.invites().empty()) {
    options.revoke.insert(ledger.invites().begin()->first);
  }
  auto rotation =
      party::build_rotation(world_.random(), ledger, *signer, options, world_.clock().unix_time());
  if (!rotation) return;
  world_.party_keys.emplace(crypto::sha256(rotation->roster), rotation->key);
  Pending pending;
  pending.request_id = world_.next_request_id();
  pending.party = ledger.party_id();
  const auto path = "/parties/" + pending.party.to_string();
  pending.target = path + "/rotate";
  if (!options.remove.empty() && world_.chance(2)) {
    pending.method = io::Method::del;
    pending.target = path + "/peers/" + options.remove.begin()->to_string();
  } else if (!options.revoke.empty() && world_.chance(2)) {
    pending.method = io::Method::del;
    pending.target = path + "/invites/" + options.revoke.begin()->to_string();
  }
  pending.what = (!options.remove.empty()   ? "kicks somebody from "
                  : !options.revoke.empty() ? "revokes an invite of "
                                            : "rotates the key of ") +
                 pending.party.to_string().substr(0, 6);
  pending.body = protocol::to_json(
      protocol::RotateRequest{pending.request_id, rotation->roster, boxes_of(rotation->boxes)});
  world_.oracle().expect(pending.request_id, {pending.party, id(), false});
  submit(std::move(pending));
}

void Device::invite(const Replica& replica) {
  const auto* signer = governing_key(replica);
  const auto& ledger = replica.ledger();
  const auto key = world_.party_keys.find(ledger.roster_hash());
  if (!signer || key == world_.party_keys.end()) return;
  party::InviteOptions options;
  options.uses = static_cast<std::uint16_t>(1 + world_.random().below(3));
  options.lifetime = std::chrono::hours(200 * 24);
  auto made = party::build_invite(world_.random(), ledger, key->second, *signer, options,
                                  world_.clock().unix_time());
  if (!made) return;
  Pending pending;
  pending.request_id = world_.next_request_id();
  pending.party = ledger.party_id();
  pending.what = "adds an invite to " + pending.party.to_string().substr(0, 6);
  pending.target = "/parties/" + pending.party.to_string() + "/invites";
  pending.body = protocol::to_json(
      protocol::AddInviteRequest{pending.request_id, made->record, made->box.box});
  pending.when_done = [this, party = pending.party,
                       keys = party::invite_keys(made->secret, pending.party)] {
    world_.links.push_back({party, keys});
  };
  world_.oracle().expect(pending.request_id, {pending.party, id(), false});
  submit(std::move(pending));
}

void Device::change_charter(const Replica& replica) {
  const auto& ledger = replica.ledger();
  if (ledger.host_id() != id()) return;
  party::CharterChange change;
  const auto wanted = static_cast<std::ptrdiff_t>(world_.random().below(ledger.members().size()));
  const auto& chosen = std::next(ledger.members().begin(), wanted)->first;
  const bool hands_over = world_.chance(3);
  if (hands_over)
    change.host = chosen;
  else if (chosen != id())
    change.deputies = std::set<PeerId>{chosen};
  const auto charter =
      party::build_charter(ledger, world_.founded.at(ledger.party_id())->made.root, change);
  if (!charter) return;
  Pending pending;
  pending.request_id = world_.next_request_id();
  pending.party = ledger.party_id();
  pending.what =
      (hands_over ? "hands over " : "names a deputy of ") + pending.party.to_string().substr(0, 6);
  pending.target = "/parties/" + pending.party.to_string() + "/charter";
  pending.body = protocol::to_json(protocol::ChangeCharterRequest{pending.request_id, *charter});
  world_.oracle().expect(pending.request_id, {pending.party, id(), false});
  submit(std::move(pending));
}

void Device::close_party(const Replica& replica) {
  if (replica.ledger().host_id() != id()) return;
  Pending pending;
  pending.request_id = world_.next_request_id();
  pending.party = replica.ledger().party_id();
  pending.what = "closes " + pending.party.to_string().substr(0, 6);
  pending.method = io::Method::del;
  pending.target = "/parties/" + pending.party.to_string();
  pending.body = protocol::to_json(protocol::ClosePartyRequest{pending.request_id});
  pending.leaves = true;
  world_.oracle().expect(pending.request_id, {pending.party, id(), false});
  submit(std::move(pending));
}

void Device::signal(const Replica& replica) {
  const auto& members = replica.ledger().members();
  const auto wanted = static_cast<std::ptrdiff_t>(world_.random().below(members.size()));
  const auto& to = std::next(members.begin(), wanted)->first;
  if (to == id()) return;
  const PartyId party = replica.ledger().party_id();
  std::string text = party.to_string() + id().to_string() + to.to_string();
  if (world_.chaos().slow) text.resize(protocol::kMaxSignalSize, '.');
  Bytes data(text.begin(), text.end());
  if (connection_) return send(ws::SendSignal{party, to, std::move(data), {}});
  http(io::Method::post, "/parties/" + party.to_string() + "/signals",
       protocol::to_json(protocol::PostSignalRequest{to, std::move(data)}), [](const auto&) {});
}

void Device::repeat() {
  if (answered_.empty()) return;
  auto again = answered_[world_.random().below(answered_.size())];
  if (find(again.request_id)) return;
  if (!again.what.starts_with("repeats")) again.what = "repeats: " + again.what;
  submit(std::move(again));
}

}  // namespace lanrage::control_sim
