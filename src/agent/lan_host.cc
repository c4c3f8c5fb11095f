#include "agent/lan_host.hpp"

#include <boost/asio/use_awaitable.hpp>

#include "agent/clock.hpp"
#include "io/route_lookup.hpp"

namespace lanrage::agent {
namespace {

using namespace std::chrono_literals;

constexpr auto kBeaconEvery = 5s;
constexpr auto kEndingPoll = 50ms;
constexpr Duration kFileEvery = 60s;  // a third of its life

}  // namespace

LanHost::LanHost(AgentContext& context, std::filesystem::path directory, DiscoveryFiles files,
                 Callbacks callbacks)
    : context_(context),
      directory_(std::move(directory)),
      files_(std::move(files)),
      callbacks_(std::move(callbacks)),
      timer_(context.io) {}

LanHost::~LanHost() {
  if (socket_) socket_->close();
  if (server_) files_.remove();
}

Result<std::shared_ptr<LocalServer>> LanHost::start_server() {
  if (server_) return server_;
  // A host whose machine starts before its network must come back all the same.
  const auto lan = lan_address(lan_interfaces()).value_or(IpAddress::v4(0x7f000001u));
  auto started =
      LocalServer::start(context_.io, directory_, context_.keys.peer_id(), lan, context_.log);
  if (started) server_ = *started;
  return started;
}

boost::asio::awaitable<Result<std::shared_ptr<LocalServer>>> LanHost::server() {
  if (!lan_address(lan_interfaces()))
    co_return fail(LocalServerErrc::no_network,
                   "this machine has no network that others could come by; connect it to the LAN "
                   "and try again");
  // It closes its connections and its database first; that is bounded by its own grace time.
  while (!server_ && !ending_.expired()) {
    boost::asio::steady_timer moment(context_.io, kEndingPoll);
    co_await moment.async_wait(boost::asio::use_awaitable);
  }
  co_return start_server();
}

void LanHost::announce() {
  next_file_ = {};
  tick();
}

void LanHost::tick() {
  if (!server_) return;
  if (!callbacks_.wanted()) return rest();
  timer_.expires_after(kBeaconEvery);
  timer_.async_wait([this](const boost::system::error_code& cancelled) {
    if (!cancelled) tick();
  });
  interfaces_ = lan_interfaces();
  follow_address();
  if (!socket_) {
    auto opened = BeaconSocket::open(
        context_.io, kBeaconPort,
        [this](const BeaconSocket::Peer& from, ByteView datagram) { on_datagram(from, datagram); });
    if (opened)
      socket_ = std::move(*opened);
    else if (!std::exchange(warned_socket_, true))
      context_.log.warning("no_beacons", {{"detail", opened.error().message()}});
  }
  if (socket_) {
    socket_->join(interfaces_);
    for (const auto& interface : interfaces_)
      for (const bool v6 : {false, true})
        if (const auto address = interface.address(v6))
          for (const auto& party : parties_at(*address))
            socket_->send_to_group(interface, v6, encode_party({}, party));
  }
  if (const auto now = monotonic_now(); now >= next_file_) {
    next_file_ = now + kFileEvery;
    write_file(parties_at(server_->lan_address()));
  }
}

// The machine may have moved to another LAN: members look for us there, and new invites name it.
void LanHost::follow_address() {
  const auto lan = lan_address(interfaces_);
  if (!lan || *lan == server_->lan_address()) return;
  server_->set_lan_address(*lan);
  next_file_ = {};
  context_.log.info("local_server_moved", {{"url", server_->lan_url()}});
  callbacks_.on_moved(server_->lan_url());
}

void LanHost::on_datagram(const BeaconSocket::Peer& from, ByteView datagram) {
  const auto beacon = parse_beacon(datagram);
  if (!server_ || !beacon || beacon->party) return;
  if (!gate_.take(monotonic_now(), address_of(from))) return;
  const auto address = address_towards(from);
  if (!address) return;
  for (const auto& party : parties_at(*address))
    socket_->send(from, encode_party(beacon->nonce, party));
}

std::optional<IpAddress> LanHost::address_towards(const BeaconSocket::Peer& asker) const {
  const auto address = address_of(asker);
  if (address.is_v6() && address.is_link_local()) {
    for (const auto& interface : interfaces_)
      if (interface.index == asker.address().to_v6().scope_id()) return interface.address(true);
    return std::nullopt;
  }
  const auto source = io::RouteLookup().source_for(address);
  return source ? std::optional(*source) : std::nullopt;
}

std::vector<LanParty> LanHost::parties_at(const IpAddress& address) const {
  auto out = callbacks_.parties();
  for (auto& party : out) {
    party.server = {address, server_->port()};
    party.pin = server_->pin();
  }
  std::erase_if(out, [](const auto& party) { return !is_sound(party); });
  if (out.size() > kMaxAnnouncedParties) out.resize(kMaxAnnouncedParties);
  return out;
}

void LanHost::write_file(const std::vector<LanParty>& parties) {
  const auto written = files_.write(parties, unix_now());
  if (written)
    warned_file_ = false;
  else if (!std::exchange(warned_file_, true))
    context_.log.warning("discovery_file", {{"detail", written.error().message()}});
}

void LanHost::rest() {
  timer_.cancel();
  if (socket_) socket_->close();
  socket_.reset();
  files_.remove();
  ending_ = server_;
  std::exchange(server_, nullptr)->stop();
}

}  // namespace lanrage::agent
