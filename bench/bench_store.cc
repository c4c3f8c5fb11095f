// What a durable command costs the SQLite store, as parties grow: JSON lines, one a metric. A
// command is a join or a leave of a random party's peer, 64 of them under way at a time.
//   bench_store [FOLDER [SECONDS [PARTIES...]]]
// FOLDER keeps its databases, so that a second run needn't fill them again.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <sys/resource.h>
#include <vector>

#include "base/random.hpp"
#include "store/sqlite/sqlite_store.hpp"
#include "support/task_loop.hpp"

namespace lanrage::store {
namespace {

constexpr std::size_t kUnderWay = 64;
constexpr std::uint8_t kPeersAParty = 8;
constexpr std::size_t kEventBytes = 400;  // about a join with its certificate

using Clock = std::chrono::steady_clock;

double cpu_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}
double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void print(const std::string& metric, double value, const char* unit) {
  std::printf(
      "{\"bench\":\"store\",\"metric\":\"%s\",\"value\":%.2f,\"unit\":\"%s\",\"peer\":null,"
      "\"peer_value\":null,\"ratio\":null}\n",
      metric.c_str(), value, unit);
  std::fflush(stdout);
}

[[noreturn]] void die(const Error& error) {
  std::fprintf(stderr, "bench_store: %s\n", error.message().c_str());
  std::exit(1);
}

struct BenchParty {
  PartyRow row;
  std::uint64_t seq = 0;
  std::uint8_t present = 0;  // a bit for each peer
  bool busy = false;
};

PeerRow peer_of(const PartyId& party, std::uint8_t number) {
  PeerRow peer;
  std::copy(party.bytes.begin(), party.bytes.end(), peer.id.bytes.begin());
  std::copy(party.bytes.begin(), party.bytes.end(), peer.wireguard_key.begin());
  peer.id.bytes[15] = peer.wireguard_key[31] = number;
  peer.id.bytes[0] = static_cast<std::uint8_t>(peer.id.bytes[0] ^ number * 37);
  peer.vip = IpAddress::v4(0x0a420001u + number);
  peer.nick = "player" + std::to_string(number);
  peer.public_endpoint = "203.0.113.9:51820";
  peer.nat_type = "endpoint_independent";
  peer.last_seen = UnixTime(std::chrono::milliseconds(1));
  return peer;
}

EventRow event_of(std::uint64_t seq) {
  return {seq, "peer_joined", Bytes(kEventBytes, static_cast<std::uint8_t>(seq)),
          UnixTime(std::chrono::milliseconds(1))};
}

struct Latencies {
  std::vector<double> ms;
  double at(double part) {
    const auto index = static_cast<std::size_t>(part * static_cast<double>(ms.size() - 1));
    std::ranges::nth_element(ms, ms.begin() + static_cast<std::ptrdiff_t>(index));
    return ms[index];
  }
};

class Bench {
 public:
  Bench(const std::string& folder, std::size_t parties)
      : path_(folder + "/" + std::to_string(parties) + ".db"), suffix_(std::to_string(parties)) {
    SqliteOptions options;
    options.path = path_;
    const auto start = Clock::now();
    auto opened = open_sqlite_store(options, loop_.executor());
    if (!opened) die(opened.error());
    store_ = std::move(*opened);
    print("open_s_" + suffix_, seconds_since(start), "s");
    load();
    fill(parties);
  }

  // CPU microseconds a command.
  double run(double seconds) {
    latencies_.ms.clear();
    const auto before = store_->counters();
    const double cpu = cpu_seconds();
    const auto start = Clock::now();
    std::uint64_t commands = 0;
    while (seconds_since(start) < seconds) {
      while (under_way_ < kUnderWay) {
        command();
        ++commands;
      }
      loop_.run_one();
      wal_bytes_ = std::max(wal_bytes_, store_->counters().wal_bytes);
    }
    finish();
    const double took = seconds_since(start);
    const double each = (cpu_seconds() - cpu) / static_cast<double>(commands) * 1e6;
    const auto after = store_->counters();
    print("command_cpu_us_" + suffix_, each, "us");
    print("commands_per_s_" + suffix_, static_cast<double>(commands) / took, "1/s");
    print("commands_a_commit_" + suffix_,
          static_cast<double>(after.works - before.works) /
              static_cast<double>(after.commits - before.commits),
          "commands");
    print("checkpoints_" + suffix_, static_cast<double>(after.checkpoints - before.checkpoints),
          "runs");
    print("wal_mib_" + suffix_, static_cast<double>(wal_bytes_) / (1 << 20), "MiB");
    print("latency_p50_ms_" + suffix_, latencies_.at(0.5), "ms");
    print("latency_p99_ms_" + suffix_, latencies_.at(0.99), "ms");
    print("latency_p999_ms_" + suffix_, latencies_.at(0.999), "ms");
    print("latency_max_ms_" + suffix_, latencies_.at(1), "ms");
    return each;
  }

 private:
  void load() {
    const auto start = Clock::now();
    auto read = store_->for_each_party([this](StoredParty stored) -> Result<void> {
      BenchParty party{stored.row, stored.seq, 0, false};
      for (const auto& peer : stored.peers)
        party.present = static_cast<std::uint8_t>(party.present | 1 << peer.id.bytes[15]);
      parties_.push_back(std::move(party));
      return {};
    });
    if (!read) die(read.error());
    if (!parties_.empty()) print("load_s_" + suffix_, seconds_since(start), "s");
  }

  void fill(std::size_t count) {
    parties_.reserve(count);
    while (parties_.size() < count) {
      BenchParty party;
      random_.fill(party.row.id.bytes);
      party.row.name = "LAN night";
      party.row.host = peer_of(party.row.id, 0).id;
      party.row.relay_group = random_.u64() >> 1;
      Append append{party.row, 0, {}, {}, {}, false};
      for (std::uint8_t n = 0; n < kPeersAParty; ++n) {
        append.changed.push_back(peer_of(party.row.id, n));
        append.events.push_back(event_of(++party.seq));
      }
      party.present = 0xff;
      parties_.push_back(std::move(party));
      while (under_way_ >= 4 * kUnderWay)
        loop_.run_one();
      submit(parties_.back(), std::move(append));
    }
    finish();
  }

  void command() {
    BenchParty* party = nullptr;
    do
      party = &parties_[random_.below(parties_.size())];
    while (party->busy);
    const auto number = static_cast<std::uint8_t>(random_.below(kPeersAParty));
    const auto bit = static_cast<std::uint8_t>(1 << number);
    Append append{party->row, party->seq, {event_of(party->seq + 1)}, {}, {}, false};
    const PeerRow peer = peer_of(party->row.id, number);
    if ((party->present & bit) != 0)
      append.gone.push_back(peer.id);
    else
      append.changed.push_back(peer);
    party->present ^= bit;
    ++party->seq;
    submit(*party, std::move(append));
  }

  void submit(BenchParty& party, Append append) {
    ++under_way_;
    party.busy = true;
    store_->append(std::move(append), [this, &party, start = Clock::now()](Result<void> done) {
      if (!done) die(done.error());
      latencies_.ms.push_back(seconds_since(start) * 1e3);
      party.busy = false;
      --under_way_;
    });
  }

  void finish() {
    while (under_way_ > 0)
      loop_.run_one();
  }

  const std::string path_;
  const std::string suffix_;
  SeededRandom random_{static_cast<std::uint64_t>(Clock::now().time_since_epoch().count())};
  test::TaskLoop loop_;
  std::unique_ptr<Store> store_;
  std::vector<BenchParty> parties_;  // never grows once filled: commands refer to its elements
  std::size_t under_way_ = 0;
  std::uint64_t wal_bytes_ = 0;
  Latencies latencies_;
};

}  // namespace
}  // namespace lanrage::store

int main(int argc, char** argv) {
  std::filesystem::path own;
  std::string folder = argc > 1 ? argv[1] : "";
  if (folder.empty()) {
    std::string pattern = (std::filesystem::temp_directory_path() / "bench-store-XXXXXX").string();
    folder = ::mkdtemp(pattern.data());
    own = folder;
  }
  const double seconds = argc > 2 ? std::strtod(argv[2], nullptr) : 10;
  std::vector<std::size_t> sizes;
  for (int i = 3; i < argc; ++i)
    sizes.push_back(std::strtoull(argv[i], nullptr, 10));
  if (sizes.empty()) sizes = {100, 100'000};
  std::vector<double> costs;
  for (const std::size_t size : sizes) {
    if (size < lanrage::store::kUnderWay) {
      std::fprintf(stderr, "bench_store: %zu commands are under way, in as many parties\n",
                   lanrage::store::kUnderWay);
      return 2;
    }
    costs.push_back(lanrage::store::Bench(folder, size).run(seconds));
  }
  if (costs.size() > 1)
    lanrage::store::print("command_cost_growth_sqlite", costs.back() / costs.front(), "ratio");
  if (!own.empty()) std::filesystem::remove_all(own);
}
