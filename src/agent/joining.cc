#include "agent/joining.hpp"

#include "agent/fallback_control_plane.hpp"
#include "agent/invite_clock.hpp"
#include "agent/log_proofs.hpp"
#include "base/encoding.hpp"
#include "io/tls.hpp"
#include "trust/verified_log.hpp"

namespace lanrage::agent {
namespace {

namespace asio = boost::asio;

std::optional<std::string> pin_text(const std::optional<io::Pin>& pin) {
  return pin ? std::optional(io::to_text(*pin)) : std::nullopt;
}

// What was begun with a server ends with it, unless something comes of it.
class Beginning {
 public:
  // The live link takes about as many round trips as getting in does: both at once.
  explicit Beginning(std::shared_ptr<ControlPlane> control) : control_(std::move(control)) {
    control_->open_link_ahead();
  }
  Beginning(const Beginning&) = delete;
  Beginning& operator=(const Beginning&) = delete;
  ~Beginning() {
    if (control_) control_->close();
  }
  ControlPlane* operator->() const { return control_.get(); }
  std::shared_ptr<ControlPlane> keep() { return std::move(control_); }

 private:
  std::shared_ptr<ControlPlane> control_;
};

constexpr int kJoinAttempts = 8;  // others join at the same time and take the suggested address

}  // namespace

std::string new_request_id() {
  crypto::SystemRandom random;
  return to_base32(random.array<16>());
}

Result<std::shared_ptr<ControlPlane>> connect_to(AgentContext& context, const std::string& url,
                                                 const std::optional<std::string>& pin) {
  auto origin = io::Origin::parse(url);
  if (!origin)
    return fail(
        JoinErrc::bad_server,
        "\"" + url + "\" is no server's address; expected https://HOST or https://HOST:PORT",
        "server");
  if (pin) {
    origin->policy.pin = io::parse_pin(*pin);
    if (!origin->policy.pin)
      return fail(JoinErrc::bad_pin,
                  "a pin is 26 letters and digits, as the server prints it when it starts", "pin");
  }
  return std::make_shared<FallbackControlPlane>(
      std::make_shared<ServerSession>(context.io, std::move(*origin), context.keys, context.log));
}

party::DeviceKeys member_keys(const AgentContext& context, const SavedParty& saved) {
  return {context.keys.identity, context.keys.box,
          crypto::ExchangeSecret::from_bytes(saved.wireguard_secret)};
}

WipedString invite_text(const SavedParty& saved, const party::InviteSecret& secret) {
  const auto origin = io::Origin::parse(saved.public_url);
  party::InviteLink link;
  link.host = origin ? origin->host : saved.public_url;
  link.port = origin ? origin->port : party::kDefaultControlPort;
  link.party = saved.id;
  link.secret = secret;
  link.pin = saved.pin;
  return link.to_text();
}

asio::awaitable<Result<Joined>> create_party(AgentContext& context,
                                             std::shared_ptr<ControlPlane> control,
                                             CreateOptions options) {
  Beginning server(std::move(control));
  crypto::SystemRandom random;
  SavedParty saved;
  saved.wireguard_secret = crypto::ExchangeSecret::generate(random).bytes();
  const auto keys = member_keys(context, saved);
  // The server judges by its clock until when the first invite is good.
  if (auto met = co_await server->meet(); !met) co_return std::unexpected(met.error());
  const auto date = invite_date(*server.operator->());
  if (!date) co_return std::unexpected(date.error());
  auto made = party::create_party(random, options.party, keys, options.nick, *date);
  if (!made) co_return std::unexpected(made.error());

  const auto bind_key = crypto::SigningKey::generate(random);
  protocol::CreatePartyRequest request;
  request.request_id = new_request_id();
  request.charter = made->charter;
  request.roster = made->roster;
  request.statement = made->statement;
  for (const auto& box : made->boxes)
    request.boxes.push_back({box.recipient, box.box});
  request.bind_key = bind_key.public_key();
  request.word = options.word;
  auto answer = co_await server->create_party(std::move(request));
  if (!answer) co_return std::unexpected(answer.error());

  saved.id = made->id;
  saved.server_url = options.server;
  saved.local = options.local;
  if (options.pin) saved.pin = io::parse_pin(*options.pin);
  saved.public_url = answer->public_url.value_or(options.server);
  saved.root_seed = made->root.seed();
  saved.party_key = made->key.key();
  saved.key_epoch = made->key.epoch();
  saved.nick = options.nick;
  saved.statement_version = 1;
  saved.log = {made->charter, made->roster, made->statement};
  auto membership = party::restore_membership(made->id, saved.log, made->key);
  if (!membership) co_return std::unexpected(membership.error());
  auto invite = invite_text(saved, made->invite);
  co_return Joined{std::move(saved), std::move(*membership), server.keep(),
                   bind_key,         std::move(*answer),     std::move(invite)};
}

asio::awaitable<Result<Joined>> join_party(AgentContext& context, party::InviteLink invite,
                                           std::string nick) {
  const bool v6 = invite.host.find(':') != std::string::npos;
  const auto url =
      "https://" + (v6 ? "[" + invite.host + "]" : invite.host) + ":" + std::to_string(invite.port);
  auto control = connect_to(context, url, pin_text(invite.pin));
  if (!control) co_return std::unexpected(control.error());
  Beginning server(std::move(*control));

  crypto::SystemRandom random;
  SavedParty saved;
  saved.id = invite.party;
  saved.server_url = saved.public_url = url;
  saved.pin = invite.pin;
  saved.nick = nick;
  saved.wireguard_secret = crypto::ExchangeSecret::generate(random).bytes();
  const auto keys = member_keys(context, saved);
  const auto invite_keys = party::invite_keys(invite.secret, invite.party);
  const auto bind_key = crypto::SigningKey::generate(random);
  const auto request_id = new_request_id();

  for (int attempt = 1;; ++attempt) {
    auto opened = co_await server->open_invite(invite.party, invite_keys.signing);
    if (!opened && opened.error().is(io::ClientErrc::pin_mismatch))
      co_return std::unexpected(opened.error().with_context("this invite is for another server"));
    if (!opened) co_return std::unexpected(opened.error());
    auto membership = party::verify_joining_material(invite.party, invite.secret, opened->log,
                                                     opened->box, prove_on_threads);
    if (!membership) co_return std::unexpected(membership.error());

    // We joined before and lost what we knew of it (its keys went with the state file): that
    // membership is of no use to anybody, and only we can end it.
    if (membership->ledger.member(keys.peer_id()) != nullptr && attempt < kJoinAttempts) {
      protocol::LeaveRequest leave{new_request_id(),
                                   party::build_leave(membership->ledger, keys.identity)};
      auto left = co_await server->leave(invite.party, std::move(leave));
      if (!left) co_return std::unexpected(left.error());
      continue;
    }

    protocol::JoinRequest request;
    request.request_id = request_id + "-" + std::to_string(attempt);
    request.admission = party::build_admission(membership->ledger, invite_keys, keys);
    // The statement follows the admission in the log, so it is built on a ledger that has it.
    auto ledger = membership->ledger;
    if (auto admitted = ledger.append(request.admission); !admitted)
      co_return std::unexpected(admitted.error());
    auto statement = party::build_statement(ledger, keys.identity, nick, opened->vip);
    if (!statement) co_return std::unexpected(statement.error());
    request.statement = *statement;
    request.bind_key = bind_key.public_key();
    auto answer = co_await server->join(invite.party, std::move(request));
    if (!answer) {
      const auto& error = answer.error();
      const bool outrun = error.is(protocol::Errc::vip_taken) ||
                          error.is(protocol::Errc::stale_epoch) ||
                          error.is(protocol::Errc::stale_head);
      if (outrun && attempt < kJoinAttempts) continue;
      co_return std::unexpected(error);
    }
    // The server's log must go on from the one that we verified, and hold us.
    trust::VerifiedLog log(std::move(membership->ledger), std::move(opened->log));
    const auto merge = log.merge(answer->party.log, answer->seq, answer->incarnation);
    if (merge.why) co_return std::unexpected(*merge.why);
    const auto* self = log.ledger().member(keys.peer_id());
    if (merge.outcome != trust::VerifiedLog::Outcome::adopted || self == nullptr ||
        self->wireguard != keys.wireguard.public_key())
      co_return fail(JoinErrc::server_inconsistent,
                     "the server says that we joined, but its records don't show it");
    saved.party_key = membership->key.key();
    saved.key_epoch = membership->key.epoch();
    saved.statement_version = self->statement_version;
    saved.log = log.records();
    party::Membership joined{log.ledger(), std::move(membership->key)};
    co_return Joined{std::move(saved), std::move(joined),  server.keep(),
                     bind_key,         std::move(*answer), ""};
  }
}

}  // namespace lanrage::agent
