#include "agent/governance.hpp"

#include <algorithm>
#include <set>

#include "agent/invite_clock.hpp"
#include "agent/joining.hpp"
#include "agent/log_proofs.hpp"
#include "trust/invite_closing.hpp"

namespace lanrage::agent {
namespace {

namespace asio = boost::asio;
namespace ws = protocol::ws;

// Each attempt is outrun only by another change of the party that the server took meanwhile.
constexpr int kAttempts = 10;

// The party has moved on since we built, or may have: a code that this version doesn't know can be
// a rule of the ledger (a charter's version), and a key that doesn't fit is one that we lack.
bool may_be_outrun(const Error& error) {
  return error.is(protocol::Errc::stale_epoch) || error.is(protocol::Errc::other_refusal) ||
         error.is(party::Errc::key_mismatch);
}

std::string name_in(const party::Ledger& ledger, const PeerId& peer) {
  const auto* member = ledger.member(peer);
  return member == nullptr || member->nick.empty() ? peer.to_string() : member->nick;
}

// "ann, bob and carol can"; of the host and the deputies those who are in the party.
std::string who_can(const party::Ledger& ledger) {
  std::vector<std::string> names;
  if (ledger.member(ledger.host_id()) != nullptr)
    names.push_back(name_in(ledger, ledger.host_id()));
  for (const auto& deputy : deputies_of(ledger))
    names.push_back(name_in(ledger, deputy));
  if (names.empty()) return "none of them is in the party any more";
  std::string out;
  for (std::size_t i = 0; i < names.size(); ++i)
    out += (i == 0 ? "" : i + 1 == names.size() ? " and " : ", ") + names[i];
  return out + " can";
}

}  // namespace

std::set<PeerId> deputies_of(const party::Ledger& ledger) {
  std::set<PeerId> out;
  for (const auto& identity : ledger.charter().deputies)
    if (const auto id = party::peer_id(identity); ledger.member(id) != nullptr) out.insert(id);
  return out;
}

asio::awaitable<Receipts> GovernedParty::receipts(std::uint32_t, std::vector<PeerId> members) {
  co_return Receipts{{}, std::move(members)};
}

asio::awaitable<Handing> GovernedParty::hand_root_key(PeerId) {
  co_return Handing::out_of_reach;
}

asio::awaitable<bool> GovernedParty::root_key_forgotten() {
  co_return false;
}

Governance::State Governance::state() const {
  return {party_->ledger().head(), party_->party_key().epoch()};
}

std::string Governance::name(const PeerId& peer) const {
  return name_in(party_->ledger(), peer);
}

// ---- who may

Result<crypto::SigningKey> Governance::signer(std::string_view what) const {
  if (const auto* root = party_->root_key()) return *root;
  const auto& identity = party_->device().identity;
  if (party_->ledger().may_govern(identity.public_key())) return identity;
  return fail(GovernErrc::not_allowed, "only the host and deputies can " + std::string(what) +
                                           "; " + who_can(party_->ledger()));
}

Result<crypto::SigningKey> Governance::root(std::string_view what) const {
  if (const auto* root = party_->root_key()) return *root;
  return fail(GovernErrc::not_allowed,
              "only the host, " + name(party_->ledger().host_id()) + ", can " + std::string(what));
}

Result<void> Governance::may_promote(const PeerId& peer) const {
  const auto& ledger = party_->ledger();
  if (ledger.member(peer) == nullptr)
    return fail(GovernErrc::gone, "they have just left the party, or were removed", "peer");
  if (peer == ledger.host_id())
    return fail(GovernErrc::nothing_to_do,
                name(peer) + " is the host, who can do all that deputies can", "peer");
  if (deputies_of(ledger).contains(peer))
    return fail(GovernErrc::nothing_to_do, name(peer) + " is a deputy already", "peer");
  return {};
}

Result<void> Governance::may_demote(const PeerId& peer) const {
  if (deputies_of(party_->ledger()).contains(peer)) return {};
  return fail(GovernErrc::nothing_to_do, name(peer) + " is no deputy", "peer");
}

Result<void> Governance::may_hand_over(const PeerId& peer) const {
  if (auto key = root("hand the party over"); !key) return std::unexpected(key.error());
  if (peer == party_->device().peer_id())
    return fail(GovernErrc::that_is_you, "that is you: you are the host already", "peer");
  if (party_->ledger().member(peer) == nullptr)
    return fail(GovernErrc::gone, "they have just left the party, or were removed", "peer");
  return {};
}

Result<void> Governance::may_remove(const PeerId& peer) const {
  const auto& ledger = party_->ledger();
  if (ledger.member(peer) == nullptr)
    return fail(GovernErrc::gone,
                "they have just left the party, or were removed by somebody else; `lanrage invite "
                "list` shows the invites that they may come back by",
                "peer");
  if (peer == ledger.host_id())
    return fail(GovernErrc::host_stays, name(peer) + " is the party's host, whom nobody can kick",
                "peer");
  if (party_->root_key() == nullptr && deputies_of(ledger).contains(peer))
    return fail(GovernErrc::deputy_stays,
                name(peer) + " is a deputy; only the host, " + name(ledger.host_id()) +
                    ", can kick deputies",
                "peer");
  return {};
}

// ---- what is done

asio::awaitable<bool> Governance::catch_up(State before) {
  if (state() != before) co_return true;  // the live link was faster
  const auto control = party_->control();
  auto newest = co_await control->party(party_->ledger().party_id());
  if (!newest) co_return false;
  const auto log = newest->party.log;
  party_->hear(ws::PartyUpdate{std::move(newest->party), newest->incarnation, newest->box});
  if (state() != before) co_return true;
  const auto& ours = party_->ledger();
  auto theirs = party::restore_ledger(ours.party_id(), log, prove_on_threads);
  const bool base_already = base_ && theirs && base_->head() == theirs->head();
  if (!theirs || base_already || theirs->head() == ours.head()) co_return false;
  // It mustn't undo what was decided.
  if (theirs->roster_hash() != ours.roster_hash() || theirs->charter_hash() != ours.charter_hash())
    co_return false;
  base_ = std::move(*theirs);
  co_return true;
}

template <class T>
Governance::Answer<T> Governance::until_current(std::function<Answer<T>()> attempt) {
  for (int n = 1;; ++n) {
    const auto before = state();
    auto done = co_await attempt();
    if (done || n == kAttempts || !may_be_outrun(done.error())) co_return done;
    if (!co_await catch_up(before)) co_return done;
  }
}

Governance::Answer<Governance::Rotated> Governance::rotate_once(party::RotationOptions options,
                                                                crypto::SigningKey signer) {
  crypto::SystemRandom random;
  const auto& ledger = base();
  const auto id = ledger.party_id();
  const bool is_root = signer.public_key() == ledger.charter().root_key;
  const auto overruled = party_->overruled();
  for (const auto& peer : overruled.outcasts) {
    const auto* member = ledger.member(peer);
    if (member == nullptr) continue;
    const bool governs = peer == ledger.host_id() || ledger.may_govern(member->identity);
    if (is_root || !governs) options.remove.insert(peer);
  }
  for (const auto& invite : overruled.invites)
    if (ledger.invite(invite) != nullptr) options.revoke.insert(invite);
  // What the server's log doesn't have needs no leaving out.
  if (base_) {
    std::erase_if(options.remove, [&](const auto& peer) { return ledger.member(peer) == nullptr; });
    std::erase_if(options.revoke, [&](const auto& key) { return ledger.invite(key) == nullptr; });
  }
  auto made =
      party::build_rotation(random, ledger, signer, options, invite_clock(*party_->control()));
  if (!made) co_return std::unexpected(made.error());
  protocol::RotateRequest request{new_request_id(), made->roster, {}};
  std::optional<Bytes> own_box;
  for (auto& box : made->boxes) {
    if (box.recipient == party_->device().box.public_key()) own_box = box.box;
    request.boxes.push_back({box.recipient, std::move(box.box)});
  }
  const auto control = party_->control();
  auto sent = co_await control->rotate(id, std::move(request));
  if (!sent) co_return std::unexpected(sent.error());
  const auto epoch = made->key.epoch();
  party_->hear(ws::KeyRotated{id, sent->seq, epoch, made->removed, {made->roster}, own_box});
  co_return Rotated{epoch, std::move(made->removed), std::move(made->dropped), {}};
}

Governance::Answer<void> Governance::change_charter(party::CharterChange change,
                                                    crypto::SigningKey root) {
  const auto id = party_->ledger().party_id();
  auto charter = party::build_charter(party_->ledger(), root, change);
  if (!charter) co_return std::unexpected(charter.error());
  const auto control = party_->control();
  auto sent = co_await control->change_charter(id, {new_request_id(), *charter});
  if (!sent) co_return std::unexpected(sent.error());
  if (change.host)
    party_->hear(ws::HostChanged{id, sent->seq, *change.host, {*charter}});
  else
    party_->hear(ws::CharterChanged{id, sent->seq, {*charter}});
  co_return Result<void>{};
}

Governance::Answer<Governance::Rotated> Governance::kick(PeerId peer) {
  if (peer == party_->device().peer_id())
    co_return fail(GovernErrc::that_is_you, "that is you: `lanrage leave` leaves the party",
                   "peer");
  auto attempt = [this, peer]() -> Answer<Rotated> {
    auto key = signer("kick");
    if (!key) co_return std::unexpected(key.error());
    if (auto ok = may_remove(peer); !ok) co_return std::unexpected(ok.error());
    // Or they would be a deputy again when they come back by some new invite.
    if (auto deputies = deputies_of(party_->ledger()); deputies.erase(peer) != 0)
      if (auto ok = co_await change_charter({{}, std::move(deputies)}, *key); !ok)
        co_return std::unexpected(ok.error());
    co_return co_await rotate_once({{peer}, {}}, std::move(*key));
  };
  co_return co_await with_receipts(co_await until_current<Rotated>(std::move(attempt)));
}

Governance::Answer<Governance::Rotated> Governance::revoke(InviteId invite) {
  auto attempt = [this, invite]() -> Answer<Rotated> {
    auto key = signer("revoke invites");
    if (!key) co_return std::unexpected(key.error());
    if (party_->ledger().invite(invite) == nullptr)
      co_return fail(party::Errc::unknown_invite,
                     "the party has no invite " + invite.to_string() +
                         " that is open; `lanrage invite list` shows them",
                     "invite");
    co_return co_await rotate_once({{}, {invite}}, std::move(*key));
  };
  co_return co_await with_receipts(co_await until_current<Rotated>(std::move(attempt)));
}

Governance::Answer<Governance::Rotated> Governance::rotate() {
  auto attempt = [this]() -> Answer<Rotated> {
    auto key = signer("change the party's key");
    if (!key) co_return std::unexpected(key.error());
    co_return co_await rotate_once({}, std::move(*key));
  };
  co_return co_await with_receipts(co_await until_current<Rotated>(std::move(attempt)));
}

Governance::Answer<Governance::Rotated> Governance::close_ended_invites() {
  auto attempt = [this]() -> Answer<Rotated> {
    auto key = signer("close invites");
    if (!key) co_return std::unexpected(key.error());
    if (!trust::keeps_ended_invite(party_->ledger(), invite_clock(*party_->control())))
      co_return fail(GovernErrc::nothing_to_do, "no invite of the party has ended", "invite");
    if (base_ || !party_->server_has_all())
      co_return fail(GovernErrc::server_lacks_records,
                     "the server lacks some of the party's records: a roster made now would undo "
                     "them",
                     "roster");
    co_return co_await rotate_once({}, std::move(*key));
  };
  co_return co_await until_current<Rotated>(std::move(attempt));
}

Governance::Answer<Governance::Rotated> Governance::with_receipts(Result<Rotated> done) {
  if (!done) co_return done;
  std::vector<PeerId> others;
  for (const auto& [id, member] : party_->ledger().members())
    if (id != party_->device().peer_id() && std::ranges::count(done->removed, id) == 0)
      others.push_back(id);
  done->receipts = co_await party_->receipts(done->key_epoch, std::move(others));
  co_return done;
}

Governance::Answer<party::NewInvite> Governance::invite(party::InviteOptions options) {
  co_return co_await until_current<party::NewInvite>(
      [this, options] { return invite_once(options); });
}

Governance::Answer<party::NewInvite> Governance::invite_once(party::InviteOptions options) {
  auto key = signer("make invites");
  if (!key) co_return std::unexpected(key.error());
  const auto date = invite_date(*party_->control());
  if (!date) co_return std::unexpected(date.error());
  crypto::SystemRandom random;
  const auto id = party_->ledger().party_id();
  auto made =
      party::build_invite(random, party_->ledger(), party_->party_key(), *key, options, *date);
  if (!made) co_return std::unexpected(made.error());
  protocol::AddInviteRequest request{new_request_id(), made->record, made->box.box};
  const auto control = party_->control();
  auto added = co_await control->add_invite(id, std::move(request));
  if (!added) co_return std::unexpected(added.error());
  party_->hear(ws::InviteAdded{id, added->seq, made->id, {made->record}});
  co_return made;
}

Governance::Answer<std::set<PeerId>> Governance::promote(PeerId peer) {
  auto attempt = [this, peer]() -> Answer<std::set<PeerId>> {
    auto key = root("name deputies");
    if (!key) co_return std::unexpected(key.error());
    if (auto ok = may_promote(peer); !ok) co_return std::unexpected(ok.error());
    auto deputies = deputies_of(party_->ledger());
    deputies.insert(peer);
    auto done = co_await change_charter({{}, deputies}, std::move(*key));
    if (!done) co_return std::unexpected(done.error());
    co_return deputies;
  };
  co_return co_await until_current<std::set<PeerId>>(std::move(attempt));
}

Governance::Answer<std::set<PeerId>> Governance::demote(PeerId peer) {
  auto attempt = [this, peer]() -> Answer<std::set<PeerId>> {
    auto key = root("name deputies");
    if (!key) co_return std::unexpected(key.error());
    if (auto ok = may_demote(peer); !ok) co_return std::unexpected(ok.error());
    auto deputies = deputies_of(party_->ledger());
    deputies.erase(peer);
    auto done = co_await change_charter({{}, deputies}, std::move(*key));
    if (!done) co_return std::unexpected(done.error());
    co_return deputies;
  };
  co_return co_await until_current<std::set<PeerId>>(std::move(attempt));
}

Governance::Answer<Governance::HandedOver> Governance::hand_over(PeerId peer) {
  if (auto ok = may_hand_over(peer); !ok) co_return std::unexpected(ok.error());
  const auto handing = co_await party_->hand_root_key(peer);
  if (handing == Handing::out_of_reach)
    co_return fail(GovernErrc::out_of_reach,
                   name(peer) + " can't be reached at the moment, and the party's root key goes " +
                       "from device to device; try again when `lanrage ping` says that they answer",
                   "peer");
  if (handing == Handing::no_answer)
    co_return fail(GovernErrc::key_not_taken,
                   name(peer) + "'s machine can be reached, but their agent didn't take the " +
                       "party's root key: it isn't running, can't write to its disk, or is of an " +
                       "older version; you are still the host",
                   "peer");
  auto attempt = [this, peer]() -> Answer<std::set<PeerId>> {
    // An answer that was lost came to us as the party's newest log.
    if (party_->ledger().host_id() == peer) co_return deputies_of(party_->ledger());
    if (auto ok = may_hand_over(peer); !ok) co_return std::unexpected(ok.error());
    auto deputies = deputies_of(party_->ledger());
    deputies.erase(peer);
    deputies.insert(party_->device().peer_id());
    auto done = co_await change_charter({peer, deputies}, *party_->root_key());
    if (!done) co_return std::unexpected(done.error());
    co_return deputies;
  };
  auto deputies = co_await until_current<std::set<PeerId>>(std::move(attempt));
  if (!deputies) co_return std::unexpected(deputies.error());
  co_return HandedOver{std::move(*deputies), co_await party_->root_key_forgotten()};
}

}  // namespace lanrage::agent
