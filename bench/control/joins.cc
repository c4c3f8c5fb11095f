#include <algorithm>
#include <stdexcept>

#include "common/report.hpp"
#include "control/crowd.hpp"
#include "control/metrics.hpp"

namespace lanrage::bench {
namespace {

constexpr std::size_t kMembers = 7;  // on their WebSockets; the guest is the eighth
constexpr std::size_t kHandshakesAtOnce = 64;
constexpr std::size_t kRequestsAtOnce = 128;
constexpr double kIdleRate = 50;      // joins and leaves a second
constexpr double kLoadedRate = 2000;  // of which half are joins
constexpr auto kPatience = std::chrono::seconds(120);

// Lets the guests of all parties come and go, each party's next command after the answer to the
// last one, and notes when members read of a join.
class Visits {
 public:
  Visits(EventLoop& loop, SSL_CTX* context, std::uint16_t port, std::vector<Group>& groups,
         Crowd& crowd);
  ~Visits();
  Visits(const Visits&) = delete;
  Visits& operator=(const Visits&) = delete;

  struct Outcome {
    std::size_t joins = 0;
    std::size_t leaves = 0;
    std::vector<double> visible_ms;  // of each join: from sending it to the last member's reading
    double latest_ms = 0;            // how late the latest command was sent
  };
  // As many commands as given, party after party. `rate`: a second, spread evenly; 0: as fast as
  // they are answered.
  Outcome run(std::size_t commands, double rate, std::size_t step = 1);

 private:
  struct Place {           // one party's
    std::size_t next = 0;  // even: a join
    bool busy = false;
    std::size_t unseen = 0;  // members who haven't read of the latest join
    SteadyClock::time_point sent;
  };
  class Line;  // a kept connection

  bool send_next(SteadyClock::time_point due, std::size_t step);
  void on_answer(std::size_t group, int status, std::string_view body);
  void on_joined(std::size_t group);

  EventLoop& loop_;
  std::vector<Group>& groups_;
  Crowd& crowd_;
  std::vector<Place> places_;
  std::vector<std::unique_ptr<Line>> lines_;
  std::vector<Line*> free_;
  std::size_t at_ = 0;  // the party whose turn it is
  std::size_t answered_ = 0;
  std::size_t unseen_ = 0;
  Outcome outcome_;
};

class Visits::Line final : public RestConnection {
 public:
  Line(EventLoop& loop, SSL_CTX* context, std::uint16_t port, std::uint32_t host, Visits& visits)
      : RestConnection(loop, context, loopback(host, 0), loopback(1, port)), visits_(visits) {}
  void ask(std::size_t group, const std::string& request) {
    group_ = group;
    send(request);
  }

 private:
  void on_open() override {}
  void on_end() override { throw std::runtime_error("joins: the server hung up"); }
  void on_response(int status, std::string_view body) override {
    visits_.free_.push_back(this);
    visits_.on_answer(group_, status, body);
  }
  Visits& visits_;
  std::size_t group_ = 0;
};

Visits::~Visits() {
  crowd_.on_joined = nullptr;
}

Visits::Visits(EventLoop& loop, SSL_CTX* context, std::uint16_t port, std::vector<Group>& groups,
               Crowd& crowd)
    : loop_(loop), groups_(groups), crowd_(crowd), places_(groups.size()) {
  const std::size_t lines = std::min(kRequestsAtOnce, groups.size());
  for (std::size_t i = 0; i < lines; ++i) {
    // Addresses that no party has.
    const auto host = static_cast<std::uint32_t>(0x400000 + i);
    lines_.push_back(std::make_unique<Line>(loop, context, port, host, *this));
    free_.push_back(lines_.back().get());
  }
  loop.run("connecting", kPatience, [&] {
    return std::ranges::count_if(lines_, [](const auto& line) { return line->is_open(); }) ==
           static_cast<std::ptrdiff_t>(lines_.size());
  });
  crowd_.on_joined = [this](std::size_t group) { on_joined(group); };
}

// False when nothing can be sent now.
bool Visits::send_next(SteadyClock::time_point due, std::size_t step) {
  if (free_.empty()) return false;
  for (std::size_t tried = 0; tried < places_.size(); ++tried) {
    const std::size_t group = at_ % places_.size();
    at_ += step;
    Place& place = places_[group];
    if (place.busy || place.unseen > 0 || place.next >= 2 * groups_[group].visits.size()) continue;
    const Visit visit = groups_[group].visit(place.next / 2);
    const bool join = place.next % 2 == 0;
    place.busy = true;
    place.sent = due;
    if (join) {
      place.unseen = kMembers;
      ++unseen_;
    }
    Line* line = free_.back();
    free_.pop_back();
    line->ask(group, join ? visit.join : visit.leave);
    return true;
  }
  return false;
}

void Visits::on_answer(std::size_t group, int status, std::string_view body) {
  if (status != 200) throw std::runtime_error("joins: " + std::string(body));
  Place& place = places_[group];
  place.busy = false;
  ++(place.next++ % 2 == 0 ? outcome_.joins : outcome_.leaves);
  ++answered_;
}

void Visits::on_joined(std::size_t group) {
  Place& place = places_[group];
  if (place.unseen == 0 || --place.unseen > 0) return;
  --unseen_;
  const auto taken = SteadyClock::now() - place.sent;
  outcome_.visible_ms.push_back(std::chrono::duration<double, std::milli>(taken).count());
}

Visits::Outcome Visits::run(std::size_t commands, double rate, std::size_t step) {
  outcome_ = {};
  answered_ = 0;
  std::size_t sent = 0;
  const auto start = SteadyClock::now();
  loop_.run("joins", kPatience, [&] {
    while (sent < commands) {
      const auto now = SteadyClock::now();
      const std::chrono::duration<double> since(rate > 0 ? static_cast<double>(sent) / rate : 0);
      const auto due = start + std::chrono::duration_cast<SteadyClock::duration>(since);
      // What waits for us or for the server counts from when it should have been sent.
      if ((rate > 0 && now < due) || !send_next(rate > 0 ? due : now, step)) break;
      ++sent;
      const std::chrono::duration<double, std::milli> late(now - due);
      outcome_.latest_ms = rate > 0 ? std::max(outcome_.latest_ms, late.count()) : 0;
    }
    return answered_ == commands && unseen_ == 0;
  });
  return std::move(outcome_);
}

struct Plan {
  std::size_t idle, loaded, mixed;  // commands, of mixed a round
};
Plan plan_of(const Options& options) {
  const auto seconds = std::chrono::duration<double>(options.time).count();
  const bool mixed = options.wants("join_cpu_us") || options.wants("joins_per_s");
  return {
      options.wants("join_visible_p99_ms_idle") ? static_cast<std::size_t>(kIdleRate * seconds * 2)
                                                : 0,
      options.wants("join_visible_p99_ms_loaded") ? static_cast<std::size_t>(kLoadedRate * seconds)
                                                  : 0,
      mixed ? 4 * options.parties : 0};
}

void show(const char* what, const Meter& meter, const Visits::Outcome& outcome) {
  const auto commands = static_cast<double>(outcome.joins + outcome.leaves);
  note("  %s: %zu joins, %zu leaves, %.0f/s, %.0f us CPU each; processors: server %.2f, load %.2f",
       what, outcome.joins, outcome.leaves, commands / meter.seconds(), meter.cpu_us() / commands,
       meter.server_share(), meter.own_share());
}

void measure_visible(Visits& visits, const Server& server, const char* metric, std::size_t commands,
                     double rate) {
  if (commands == 0) return;
  Meter meter(server.process());
  const auto outcome = visits.run(commands, rate);
  meter.stop();
  show(metric, meter, outcome);
  note("  seen by all members: median %.1f ms, worst %.1f ms; latest request %.1f ms late",
       median(outcome.visible_ms), percentile(outcome.visible_ms, 1), outcome.latest_ms);
  report(metric, percentile(outcome.visible_ms, 0.99), "ms");
}

void measure_mixed(const Options& options, Visits& visits, const Server& server,
                   std::size_t commands) {
  if (commands == 0) return;
  std::vector<double> cpu;
  std::vector<double> rate;
  for (std::size_t round = 0; round < options.rounds; ++round) {
    Meter meter(server.process());
    const auto outcome = visits.run(commands, 0);
    meter.stop();
    show("mixed", meter, outcome);
    cpu.push_back(meter.cpu_us() / static_cast<double>(commands));
    rate.push_back(static_cast<double>(commands) / meter.seconds());
  }
  report("join_cpu_us", median(cpu), "us");
  report("joins_per_s", median(rate), "1/s");
}

}  // namespace

void measure_joins(const Options& options) {
  const Plan plan = plan_of(options);
  if (plan.idle + plan.loaded + plan.mixed == 0) return;
  const auto context = client_context();
  EventLoop loop;
  // Three commands a party before it begins, and one spare.
  const std::size_t commands =
      4 * options.parties + plan.idle + plan.loaded + plan.mixed * options.rounds;
  auto groups = make_population({options.parties, kMembers, commands / options.parties / 2 + 1});
  Server server(options);
  server.start();
  enroll(loop, context.get(), server.port(), groups);
  Crowd crowd(loop, context.get(), server.port(), groups, kMembers);
  crowd.connect(kHandshakesAtOnce);
  note("joins: %zu parties, %zu members connected, commands of %zu more", groups.size(),
       crowd.size(), groups.size());
  Visits visits(loop, context.get(), server.port(), groups, crowd);
  for (const char* what : {"only joins", "only leaves"}) {
    Meter meter(server.process());
    const auto outcome = visits.run(groups.size(), 0);
    meter.stop();
    show(what, meter, outcome);
  }
  // From here on every other party's guest is there when the others' are away.
  visits.run(groups.size() / 2, 0, 2);
  measure_visible(visits, server, "join_visible_p99_ms_idle", plan.idle, kIdleRate);
  measure_visible(visits, server, "join_visible_p99_ms_loaded", plan.loaded, kLoadedRate);
  measure_mixed(options, visits, server, plan.mixed);
  server.stop();
}

}  // namespace lanrage::bench
