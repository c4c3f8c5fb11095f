// A malicious control server that wants to govern: another host, addresses that aren't the party's,
// an accomplice with a true invite who takes what isn't his.
#include <gtest/gtest.h>

#include "attacker_fixture.hpp"

namespace lanrage::lab {
namespace {

namespace json = boost::json;

using AttackerCharter = AttackerTest;

TEST_F(AttackerCharter, AForgedCharterMakesNobodyHost) {
  auto& bob = befriend("bob");
  auto& carol = befriend("carol");
  start_traffic(alice_, bob);
  const Stranger mallory;
  const auto host = [&](const Friend& who) {
    return std::string(who.player->party()->at("host").as_string());
  };

  // In the name of the root key, and by a root key of the server's own.
  auto charter = ledger().charter();
  ++charter.version;
  charter.host = mallory.device.identity.public_key();
  const auto in_its_name = party::sign_record(charter, party_id(), {&mallory.signing});
  charter.root_key = mallory.signing.public_key();
  const auto by_its_own = party::sign_record(charter, party_id(), {&mallory.signing});
  const json::object host_id{{"host_id", mallory.device.peer_id().to_string()}};
  forge({&bob}, message("host_changed", {in_its_name}, host_id));
  forge({&carol}, message("host_changed", {by_its_own}, host_id));
  EXPECT_TRUE(told(bob, "record_refused"));
  EXPECT_TRUE(told(carol, "record_refused"));

  // And without a charter.
  forge({&bob, &carol}, message("host_changed", {}, host_id));
  auto snapshot = snapshot_for(alice_, log());
  snapshot.at("party").as_object()["host_id"] = mallory.device.peer_id().to_string();
  ASSERT_TRUE(attacker_.send(alice_.id(), snapshot));
  for (const auto* who : {&alice_, &bob, &carol}) {
    EXPECT_TRUE(told(*who, "false_charter", "host"));
    EXPECT_EQ(host(*who), alice_.id());
  }
  expect_all_is_well();
}

TEST_F(AttackerCharter, AddressesOutsideTheCharterAreTakenByNobody) {
  auto& bob = befriend("bob");
  start_traffic(alice_, bob);

  auto snapshot = snapshot_for(bob, log());
  snapshot.at("party").as_object()["prefix"] = "0.0.0.0/1";
  for (auto& peer : snapshot.at("party").at("peers").as_array())
    peer.as_object()["vip"] = "8.8.8.8";
  ASSERT_TRUE(attacker_.send(bob.id(), snapshot));
  EXPECT_TRUE(told(bob, "false_charter", "address range"));
  EXPECT_TRUE(told(bob, "false_peer"));

  // Whoever joins is given an address by the server. The records must allow it: here by a server
  // that takes whatever the joiner signs.
  for (const auto* vip : {"8.8.8.8", "10.66.0.1"}) {
    SCOPED_TRACE(vip);
    attacker_.rewrite_answers([&](const auto& request, auto& answer) {
      if (request.target.ends_with("/open")) answer.body.as_object()["vip"] = vip;
    });
    Player& carol = add_player("carol", NatKind::open);
    const auto refused = carol.cli({"join", alice_.membership.invite});
    EXPECT_EQ(refused.status, 1) << refused.out;
    EXPECT_FALSE(refused.err.empty());
    EXPECT_FALSE(carol.party());
  }
  attacker_.behave();

  // An accomplice with a true invite gets in, as whoever holds one does; an address that isn't its
  // to take it doesn't get, and without one no tunnel.
  const auto link = party::parse_invite_link(alice_.membership.invite).value();
  const auto invite = party::invite_keys(link.secret, party_id());
  int number = 0;
  for (const auto* vip : {"8.8.8.8", "10.66.0.1"}) {
    SCOPED_TRACE(vip);
    const Stranger mallory;
    const auto& target = number++ == 0 ? bob : alice_;
    const Records records{
        party::build_admission(ledger(), invite, mallory.device),
        party::build_statement(ledger(), mallory.device.identity, "mallory", *IpAddress::parse(vip))
            .value()};
    forge({&target},
          message("peer_updated", records, {{"peer_id", mallory.device.peer_id().to_string()}}));
    EXPECT_TRUE(told(target, &target == &bob ? "record_refused" : "split_view"));
    EXPECT_FALSE(DeviceWatch::has(*target.player, mallory.wireguard()));
    // Bob tells alice of the accomplice that he was shown: with another one, her server then parts
    // from what she knows.
    EXPECT_TRUE(eventually(kSeen, [&] { return alice_.player->peers().size() == 2; }));
  }
  expect_all_is_well();
}

}  // namespace
}  // namespace lanrage::lab
