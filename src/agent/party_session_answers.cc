// What a session answers its player: who somebody is, whether an echo comes back, how it stands.
#include <boost/asio/use_awaitable.hpp>

#include "agent/finding_text.hpp"
#include "agent/party_session.hpp"

namespace lanrage::agent {
namespace {

namespace asio = boost::asio;

constexpr auto kPingSpacing = std::chrono::milliseconds(250);
constexpr Duration kPingTimeout = std::chrono::seconds(2);

}  // namespace

Result<PeerId> PartySession::find_peer(std::string_view name) const {
  const auto id = PeerId::parse(name);
  const auto address = IpAddress::parse(name);
  std::vector<PeerId> found;
  for (const auto& [peer, member] : ledger().members())
    if (peer == id || member.vip == address || member.nick == name) found.push_back(peer);
  if (found.empty())
    return fail(SessionErrc::unknown_peer,
                "nobody called \"" + std::string(name) + "\" is in this party", "peer");
  if (found.size() > 1)
    return fail(SessionErrc::ambiguous_peer,
                std::to_string(found.size()) + " peers are called \"" + std::string(name) +
                    "\"; name one by its id or virtual IP (see `lanrage status`)",
                "peer");
  return found.front();
}

asio::awaitable<std::vector<std::optional<Duration>>> PartySession::ping(PeerId peer, int count) {
  const auto self = shared_from_this();
  const auto connectivity = connectivity_;
  std::vector<std::optional<Duration>> out;
  for (int i = 0; i < count && !stopped_; ++i) {
    if (i > 0) {
      asio::steady_timer spacing(context_.io, kPingSpacing);
      co_await spacing.async_wait(asio::use_awaitable);
    }
    out.push_back(co_await connectivity->echo(peer, kPingTimeout));
  }
  co_return out;
}

asio::awaitable<std::optional<Duration>> PartySession::echo(PeerId peer, std::size_t size) {
  const auto self = shared_from_this();
  const auto connectivity = connectivity_;
  if (stopped_) co_return std::nullopt;
  co_return co_await connectivity->echo(peer, kPingTimeout, size);
}

Result<void> PartySession::set_access(lan::Access access) {
  if (auto set = lan_->set_access(access); !set) return set;
  context_.log.info("access", {{"party", saved_.id.to_string()},
                               {"all", access.all ? "true" : "false"},
                               {"opened", std::to_string(access.opened.ranges().size())}});
  saved_.access = std::move(access);
  if (callbacks_.on_saved_changed) callbacks_.on_saved_changed();
  return {};
}

asio::awaitable<Result<std::vector<GameRow>>> PartySession::games() {
  const auto self = shared_from_this();
  const auto games = games_;
  if (!games)
    co_return fail(GamesWatchErrc::unavailable, "the agent can't look for games on " +
                                                    lan_->interface_name() + "; its log says why");
  co_await games->ask();
  std::vector<GameRow> out;
  if (stopped_) co_return out;
  for (auto& hosted : games->hosted())
    for (const auto& [id, member] : ledger().members()) {
      if (member.vip != hosted.at.address) continue;
      const auto report = connectivity_->report(id);
      out.push_back({std::move(hosted), member.nick, report ? report->path.rtt : std::nullopt});
      break;
    }
  co_return out;
}

PartyRow PartySession::report() const {
  const auto self = context_.keys.peer_id();
  PartyRow out{saved_.id,
               name(),
               ledger().host_id(),
               trust_->trust().keys().newest().epoch(),
               trust_->trust().log().seq(),
               saved_.interface,
               lan_->has_segment() ? std::optional(lan_->interface_name()) : std::nullopt,
               saved_.server_url,
               control_->link_state(),
               saved_.nick,
               vip(),
               connectivity_->mapping(),
               connectivity_->mapped_endpoint(),
               connectivity_->udp(),
               connectivity_->udp_note(),
               waiting_sentence(trust_->trust().confirmed(), trust_->no_channel()),
               lan_->note(),
               alerts_.shown(),
               {}};
  for (const auto& [id, member] : ledger().members()) {
    if (id == self) continue;
    const auto online = online_.find(id);
    out.peers.push_back({id, member.nick, member.vip, online != online_.end() && online->second,
                         connectivity_->report(id)});
  }
  return out;
}

}  // namespace lanrage::agent
