#include "path/recording.hpp"

#include <algorithm>
#include <atomic>
#include <fstream>
#include <limits>
#include <thread>

#include "demo.hpp"
#include "support/network.hpp"
#include "support/pinger.hpp"
#include "support/player.hpp"
#include "support/server.hpp"

namespace lanrage::bench {
namespace {

using lab::Clock;
using lab::Millis;

constexpr Millis kPingEvery{50};
constexpr Millis kFirstAnswer{30'000};
constexpr double kSurelyRelayedMs = 250;  // after the first answer

class Stopwatch {
 public:
  double ms() const {
    return std::chrono::duration<double, std::milli>(Clock::now() - begin_).count();
  }

 private:
  Clock::time_point begin_ = Clock::now();
};

std::optional<double> median_between(const Recording& recording, double begin_ms, double end_ms) {
  std::vector<double> rtts;
  for (const auto& sample : recording.answered)
    if (sample.sent_ms >= begin_ms && sample.sent_ms < end_ms) rtts.push_back(sample.rtt_ms);
  if (rtts.empty()) return std::nullopt;
  const auto middle = rtts.begin() + static_cast<std::ptrdiff_t>(rtts.size() / 2);
  std::ranges::nth_element(rtts, middle);
  return *middle;
}

}  // namespace

Recording record(const RecordingOptions& options) {
  lab::Network network;
  // As far away as the players, so that the relay is a detour.
  network.set_distance({.one_way = Millis(options.one_way_ms)});
  const lab::Host& server_host = network.add_public_host("server");
  lab::Router& router = network.add_router(lab::NatKind::port_restricted_cone);
  const lab::Host& a_host = network.add_host("a", router);
  const lab::Host& b_host = network.add_player("b", lab::NatKind::port_restricted_cone);
  const lab::Server server(server_host);
  lab::Player alice(a_host, "alice");
  lab::Player bob(b_host, "bob");
  const lab::Membership party = alice.create(server, "recording");
  bob.join(party.invite);
  lab::Pinger pinger(b_host.netns(), party.vip);
  if (!pinger.first_answer(kFirstAnswer)) throw lab::LabError("no ping was ever answered");

  Recording recording;
  const Stopwatch watch;
  lab::PingReport pings;
  std::thread pinging(
      [&] { pings = pinger.ping(static_cast<int>(options.whole / kPingEvery), kPingEvery); });
  std::string path;
  while (watch.ms() < static_cast<double>(options.whole.count())) {
    const std::string now = bob.peer("alice").value_or(lab::PeerView{}).path;
    if (now != path) recording.marks.push_back({watch.ms(), now});
    path = now;
    if (path == "direct" && !recording.direct_ms) recording.direct_ms = watch.ms();
    const double direct_for = watch.ms() - recording.direct_ms.value_or(watch.ms());
    if (!recording.blocked_ms && direct_for >= static_cast<double>(options.direct_for.count())) {
      recording.blocked_ms = watch.ms();
      recording.marks.push_back({watch.ms(), "blocked"});
      router.block(b_host.public_address());
    }
    std::this_thread::sleep_for(kPingEvery);
  }
  pinging.join();

  recording.pings_sent = pings.sent;
  for (std::size_t i = 0; i < pings.rtt_ms.size(); ++i)
    recording.answered.push_back({pings.sent_ms[i], pings.rtt_ms[i]});
  for (const auto& sample : recording.answered) {
    if (!recording.blocked_ms || sample.sent_ms < *recording.blocked_ms) continue;
    recording.fallback_gap_ms = sample.sent_ms - *recording.blocked_ms;
    break;
  }
  return recording;
}

void write_csv(const Recording& recording, const std::filesystem::path& path) {
  std::ofstream out(path);
  out << "sent_ms,rtt_ms\n";
  for (const auto& mark : recording.marks)
    out << "# " << lab::json_number(mark.at_ms) << ' ' << mark.what << '\n';
  for (const auto& sample : recording.answered)
    out << lab::json_number(sample.sent_ms) << ',' << lab::json_number(sample.rtt_ms) << '\n';
  if (!out) throw lab::LabError("can't write " + path.string());
}

std::string to_json(const Recording& recording) {
  const double direct = recording.direct_ms.value_or(0);
  const double blocked = recording.blocked_ms.value_or(0);
  const double back = blocked + recording.fallback_gap_ms.value_or(0);
  const auto all = std::numeric_limits<double>::max();
  return "{\"bench\":\"path\",\"recording\":true,\"pings_sent\":" +
         std::to_string(recording.pings_sent) +
         ",\"pings_answered\":" + std::to_string(recording.answered.size()) +
         ",\"direct_ms\":" + lab::json_number(recording.direct_ms) +
         ",\"blocked_ms\":" + lab::json_number(recording.blocked_ms) +
         ",\"fallback_gap_ms\":" + lab::json_number(recording.fallback_gap_ms) +
         ",\"relay_rtt_ms\":" + lab::json_number(median_between(recording, 0, kSurelyRelayedMs)) +
         ",\"direct_rtt_ms\":" + lab::json_number(median_between(recording, direct, blocked)) +
         ",\"relay_again_rtt_ms\":" +
         lab::json_number(recording.fallback_gap_ms ? median_between(recording, back, all)
                                                    : std::nullopt) +
         "}";
}

}  // namespace lanrage::bench
