// Host and deputies whose agents close invites that have ended, in virtual time from a seed: they
// are away at times, their clocks are wrong, what they hear of the party comes late, and several
// may act at once.
#include <gtest/gtest.h>

#include "sim/trust_clock.hpp"
#include "sim/trust_pool.hpp"
#include "trust/invite_closing.hpp"

namespace lanrage::trust_sim {
namespace {

using namespace std::chrono_literals;
using Duty = trust::InviteClosing::Duty;

constexpr std::uint64_t kWorlds = LANRAGE_CLOSING_SIM_SEEDS;
constexpr std::size_t kGovernors = 3;  // the host and both deputies
constexpr Duration kBusy = 12h;        // while invites are made and used
constexpr std::chrono::minutes kClocksWrongBy{9};

struct Governor {
  Governor(const party::DeviceKeys& device, const crypto::SigningKey& key, party::Ledger known,
           Random& random)
      : id(device.peer_id()), signer(&key), ledger(std::move(known)), closing(random) {}

  PeerId id;
  const crypto::SigningKey* signer;
  party::Ledger ledger;  // as far as it has heard
  trust::InviteClosing closing;
  std::chrono::milliseconds clock_error{0};
  bool online = true;
  bool signing = false;
  std::optional<Instant> timer;
  std::vector<Instant> signed_at;
};

class ClosingWorld {
 public:
  explicit ClosingWorld(std::uint64_t seed)
      : timeline_(seed),
        pooled_(Pool::get().parties[seed % Pool::get().parties.size()]),
        ledger_(pooled_.sizes.back().ledger),
        key_(pooled_.made.key) {
    for (std::size_t n = 0; n < kGovernors; ++n) {
      const auto& device = Pool::get().devices[n];
      auto& governor = *governors_.emplace_back(std::make_unique<Governor>(
          device, n == 0 ? pooled_.made.root : device.identity, ledger_, timeline_.random));
      governor.clock_error = std::chrono::floor<std::chrono::milliseconds>(
          timeline_.between(Duration(-kClocksWrongBy), Duration(kClocksWrongBy)));
    }
  }

  void run() {
    const auto start = timeline_.now();
    for (Duration when = 0s; when < kBusy; when += timeline_.between(1min, 1h))
      timeline_.in(when, [this] { act(); });
    for (auto& governor : governors_)
      look(*governor);
    timeline_.run_until(start + kBusy);
    // Somebody comes back at last, and the longest invite ends.
    auto& last = *governors_[timeline_.random.below(kGovernors)];
    last.online = true;
    hear_all(last);
    timeline_.run_until(start + kBusy + 30h);
    check_end();
  }

 private:
  UnixTime clock() const {
    return kStart + std::chrono::floor<std::chrono::milliseconds>(timeline_.now() - begin_);
  }

  // ---- the server, whose clock is right

  bool commit(const Bytes& record) {
    const auto before = ledger_;
    const auto effect = ledger_.append(record, clock());
    if (!effect) return false;
    if (effect->kind == party::Effect::Kind::rostered) {
      ++rosters_;
      if (!trust::keeps_ended_invite(before, clock() + kClocksWrongBy))
        ADD_FAILURE() << "a roster that closes nothing";
      before_last_roster_ = before;
    }
    for (auto& governor : governors_)
      if (governor->online)
        timeline_.in(timeline_.between(5ms, 2s), [this, &one = *governor] { hear_all(one); });
    return true;
  }

  // ---- what people do

  void act() {
    const auto choice = timeline_.random.below(100);
    if (choice < 40) return invite();
    if (choice < 70) return join();
    auto& governor = *governors_[timeline_.random.below(kGovernors)];
    governor.online = !governor.online;
    if (governor.online) hear_all(governor);
  }

  void invite() {
    party::InviteOptions options;
    options.uses = static_cast<std::uint16_t>(1 + timeline_.random.below(3));
    options.lifetime = std::chrono::floor<std::chrono::milliseconds>(timeline_.between(2min, 4h));
    auto made =
        party::build_invite(timeline_.random, ledger_, key_, pooled_.made.root, options, clock());
    ASSERT_TRUE(made) << made.error().message();
    invites_.push_back(party::invite_keys(made->secret, pooled_.made.id));
    ++made_;
    commit(made->record);
  }

  void join() {
    for (const auto& invite : invites_) {
      const auto* state = ledger_.invite(invite.id());
      if (state == nullptr || !state->open(clock())) continue;
      commit(party::build_admission(ledger_, invite, newcomer()));
      return;
    }
  }

  const party::DeviceKeys& newcomer() {
    return *newcomers_.emplace_back(
        std::make_unique<party::DeviceKeys>(crypto::SigningKey::generate(timeline_.random),
                                            crypto::ExchangeSecret::generate(timeline_.random),
                                            crypto::ExchangeSecret::generate(timeline_.random)));
  }

  // ---- their agents

  void hear_all(Governor& governor) {
    if (!governor.online) return;
    governor.ledger = ledger_;
    look(governor);
  }

  void look(Governor& governor) {
    if (!governor.online || governor.signing) return;
    const auto duty = governor.id == governor.ledger.host_id() ? Duty::host : Duty::deputy;
    if (governor.closing.look(timeline_.now(), clock() + governor.clock_error, governor.ledger,
                              duty)) {
      governor.signing = true;
      return sign(governor);
    }
    const auto next = governor.closing.next_look();
    governor.timer = next;
    if (!next) return;
    EXPECT_GT(*next, timeline_.now()) << "it would spin";
    timeline_.at(*next, [this, &governor, next] {
      if (governor.timer == next) look(governor);
    });
  }

  // As Governance::close_ended_invites() does it.
  void sign(Governor& governor) {
    const auto done = [this, &governor] {
      governor.signing = false;
      governor.closing.on_signed(timeline_.now());
      look(governor);
    };
    const auto his_clock = clock() + governor.clock_error;
    if (!trust::keeps_ended_invite(governor.ledger, his_clock)) return done();
    auto made =
        party::build_rotation(timeline_.random, governor.ledger, *governor.signer, {}, his_clock);
    ASSERT_TRUE(made) << made.error().message();
    timeline_.in(timeline_.between(5ms, 500ms), [=, this, &governor] {
      if (!governor.online) {
        governor.signing = false;
        governor.closing.on_failed(timeline_.now());
        return;
      }
      if (commit(made->roster)) {
        key_ = made->key;
        governor.signed_at.push_back(timeline_.now());
        governor.ledger = ledger_;
        return done();
      }
      governor.ledger = ledger_;
      sign(governor);
    });
  }

  // ---- what must hold

  void check_end() {
    EXPECT_FALSE(trust::keeps_ended_invite(ledger_, clock()));
    EXPECT_LE(rosters_, made_ + 1) << "each closes an invite";
    for (const auto& governor : governors_)
      for (std::size_t n = 1; n < governor->signed_at.size(); ++n)
        EXPECT_GE(governor->signed_at[n] - governor->signed_at[n - 1],
                  trust::InviteClosing::kSpacing);
    // No server can log an admission by any of them now: neither one made against the party of
    // now nor one made before, whatever date it claims.
    ASSERT_TRUE(before_last_roster_);
    for (const auto& invite : invites_) {
      if (ledger_.invite(invite.id()) != nullptr) continue;
      for (const auto* seen : {&ledger_, &*before_last_roster_}) {
        const auto refused = ledger_.judge(party::build_admission(*seen, invite, newcomer()));
        ASSERT_FALSE(refused);
        EXPECT_EQ(refused.error().code(), seen == &ledger_ ? "unknown_invite" : "stale_epoch");
      }
    }
  }

  Timeline timeline_;
  const Instant begin_ = timeline_.now();
  const PooledParty& pooled_;
  party::Ledger ledger_;  // the server's
  std::optional<party::Ledger> before_last_roster_;
  party::PartyKey key_;
  std::vector<std::unique_ptr<Governor>> governors_;
  std::vector<party::InviteKeys> invites_{pooled_.invite};
  std::vector<std::unique_ptr<party::DeviceKeys>> newcomers_;
  int rosters_ = 0;
  int made_ = 0;
};

TEST(ClosingSim, EveryInviteThatEndsIsClosedByOneRosterOrSo) {
  for (std::uint64_t seed = 1; seed <= kWorlds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    ClosingWorld(seed).run();
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace lanrage::trust_sim
