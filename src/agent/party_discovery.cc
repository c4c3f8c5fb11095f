#include "agent/party_discovery.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "agent/beacon_socket.hpp"
#include "agent/clock.hpp"

namespace lanrage::agent {
namespace {

namespace asio = boost::asio;

// Of the search's time: when the question is asked again.
constexpr std::array kAskAt{0.0, 0.15, 0.5};

void ask(BeaconSocket& socket, const std::vector<LanInterface>& interfaces, ByteView question) {
  for (const auto& interface : interfaces)
    for (const bool v6 : {false, true})
      socket.send_to_group(interface, v6, question);
}

}  // namespace

void Findings::add(const LanParty& party, FoundParty::Source source) {
  const auto same = [&](const FoundParty& known) {
    return known.party.id == party.id && known.party.pin == party.pin;
  };
  const auto known = std::ranges::find_if(found_, same);
  if (known == found_.end()) {
    if (found_.size() < kMaxParties) found_.push_back({party, source});
    return;
  }
  // A host on two networks answers on both; what came first stays.
  if (known->source == FoundParty::Source::file && source == FoundParty::Source::beacon)
    *known = {party, source};
}

void Findings::on_datagram(ByteView datagram, const BeaconNonce& nonce) {
  if (++datagrams_ > kMaxDatagrams) return;
  const auto beacon = parse_beacon(datagram);
  if (!beacon || !beacon->party) return;
  if (beacon->nonce == nonce || beacon->nonce == BeaconNonce{})
    add(*beacon->party, FoundParty::Source::beacon);
}

std::vector<FoundParty> Findings::take() && {
  std::ranges::sort(found_, {},
                    [](const FoundParty& one) { return std::pair(one.party.name, one.party.id); });
  return std::move(found_);
}

asio::awaitable<std::vector<FoundParty>> discover_parties(AgentContext& context,
                                                          const DiscoveryFiles& files,
                                                          std::chrono::milliseconds time) {
  Findings findings;
  const auto read = files.read(unix_now());
  for (const auto& problem : read.problems)
    context.log.warning("discovery_file", {{"detail", problem.message()}});
  for (const auto& party : read.parties)
    findings.add(party, FoundParty::Source::file);

  crypto::SystemRandom random;
  const auto nonce = random.array<8>();
  const BeaconSocket::Receiver heard = [&](const BeaconSocket::Peer&, ByteView datagram) {
    findings.on_datagram(datagram, nonce);
  };
  const auto interfaces = lan_interfaces();
  // One for answers, one for what hosts say unasked.
  const auto asking = BeaconSocket::open(context.io, 0, heard);
  const auto listening = BeaconSocket::open(context.io, kBeaconPort, heard);
  if (listening) (*listening)->join(interfaces);
  if (!asking) context.log.warning("discovery", {{"detail", asking.error().message()}});
  const auto question = encode_question(nonce);
  asio::steady_timer timer(context.io);
  const auto start = asio::steady_timer::clock_type::now();
  for (std::size_t i = 0; i < kAskAt.size(); ++i) {
    if (asking) ask(**asking, interfaces, question);
    const double until = i + 1 < kAskAt.size() ? kAskAt[i + 1] : 1.0;
    timer.expires_at(start + std::chrono::duration_cast<std::chrono::nanoseconds>(time * until));
    boost::system::error_code cancelled;
    auto token = asio::redirect_error(asio::use_awaitable, cancelled);
    co_await timer.async_wait(token);
  }
  if (asking) (*asking)->close();
  if (listening) (*listening)->close();
  co_return std::move(findings).take();
}

}  // namespace lanrage::agent
