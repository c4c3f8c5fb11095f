// A relay at full load for long, while clients come and go: its memory must stay as it is, and what
// came in must have gone out, or have been counted as dropped.
#include <atomic>
#include <chrono>
#include <exception>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "common/cpu.hpp"
#include "common/report.hpp"
#include "relay/contest.hpp"
#include "support/metrics.hpp"

namespace lanrage::bench {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kChurningPairs = 1'024;
constexpr std::size_t kReplacedAtOnce = 32;  // pairs
constexpr auto kReplacePause = 500ms;        // so 128 clients a second
constexpr Nanoseconds kRenewEvery = 60s;     // a session lasts 200 s
// Who fell silent is forgotten after five minutes: until then the relay grows.
constexpr Nanoseconds kSettled = 6min;
constexpr std::uint16_t kChurnPort = 41'000;
constexpr std::uint64_t kChurnGroups = 1'000'000;

// Clients that come and go, beside the load, on a thread of its own.
class Churn {
 public:
  Churn(const Arena& arena, const LanrageRelay& relay)
      : senders_(arena.testbed.senders(), Testbed::senders_prefix(), kChurnPort),
        receivers_(arena.testbed.receivers(), Testbed::receivers_prefix(), kChurnPort),
        clients_(relay.more_clients(senders_, receivers_, kChurnGroups)),
        thread_([this] { run(); }) {}
  ~Churn() {
    if (thread_.joinable()) end();
  }
  // Clients that came. Throws what went wrong.
  std::uint64_t stop() {
    end();
    if (error_) std::rethrow_exception(error_);
    return came_;
  }

 private:
  void end() {
    over_ = true;
    thread_.join();
  }
  void run() {
    try {
      clients_.bind(kChurningPairs);
      clients_.shake_hands();
      for (std::size_t first = 0; !over_; first = (first + kReplacedAtOnce) % kChurningPairs) {
        clients_.replace(first, first + kReplacedAtOnce);
        came_ += 2 * kReplacedAtOnce;
        std::this_thread::sleep_for(kReplacePause);
      }
    } catch (...) {
      error_ = std::current_exception();
    }
  }

  ClientPorts senders_;
  ClientPorts receivers_;
  RelayClients clients_;
  std::atomic<bool> over_ = false;
  std::uint64_t came_ = 0;
  std::exception_ptr error_;
  std::thread thread_;  // last: it uses the others
};

struct Books {
  std::int64_t in = 0;
  std::int64_t out = 0;
  std::int64_t dropped = 0;
  std::int64_t unaccounted() const { return in - out - dropped; }
};

// As of the relay's last second, which it publishes once more when all is quiet.
Books read_books(const Arena& arena) {
  Books out;
  for (const auto& [name, value] : lab::metrics(arena.testbed.relay())) {
    if (name == R"(lanrage_relay_datagrams_total{direction="received"})" ||
        name == "lanrage_relay_kernel_packets_total")
      out.in += value;
    if (name == "lanrage_relay_forwarded_packets_total" || name == "lanrage_relay_replies_total")
      out.out += value;
    if (name.starts_with("lanrage_relay_dropped_packets_total{") ||
        name == R"(lanrage_relay_datagram_failures_total{cause="oversized"})")
      out.dropped += value;
  }
  return out;
}

}  // namespace

void measure_soak(const Options& options) {
  if (options.soak.count() == 0) return;
  const Arena arena;
  LanrageRelay relay(arena.testbed, arena.senders, arena.receivers,
                     {options.server, {"--metrics-listen", "127.0.0.1:9667"}});
  relay.clients().bind(options.pairs);
  relay.clients().shake_hands();
  Churn churn(arena, relay);
  const auto began = std::chrono::steady_clock::now();
  std::vector<double> memory;  // bytes, once settled
  std::uint64_t delivered = 0;
  double seconds = 0;
  for (Nanoseconds gone{0}; gone < options.soak; gone = std::chrono::steady_clock::now() - began) {
    relay.renew();
    const auto result =
        arena.load.saturate(relay.flows(), options.window,
                            std::min<Nanoseconds>(kRenewEvery, options.soak), relay.pid());
    delivered += result.delivered;
    seconds += result.seconds;
    const auto resident = static_cast<double>(resident_bytes(relay.pid()));
    if (gone >= kSettled || options.soak <= kSettled) memory.push_back(resident);
    note("  %.0f s: %.1f MiB, %.0f packets/s, lost %zu of %zu",
         std::chrono::duration<double>(gone).count(), resident / (1 << 20),
         static_cast<double>(result.delivered) / result.seconds,
         static_cast<std::size_t>(result.lost), static_cast<std::size_t>(result.sent));
  }
  const auto came = churn.stop();
  Books books;
  // The last packets are still being counted; the books come once a second.
  for (int look = 0; look < 10; ++look) {
    std::this_thread::sleep_for(1s);
    const Books before = std::exchange(books, read_books(arena));
    if (before.in == books.in && before.out == books.out) break;
  }
  if (books.unaccounted() != 0)
    throw std::runtime_error("soak: " + std::to_string(books.in) + " packets came in, " +
                             std::to_string(books.out) + " went out, and " +
                             std::to_string(books.dropped) + " are counted as dropped");
  report("soak_packets_per_s", static_cast<double>(delivered) / seconds, "packets/s");
  report("soak_clients_came", static_cast<double>(came), "clients");
  report("soak_packets_in", static_cast<double>(books.in), "packets");
  report("soak_unaccounted", static_cast<double>(books.unaccounted()), "packets");
  report("soak_memory_growth_bytes", memory.back() - memory.front(), "bytes");
}

}  // namespace lanrage::bench
