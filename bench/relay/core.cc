// What the relay's core spends on one packet, without any socket, in this process. "random" spreads
// the packets over all sessions, so that caches miss.
#include <algorithm>
#include <memory>
#include <stdexcept>
#include <vector>

#include "../tests/unit/relay/handmade_packets.hpp"
#include "common/cpu.hpp"
#include "common/report.hpp"
#include "relay/bind_client.hpp"
#include "relay/load.hpp"
#include "relay/metrics.hpp"
#include "relay/relay.hpp"

namespace lanrage::bench {
namespace {

constexpr UnixTime kToday{std::chrono::milliseconds(1000)};
constexpr std::size_t kMostPairs = 1000;
constexpr std::size_t kFewSessions = 1000;

// Pairs of clients, each in a group of its own, with as many sessions each.
class BusyRelay {
 public:
  explicit BusyRelay(std::size_t sessions)
      : pairs_(std::min(sessions, kMostPairs)),
        sessions_(sessions),
        control_key_(crypto::SigningKey::generate(random_)) {
    constexpr relay::Rate kAny{1ull << 40, 1ull << 40};
    relay::Limits limits;
    limits.clients = 2 * pairs_;
    limits.rows_a_client = sessions;
    limits.client_bytes = limits.group_bytes = limits.address_bytes = kAny;
    limits.client_packets = limits.group_packets = limits.address_packets = kAny;
    limits.initiations_a_client = limits.initiations_an_address = limits.initiations_a_group =
        limits.initiations_a_pair = {1'000'000, 10'000'000};
    limits.stun_an_address = limits.verify_an_address = {1'000'000, 1'000'000};
    relay_ = std::make_unique<relay::Relay>(
        relay::RelayConfig{relay::kRelayId, control_key_.public_key(), limits}, random_);
    std::vector<ByteArray<32>> initiators, responders;
    for (std::size_t pair = 0; pair < pairs_; ++pair) {
      initiators.push_back(add_client(2 * pair, pair));
      responders.push_back(add_client(2 * pair + 1, pair));
    }
    for (std::size_t i = 0; i < sessions; ++i)
      add_session(i, initiators[i % pairs_], responders[i % pairs_]);
    if (relay_->sessions() != 2 * sessions)
      throw std::runtime_error("core: the relay didn't learn all sessions");
  }

  std::size_t sessions() const { return sessions_; }
  relay::Verdict send(std::size_t session, Bytes& packet) {
    now_ += Duration(1);
    relay::put_u32_le(packet, 4, responder_index(session));
    return relay_->on_packet(now_, kToday, endpoint(2 * (session % pairs_)), packet);
  }

 private:
  static Endpoint endpoint(std::size_t number) {
    const auto n = static_cast<std::uint32_t>(number);
    return {IpAddress::v4(0xC6330000u + n / 4), static_cast<std::uint16_t>(1000 + n % 4)};
  }
  static std::uint32_t initiator_index(std::size_t session) {
    return static_cast<std::uint32_t>(2 * session + 1);
  }
  static std::uint32_t responder_index(std::size_t session) {
    return static_cast<std::uint32_t>(2 * session + 2);
  }

  ByteArray<32> add_client(std::size_t number, std::uint64_t group) {
    auto key = crypto::SigningKey::generate(random_);
    auto mac1_key = random_.array<32>();
    Bytes token = relay::issue({group, mac1_key, key.public_key(), kToday + relay::kTokenLifetime},
                               control_key_);
    relay::BindClient client({relay::kRelayId, relay::kRelayEndpoint}, token, key, random_);
    stun::Datagrams out;
    client.start(now_, out);
    while (!out.empty()) {
      auto verdict = relay_->on_packet(now_, kToday, endpoint(number), out.back().bytes);
      out.clear();
      Bytes bytes(verdict.reply.begin(), verdict.reply.end());
      client.on_datagram(now_, relay::kRelayEndpoint, *stun::MessageView::parse(bytes), out);
    }
    return mac1_key;
  }

  void add_session(std::size_t number, const ByteArray<32>& initiator,
                   const ByteArray<32>& responder) {
    const std::size_t pair = number % pairs_;
    now_ += Duration(1);
    relay_->on_packet(now_, kToday, endpoint(2 * pair),
                      relay::initiation(initiator_index(number), responder));
    relay_->on_packet(now_, kToday, endpoint(2 * pair + 1),
                      relay::response(responder_index(number), initiator_index(number), initiator));
  }

  SeededRandom random_{1};
  std::size_t pairs_;
  std::size_t sessions_;
  crypto::SigningKey control_key_;
  std::unique_ptr<relay::Relay> relay_;
  Instant now_{std::chrono::seconds(100)};
};

// ns a packet, to any of its sessions.
double cost_of(BusyRelay& relay, const Options& options) {
  Bytes packet = relay::data(0, kMessageSize);
  SeededRandom random(2);
  std::vector<std::size_t> order(1 << 17);
  for (auto& session : order)
    session = static_cast<std::size_t>(random.below(relay.sessions()));
  std::vector<double> rounds;
  for (std::size_t round = 0; round < options.rounds; ++round) {
    const auto before = own_cpu();
    for (const std::size_t session : order)
      if (relay.send(session, packet).kind != relay::Verdict::Kind::forward)
        throw std::runtime_error("core: a packet wasn't forwarded");
    rounds.push_back(static_cast<double>((own_cpu() - before).count()) /
                     static_cast<double>(order.size()));
  }
  return median(rounds);
}

double cost_at(std::size_t sessions, const Options& options) {
  BusyRelay relay(sessions);
  return cost_of(relay, options);
}

}  // namespace

void measure_core(const Options& options) {
  if (!options.wants("core_ns_one_session") && !options.wants("core_growth_1m")) return;
  report("core_ns_one_session", cost_at(1, options), "ns/packet");
  const double few = cost_at(kFewSessions, options);
  const double many = cost_at(options.sessions, options);
  report("core_ns_random_1000_sessions", few, "ns/packet");
  report("core_ns_random_1m_sessions", many, "ns/packet");
  report("core_growth_1m", many / few, "times");
}

}  // namespace lanrage::bench
