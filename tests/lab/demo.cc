#include "demo.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <numeric>
#include <thread>

#include "games.hpp"
#include "support/network.hpp"
#include "support/player.hpp"
#include "support/server.hpp"

namespace lanrage::lab {
namespace {

constexpr Millis kFirstPingLimit{30'000};
constexpr Millis kDirectLimit{30'000};
// Where the relay is the answer: ten seconds of hard punching, then status says what is in the way.
constexpr Millis kRelayedLimit{12'000};
// Where nothing gets through: time for status to say so.
constexpr Millis kNoneLimit{6'000};
constexpr Millis kWatchedWhenDirect{2'000};
constexpr int kPings = 20;

double ms_between(Clock::time_point begin, Clock::time_point end) {
  return std::chrono::duration<double, std::milli>(end - begin).count();
}

std::string ms_text(double ms) {
  char buffer[32];
  std::snprintf(buffer, sizeof(buffer), ms < 10 ? "%.2f ms" : "%.0f ms", ms);
  return buffer;
}

std::string two_decimals(double ms) {
  char buffer[32];
  std::snprintf(buffer, sizeof(buffer), "%.2f", ms);
  return buffer;
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

struct Joined {
  Membership membership;
  std::optional<double> first_ping_ms;
};

// Joins while pinging the host's VIP all along, so that the first answer is seen when it comes.
Joined join_and_ping(Player& joiner, const Membership& party, Clock::time_point begin,
                     Millis limit) {
  std::optional<Clock::time_point> answered;
  Pinger pinger(joiner.host().netns(), party.vip);
  std::thread pinging([&] { answered = pinger.first_answer(limit); });
  Joined joined;
  try {
    joined.membership = joiner.join(party.invite);
  } catch (...) {
    pinging.join();
    throw;
  }
  pinging.join();
  if (answered) joined.first_ping_ms = ms_between(begin, *answered);
  return joined;
}

bool is_direct(const Player& player, const Player& other) {
  return player.peer(other.nick()).value_or(PeerView{}).path == "direct";
}

void tell_ping(std::ostream& story, const PingReport& ping) {
  story << "ping: " << ping.received << " of " << ping.sent << " answered";
  if (const auto rtt = summary(ping.rtt_ms))
    story << ", " << ms_text(rtt->min) << " / " << ms_text(rtt->avg) << " / " << ms_text(rtt->max)
          << " (min/avg/max)";
  story << '\n';
}

void tell_lab(std::ostream& story, const DemoOptions& options, const Host& server, const Host& a,
              const Host& b) {
  story << "An internet of namespaces: a server at " << server.address().to_string() << ", alice ("
        << a.address().to_string() << ") behind " << name_of(options.nat_a) << ", bob ("
        << b.address().to_string() << ") behind " << name_of(options.nat_b) << ".\n"
        << std::flush;
}

void tell_status(std::ostream& story, const Player& alice, const Player& bob) {
  story << "\nalice$ lanrage status\n"
        << alice.cli_text({"status"}).out << "\nbob$ lanrage status\n"
        << bob.cli_text({"status"}).out << std::flush;
}

// A game that knows nothing of lanrage, at both ends.
std::set<IpAddress> play(std::ostream& story, const Player& alice, const Player& bob) {
  const auto game = chocolate_doom();
  story << "\nalice$ " << game->facts().server << " -privateserver\n" << std::flush;
  game->host(alice.host().netns());
  story << "bob$ " << game->facts().client << " -localsearch\n" << std::flush;
  const auto found = game->search(bob.host().netns());
  for (const auto& at : found)
    story << "found: " << game->facts().name << " at " << at.to_string() << '\n';
  if (found.empty()) story << "found nothing\n";
  story << "\nbob$ lanrage games\n" << bob.cli_text({"games"}).out << std::flush;
  return found;
}

// Waits for the path that the two will keep, with traffic meanwhile where that is asked for.
void settle(const DemoOptions& options, const Player& alice, const IpAddress& alice_vip,
            const Player& bob, const IpAddress& bob_vip, Clock::time_point join_begin,
            DemoReport& report) {
  std::optional<TwoWayTraffic> traffic;
  if (options.traffic_rate > 0)
    traffic.emplace(TwoWayTraffic::Side{alice.host().netns(), alice_vip},
                    TwoWayTraffic::Side{bob.host().netns(), bob_vip}, options.traffic_rate);
  const bool relayed = expected_meeting(options.nat_a, options.nat_b) == Meeting::relay;
  const Millis limit = relayed ? kRelayedLimit : kDirectLimit;
  if (!eventually(limit, [&] { return is_direct(bob, alice); })) return;
  report.direct_ms = ms_between(join_begin, Clock::now());
  if (!traffic) return;
  eventually(limit, [&] { return is_direct(alice, bob); });
  std::this_thread::sleep_for(kWatchedWhenDirect);
  report.upgrade = traffic->stop();
}

}  // namespace

DemoReport run_demo(const DemoOptions& options, std::ostream& story) {
  if (options.game && !chocolate_doom()->is_installed())
    throw LabError(
        "Chocolate Doom isn't installed: apt install chocolate-doom, or run this as ./dev demo "
        "--game");
  DemoReport report;
  Network network;
  const Host& server_host = network.add_public_host("server");
  if (options.one_way > Millis(0)) network.set_distance({.one_way = options.one_way});
  const Host& a_host = network.add_player("a", options.nat_a);
  const Host& b_host = network.add_player("b", options.nat_b);
  tell_lab(story, options, server_host, a_host, b_host);

  const Server server(server_host);
  story << "lanrage-server is ready: " << server.url() << '\n' << std::flush;
  Player alice(a_host, "alice");
  Player bob(b_host, "bob");

  const auto create_begin = Clock::now();
  const Membership party = alice.create(server, "demo");
  story << "alice: lanrage create demo (" << ms_text(ms_between(create_begin, Clock::now()))
        << ")\n  invite: " << party.invite << '\n'
        << std::flush;

  const bool hopeless = expected_meeting(options.nat_a, options.nat_b) == Meeting::none;
  const auto join_begin = Clock::now();
  const Joined joined =
      join_and_ping(bob, party, join_begin, hopeless ? kNoneLimit : kFirstPingLimit);
  report.first_ping_ms = joined.first_ping_ms;
  const auto remember_path = [&] {
    const PeerView seen = bob.peer("alice").value_or(PeerView{});
    report.path = seen.path;
    report.why_relayed = seen.why_relayed;
  };
  if (!report.first_ping_ms) {
    if (!hopeless)
      throw LabError("bob's ping to " + party.vip.to_string() +
                     " was never answered\nalice's agent:\n" + alice.log() + "\nbob's agent:\n" +
                     bob.log());
    // "Still trying" is what it says first; what it comes to is wanted.
    eventually(kNoneLimit, [&] {
      remember_path();
      return report.path == "connecting" && !report.why_relayed.empty() &&
             !report.why_relayed.contains("still trying");
    });
    story << "bob: lanrage join INVITE; they can't meet: " << report.why_relayed << '\n';
    tell_status(story, alice, bob);
    return report;
  }
  story << "bob: lanrage join INVITE; first ping answered after " << ms_text(*report.first_ping_ms)
        << '\n'
        << std::flush;

  settle(options, alice, party.vip, bob, joined.membership.vip, join_begin, report);
  remember_path();
  if (report.direct_ms)
    story << "the path is direct after " << ms_text(*report.direct_ms) << '\n' << std::flush;
  else
    story << "the path stays relayed: " << report.why_relayed << '\n' << std::flush;

  Pinger pinger(b_host.netns(), party.vip);
  report.ping = pinger.ping(kPings);
  tell_ping(story, report.ping);
  if (options.game) report.games_found = play(story, alice, bob);
  remember_path();
  tell_status(story, alice, bob);
  return report;
}

bool is_as_expected(const DemoReport& report, Meeting expected) {
  const bool explained = !report.why_relayed.empty();
  switch (expected) {
    case Meeting::direct:
      return report.first_ping_ms && report.path == "direct";
    case Meeting::relay:
      return report.first_ping_ms && report.path == "relay" && explained;
    case Meeting::none:
      return !report.first_ping_ms && report.path == "connecting" && explained;
  }
  return false;
}

std::string json_number(const std::optional<double>& ms) {
  return ms ? two_decimals(*ms) : std::string("null");
}

std::string json_text(std::string_view text) {
  return boost::json::serialize(boost::json::value(text));
}

std::string json_text_or_null(std::string_view text) {
  return text.empty() ? std::string("null") : json_text(text);
}

std::string to_json(const DemoOptions& options, const DemoReport& report) {
  std::string rtt = "null";
  if (const auto rtts = summary(report.ping.rtt_ms))
    rtt = "{\"min\":" + two_decimals(rtts->min) + ",\"avg\":" + two_decimals(rtts->avg) +
          ",\"max\":" + two_decimals(rtts->max) + "}";
  std::string found;
  if (report.games_found) {
    for (const auto& at : *report.games_found)
      found += (found.empty() ? "" : ",") + json_text(at.to_string());
    found = ",\"game\":{\"name\":" + json_text(chocolate_doom()->facts().name) + ",\"found\":[" +
            found + "]}";
  }
  return "{\"schema\":1,\"nat_a\":" + json_text(name_of(options.nat_a)) +
         ",\"nat_b\":" + json_text(name_of(options.nat_b)) +
         ",\"first_ping_ms\":" + json_number(report.first_ping_ms) +
         ",\"direct_ms\":" + json_number(report.direct_ms) + ",\"path\":" + json_text(report.path) +
         ",\"why_relayed\":" + json_text_or_null(report.why_relayed) +
         ",\"ping\":{\"sent\":" + std::to_string(report.ping.sent) +
         ",\"received\":" + std::to_string(report.ping.received) + ",\"rtt_ms\":" + rtt + "}" +
         found + "}";
}

}  // namespace lanrage::lab
