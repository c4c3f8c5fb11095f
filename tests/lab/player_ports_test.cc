// Players whose router forwards ports: two behind symmetric NATs meet directly all the same.
#include <boost/json/object.hpp>
#include <gtest/gtest.h>

#include "lab_fixture.hpp"
#include "mapping_daemon.hpp"

namespace lanrage::lab {
namespace {

using portmap::Method;

constexpr Millis kMapped{60'000};

// What status says of how the router forwards the only party's port.
struct Portmap {
  std::string method;
  std::string endpoint;
};
Portmap portmap_of(const Player& player) {
  const auto party = player.party();
  if (!party) return {};
  const auto* value = party->if_contains("portmap");
  const auto* object = value == nullptr ? nullptr : value->if_object();
  if (object == nullptr) return {};
  const auto* endpoint = object->if_contains("endpoint");
  return {std::string(object->at("method").as_string()),
          endpoint->is_string() ? std::string(endpoint->as_string()) : ""};
}

class PlayerPorts : public LabTest, public ::testing::WithParamInterface<Method> {
 protected:
  std::uint16_t wait_for_mapping(const Player& player) {
    std::optional<Endpoint> endpoint;
    EXPECT_TRUE(eventually(kMapped,
                           [&] {
                             const auto found = portmap_of(player);
                             endpoint = Endpoint::parse(found.endpoint);
                             return endpoint && found.method == portmap::name_of(GetParam());
                           }))
        << "now it is " << portmap_of(player).method << ' ' << portmap_of(player).endpoint;
    if (!endpoint) return 0;
    EXPECT_EQ(endpoint->address, MappingDaemon::external_address());
    return endpoint->port;
  }
};

TEST_P(PlayerPorts, OneSideWithAMappingIsReachedDirectly) {
  Server& server = add_server();
  Router& forwarding = network_.add_router(NatKind::symmetric);
  Router& plain = network_.add_router(NatKind::symmetric);
  Player& alice = add_player("alice", network_.add_host("alice", forwarding));
  Player& bob = add_player("bob", network_.add_host("bob", plain));
  const MappingDaemon daemon(forwarding, GetParam());
  MappingDaemon::add_route(plain.netns(), forwarding);

  const Membership hosted = alice.create(server, "game night");
  const auto port = wait_for_mapping(alice);
  EXPECT_TRUE(MappingDaemon::forwards(forwarding, port));
  const Membership joined = bob.join(hosted.invite);
  EXPECT_TRUE(pings(bob, hosted.vip));
  EXPECT_TRUE(path_becomes(bob, "alice", "direct"));
  EXPECT_TRUE(path_becomes(alice, "bob", "direct"));
  EXPECT_TRUE(pings(alice, joined.vip));
  EXPECT_EQ(bob.peer("alice").value_or(PeerView{}).endpoint,
            (Endpoint{MappingDaemon::external_address(), port}).to_string());

  EXPECT_EQ(alice.cli({"leave"}).status, 0);
  EXPECT_TRUE(eventually(kSeen, [&] { return !MappingDaemon::forwards(forwarding, port); }))
      << "it went with the party";
  alice.create(server, "another night");
  const auto another = wait_for_mapping(alice);
  EXPECT_TRUE(MappingDaemon::forwards(forwarding, another));
  EXPECT_EQ(alice.stop_agent(), 0);
  EXPECT_FALSE(MappingDaemon::forwards(forwarding, another)) << "it went with the agent";
  if (HasFailure()) ADD_FAILURE() << daemon.log();
}

INSTANTIATE_TEST_SUITE_P(Methods, PlayerPorts,
                         ::testing::Values(Method::pcp, Method::nat_pmp, Method::upnp),
                         [](const auto& test) { return std::string(name_of(test.param)); });

}  // namespace
}  // namespace lanrage::lab
