// Players on one LAN and no server anywhere: one of them hosts.
#include <boost/json/array.hpp>
#include <gtest/gtest.h>

#include "lab_fixture.hpp"

namespace lanrage::lab {
namespace {

namespace json = boost::json;

std::string text(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}

class LanParty : public LabTest {
 protected:
  // A household whose router has nobody to route to: the "internet" holds no server.
  Router& router_ = network_.add_router(NatKind::port_restricted_cone);
  Host& host_ = network_.add_host("alice", router_);
  Player& alice_ = add_player("alice", host_);
  Player& bob_ = add_player("bob", network_.add_host("bob", router_));
  Player& carol_ = add_player("carol", network_.add_host("carol", router_));

  Membership create_local() {
    const CliResult result = alice_.cli({"create", "LAN night", "--local", "--nick", "alice"});
    if (result.status != 0) throw LabError("create --local: " + result.err + alice_.log());
    const auto& object = result.json.as_object();
    const auto vip = IpAddress::parse(text(object, "vip"));
    return {text(object, "party_id"), text(object, "peer_id"), text(object, "invite"),
            vip.value_or(IpAddress())};
  }
  // What `discover` by `player` says of the party; nothing when it isn't there.
  static std::optional<json::object> found(const Player& player, const std::string& party) {
    const CliResult result = player.cli({"discover"});
    if (result.status != 0 || !result.json.is_object()) return std::nullopt;
    for (const auto& one : result.json.as_object().at("parties").as_array())
      if (text(one.as_object(), "id") == party) return one.as_object();
    return std::nullopt;
  }
};

TEST_F(LanParty, IsFoundJoinedAndOutlivesItsHostsAgent) {
  const Membership hosted = create_local();
  EXPECT_NE(hosted.invite.find(host_.address().to_string()), std::string::npos) << hosted.invite;

  const auto seen = found(bob_, hosted.party_id);
  ASSERT_TRUE(seen);
  EXPECT_EQ(text(*seen, "name"), "LAN night");
  EXPECT_EQ(text(*seen, "host"), "alice");
  EXPECT_EQ(text(*seen, "source"), "beacon");
  EXPECT_EQ(seen->at("joined"), false);
  EXPECT_NE(text(*seen, "server").find(host_.address().to_string()), std::string::npos);
  EXPECT_FALSE(text(*seen, "pin").empty());
  EXPECT_EQ(bob_.cli_text({"discover"}).out.find(hosted.invite), std::string::npos);

  const Membership bobs = bob_.join(hosted.invite);
  EXPECT_TRUE(pings(bob_, hosted.vip));
  EXPECT_TRUE(path_becomes(bob_, "alice", "direct"));
  EXPECT_TRUE(path_becomes(alice_, "bob", "direct"));

  alice_.kill_agent();
  EXPECT_TRUE(eventually(kSeen, [&] { return bob_.server_state() != "connected"; }));
  alice_.start_agent();
  EXPECT_TRUE(eventually(kReachable, [&] { return alice_.server_state() == "connected"; }));
  EXPECT_TRUE(eventually(kReachable, [&] { return bob_.server_state() == "connected"; }));
  EXPECT_TRUE(pings(bob_, hosted.vip));
  EXPECT_TRUE(pings(alice_, bobs.vip));

  const auto by_third = found(carol_, hosted.party_id);
  ASSERT_TRUE(by_third);
  EXPECT_EQ(by_third->at("members"), 2);
  const Membership carols = carol_.join(hosted.invite);
  EXPECT_TRUE(pings(carol_, bobs.vip));
  EXPECT_TRUE(pings(carol_, hosted.vip));
  EXPECT_NE(carols.vip, bobs.vip);

  // Handed over, it is bob's, though still on alice's machine.
  const CliResult handed = alice_.cli({"promote", "bob", "--host"});
  EXPECT_EQ(handed.status, 0) << handed.err;
  EXPECT_TRUE(eventually(kSeen, [&] {
    const auto now = found(carol_, hosted.party_id);
    return now && text(*now, "host") == "bob";
  }));
}

TEST_F(LanParty, AHostThatGotAnotherAddressIsFoundAgain) {
  const Membership hosted = create_local();
  bob_.join(hosted.invite);
  ASSERT_TRUE(pings(bob_, hosted.vip));

  const std::uint32_t lan = router_.lan().address.v4_value();
  const auto moved = IpAddress::v4(lan + 77).to_string();
  host_.netns().ip("addr del " + host_.address().to_string() + "/24 dev eth0\naddr add " + moved +
                   "/24 dev eth0\nroute replace default via " + IpAddress::v4(lan + 1).to_string() +
                   "\n");
  EXPECT_TRUE(eventually(Millis(120'000), [&] {
    const auto party = bob_.party();
    const auto* server = party ? party->if_contains("server") : nullptr;
    return server != nullptr && text(server->as_object(), "state") == "connected" &&
           text(server->as_object(), "url").find(moved) != std::string::npos;
  })) << bob_.server_state();
  const CliResult invite = alice_.cli({"invite"});
  ASSERT_EQ(invite.status, 0) << invite.err;
  EXPECT_NE(text(invite.json.as_object(), "invite").find(moved), std::string::npos);
}

TEST_F(LanParty, LeavingItEndsItsServer) {
  create_local();
  EXPECT_EQ(alice_.cli({"leave"}).status, 0);
  const Membership again = create_local();  // at once, at the same place
  bob_.join(again.invite);
  EXPECT_TRUE(pings(bob_, again.vip));

  const CliResult left = alice_.cli({"leave"});
  EXPECT_EQ(left.status, 0);
  EXPECT_NE(left.out.find("nobody can join"), std::string::npos) << left.out;
  EXPECT_FALSE(found(carol_, again.party_id));
  EXPECT_TRUE(eventually(
      kSeen, [&] { return carol_.cli({"join", again.invite, "--nick", "carol"}).status == 4; },
      Millis(500)));
}

TEST_F(LanParty, WithoutItsServerCreateOffersIt) {
  const CliResult refused =
      bob_.cli_text({"create", "x", "--server", "https://" + host_.address().to_string()});
  EXPECT_EQ(refused.status, 4);
  EXPECT_NE(refused.err.find("lanrage create x --local"), std::string::npos) << refused.err;
}

}  // namespace
}  // namespace lanrage::lab
