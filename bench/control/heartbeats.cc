#include <algorithm>
#include <stdexcept>

#include "common/report.hpp"
#include "control/bare_reader.hpp"
#include "control/crowd.hpp"
#include "control/metrics.hpp"

namespace lanrage::bench {
namespace {

constexpr std::size_t kMembers = 8;
constexpr std::size_t kHandshakesAtOnce = 64;
constexpr std::size_t kRestConnections = 256;

// Sends heartbeats over HTTP, each after the answer to the one before, until `end`.
class RestBeat final : public RestConnection {
 public:
  RestBeat(EventLoop& loop, SSL_CTX* context, std::uint16_t port, const Group& group)
      : RestConnection(loop, context, loopback(group.host, 0), loopback(1, port)) {
    for (std::size_t i = 0; i < group.members; ++i) {
      const Person& person = group.people[i];
      requests_.push_back(rest_request(
          "POST",
          "/parties/" + group.party.to_string() + "/peers/" + person.id.to_string() + "/heartbeat",
          person.authorization, {}));
    }
  }
  void begin(SteadyClock::time_point end) {
    end_ = end;
    next();
  }
  bool is_busy() const { return busy_; }
  std::uint64_t answered() const { return answered_; }

 private:
  void on_open() override {}
  void on_end() override { throw std::runtime_error("heartbeats: the server hung up"); }
  void next() {
    busy_ = SteadyClock::now() < end_;
    if (busy_) send(requests_[answered_ % requests_.size()]);
  }
  void on_response(int status, std::string_view body) override {
    if (status != 204) throw std::runtime_error("heartbeats: " + std::string(body));
    ++answered_;
    next();
  }

  std::vector<std::string> requests_;
  SteadyClock::time_point end_;
  bool busy_ = false;
  std::uint64_t answered_ = 0;
};

void measure_rest(const Options& options, EventLoop& loop, SSL_CTX* context, const Server& server,
                  const std::vector<Group>& groups) {
  std::vector<std::unique_ptr<RestBeat>> connections;
  for (std::size_t i = 0; i < std::min(kRestConnections, groups.size()); ++i)
    connections.push_back(std::make_unique<RestBeat>(loop, context, server.port(), groups[i]));
  loop.run("connecting", std::chrono::seconds(30), [&] {
    return std::ranges::all_of(connections, [](const auto& one) { return one->is_open(); });
  });
  const auto answered = [&] {
    std::uint64_t sum = 0;
    for (const auto& one : connections)
      sum += one->answered();
    return sum;
  };
  std::vector<double> cpu;
  for (std::size_t round = 0; round < options.rounds; ++round) {
    const auto before = answered();
    Meter meter(server.process());
    for (const auto& one : connections)
      one->begin(SteadyClock::now() + options.time / 2);
    loop.run("heartbeats", std::chrono::seconds(60), [&] {
      return std::ranges::none_of(connections, [](const auto& one) { return one->is_busy(); });
    });
    meter.stop();
    const auto count = static_cast<double>(answered() - before);
    cpu.push_back(meter.cpu_us() / count);
    note("  rest heartbeats: %.0f/s, %.1f us CPU each; processors: server %.2f, load %.2f",
         count / meter.seconds(), cpu.back(), meter.server_share(), meter.own_share());
  }
  report("rest_heartbeat_cpu_us", median(cpu), "us");
}

double beat(const Options& options, const char* whom, const Child& process, Crowd& crowd) {
  Meter meter(process);
  const auto sent = static_cast<double>(crowd.send_heartbeats(options.time));
  meter.stop();
  note("  %s: %.0f heartbeats/s, %.1f us CPU each; processors: reader %.2f, load %.2f", whom,
       sent / meter.seconds(), meter.cpu_us() / sent, meter.server_share(), meter.own_share());
  if (crowd.heard().errors > 0)
    throw std::runtime_error("heartbeats were refused: " + crowd.heard().last_error);
  return meter.cpu_us() / sent;
}

double growth_kib(const Child& process, std::size_t before, std::size_t connections) {
  return (static_cast<double>(process.resident_kib()) - static_cast<double>(before)) /
         static_cast<double>(connections);
}

}  // namespace

void measure_heartbeats(const Options& options) {
  const bool over_websocket = options.wants("ws_heartbeat_cpu_us") || options.wants("idle_ws_kib");
  if (!over_websocket && !options.wants("rest_heartbeat_cpu_us")) return;
  const BareReader bare;
  const auto context = client_context();
  EventLoop loop;
  const std::size_t parties = std::max<std::size_t>(1, options.connections / kMembers);
  auto groups = make_population({parties, kMembers, 0});
  Server server(options);
  server.start();
  enroll(loop, context.get(), server.port(), groups);
  // From a fresh process, so that idle_ws_kib counts no memory that enrolling left free.
  server.stop();
  server.start();
  if (over_websocket) {
    Crowd crowd(loop, context.get(), server.port(), groups, kMembers);
    Crowd bare_crowd(loop, context.get(), bare.port(), groups, kMembers);
    const auto server_kib = server.process().resident_kib();
    const auto bare_kib = bare.process().resident_kib();
    note("heartbeats: %zu connections to the server, as many to the bare reader", crowd.size());
    crowd.connect(kHandshakesAtOnce);
    bare_crowd.connect(kHandshakesAtOnce);
    std::vector<double> cpu;
    std::vector<double> bare_cpu;
    for (std::size_t round = 0; round < options.rounds; ++round) {
      cpu.push_back(beat(options, "server", server.process(), crowd));
      bare_cpu.push_back(beat(options, "bare reader", bare.process(), bare_crowd));
    }
    report("ws_heartbeat_cpu_us", median(cpu), "us", Peer{"epoll+openssl", median(bare_cpu)});
    report("idle_ws_kib", growth_kib(server.process(), server_kib, crowd.size()), "KiB",
           Peer{"epoll+openssl", growth_kib(bare.process(), bare_kib, crowd.size())});
  }
  if (options.wants("rest_heartbeat_cpu_us"))
    measure_rest(options, loop, context.get(), server, groups);
  server.stop();
}

}  // namespace lanrage::bench
