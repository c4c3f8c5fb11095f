#include "demo.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <numeric>
#include <thread>

#include "support/network.hpp"
#include "support/player.hpp"
#include "support/server.hpp"

namespace lanrage::lab {
namespace {

constexpr Millis kFirstPingLimit{30'000};
constexpr Millis kDirectLimit{15'000};
// Two symmetric NATs stay relayed; long enough to see that nothing better comes.
constexpr Millis kRelayedLimit{6'000};
constexpr int kPings = 20;

double ms_between(Clock::time_point begin, Clock::time_point end) {
  return std::chrono::duration<double, std::milli>(end - begin).count();
}

std::string ms_text(double ms) {
  char buffer[32];
  std::snprintf(buffer, sizeof(buffer), ms < 10 ? "%.2f ms" : "%.0f ms", ms);
  return buffer;
}

// As people write it: Boost.JSON would print 22.56 as 2.256E1.
std::string two_decimals(double ms) {
  char buffer[32];
  std::snprintf(buffer, sizeof(buffer), "%.2f", ms);
  return buffer;
}

std::string json_text(std::string_view text) {
  return boost::json::serialize(boost::json::value(text));
}

struct RttSummary {
  double min, avg, max;
};

std::optional<RttSummary> summary(const std::vector<double>& rtts) {
  if (rtts.empty()) return std::nullopt;
  const auto [low, high] = std::minmax_element(rtts.begin(), rtts.end());
  const double sum = std::accumulate(rtts.begin(), rtts.end(), 0.0);
  return RttSummary{*low, sum / static_cast<double>(rtts.size()), *high};
}

// Joins while pinging the host's VIP all along, so that the first answer is seen when it comes.
std::optional<double> join_and_ping(Player& joiner, const Membership& party,
                                    Clock::time_point begin) {
  std::optional<Clock::time_point> answered;
  Pinger pinger(joiner.host().netns(), party.vip);
  std::thread pinging([&] { answered = pinger.first_answer(kFirstPingLimit); });
  try {
    joiner.join(party.invite);
  } catch (...) {
    pinging.join();
    throw;
  }
  pinging.join();
  if (!answered) return std::nullopt;
  return ms_between(begin, *answered);
}

void tell_ping(std::ostream& story, const PingReport& ping) {
  story << "ping: " << ping.received << " of " << ping.sent << " answered";
  if (const auto rtt = summary(ping.rtt_ms))
    story << ", " << ms_text(rtt->min) << " / " << ms_text(rtt->avg) << " / " << ms_text(rtt->max)
          << " (min/avg/max)";
  story << '\n';
}

}  // namespace

DemoReport run_demo(const DemoOptions& options, std::ostream& story) {
  DemoReport report;
  Network network;
  Host& server_host = network.add_public_host("server");
  Host& a_host = network.add_player("a", options.nat_a);
  Host& b_host = network.add_player("b", options.nat_b);
  story << "An internet of namespaces: a server at " << server_host.address().to_string()
        << ", alice (" << a_host.address().to_string() << ") behind " << name_of(options.nat_a)
        << ", bob (" << b_host.address().to_string() << ") behind " << name_of(options.nat_b)
        << ".\n"
        << std::flush;

  Server server(server_host);
  story << "lanrage-server is ready: " << server.url() << '\n' << std::flush;
  Player alice(a_host, "alice");
  Player bob(b_host, "bob");

  const auto create_begin = Clock::now();
  const Membership party = alice.create(server, "demo");
  story << "alice: lanrage create demo (" << ms_text(ms_between(create_begin, Clock::now()))
        << ")\n  invite: " << party.invite << '\n'
        << std::flush;

  const auto join_begin = Clock::now();
  report.first_ping_ms = join_and_ping(bob, party, join_begin);
  if (!report.first_ping_ms)
    throw LabError("bob's ping to " + party.vip.to_string() +
                   " was never answered\nalice's agent:\n" + alice.log() + "\nbob's agent:\n" +
                   bob.log());
  story << "bob: lanrage join INVITE; first ping answered after " << ms_text(*report.first_ping_ms)
        << '\n'
        << std::flush;

  const bool relayed = options.nat_a == NatKind::symmetric && options.nat_b == NatKind::symmetric;
  const auto host_seen_by_bob = [&] { return bob.peer("alice").value_or(PeerView{}); };
  if (eventually(relayed ? kRelayedLimit : kDirectLimit,
                 [&] { return host_seen_by_bob().path == "direct"; })) {
    report.direct_ms = ms_between(join_begin, Clock::now());
    story << "the path is direct after " << ms_text(*report.direct_ms) << '\n' << std::flush;
  } else {
    story << "the path stays relayed: " << host_seen_by_bob().why_relayed << '\n' << std::flush;
  }

  Pinger pinger(b_host.netns(), party.vip);
  report.ping = pinger.ping(kPings);
  tell_ping(story, report.ping);
  report.path = host_seen_by_bob().path;
  story << "\nalice$ lanrage status\n"
        << alice.cli_text({"status"}).out << "\nbob$ lanrage status\n"
        << bob.cli_text({"status"}).out << std::flush;
  return report;
}

std::string to_json(const DemoOptions& options, const DemoReport& report) {
  const auto number = [](const std::optional<double>& ms) {
    return ms ? two_decimals(*ms) : std::string("null");
  };
  std::string rtt = "null";
  if (const auto rtts = summary(report.ping.rtt_ms))
    rtt = "{\"min\":" + two_decimals(rtts->min) + ",\"avg\":" + two_decimals(rtts->avg) +
          ",\"max\":" + two_decimals(rtts->max) + "}";
  return "{\"schema\":1,\"nat_a\":" + json_text(name_of(options.nat_a)) +
         ",\"nat_b\":" + json_text(name_of(options.nat_b)) +
         ",\"first_ping_ms\":" + number(report.first_ping_ms) +
         ",\"direct_ms\":" + number(report.direct_ms) + ",\"path\":" + json_text(report.path) +
         ",\"ping\":{\"sent\":" + std::to_string(report.ping.sent) +
         ",\"received\":" + std::to_string(report.ping.received) + ",\"rtt_ms\":" + rtt + "}}";
}

}  // namespace lanrage::lab
