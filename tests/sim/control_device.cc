#include "sim/control_device.hpp"

#include <algorithm>
#include <array>

#include "base/overloaded.hpp"
#include "party/proofs.hpp"

namespace lanrage::control_sim {

namespace ws = protocol::ws;

namespace {

constexpr Duration kPatience = std::chrono::seconds(10);
constexpr std::size_t kAnsweredKept = 4;

// What a client that keeps to the protocol is never told.
constexpr std::array<std::string_view, 12> kOurFault{
    "malformed_json", "missing_field",   "invalid_field",     "unknown_type",
    "bad_signature",  "malformed_nonce", "peer_id_mismatch",  "malformed_record",
    "wrong_actor",    "missing_box",     "request_id_reused", "not_found"};
// Come back later with the same request.
constexpr std::array<std::string_view, 6> kPassing{"unavailable",   "rate_limited",
                                                   "missing_token", "unknown_token",
                                                   "expired_token", "internal_error"};

template <std::size_t N>
bool contains(const std::array<std::string_view, N>& codes, std::string_view code) {
  return std::ranges::find(codes, code) != codes.end();
}

}  // namespace

Device::Device(World& world, std::size_t number, bool slow, bool lies)
    : world_(world),
      self_(Pool::get().devices[number]),
      number_(number),
      name_("d" + std::to_string(number)),
      slow_(slow),
      lies_(lies),
      token_(self_.token) {}

// ---- speaking

void Device::http(io::Method method, const std::string& target, std::string body, Done done,
                  const std::string& request_id) {
  auto exchange = std::make_shared<Exchange>();
  exchange->request.method = method;
  exchange->request.target = target;
  exchange->request.body = std::move(body);
  exchange->request.remote = {IpAddress::v4(0x0a000001u + static_cast<std::uint32_t>(number_)),
                              40'000};
  if (token_) exchange->request.headers.add("Authorization", token_->header());
  if (!exchange->request.body.empty())
    exchange->request.headers.add("Content-Type", "application/json");
  exchange->request_id = request_id;
  exchange->done = std::move(done);
  world_.request(std::move(exchange));
}

void Device::send(const ws::ClientMessage& message) {
  if (connection_) connection_->up.push_back(ws::to_json(message));
}

void Device::register_again() {
  registering_ = true;
  const protocol::ChallengeRequest request{self_.keys.identity.public_key()};
  http(io::Method::post, "/auth/challenge", protocol::to_json(request), [this](const auto& answer) {
    if (!answer || answer->status != 200) {
      registering_ = false;
      return;
    }
    const auto challenge = protocol::parse<protocol::ChallengeAnswer>(answer->body);
    if (!challenge) return world_.complain("an unreadable challenge");
    answer_challenge(challenge->nonce);
  });
}

void Device::answer_challenge(const Bytes& nonce) {
  const protocol::RegisterRequest request{self_.keys.identity.public_key(), nonce,
                                          party::prove_identity(self_.keys.identity, {}, nonce)};
  http(io::Method::post, "/auth/register?peer_id=" + self_.id.to_string(),
       protocol::to_json(request), [this](const auto& answer) {
         registering_ = false;
         if (!answer || answer->status != 200) return;
         const auto registered = protocol::parse<protocol::RegisterAnswer>(answer->body);
         if (!registered || registered->peer_id != self_.id)
           return world_.complain("an unreadable registration");
         token_ = registered->token;
         if (connection_) send(ws::Auth{*token_});
       });
}

void Device::connect() {
  io::HttpRequest request;
  request.target = "/ws";
  request.remote = {IpAddress::v4(0x0a000001u + static_cast<std::uint32_t>(number_)), 40'001};
  request.headers.add("Authorization", token_->header());
  int status = 0;
  connection_ = world_.connect(*this, request, status);
  if (!connection_) {
    if (status == 401) token_.reset();
    return;
  }
  world_.note([&] { return name_ + " connects"; });
  if (world_.was_restored()) connection_->socket->expect_snapshots_of_all();
  ws::Hello hello{protocol::kVersion, "simulated", {}, {}};
  const bool resumes = !world_.chance(5);
  for (auto& [party, replica] : replicas_) {
    replica.up_to_date = replica.asked = false;
    if (!resumes) continue;
    hello.resume.push_back({party, replica.incarnation(), replica.seq()});
    expect_snapshot(party);
  }
  send(hello);
  if (!resumes)
    for (const auto& [party, replica] : replicas_)
      ask_for(party);
}

// A liar is answered once for each subscription.
void Device::expect_snapshot(const PartyId& party) {
  connection_->socket->expect_snapshot(party);
  if (lies_) connection_->socket->expect_snapshot(party);
}

void Device::ask_for(const PartyId& party) {
  if (!connection_) return;
  if (auto* known = replica(party)) known->asked = true;
  expect_snapshot(party);
  send(ws::Subscribe{party, {}});
}

void Device::heartbeat(const PartyId& party) {
  auto* known = replica(party);
  if (!known) return;
  auto digest = known->digest();
  if (lies_ && !world_.calm()) digest[0] ^= 1;
  send(ws::Heartbeat{party, self_.id, known->seq(), digest});
}

void Device::get_party(const PartyId& party) {
  http(io::Method::get, "/parties/" + party.to_string(), {}, [this](const auto& answer) {
    if (!answer || answer->status != 200) return;
    const auto shown = protocol::parse<protocol::GetPartyAnswer>(answer->body);
    if (!shown) return world_.complain("an unreadable party: " + shown.error().message());
    world_.oracle().check_shown(self_.id, shown->party);
  });
}

// ---- what must be answered

Pending* Device::find(const std::string& request_id) {
  const auto found = std::ranges::find(pending_, request_id, &Pending::request_id);
  return found == pending_.end() ? nullptr : &*found;
}

void Device::submit(Pending pending) {
  world_.note([&] { return name_ + " " + pending.what + " (" + pending.request_id + ")"; });
  pending_.push_back(std::move(pending));
  attempt(pending_.back());
}

void Device::attempt(Pending& pending) {
  pending.over_websocket = !pending.text.empty() && connection_ && world_.chance(2);
  if (!pending.over_websocket && !token_) return;
  pending.under_way = true;
  pending.sent_at = world_.clock().monotonic();
  if (pending.over_websocket) {
    if (pending.enters) expect_snapshot(pending.party);
    connection_->up.push_back(pending.text);
    return;
  }
  http(
      pending.method, pending.target, pending.body,
      [this, id = pending.request_id](const auto& answer) { on_answer(id, answer); },
      pending.request_id);
}

void Device::retry(const std::string& request_id) {
  if (auto* pending = find(request_id)) pending->under_way = false;
}

void Device::settle(const std::string& request_id, bool done) {
  auto* pending = find(request_id);
  if (!pending) return;
  Pending settled = std::move(*pending);
  std::erase_if(pending_, [&](const auto& other) { return &other == pending; });
  if (!done) return;
  if (settled.leaves && !settled.repetition) forget(settled.party);
  if (settled.when_done && !settled.repetition) settled.when_done();
  settled.repetition = true;
  settled.under_way = false;
  answered_.push_back(std::move(settled));
  if (answered_.size() > kAnsweredKept) answered_.pop_front();
}

void Device::on_answer(const std::string& request_id,
                       const std::optional<io::HttpResponse>& response) {
  const auto* pending = find(request_id);
  if (!response) return retry(request_id);
  if (response->status != 200) {
    const auto problem = protocol::read_problem(response->status, response->body);
    on_refused(response->status, problem.code, problem.detail);
    world_.note([&] { return name_ + " refused: " + request_id + " " + problem.code; });
    if (contains(kPassing, problem.code)) return retry(request_id);
    return settle(request_id, false);
  }
  if (pending && pending->enters && !pending->repetition) {
    const auto answer = protocol::parse<protocol::PartyAnswer>(response->body);
    if (!answer) return world_.complain("an unreadable answer: " + answer.error().message());
    world_.oracle().check_shown(self_.id, answer->party);
    // It isn't subscribed by that, even where frames of an earlier membership, not read before,
    // have left a replica behind.
    if (world_.oracle().serves(answer->party_id, self_.id)) {
      if (!replica(answer->party_id)) on_snapshot(answer->party, answer->incarnation, {});
      ask_for(answer->party_id);
    }
  }
  settle(request_id, true);
}

void Device::on_refused(int status, const std::string& code, const std::string& message) {
  if (code == "unknown_token" || code == "expired_token") token_.reset();
  if (contains(kOurFault, code))
    world_.complain(name_ + " was told " + std::to_string(status) + " " + code + ": " + message);
}

void Device::poll() {
  const Instant now = world_.clock().monotonic();
  if (asleep_until) {
    if (now < *asleep_until && !world_.calm()) return;
    asleep_until.reset();
  }
  if (!token_ && !registering_) return register_again();
  if (token_ && !connection_ && (world_.calm() || world_.chance(2))) connect();
  for (auto& pending : pending_) {
    if (pending.under_way && pending.over_websocket && now - pending.sent_at > kPatience)
      pending.under_way = false;
    if (!pending.under_way) attempt(pending);
  }
}

void Device::on_connection_lost() {
  connection_.reset();
  for (auto& [party, replica] : replicas_)
    replica.up_to_date = replica.asked = false;
  for (auto& pending : pending_)
    if (pending.over_websocket) pending.under_way = false;
}

// ---- listening

Replica* Device::replica(const PartyId& party) {
  const auto found = replicas_.find(party);
  return found == replicas_.end() ? nullptr : &found->second;
}

void Device::forget(const PartyId& party) {
  replicas_.erase(party);
}

void Device::take(Replica& replica, Replica::Taken taken, const std::string& what) {
  using enum Replica::Taken;
  if (taken == applied || (replica.asked && taken != misfit)) return;
  const PartyId party = replica.ledger().party_id();
  const bool dropped = taken == gap && connection_->socket->overflows() > 0;
  if (dropped || world_.oracle().reborn().contains(party)) return ask_for(party);
  world_.complain(name_ + " at " + std::to_string(replica.seq()) + " can't take " + what +
                  (taken == gap        ? ": a gap"
                   : taken == repeated ? ": again"
                                       : ": doesn't fit"));
}

void Device::on_snapshot(const protocol::Party& party, const std::string& incarnation,
                         const std::optional<Bytes>& box) {
  auto& replica = replicas_.try_emplace(party.id, party.id).first->second;
  if (replica.snapshot(party, incarnation) != Replica::Taken::applied)
    world_.complain(name_ + " was sent a party that its own digest contradicts");
  check_box(replica, box);
}

void Device::check_box(const Replica& replica, const std::optional<Bytes>& box) {
  if (!box || !world_.chance(8)) return;
  const auto known = world_.party_keys.find(replica.ledger().roster_hash());
  const auto key = party::recover_party_key(replica.ledger(), self_.keys.box, *box);
  if (!key || known == world_.party_keys.end() || !(*key == known->second))
    world_.complain(name_ + " was sent a box without the party's key");
}

void Device::on_event(const PartyId& party, const ws::ServerMessage& message) {
  auto* known = replica(party);
  if (!known) return;
  take(*known, known->event(message), "event");
}

void Device::on_error(const ws::ErrorMessage& error) {
  on_refused(0, error.code, error.message);
  if (error.request_id) {
    world_.note([&] { return name_ + " refused: " + *error.request_id + " " + error.code; });
    if (contains(kPassing, error.code)) return retry(*error.request_id);
    return settle(*error.request_id, false);
  }
  if (error.code == "unknown_party" && error.party_id) forget(*error.party_id);
}

void Device::on_frame(const ws::ServerMessage& message) {
  const auto of_party = [&](const auto& sent) { on_event(sent.party_id, message); };
  const auto last = [&](const auto& sent) {
    on_event(sent.party_id, message);
    forget(sent.party_id);
  };
  std::visit(
      Overloaded{
          [&](const ws::PartyUpdate& sent) { on_snapshot(sent.party, sent.incarnation, sent.box); },
          [&](const ws::CaughtUp& sent) {
            if (auto* known = replica(sent.party_id))
              take(*known, known->caught_up(sent.seq, sent.digest), "caught_up");
          },
          [&](const ws::KeyRotated& sent) {
            on_event(sent.party_id, message);
            if (const auto* known = replica(sent.party_id); known && known->seq() == sent.seq)
              check_box(*known, sent.box);
          },
          [&](const ws::Kicked& sent) {
            if (sent.log) return forget(sent.party_id);
            sent.peer_id == id() ? last(sent) : of_party(sent);
          },
          [&](const ws::PeerLeft& sent) {
            const auto* known = replica(sent.party_id);
            // A replay tells those who came back of their own leave.
            const bool is_last =
                known && sent.peer_id == id() && !world_.oracle().serves(sent.party_id, id());
            is_last ? last(sent) : of_party(sent);
          },
          [&](const ws::PartyClosed& sent) { last(sent); },
          [&](const ws::PeerJoined& sent) { of_party(sent); },
          [&](const ws::PeerUpdated& sent) { of_party(sent); },
          [&](const ws::InviteAdded& sent) { of_party(sent); },
          [&](const ws::HostChanged& sent) { of_party(sent); },
          [&](const ws::CharterChanged& sent) { of_party(sent); },
          [&](const ws::Presence& sent) {
            if (auto* known = replica(sent.party_id)) known->presence(sent.peer_id, sent.online);
          },
          [&](const ws::Signal& sent) {
            const std::string text(sent.signal_data.begin(), sent.signal_data.end());
            const auto wanted =
                sent.party_id.to_string() + sent.from_peer_id.to_string() + id().to_string();
            if (!text.starts_with(wanted))
              world_.complain(name_ + " got a signal that isn't for it");
          },
          [&](const ws::Ack& sent) { settle(sent.request_id, true); },
          [&](const ws::ErrorMessage& sent) { on_error(sent); },
          [](const auto&) {},
      },
      message);
}

}  // namespace lanrage::control_sim
