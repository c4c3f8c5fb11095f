#include "server/metrics_sources.hpp"

#include <array>
#include <filesystem>
#include <fstream>
#include <sys/resource.h>
#include <unistd.h>

namespace lanrage::server {
namespace {

// By the enums' values.
constexpr std::array<std::string_view, io::kTimeouts> kTimeouts{"handshake", "header", "body",
                                                                "idle", "answer"};
constexpr std::array<std::string_view, io::kRejections> kRejections{
    "header_size", "body_size", "malformed", "media_type", "unanswered"};

void write_udp(Exposition& out, std::string_view service, const UdpCounters& udp) {
  const std::string prefix(service);
  out.begin(prefix + "_datagrams_total", "counter", "UDP datagrams, by direction.");
  out.sample({{"direction", "received"}}, udp.received);
  out.sample({{"direction", "sent"}}, udp.sent);
  out.begin(prefix + "_datagram_failures_total", "counter", "UDP datagrams lost here, by cause.");
  out.sample({{"cause", "oversized"}}, udp.oversized);
  out.sample({{"cause", "send"}}, udp.send_failures);
}

double seconds_of(const timeval& time) {
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

}  // namespace

void write(Exposition& out, const io::ServerCounters& counters) {
  out.gauge("http_connections", "TCP connections open now, WebSockets among them.",
            static_cast<double>(counters.open));
  out.gauge("websockets", "WebSockets open now.", static_cast<double>(counters.websockets));
  out.counter("http_connections_total", "TCP connections accepted.", counters.accepted);
  out.begin("http_connections_lost_total", "counter",
            "TCP connections that came to nothing, by cause.");
  out.sample({{"cause", "cap"}}, counters.refused_by_cap);
  out.sample({{"cause", "address_cap"}}, counters.refused_by_address);
  out.sample({{"cause", "address_rate"}}, counters.refused_by_rate);
  out.sample({{"cause", "handshake"}}, counters.failed_handshakes);
  out.begin("http_timeouts_total", "counter",
            "TCP connections that were cut, by what took too long.");
  for (std::size_t i = 0; i < io::kTimeouts; ++i)
    out.sample({{"during", kTimeouts[i]}}, counters.timeouts[i]);
  out.begin("http_rejected_total", "counter", "Requests that reached no route, by reason.");
  for (std::size_t i = 0; i < io::kRejections; ++i)
    out.sample({{"reason", kRejections[i]}}, counters.rejected[i]);
  const io::WebSocketFaults& faults = counters.websocket_faults;
  out.begin("websocket_faults_total", "counter", "WebSockets that were cut, by fault.");
  out.sample({{"fault", "too_big"}}, faults.too_big);
  out.sample({{"fault", "protocol"}}, faults.protocol);
  out.sample({{"fault", "dead"}}, faults.dead);
  out.sample({{"fault", "slow_close"}}, faults.slow_close);
}

void write(Exposition& out, const store::StoreCounters& counters) {
  constexpr auto kSizes = store::kBatchBounds.size();
  std::array<double, kSizes> bounds{};
  std::array<std::uint64_t, kSizes + 1> counts{};
  std::uint64_t within = 0;
  for (std::size_t i = 0; i < kSizes; ++i) {
    bounds[i] = static_cast<double>(store::kBatchBounds[i]);
    counts[i] = counters.batches[i];
    within += counts[i];
  }
  counts[kSizes] = counters.commits > within ? counters.commits - within : 0;
  out.begin("store_commit_writes", "histogram", "Writes that one commit of the database carried.");
  out.histogram_sample({}, bounds, counts, static_cast<double>(counters.works));
  out.gauge("store_largest_commit_writes", "Writes in the largest commit.",
            static_cast<double>(counters.largest));
  out.counter("store_failures_total", "Commits that failed.", counters.failures);
  out.counter("store_checkpoints_total", "Checkpoints of the write-ahead log.",
              counters.checkpoints);
  out.counter("store_checkpoint_failures_total", "Checkpoints that failed.",
              counters.checkpoint_failures);
  out.gauge("store_wal_bytes", "Size of the write-ahead log.",
            static_cast<double>(counters.wal_bytes));
}

void write(Exposition& out, const RelayServer::Counters& counters) {
  const relay::Counters& relay = counters.relay;
  out.counter("relay_forwarded_packets_total", "Packets forwarded between players.",
              relay.forwarded_packets);
  out.counter("relay_forwarded_bytes_total", "Bytes forwarded between players.",
              relay.forwarded_bytes);
  out.counter("relay_kernel_packets_total", "Of these packets: forwarded in the kernel (XDP).",
              counters.xdp.packets);
  out.counter("relay_kernel_passed_packets_total",
              "Packets that the kernel's program left to the relay.", counters.xdp.passed);
  out.counter("relay_replies_total", "Answers of the relay's own, notices among them.",
              relay.replies);
  out.counter("relay_notices_total", "Notices to senders that aren't bound.", relay.notices);
  out.begin("relay_binds_total", "counter", "Bind requests, by what became of them.");
  out.sample({{"result", "accepted"}}, relay.binds);
  out.sample({{"result", "challenged"}}, relay.challenges);
  out.sample({{"result", "refused"}}, relay.bind_refusals);
  out.begin("relay_dropped_packets_total", "counter", "Packets dropped, by reason.");
  for (std::size_t i = 0; i < relay.drops.size(); ++i)
    out.sample({{"reason", name_of(static_cast<relay::DropReason>(i))}}, relay.drops[i]);
  out.gauge("relay_clients", "Clients bound now.", static_cast<double>(counters.clients));
  out.gauge("relay_sessions", "Rows of the session table: two a WireGuard session.",
            static_cast<double>(counters.sessions));
  out.counter("relay_passed_packets_total",
              "Binds and handshakes that one thread of the relay passed to another.",
              counters.passed);
  out.begin("relay_thread_cpu_seconds_total", "counter", "Processor time of each relay thread.");
  for (std::size_t i = 0; i < counters.cpu_seconds.size(); ++i)
    out.sample({{"thread", std::to_string(i)}}, counters.cpu_seconds[i]);
  std::array<double, RelayLatency::kBounds> bounds{};
  for (std::size_t i = 0; i < bounds.size(); ++i)
    bounds[i] = RelayLatency::bound_seconds(i);
  out.begin("relay_latency_seconds", "histogram",
            "What the relay adds to a packet's way: from its receipt to having been sent.");
  out.histogram_sample({}, bounds, counters.latency.counts(), counters.latency.sum_seconds());
  write_udp(out, "relay", counters.udp);
}

void write(Exposition& out, const StunServer::Counters& counters) {
  out.begin("stun_requests_total", "counter", "STUN requests, by what became of them.");
  out.sample({{"result", "answered"}}, counters.answered);
  out.sample({{"result", "rate_limited"}}, counters.rate_limited);
  out.sample({{"result", "ignored"}}, counters.ignored);
  write_udp(out, "stun", counters.udp);
}

void write(Exposition& out, const UdpServices& services) {
  if (services.relay) write(out, services.relay->counters());
  if (services.stun) write(out, services.stun->counters());
}

ProcessFacts process_facts() {
  ProcessFacts facts;
  rusage usage{};
  if (::getrusage(RUSAGE_SELF, &usage) == 0)
    facts.cpu_seconds = seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
  std::ifstream memory("/proc/self/statm");
  std::uint64_t whole = 0;
  std::uint64_t resident = 0;
  if (memory >> whole >> resident)
    facts.resident_bytes = resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd", error))
    facts.open_files += entry.path().empty() ? 0 : 1;
  if (facts.open_files > 0) --facts.open_files;  // the one for this listing
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task", error))
    facts.threads += entry.path().empty() ? 0 : 1;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) facts.most_files = limit.rlim_cur;
  return facts;
}

void write(Exposition& out, const ProcessFacts& facts) {
  out.counter("process_cpu_seconds_total", "CPU time of user and system.", facts.cpu_seconds);
  out.gauge("process_resident_memory_bytes", "Resident memory.",
            static_cast<double>(facts.resident_bytes));
  out.gauge("process_open_fds", "Open file descriptors.", static_cast<double>(facts.open_files));
  out.gauge("process_max_fds", "Most file descriptors that may be open.",
            static_cast<double>(facts.most_files));
  out.gauge("process_threads", "Threads.", static_cast<double>(facts.threads));
}

}  // namespace lanrage::server
