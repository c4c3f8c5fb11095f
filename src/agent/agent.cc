#include "agent/agent.hpp"

#include <algorithm>

#include "agent/clock.hpp"
#include "agent/local_addresses.hpp"
#include "agent/local_control_plane.hpp"
#include "agent/state_lock.hpp"
#include "crypto/keys.hpp"
#include "io/tls.hpp"
#include "party/invite_link.hpp"

namespace lanrage::agent {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

constexpr auto kDormantRetry = 5s;
constexpr std::size_t kNamesId = 8;  // letters of our peer id, for the hosts file

std::vector<std::filesystem::path> discovery_folders(const Agent::Options& options) {
  std::vector<std::filesystem::path> out;
  if (!options.discovery_dir.empty()) out.push_back(options.discovery_dir);
  out.push_back(options.state_dir / "discovery");
  return out;
}

// Its host's, who may be another than who made it here; once that one has left, ours.
std::string host_nick(const PartySession& session) {
  const auto* host = session.ledger().member(session.ledger().host_id());
  return host != nullptr ? host->nick : session.saved().nick;
}

bool overlap(const Prefix& a, const Prefix& b) {
  return a.contains(b.address) || b.contains(a.address);
}

}  // namespace

Agent::Agent(asio::io_context& io, Options options, io::UniqueFd lock, DeviceKeys keys,
             io::Log& log)
    : log_(log),
      lock_(std::move(lock)),
      keys_(std::move(keys)),
      games_(std::move(options.games)),
      context_{.io = io,
               .keys = keys_,
               .log = log,
               .backend = options.backend,
               .interface_name = options.interface_name,
               .lan_name = options.lan_name,
               .lan_segment = options.lan_segment,
               .copy_discovery = options.copy_discovery,
               .predict_ports = options.predict_ports,
               .games = &games_},
      network_(io, log),
      names_(io, std::move(options.names), keys_.peer_id().to_string().substr(0, kNamesId), log),
      state_(io, options.state_dir / "state.json",
             [&log](const Error& error) { log.error("state", {{"detail", error.message()}}); }),
      lan_host_(context_, options.state_dir / "local-server",
                DiscoveryFiles(discovery_folders(options), keys_.peer_id().to_string()),
                lan_host_callbacks()),
      search_(std::make_shared<ServerSearch>(context_, lan_host_.files(), search_callbacks())),
      dormant_timer_(io) {
  state_.set_on_written([this] {
    for (const auto& session : sessions_)
      session->on_stored();
  });
  context_.network = &network_;
  context_.names = &names_;
  if (!options.map_ports) return;
  ports_ = std::make_unique<PortMapper>(io, PortMapper::defaults(keys_.port_mapping_key()), log);
  context_.ports = ports_.get();
}

Agent::~Agent() {
  search_->stop();
  for (const auto& session : sessions_)
    session->stop();
}

Result<std::unique_ptr<Agent>> Agent::start(asio::io_context& io, Options options, io::Log& log) {
  auto lock = lock_state(options.state_dir);
  if (!lock) return std::unexpected(lock.error());
  crypto::SystemRandom random;
  auto keys = load_or_create_device_keys(options.state_dir, random);
  if (!keys) return std::unexpected(keys.error());
  std::unique_ptr<Agent> agent(
      new Agent(io, std::move(options), std::move(*lock), std::move(*keys), log));
  auto parties = agent->state_.load();
  if (!parties) return std::unexpected(parties.error());
  remove_dead_segments();
  agent->dormant_ = std::move(*parties);
  agent->retry_dormant();
  agent->search_->start();
  return agent;
}

// ---- entering and leaving

Result<void> Agent::may_enter() const {
  if (sessions_.size() + dormant_.size() + joining_.size() < kMaxParties) return {};
  return fail(AgentErrc::too_many_parties, "you are in " + std::to_string(kMaxParties) +
                                               " parties already; `lanrage leave` one first");
}

// A second membership of one device would end the first one's.
Result<void> Agent::may_join(const PartyId& party) const {
  const auto is_it = [&](const auto& entry) { return entry.id == party; };
  if (find_party(party.to_string()))
    return fail(JoinErrc::already_member, "you are in this party already; see `lanrage status`");
  if (std::ranges::any_of(dormant_, is_it))
    return fail(JoinErrc::already_member,
                "you are in this party already, but its network device can't be made (the agent's "
                "log says why); the agent keeps trying");
  if (joining_.contains(party))
    return fail(JoinErrc::already_member,
                "the agent is joining this party right now; wait a moment");
  return {};
}

asio::awaitable<Result<Agent::Entered>> Agent::create(CreateOptions options) {
  if (auto allowed = may_enter(); !allowed) co_return std::unexpected(allowed.error());
  if (options.any_prefix) options.party.prefix = free_prefix(options.party.prefix);
  const int local = options.local ? 1 : 0;
  creating_local_ += local;
  auto joined = co_await found_party(std::move(options));
  auto entered = co_await enter(std::move(joined));
  creating_local_ -= local;
  if (local != 0) lan_host_.announce();
  co_return entered;
}

asio::awaitable<Result<Joined>> Agent::found_party(CreateOptions options) {
  auto control = co_await control_for(options);
  if (!control) co_return std::unexpected(control.error());
  co_return co_await create_party(context_, std::move(*control), std::move(options));
}

asio::awaitable<Result<std::shared_ptr<ControlPlane>>> Agent::control_for(CreateOptions& options) {
  if (!options.local) co_return connect_to(context_, options.server, options.pin);
  auto server = co_await lan_host_.server();
  if (!server) co_return std::unexpected(server.error());
  options.server = (*server)->lan_url();
  options.pin = io::to_text((*server)->pin());
  co_return std::make_shared<LocalControlPlane>(context_, *server);
}

// Of a party that we were in before. One that is hosted here lives on from what was kept, even when
// its server can't be started.
Result<std::shared_ptr<ControlPlane>> Agent::control_for(SavedParty& saved) {
  if (saved.local) {
    if (auto server = lan_host_.start_server()) {
      saved.server_url = saved.public_url = (*server)->lan_url();
      return std::make_shared<LocalControlPlane>(context_, std::move(*server));
    } else {
      log_.error("local_server", {{"detail", server.error().message()}});
    }
  }
  const auto pin = saved.pin ? std::optional(io::to_text(*saved.pin)) : std::nullopt;
  return connect_to(context_, saved.server_url, pin);
}

asio::awaitable<Result<Agent::Entered>> Agent::join(WipedString invite, std::string nick) {
  if (auto allowed = may_enter(); !allowed) co_return std::unexpected(allowed.error());
  auto link = party::parse_invite_link(invite);
  if (!link) co_return std::unexpected(link.error());
  if (auto free = may_join(link->party); !free) co_return std::unexpected(free.error());
  joining_.insert(link->party);
  auto joined = co_await join_party(context_, *link, std::move(nick));
  auto entered = co_await enter(std::move(joined));
  joining_.erase(link->party);
  co_return entered;
}

asio::awaitable<Result<Agent::Entered>> Agent::enter(Result<Joined> joined) {
  if (!joined) co_return std::unexpected(joined.error());
  joined->saved.interface = free_interface(context_.interface_name, &SavedParty::interface);
  joined->saved.lan_interface = free_interface(context_.lan_name, &SavedParty::lan_interface);
  Entered out{nullptr, joined->invite, ""};
  const auto& prefix = joined->membership.ledger.charter().prefix;
  if (const auto user = user_of(prefix); !user.empty())
    out.note = "the party's addresses " + prefix.to_string() + " overlap with those of " + user +
               ": games may reach only one of them";
  const auto id = joined->saved.id;
  const auto keys = member_keys(context_, joined->saved);
  const auto control = joined->control;
  const auto ledger = joined->membership.ledger;
  auto session = PartySession::start(context_, std::move(*joined), callbacks_for(id));
  if (!session) {
    // Without a device we are no use to the others: undo what they see.
    protocol::LeaveRequest request{new_request_id(), party::build_leave(ledger, keys.identity)};
    co_await control->leave(id, std::move(request));
    control->close();
    co_return std::unexpected(session.error());
  }
  out.session = *session;
  sessions_.push_back(*session);
  ended_.clear();
  state_.save(saved());
  // Keys that only this file has: they must be on the disk before we say that it worked.
  if (auto written = state_.flush(); !written) {
    co_await leave(*session);
    co_return std::unexpected(written.error());
  }
  co_return out;
}

asio::awaitable<Result<std::string>> Agent::leave(std::shared_ptr<PartySession> session) {
  const bool serves_others = session->saved().local && session->members() > 1;
  auto told = co_await session->leave();
  std::string note;
  // Leaving must work whatever the server does; what it wasn't told, the player is.
  if (!told && !told.error().is(protocol::Errc::unknown_party))
    note = "the server could not be told (" + told.error().message() +
           "), so the others see you as offline";
  if (serves_others)
    note += std::string(note.empty() ? "" : "; ") +
            "the party's server ran in this agent: the others keep their tunnels, but nobody can "
            "join them any more";
  remove(session->id());
  co_return note;
}

void Agent::remove(PartyId party) {
  std::erase_if(sessions_, [&](const auto& session) {
    if (session->id() != party) return false;
    session->stop();
    return true;
  });
  state_.save(saved());
  if (auto written = state_.flush(); !written)
    log_.error("state", {{"detail", written.error().message()}});
  lan_host_.announce();
}

// ---- what happens to sessions

PartySession::Callbacks Agent::callbacks_for(const PartyId& party) {
  return {[this] { state_.save(saved()); },
          [this, party](Ended how, const std::string& why) { on_ended(party, how, why); }};
}

// By value: stopping a session destroys the callback that brought us here, and what it holds.
void Agent::on_ended(PartyId party, Ended how, const std::string& why) {
  log_.warning("party_ended", {{"party", party.to_string()}, {"why", why}});
  const auto found =
      std::ranges::find_if(sessions_, [&](const auto& session) { return session->id() == party; });
  if (found == sessions_.end()) return;
  if (how == Ended::device_lost) {
    (*found)->stop();
    dormant_.push_back((*found)->saved());
    sessions_.erase(found);
    // Whoever removes it keeps doing so.
    const auto now = monotonic_now();
    const bool again = rebuilt_ && now < *rebuilt_ + kDormantRetry;
    rebuilt_ = now;
    return again ? retry_dormant_later() : retry_dormant();
  }
  ended_[party] = "you are no longer in \"" + (*found)->name() +
                  "\": " + (how == Ended::party_closed ? "it was closed (" + why + ")" : why);
  remove(party);
}

std::vector<std::string> Agent::warnings() const {
  auto out = state_.problems();
  for (const auto& [party, why] : ended_)
    out.push_back(why);
  if (auto trouble = names_.warning()) out.push_back(*std::move(trouble));
  return out;
}

void Agent::retry_dormant() {
  for (auto& saved : std::exchange(dormant_, {})) {
    const auto id = saved.id;
    auto control = control_for(saved);
    auto session =
        control ? PartySession::resume(context_, saved, std::move(*control), callbacks_for(id))
                : std::unexpected(control.error());
    if (session) {
      sessions_.push_back(*session);
      continue;
    }
    log_.error("party_not_resumed",
               {{"party", id.to_string()}, {"detail", session.error().message()}});
    dormant_.push_back(std::move(saved));
  }
  state_.save(saved());  // the interface or port may be another now
  lan_host_.announce();
  if (!dormant_.empty()) retry_dormant_later();
}

void Agent::retry_dormant_later() {
  dormant_timer_.expires_after(kDormantRetry);
  dormant_timer_.async_wait([this](const boost::system::error_code& cancelled) {
    if (!cancelled) retry_dormant();
  });
}

// ---- parties on the LAN

LanHost::Callbacks Agent::lan_host_callbacks() {
  LanHost::Callbacks out;
  out.wanted = [this] {
    return creating_local_ > 0 ||
           std::ranges::any_of(saved(), [](const auto& party) { return party.local; });
  };
  out.parties = [this] {
    std::vector<LanParty> parties;
    for (const auto& session : sessions_)
      if (session->saved().local)
        parties.push_back({session->id(),
                           {},
                           {},
                           static_cast<std::uint16_t>(session->members()),
                           session->name(),
                           host_nick(*session)});
    return parties;
  };
  out.on_moved = [this](const std::string& url) {
    for (const auto& session : sessions_)
      if (session->saved().local) session->set_public_url(url);
  };
  return out;
}

ServerSearch::Callbacks Agent::search_callbacks() {
  ServerSearch::Callbacks out;
  out.lost = [this] {
    std::vector<LostServer> lost;
    for (const auto& session : sessions_) {
      const auto& party = session->saved();
      const bool reached = session->link_state() == LinkState::connected;
      if (!reached && !party.local && party.pin && is_lan_url(party.server_url))
        lost.push_back({party.id, *party.pin, party.server_url});
    }
    return lost;
  };
  out.on_found = [this](const PartyId& party, std::string url,
                        std::shared_ptr<ControlPlane> control) {
    const auto session = session_of(party);
    // It may have been reached, or left, while we looked.
    if (!session || session->link_state() == LinkState::connected) return control->close();
    session->move_to(std::move(url), std::move(control));
  };
  return out;
}

std::shared_ptr<PartySession> Agent::session_of(const PartyId& party) const {
  for (const auto& session : sessions_)
    if (session->id() == party) return session;
  return nullptr;
}

asio::awaitable<std::vector<FoundParty>> Agent::discover() {
  return discover_parties(context_, lan_host_.files(), kDiscoveryTime);
}

std::string Agent::free_interface(const std::string& wanted, std::string SavedParty::* of) const {
  if (wanted.empty()) return "";
  for (std::size_t n = 0;; ++n) {
    const auto name = wanted + (n == 0 ? "" : std::to_string(n));
    if (std::ranges::none_of(saved(), [&](const auto& party) { return party.*of == name; }))
      return name;
  }
}

std::string Agent::user_of(const Prefix& prefix) const {
  for (const auto& session : sessions_)
    if (overlap(prefix, session->prefix())) return "your party \"" + session->name() + "\"";
  for (const auto& address : local_addresses({}))
    if (prefix.contains(address)) return "this machine's own network";
  return "";
}

Prefix Agent::free_prefix(const Prefix& wanted) const {
  if (user_of(wanted).empty()) return wanted;
  for (std::uint32_t second = 67; second < 128; ++second) {
    const Prefix prefix{IpAddress::v4(10u << 24 | second << 16), 16};
    if (user_of(prefix).empty()) return prefix;
  }
  return wanted;
}

std::vector<SavedParty> Agent::saved() const {
  std::vector<SavedParty> out = dormant_;
  for (const auto& session : sessions_)
    out.push_back(session->saved());
  return out;
}

Result<std::shared_ptr<PartySession>> Agent::find_party(
    const std::optional<std::string>& name) const {
  if (sessions_.empty() && !dormant_.empty())
    return fail(AgentErrc::party_dormant,
                "your party's network device can't be made (the agent's log says why); the agent "
                "keeps trying");
  if (sessions_.empty() && !ended_.empty())
    return fail(AgentErrc::no_party, ended_.begin()->second);
  if (sessions_.empty())
    return fail(AgentErrc::no_party,
                "you are in no party; `lanrage create` makes one, `lanrage join` joins one");
  if (!name) {
    if (sessions_.size() == 1) return sessions_.front();
    return fail(AgentErrc::which_party, "you are in several parties; say which with --party",
                "party");
  }
  std::shared_ptr<PartySession> found;
  for (const auto& session : sessions_) {
    if (session->id().to_string() != *name && session->name() != *name) continue;
    if (found)
      return fail(AgentErrc::which_party,
                  "several of your parties are called \"" + *name + "\"; give the id", "party");
    found = session;
  }
  if (!found)
    return fail(AgentErrc::unknown_party, "you are in no party \"" + *name + "\"", "party");
  return found;
}

}  // namespace lanrage::agent
