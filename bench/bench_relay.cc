// What the relay's core spends on one packet, without any socket: JSON lines, one a metric.
// "random" spreads the packets over as many sessions as a busy relay has, so that caches miss.
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "../tests/unit/relay/handmade_packets.hpp"
#include "benchmark/benchmark.h"
#include "relay/bind_client.hpp"
#include "relay/relay.hpp"

namespace lanrage::relay {
namespace {

constexpr UnixTime kToday{std::chrono::milliseconds(1000)};

// Pairs of clients, each pair in a group of its own, with one session each.
class BusyRelay {
 public:
  explicit BusyRelay(std::uint32_t pairs) : control_key_(crypto::SigningKey::generate(random_)) {
    Limits limits;
    limits.clients = 2 * pairs;
    limits.pairs = pairs;
    limits.client_bytes = limits.group_bytes = limits.address_bytes = {1ull << 40, 1ull << 40};
    limits.stun_an_address = limits.verify_an_address = {1'000'000, 1'000'000};
    relay_ =
        std::make_unique<Relay>(RelayConfig{kRelayId, control_key_.public_key(), limits}, random_);
    for (std::uint32_t i = 0; i < pairs; ++i)
      add_pair(i);
  }

  std::uint32_t pairs() const { return static_cast<std::uint32_t>(sources_.size()); }
  Verdict send(std::uint32_t pair, Bytes& packet) {
    now_ += Duration(1);
    put_u32_le(packet, 4, 2'000'000 + pair);
    return relay_->on_packet(now_, kToday, sources_[pair], packet);
  }
  Verdict send_unknown(Bytes& packet) {
    return relay_->on_packet(now_, kToday, sources_[0], packet);
  }

 private:
  static Endpoint endpoint(std::uint32_t number) {
    return {IpAddress::v4(0xC6330000u + number / 4), static_cast<std::uint16_t>(1000 + number % 4)};
  }

  ByteArray<32> add_client(std::uint32_t number, std::uint64_t group) {
    auto key = crypto::SigningKey::generate(random_);
    auto mac1_key = random_.array<32>();
    Bytes token = issue({group, mac1_key, key.public_key(), kToday + kTokenLifetime}, control_key_);
    BindClient client({kRelayId, kRelayEndpoint}, token, key, random_);
    stun::Datagrams out;
    client.start(now_, out);
    while (!out.empty()) {
      auto verdict = relay_->on_packet(now_, kToday, endpoint(number), out.back().bytes);
      out.clear();
      Bytes bytes(verdict.reply.begin(), verdict.reply.end());
      client.on_datagram(now_, kRelayEndpoint, *stun::MessageView::parse(bytes), out);
    }
    return mac1_key;
  }

  void add_pair(std::uint32_t pair) {
    auto a = add_client(2 * pair, pair);
    auto b = add_client(2 * pair + 1, pair);
    sources_.push_back(endpoint(2 * pair));
    relay_->on_packet(now_, kToday, endpoint(2 * pair), initiation(1'000'000 + pair, b));
    relay_->on_packet(now_, kToday, endpoint(2 * pair + 1),
                      response(2'000'000 + pair, 1'000'000 + pair, a));
  }

  SeededRandom random_{1};
  crypto::SigningKey control_key_;
  std::unique_ptr<Relay> relay_;
  Instant now_{std::chrono::seconds(100)};
  std::vector<Endpoint> sources_;
};

void forward_data(benchmark::State& state) {
  auto pairs = static_cast<std::uint32_t>(state.range(0));
  BusyRelay relay(pairs);
  Bytes packet = data(0, 170);
  SeededRandom random(2);
  std::vector<std::uint32_t> order(65536);
  for (auto& pair : order)
    pair = static_cast<std::uint32_t>(random.below(pairs));
  std::size_t at = 0;
  for (auto _ : state) {
    auto verdict = relay.send(order[at++ % order.size()], packet);
    if (verdict.kind != Verdict::Kind::forward) state.SkipWithError("not forwarded");
  }
}
BENCHMARK(forward_data)->Name("data_one_session")->Arg(1);
BENCHMARK(forward_data)->Name("data_random_5000_sessions")->Arg(5000);

void drop_unknown(benchmark::State& state) {
  BusyRelay relay(1);
  Bytes packet = data(12345, 170);
  for (auto _ : state)
    benchmark::DoNotOptimize(relay.send_unknown(packet));
}
BENCHMARK(drop_unknown)->Name("data_without_session");

class JsonLines : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      if (run.error_occurred) {
        std::fprintf(stderr, "%s: %s\n", run.benchmark_name().c_str(), run.error_message.c_str());
        continue;
      }
      std::string name = run.run_name.function_name;
      std::printf(
          "{\"bench\":\"relay\",\"metric\":\"%s\",\"value\":%.1f,\"unit\":\"ns/packet\","
          "\"peer\":null,\"peer_value\":null,\"ratio\":null}\n",
          name.c_str(), run.GetAdjustedCPUTime());
    }
  }
};

}  // namespace
}  // namespace lanrage::relay

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  lanrage::relay::JsonLines reporter;
  benchmark::RunSpecifiedBenchmarks(&reporter);
}
