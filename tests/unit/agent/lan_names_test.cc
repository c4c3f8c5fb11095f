#include "agent/lan_names.hpp"

#include <gtest/gtest.h>

#include "unit/party/fixture.hpp"

namespace lanrage::agent {
namespace {

TEST(NamedParty, HasItsMembersByAdmission) {
  party::World world;
  const auto vip_of = [&](const party::DeviceKeys& device) {
    return world.ledger().member(device.peer_id())->vip;
  };
  std::vector<party::DeviceKeys> devices;
  std::vector<lan::NamedMember> expected{{"Ann", vip_of(world.host)}};
  for (int i = 0; i < 10; ++i) {
    const auto& device = devices.emplace_back(party::make_device(world.random));
    ASSERT_TRUE(world.join(device));
    expected.push_back({"Bob", vip_of(device)});
  }
  EXPECT_EQ(named_party(world.ledger()), (lan::NamedParty{"Friday", expected}));

  // Who comes back has lost his place.
  ASSERT_TRUE(world.leave(devices[3]));
  expected.erase(expected.begin() + 4);
  EXPECT_EQ(named_party(world.ledger()).members, expected);
  ASSERT_TRUE(world.join(devices[3]));
  expected.push_back({"Bob", vip_of(devices[3])});
  EXPECT_EQ(named_party(world.ledger()).members, expected);
}

}  // namespace
}  // namespace lanrage::agent
