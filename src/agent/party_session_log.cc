// What the server's word and the party's signed log do to a session: who is connected, and by which
// party key.
#include <boost/asio/use_awaitable.hpp>

#include "agent/clock.hpp"
#include "agent/finding_text.hpp"
#include "agent/lan_names.hpp"
#include "agent/party_session.hpp"
#include "agent/server_claims.hpp"

namespace lanrage::agent {

namespace asio = boost::asio;
namespace ws = protocol::ws;
namespace {

constexpr Duration kReceiptTime = std::chrono::seconds(2);
constexpr auto kReceiptLook = std::chrono::milliseconds(20);
constexpr Duration kHandingTime = std::chrono::seconds(10);
constexpr Duration kEchoTime = std::chrono::seconds(2);

}  // namespace

TrustKeeper::Callbacks PartySession::trust_callbacks() {
  TrustKeeper::Callbacks out;
  out.on_access = [this] { sync_peers(); };
  out.on_keep = [this] {
    keep();
    if (refill_) refill_->look();  // a key may have come, without which nothing is handed back
  };
  out.want_snapshot = [this] { control_->request_snapshot(saved_.id); };
  // What was kept stays as it was: should we stop before the end, the next start learns it again.
  out.on_removed = [this] {
    end(Ended::removed,
        "the host or a deputy removed this device from the party; a new invite is needed to come "
        "back");
  };
  out.on_finding = [this](const trust::Finding& finding) { on_finding(finding); };
  return out;
}

void PartySession::subscribe() {
  const auto& log = trust_->trust().log();
  control_->subscribe(saved_.id, log.incarnation(), log.seq());
}

void PartySession::on_snapshot(const protocol::Party& party, const std::string& incarnation,
                               const std::optional<Bytes>& box) {
  alerts_.clear(AlertCode::server_forgot_party);
  if (refill_) refill_->on_party_shown();
  trust_->on_snapshot(party.log, party.seq, incarnation, box);
  subscribe();
  for (const auto& peer : party.peers)
    on_presence(peer.peer_id, peer.online);
  on_server_word();
  // It serves us, and what it shows is what the members signed.
  if (!trust_->trust().log().server_has_all()) return;
  alerts_.clear(AlertCode::server_ended_service);
  alerts_.clear(AlertCode::server_closed_party);
  const auto claims = false_claims(ledger(), party);
  const auto judge = [&](AlertCode code, const std::optional<std::string>& claim) {
    if (!claim) alerts_.clear(code);
    on_claim(code, claim);
  };
  judge(AlertCode::false_peer, claims.peer);
  judge(AlertCode::unsigned_removal, claims.removal);
  judge(AlertCode::false_charter, claims.charter);
}

void PartySession::on_server_word() {
  if (invites_) invites_->look();
  if (refill_) refill_->look();
}

void PartySession::on_ended_invites(const std::optional<Error>& refusal) {
  if (!refusal) return alerts_.clear(AlertCode::ended_invite_open);
  alerts_.raise(
      AlertCode::ended_invite_open,
      "the server doesn't take the roster that closes an invite which has ended, so with its "
      "help whoever has that invite can still join: " +
          refusal->message());
}

void PartySession::on_refusal(const ws::ErrorMessage& refusal) {
  context_.log.warning(
      "server_refused",
      {{"party", saved_.id.to_string()}, {"code", refusal.code}, {"detail", refusal.message}});
  const bool of_party = !refusal.party_id || refusal.party_id == saved_.id;
  if (!of_party || refusal.code != protocol::name_of(protocol::Errc::unknown_party)) return;
  if (refill_) refill_->on_unknown_party();
  if (alerts_.stands(AlertCode::server_ended_service) ||
      alerts_.stands(AlertCode::server_closed_party))
    return;
  alerts_.raise(
      AlertCode::server_forgot_party,
      "the server doesn't know this party, or not this device in it: it went back to an "
      "old backup, has ended the party, or no longer serves this device; tunnels stay, and if "
      "another member hands back what it forgot, all is well again");
}

bool PartySession::on_event(std::uint64_t seq, std::span<const Bytes> records,
                            const std::optional<Bytes>& box) {
  // Others are old, or come again with a snapshot.
  const bool next = seq == trust_->trust().log().seq() + 1;
  trust_->on_event(seq, records, box);
  subscribe();
  on_server_word();
  return next && trust_->trust().log().server_has_all();
}

void PartySession::on_claim(AlertCode code, std::optional<std::string> sentence) {
  if (sentence) alerts_.raise(code, *std::move(sentence));
}

void PartySession::on_presence(const PeerId& peer, bool online) {
  if (ledger().member(peer) != nullptr) online_[peer] = online;
}

// Only the members' records end a party for us. The server's word alone must not take the tunnels
// or the keys: it may end its own service, and the player leaves when he likes.
void PartySession::on_closed(const ws::PartyClosed& closed) {
  if (ledger().closed()) return end(Ended::party_closed, closed.reason);
  alerts_.raise(AlertCode::server_closed_party,
                "the server says that the party is over, but no member has signed that: tunnels "
                "stay, and `lanrage leave` ends them");
}

void PartySession::on_kicked(const ws::Kicked& kicked) {
  const auto self = context_.keys.peer_id();
  if (kicked.log) {
    trust_->on_snapshot(*kicked.log, kicked.seq, trust_->trust().log().incarnation(), std::nullopt);
    subscribe();
  } else if (on_event(kicked.seq, kicked.records) && kicked.peer_id != self) {
    on_claim(AlertCode::unsigned_removal, unsigned_removal(ledger(), kicked.peer_id));
  }
  if (kicked.peer_id != self || ledger().member(self) == nullptr) return;
  alerts_.raise(AlertCode::server_ended_service,
                "the server says that this device is out of the party, but no host or deputy has "
                "signed that: tunnels stay, and `lanrage leave` ends them");
}

asio::awaitable<Receipts> PartySession::receipts(std::uint32_t key_epoch,
                                                 std::vector<PeerId> members) {
  const auto self = shared_from_this();
  asio::steady_timer pause(context_.io);
  for (const auto give_up = monotonic_now() + kReceiptTime;;) {
    Receipts out;
    bool reachable = false;
    const auto& trust = trust_->trust();
    for (const auto& peer : members) {
      const bool applied =
          ledger().key_epoch() >= key_epoch && trust.has_applied(peer, trust.log().roster_length());
      (applied ? out.confirmed : out.waiting).push_back(peer);
      reachable |= !applied && trust_->within_reach(peer);
    }
    if (stopped_ || !reachable || monotonic_now() >= give_up) co_return out;
    pause.expires_after(kReceiptLook);
    co_await pause.async_wait(asio::use_awaitable);
  }
}

asio::awaitable<bool> PartySession::becomes(std::function<bool()> so, Duration time) {
  const auto self = shared_from_this();
  asio::steady_timer pause(context_.io);
  for (const auto give_up = monotonic_now() + time;;) {
    if (so()) co_return true;
    if (stopped_ || monotonic_now() >= give_up) co_return false;
    pause.expires_after(kReceiptLook);
    co_await pause.async_wait(asio::use_awaitable);
  }
}

asio::awaitable<Handing> PartySession::hand_root_key(PeerId to) {
  const auto self = shared_from_this();
  trust_->offer_root(to);
  const bool taken =
      co_await becomes([this] { return trust_->trust().root().taken(); }, kHandingTime);
  trust_->withdraw_root();
  if (taken) co_return Handing::taken;
  const auto* member = ledger().member(to);
  if (stopped_ || member == nullptr) co_return Handing::out_of_reach;
  const auto echo = co_await connectivity_->echo(to, kEchoTime);
  co_return echo ? Handing::no_answer : Handing::out_of_reach;
}

asio::awaitable<bool> PartySession::root_key_forgotten() {
  return becomes([this] { return trust_->trust().root().held() == nullptr; }, kReceiptTime);
}

void PartySession::on_finding(const trust::Finding& finding) {
  const auto code = alert_code(finding.topic);
  const auto* member = ledger().member(finding.member);
  if (finding.raised)
    alerts_.raise(code, sentence_of(finding, member != nullptr ? member->nick : "a member"));
  else if (!trust_->trust().has_open(finding.topic))
    alerts_.clear(code);
  if (finding.topic == trust::Topic::server_behind) on_server_word();
}

void PartySession::sync_peers() {
  if (!connectivity_) return;
  std::vector<ConnectivityPeer> peers;
  std::vector<lan::Member> on_lan;
  std::vector<IpAddress> by_lan;
  std::vector<IpAddress> by_tunnel;
  for (const auto& access : trust_->trust().access()) {
    const auto& member = *ledger().member(access.peer);
    if (member.vip.is_unspecified()) continue;  // no address before its statement
    wireguard::PeerConfig config;
    config.public_key = member.wireguard;
    config.preshared_key = access.preshared_key;
    const auto underlay = underlay_of(member.wireguard);
    const bool beside = saved_.beside_segment.contains(member.id);
    config.allowed_ips = {{underlay, 128}};
    if (access.may_talk) {
      config.allowed_ips.push_back({member.vip, 32});
      on_lan.push_back({member.wireguard, member.vip, underlay, !beside});
      (beside && lan_->has_segment() ? by_tunnel : by_lan).push_back(member.vip);
    }
    peers.push_back(
        {member.id, member.identity, member.box, member.vip, beside, std::move(config)});
  }
  // Shut out of the LAN first, known there before the first frame.
  lan_->set_members(on_lan);
  connectivity_->set_peers(peers);
  name_members();
  if (games_) games_->set_members(std::move(by_lan), by_tunnel);
}

void PartySession::on_place(const PeerId& peer, bool beside_segment) {
  const bool known = saved_.beside_segment.contains(peer);
  if (known == beside_segment) return;
  if (beside_segment)
    saved_.beside_segment.insert(peer);
  else
    saved_.beside_segment.erase(peer);
  sync_peers();
  if (callbacks_.on_saved_changed) callbacks_.on_saved_changed();
}

void PartySession::name_members() {
  if (context_.names != nullptr && lan_) context_.names->set(ledger(), lan_->interface_name());
}

void PartySession::keep() {
  name_members();
  const auto& trust = trust_->trust();
  std::erase_if(saved_.beside_segment,
                [&](const auto& peer) { return ledger().member(peer) == nullptr; });
  saved_.log = trust.log().records();
  saved_.party_key = trust.keys().newest().key();
  saved_.key_epoch = trust.keys().newest().epoch();
  saved_.older_keys = trust.keys().older();
  saved_.overruled = trust.log().overruled();
  keep_root_key(trust.root().held());
  if (const auto* self = ledger().member(context_.keys.peer_id())) {
    saved_.nick = self->nick;
    saved_.statement_version = self->statement_version;
  }
  if (callbacks_.on_saved_changed) callbacks_.on_saved_changed();
}

void PartySession::keep_root_key(const crypto::SigningKey* key) {
  if (saved_.root_seed.has_value() == (key != nullptr)) return;
  context_.log.info(key != nullptr ? "root_key_received" : "root_key_forgotten",
                    {{"party", saved_.id.to_string()}});
  saved_.root_seed = key != nullptr ? std::optional(key->seed()) : std::nullopt;
}

}  // namespace lanrage::agent
