// What the programs have in their memory and on their disks. Control server and relay: nothing that
// would let whoever gets hold of it into a party. An agent: nothing of a party that it has left.
#include <boost/json/parse.hpp>
#include <fstream>
#include <gmock/gmock.h>
#include <sstream>

#include "base/encoding.hpp"
#include "lab_fixture.hpp"
#include "memory_search.hpp"
#include "party/invite_link.hpp"
#include "party/party_key.hpp"
#include "support/relay.hpp"

namespace lanrage::lab {
namespace {

namespace json = boost::json;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Not;

constexpr Millis kForgotten{10'000};

std::string text_of(ByteView bytes) {
  return std::string(as_text(bytes));
}

Secret<32> secret_in(const json::object& party, std::string_view name) {
  const auto bytes = from_base64(party.at(name).as_string()).value();
  Secret<32> out;
  std::ranges::copy(bytes, out.expose_mutable().begin());
  return out;
}

json::object saved_party(const Player& player) {
  std::ostringstream text;
  text << std::ifstream(player.state_dir() / "state.json").rdbuf();
  return json::parse(text.str()).at("parties").at(0).as_object();
}

// All that the two players have and nobody else may: what they keep, what invites hold, and what
// follows from it.
std::vector<KnownSecret> secrets_of_pair(const Player& a, const Player& b) {
  std::vector<KnownSecret> out;
  for (const auto* player : {&a, &b}) {
    for (auto secret : secrets_of(*player)) {
      if (secret.name == "invite") continue;  // its text; the bytes follow
      secret.name = player->nick() + "'s " + secret.name;
      out.push_back(std::move(secret));
    }
    for (const auto& invite : player->invites()) {
      const auto link = party::parse_invite_link(invite).value();
      const auto keys = party::invite_keys(link.secret, link.party);
      out.push_back({"invite secret", text_of(link.secret.expose())});
      out.push_back({"invite's signing key", text_of(keys.signing.seed().expose())});
      out.push_back({"invite's box key", text_of(keys.box.bytes().expose())});
    }
  }
  const auto party = saved_party(a);
  const auto key_of = [](const Player& player) {
    return crypto::ExchangeSecret::from_bytes(secret_in(saved_party(player), "wireguard_secret"))
        .public_key();
  };
  const party::PartyKey key(secret_in(party, "party_key"),
                            party.at("key_epoch").to_number<std::uint32_t>());
  const auto id = PartyId::parse(std::string(party.at("party_id").as_string())).value();
  out.push_back({"preshared key", text_of(key.preshared_key(id, key_of(a), key_of(b)).expose())});
  return out;
}

// Without those of the device, which last longer than any party.
std::vector<KnownSecret> secrets_of_party(const Player& a, const Player& b) {
  auto out = secrets_of_pair(a, b);
  std::erase_if(out, [](const KnownSecret& secret) {
    return secret.name.ends_with("identity_seed") || secret.name.ends_with("box_secret");
  });
  return out;
}

std::vector<KnownSecret> secrets_of_invites(const std::vector<KnownSecret>& secrets) {
  std::vector<KnownSecret> out;
  std::ranges::copy_if(secrets, std::back_inserter(out),
                       [](const KnownSecret& secret) { return secret.name.starts_with("invite"); });
  return out;
}

// Some go a moment after the answer, with what was under way.
::testing::AssertionResult forgets(const Player& player, const std::vector<KnownSecret>& secrets) {
  std::vector<std::string> left;
  const bool none = eventually(kForgotten, [&] {
    left = found_in(memory_of(player.agent_pid()), secrets);
    return left.empty();
  });
  if (none) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure()
         << player.nick() << "'s agent still has: " << ::testing::PrintToString(left);
}

class Memory : public LabTest {
 protected:
  // The secrets of a party that both players are in, before and after its key was changed.
  std::vector<KnownSecret> play_and_rotate(Player& anna, Player& ben) {
    Server& control = add_server();
    const Membership hosted = anna.create(control, "LAN night");
    ben.join(hosted.invite);
    EXPECT_TRUE(pings(ben, hosted.vip));
    auto secrets = secrets_of_party(anna, ben);
    done(anna, {"rotate"});
    EXPECT_TRUE(eventually(kSeen, [&] {
      return saved_party(anna).at("party_key") == saved_party(ben).at("party_key");
    }));
    EXPECT_TRUE(pings(ben, hosted.vip));
    for (auto& secret : secrets_of_party(anna, ben)) {
      secret.name += " after the change";
      secrets.push_back(std::move(secret));
    }
    EXPECT_THAT(found_in(memory_of(anna.agent_pid()), secrets),
                IsSupersetOf({"anna's wireguard_secret", "anna's party_key after the change",
                              "anna's root_seed"}));
    EXPECT_THAT(found_in(memory_of(ben.agent_pid()), secrets),
                IsSupersetOf({"ben's wireguard_secret", "ben's party_key after the change"}));
    return secrets;
  }
};

TEST_F(Memory, NeitherServerNorRelayHoldsWhatLetsAnybodyIn) {
  const Host& place = network_.add_public_host("server");
  Server& control = add_server(place, place.address(), {"--role", "control,stun"});
  Relay relay(network_.add_public_host("relay"), control, enrolment_key(control));
  Player& anna = add_player("anna", NatKind::symmetric);
  Player& ben = add_player("ben", NatKind::symmetric);
  const Membership hosted = anna.create(control, "LAN night");
  ben.join(hosted.invite);
  ASSERT_TRUE(pings(ben, hosted.vip));
  ASSERT_TRUE(path_becomes(ben, "anna", "relay"));

  const auto secrets = secrets_of_pair(anna, ben);
  ASSERT_EQ(secrets.size(), 3 + 2 + 2 + 2 + 3 + 1u) << "of device and party, invite, preshared key";
  // The search finds what is there: the party's id and name at the server, the relay's id.
  const auto party = saved_party(anna);
  const std::vector<KnownSecret> there{
      {"party id", text_of(PartyId::parse(hosted.party_id)->bytes)}, {"party name", "LAN night"}};
  const std::vector<KnownSecret> of_relay{{"relay id", relay.id()}};

  const auto of_control = memory_of(control.pid());
  EXPECT_THAT(found_in(of_control, there), ElementsAre("party id", "party name"));
  EXPECT_THAT(found_in(of_control, secrets), IsEmpty());
  const auto database = files_of(control.data_dir());
  EXPECT_THAT(found_in(database, there), ElementsAre("party id", "party name"));
  EXPECT_THAT(found_in(database, secrets), IsEmpty());

  const auto relays = memory_of(relay.pid());
  EXPECT_THAT(found_in(relays, of_relay), ElementsAre("relay id"));
  EXPECT_THAT(found_in(relays, secrets), IsEmpty());
  const auto kept = files_of(relay.data_dir());
  EXPECT_THAT(found_in(kept, of_relay), ElementsAre("relay id"));
  EXPECT_THAT(found_in(kept, secrets), IsEmpty());

  // And would find the secrets: those who may have them do.
  EXPECT_THAT(found_in(memory_of(ben.agent_pid()), secrets),
              IsSupersetOf({"ben's identity_seed", "ben's wireguard_secret", "ben's party_key"}));
  EXPECT_THAT(found_in(files_of(anna.state_dir()), secrets), Contains("anna's root_seed"));
}

TEST_F(Memory, AnInviteGoesWhenItWasShownOrUsed) {
  Player& anna = add_player("anna", NatKind::open);
  Player& ben = add_player("ben", NatKind::open);
  const auto invites = secrets_of_invites(play_and_rotate(anna, ben));
  ASSERT_THAT(invites, Not(IsEmpty()));
  EXPECT_TRUE(forgets(anna, invites));
  EXPECT_TRUE(forgets(ben, invites));
  const auto link =
      party::parse_invite_link(std::string(done(anna, {"invite"}).at("invite").as_string()));
  EXPECT_TRUE(forgets(anna, {{"second invite", text_of(link.value().secret.expose())}}));
}

TEST_F(Memory, AnAgentForgetsAPartyThatItLeft) {
  Player& anna = add_player("anna", NatKind::open);
  Player& ben = add_player("ben", NatKind::open);
  const auto secrets = play_and_rotate(anna, ben);
  for (const auto* player : {&ben, &anna}) {
    done(*player, {"leave"});
    EXPECT_TRUE(forgets(*player, secrets));
  }
}

TEST_F(Memory, AnAgentForgetsAPartyThatItTookUpAgainAndLeft) {
  Player& anna = add_player("anna", NatKind::open);
  Player& ben = add_player("ben", NatKind::open);
  const auto secrets = play_and_rotate(anna, ben);
  for (auto* player : {&ben, &anna}) {
    ASSERT_EQ(player->stop_agent(), 0);
    player->start_agent();
    ASSERT_TRUE(eventually(kSeen, [&] { return player->server_state() == "connected"; }));
    done(*player, {"leave"});
    EXPECT_TRUE(forgets(*player, secrets));
  }
}

TEST_F(Memory, IsSearchedInEachForm) {
  const std::string secret = "\x01\xfb\xff 13 bytes more!";
  for (const auto& form : forms_of(secret))
    EXPECT_THAT(found_in({"xyz", "a" + form + "b"}, {{"it", secret}}), ElementsAre("it")) << form;
  for (std::size_t before = 0; before < 6; ++before) {
    const auto longer = std::string(before, '~') + secret + "~~";
    EXPECT_THAT(found_in({to_base64(as_bytes(longer))}, {{"it", secret}}), ElementsAre("it"))
        << before;
  }
  EXPECT_THAT(found_in({"\x01\xfb\xff 13 bytes mor"}, {{"it", secret}}), IsEmpty());
}

}  // namespace
}  // namespace lanrage::lab
