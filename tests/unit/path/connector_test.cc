#include "path/connector.hpp"

#include <gtest/gtest.h>

#include "unit/path/path_fixture.hpp"

namespace lanrage::path {
namespace {

const Endpoint kRelay = at("198.51.100.1:51820");
const Endpoint kDirect = at("203.0.113.9:5000");
const Connector::Means kByRelay{kRelay, std::nullopt};
const Connector::Means kByBoth{kRelay, kDirect};
const Connector::Means kNone{};
constexpr Instant kNever{};

struct Connecting : testing::Test {
  SeededRandom random{1};
  Connector initiator{true, Tuning{}, random};
  Connector passive{false, Tuning{}, random};
  Actions out;
};

TEST_F(Connecting, TheInitiatorTakesTheRelayAtOnce) {
  initiator.drive(kStart, kNone, kNever, out);
  EXPECT_TRUE(out.empty());
  initiator.drive(kStart, kByRelay, kNever, out);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(std::get<SetEndpoint>(out[0]).endpoint, kRelay);
}

TEST_F(Connecting, ADirectPathFoundFirstNeedsNoDetour) {
  initiator.drive(kStart, kByBoth, kNever, out);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(std::get<SetEndpoint>(out[0]).endpoint, kDirect);
}

TEST_F(Connecting, ARelayedHandshakeHasASecondBeforeADirectOne) {
  initiator.drive(kStart, kByRelay, kNever, out);
  out.clear();
  initiator.drive(kStart + ms(500), kByBoth, kNever, out);
  EXPECT_TRUE(out.empty());
  EXPECT_EQ(initiator.next_timeout(), kStart + ms(1'000));
  initiator.drive(kStart + ms(1'000), kByBoth, kNever, out);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(std::get<ReplacePeer>(out[0]).endpoint, kDirect);
}

TEST_F(Connecting, WithoutAHandshakeThePeerIsReplacedWithGrowingPauses) {
  std::vector<std::int64_t> at_ms;
  for (Instant now = kStart; now < kStart + std::chrono::seconds(200); now += ms(100)) {
    out.clear();
    initiator.drive(now, kByRelay, kNever, out);
    if (any_of<ReplacePeer>(out)) at_ms.push_back((now - kStart).count() / 1'000);
  }
  std::vector<std::int64_t> expected{2'500,  5'000,  7'500,  10'000, 15'000,
                                     25'000, 45'000, 85'000, 145'000};
  EXPECT_EQ(at_ms, expected);
}

TEST_F(Connecting, APeerThatIsHeardAgainIsTriedAtOnceUnlessATryIsUnderWay) {
  for (Instant now = kStart; now < kStart + std::chrono::seconds(60); now += ms(100))
    initiator.drive(now, kByRelay, kNever, out);  // the last at 45 s, the next at 85 s
  out.clear();
  initiator.hurry();
  initiator.drive(kStart + ms(60'000), kByRelay, kNever, out);
  EXPECT_TRUE(any_of<ReplacePeer>(out));
  out.clear();
  initiator.hurry();
  initiator.drive(kStart + ms(62'400), kByRelay, kNever, out);
  EXPECT_TRUE(out.empty());
  initiator.drive(kStart + ms(62'500), kByRelay, kNever, out);
  EXPECT_TRUE(any_of<ReplacePeer>(out));
}

TEST_F(Connecting, AFailedDirectHandshakeIsNamedAndTheRelayIsNext) {
  initiator.drive(kStart, kByBoth, kNever, out);
  out.clear();
  auto failed = initiator.drive(kStart + ms(2'500), kByBoth, kNever, out);
  EXPECT_EQ(failed, kDirect);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(std::get<ReplacePeer>(out[0]).endpoint, kRelay);
}

TEST_F(Connecting, AfterALostSessionTheInitiatorReplacesAtOnce) {
  initiator.drive(kStart, kByRelay, kNever, out);
  initiator.on_session();
  out.clear();
  initiator.on_lapse(true, out);
  initiator.drive(kStart + ms(60'000), kByRelay, kNever, out);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(std::get<ReplacePeer>(out[0]).endpoint, kRelay);
}

TEST_F(Connecting, ThePassiveSideWaitsTwoToFourSeconds) {
  std::optional<Instant> set;
  for (Instant now = kStart; !set && now < kStart + ms(10'000); now += ms(50)) {
    passive.drive(now, kByRelay, kNever, out);
    if (any_of<SetEndpoint>(out)) set = now;
  }
  ASSERT_TRUE(set);
  EXPECT_GE(*set - kStart, ms(2'000));
  EXPECT_LE(*set - kStart, ms(4'050));
}

TEST_F(Connecting, ThePassiveSideLeavesAHandshakeUnderWayAlone) {
  for (Instant now = kStart; now < kStart + ms(30'000); now += ms(50))
    passive.drive(now, kByRelay, now - ms(1'000), out);
  EXPECT_TRUE(out.empty());
}

TEST_F(Connecting, ThePassiveSideIsPassiveAgainAfterItsTry) {
  for (Instant now = kStart; now < kStart + ms(15'000); now += ms(50))
    passive.drive(now, kByRelay, kNever, out);
  ASSERT_EQ(out.size(), 2u);
  EXPECT_TRUE(std::holds_alternative<SetEndpoint>(out[0]));
  EXPECT_FALSE(std::get<ReplacePeer>(out[1]).endpoint);
}

TEST_F(Connecting, AnExpiredSessionMakesThePassiveSidePassive) {
  passive.on_session();
  passive.on_lapse(true, out);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_FALSE(std::get<ReplacePeer>(out[0]).endpoint);
  out.clear();
  passive.on_lapse(false, out);
  EXPECT_TRUE(out.empty()) << "perhaps the initiator's new handshake has come already";
}

}  // namespace
}  // namespace lanrage::path
