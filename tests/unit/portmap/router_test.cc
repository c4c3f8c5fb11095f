#include "portmap/router.hpp"

#include <gtest/gtest.h>

namespace lanrage::portmap {
namespace {

using std::chrono::seconds;

constexpr Port kFirst{Transport::udp, 41'641};
constexpr Port kSecond{Transport::udp, 41'642};
const std::vector<Wish> kBoth{{kFirst, 41'641, true}, {kSecond, 41'642, true}};

// What a router was asked, and how much it grants.
struct Script {
  bool answers = true;
  std::size_t grants = 9;
  int asked = 0;
  std::vector<Grant> unmapped;
};

class ScriptedGateway final : public Gateway {
 public:
  ScriptedGateway(Method method, Script& script) : method_(method), script_(script) {}

  Method method() const override { return method_; }
  Round map(std::span<const Wish> wishes, seconds lifetime, const std::stop_token&) override {
    ++script_.asked;
    Round round;
    if (!script_.answers) {
      round.reason = std::string(title_of(method_)) + ": silent";
      return round;
    }
    round.method = method_;
    for (const auto& wish : wishes)
      if (round.granted.size() < script_.grants)
        round.granted.push_back({wish.port, wish.external, lifetime});
    if (round.granted.size() < wishes.size())
      round.reason = std::string(title_of(method_)) + ": full";
    return round;
  }
  void unmap(std::span<const Grant> grants) override {
    script_.unmapped.insert(script_.unmapped.end(), grants.begin(), grants.end());
  }

 private:
  Method method_;
  Script& script_;
};

class RouterTest : public ::testing::Test {
 protected:
  RouterTest() : router_(gateways()) {}

  std::vector<std::unique_ptr<Gateway>> gateways() {
    std::vector<std::unique_ptr<Gateway>> out;
    out.push_back(std::make_unique<ScriptedGateway>(Method::pcp, pcp_));
    out.push_back(std::make_unique<ScriptedGateway>(Method::nat_pmp, nat_pmp_));
    out.push_back(std::make_unique<ScriptedGateway>(Method::upnp, upnp_));
    return out;
  }
  Round map(std::span<const Wish> wishes = kBoth) {
    return router_.map(wishes, seconds(60), stop_.get_token());
  }

  Script pcp_;
  Script nat_pmp_;
  Script upnp_;
  std::stop_source stop_;
  Router router_;
};

TEST_F(RouterTest, TheFirstThatGrantsAllIsEnough) {
  const auto round = map();
  EXPECT_EQ(round.method, Method::pcp);
  EXPECT_EQ(round.granted.size(), 2u);
  EXPECT_EQ(nat_pmp_.asked + upnp_.asked, 0);
}

TEST_F(RouterTest, TheSilentArePassedOverAndTheOneThatWorkedGoesFirstNextTime) {
  pcp_.answers = nat_pmp_.answers = false;
  auto round = map();
  EXPECT_EQ(round.method, Method::upnp);
  EXPECT_EQ(round.reason, "PCP: silent; NAT-PMP: silent");
  round = map();
  EXPECT_EQ(round.method, Method::upnp);
  EXPECT_EQ(round.reason, "");
  EXPECT_EQ(pcp_.asked, 1);
}

TEST_F(RouterTest, OneThatGrantsMoreIsBetter) {
  pcp_.grants = 1;
  upnp_.answers = false;
  auto round = map();
  EXPECT_EQ(round.method, Method::nat_pmp);
  EXPECT_EQ(round.granted.size(), 2u);
  // Both have something of ours.
  router_.unmap_all();
  EXPECT_EQ(pcp_.unmapped.size(), 1u);
  EXPECT_EQ(nat_pmp_.unmapped.size(), 2u);
  router_.unmap_all();
  EXPECT_EQ(nat_pmp_.unmapped.size(), 2u) << "once is enough";
}

TEST_F(RouterTest, NobodyAnswers) {
  pcp_.answers = nat_pmp_.answers = upnp_.answers = false;
  const auto round = map();
  EXPECT_FALSE(round.method);
  EXPECT_EQ(round.reason, "PCP: silent; NAT-PMP: silent; UPnP: silent");
  router_.unmap_all();
  EXPECT_TRUE(pcp_.unmapped.empty() && nat_pmp_.unmapped.empty() && upnp_.unmapped.empty());
}

TEST_F(RouterTest, OnePortGoesAndTheOtherStays) {
  map();
  router_.unmap(std::span(&kFirst, 1));
  ASSERT_EQ(pcp_.unmapped.size(), 1u);
  EXPECT_EQ(pcp_.unmapped[0].port, kFirst);
  router_.unmap_all();
  ASSERT_EQ(pcp_.unmapped.size(), 2u);
  EXPECT_EQ(pcp_.unmapped[1].port, kSecond);
}

TEST_F(RouterTest, AskingAnewIsOneMappingNotTwo) {
  map();
  map();
  router_.unmap_all();
  EXPECT_EQ(pcp_.unmapped.size(), 2u);
}

TEST_F(RouterTest, StoppedAsksNobody) {
  stop_.request_stop();
  EXPECT_FALSE(map().method);
  EXPECT_EQ(pcp_.asked, 0);
}

}  // namespace
}  // namespace lanrage::portmap
