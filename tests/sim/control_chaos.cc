// World: what goes wrong, and when.
#include <array>

#include "sim/control_device.hpp"

namespace lanrage::control_sim {

using std::chrono::hours;
using std::chrono::seconds;

Chaos Chaos::some(Random& random) {
  const auto often = [&] { return random.below(3) != 0; };
  const auto seldom = [&] { return random.below(4) == 0; };
  Chaos chaos;
  chaos.losses = often();
  chaos.cuts = often();
  chaos.restarts = often();
  chaos.failures = often();
  chaos.restores = seldom();
  chaos.jumps = seldom();
  chaos.slow = seldom();
  chaos.liars = seldom();
  chaos.sleepers = seldom();
  return chaos;
}

void World::disturb() {
  const auto dice = random_.below(64);
  if (dice < 3 && chaos_.restarts) return restart(false);
  if (dice < 4 && chaos_.restores && copy_) return restart(true);
  if (dice < 6 && chaos_.restores) {
    note([] { return std::string("the database is copied"); });
    copy_.emplace(Copy{storage_->tables, oracle_});
    return;
  }
  if (dice < 14 && chaos_.failures) {
    constexpr std::array kKinds{store::InjectedFailure::refused, store::InjectedFailure::lost,
                                store::InjectedFailure::written};
    const auto kind = kKinds[random_.below(kKinds.size())];
    note([&] { return "the store fails, kind " + std::to_string(static_cast<int>(kind)); });
    return fail_store(kind, 1 + random_.below(3));
  }
  if (dice < 17 && chaos_.jumps) {
    const auto by = hours(static_cast<int>(random_.below(13)) - 6);
    note([&] { return "the wall clock jumps by " + std::to_string(by.count()) + " h"; });
    return clock_.jump(by + seconds(random_.below(100)));
  }
  if (dice < 19 && chaos_.cuts && chance(2)) {
    note([] { return std::string("everybody loses the connection"); });
    for (const auto& connection : std::vector(connections_))
      if (connection->device_open) lose(*connection, io::kCloseAbnormal);
    return;
  }
  if (dice < 29 && chaos_.cuts && !connections_.empty()) {
    const auto connection = connections_[random_.below(connections_.size())];
    if (connection->device_open) cut(*connection);
    return;
  }
  if (dice < 31 && chaos_.sleepers) {
    auto& sleeper = *devices_[random_.below(devices_.size())];
    note([&] { return sleeper.name() + " sleeps"; });
    sleeper.asleep_until = clock_.monotonic() + seconds(20 + random_.below(600));
    if (sleeper.connection()) cut(*sleeper.connection());
    return;
  }
  if (dice < 33) {
    note([] { return std::string("a long pause"); });
    return advance(seconds(5 + random_.below(400)));
  }
  if (dice < 34) operate();
}

// The operator ends the service to somebody.
void World::operate() {
  if (oracle_.histories().empty()) return;
  const auto wanted = static_cast<std::ptrdiff_t>(random_.below(oracle_.histories().size()));
  const auto& [party, history] = *std::next(oracle_.histories().begin(), wanted);
  if (history.closed || history.members.empty()) return;
  const auto whom = static_cast<std::ptrdiff_t>(random_.below(history.members.size()));
  const PeerId peer = *std::next(history.members.begin(), whom);
  note([&] { return "the operator bars " + peer.to_string().substr(0, 6); });
  bar(party, peer);
}

}  // namespace lanrage::control_sim
