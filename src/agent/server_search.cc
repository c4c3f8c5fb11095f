#include "agent/server_search.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "agent/joining.hpp"
#include "io/http_client.hpp"
#include "io/tls.hpp"

namespace lanrage::agent {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

constexpr auto kLook = 5s;  // whether a server is lost
constexpr Backoff::Range kSearchPause{5s, 60s};

}  // namespace

std::vector<std::string> addresses_to_try(const LostServer& lost,
                                          const std::vector<FoundParty>& found) {
  std::vector<std::string> out;
  for (const auto& one : found) {
    if (one.party.id != lost.party || one.party.pin != lost.pin) continue;
    auto url = one.party.server_url();
    if (url == lost.url || std::ranges::find(out, url) != out.end()) continue;
    if (out.size() < kMaxAddressesTried) out.push_back(std::move(url));
  }
  return out;
}

bool is_lan_url(const std::string& url) {
  const auto origin = io::Origin::parse(url);
  const auto address = origin ? IpAddress::parse(origin->host) : std::nullopt;
  return address && address->is_private();
}

ServerSearch::ServerSearch(AgentContext& context, DiscoveryFiles files, Callbacks callbacks)
    : context_(context),
      files_(std::move(files)),
      callbacks_(std::move(callbacks)),
      pauses_(Pauses::make(context.io)) {}

void ServerSearch::start() {
  const auto self = shared_from_this();
  asio::co_spawn(context_.io, [self] { return self->run(); }, asio::detached);
}

void ServerSearch::stop() {
  stopped_ = true;
  callbacks_ = {};
  pauses_->end();
}

asio::awaitable<void> ServerSearch::run() {
  Backoff backoff(kSearchPause, random_);
  while (!stopped_) {
    co_await pauses_->pause(kLook);
    if (stopped_) break;
    auto lost = callbacks_.lost();
    if (lost.empty()) {
      backoff.reset();
      continue;
    }
    co_await search(std::move(lost));
    co_await pauses_->pause(backoff.next());
  }
}

asio::awaitable<void> ServerSearch::search(std::vector<LostServer> lost) {
  const auto found = co_await discover_parties(context_, files_, kDiscoveryTime);
  for (const auto& server : lost) {
    for (const auto& url : addresses_to_try(server, found)) {
      if (stopped_) co_return;
      const auto control = connect_to(context_, url, io::to_text(server.pin));
      if (!control) continue;
      // Any answer over TLS comes from the holder of the pinned key.
      const auto info = co_await (*control)->info();
      if (!info || stopped_) {
        (*control)->close();
        continue;
      }
      context_.log.info("server_found_again", {{"party", server.party.to_string()}, {"url", url}});
      callbacks_.on_found(server.party, url, *control);
      break;
    }
  }
}

}  // namespace lanrage::agent
