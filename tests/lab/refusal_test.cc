// What players may get wrong: each mistake has its exit status and a message, and changes nothing.
#include <algorithm>
#include <cctype>
#include <gtest/gtest.h>
#include <set>
#include <string>

#include "lab_fixture.hpp"
#include "party/invite_link.hpp"
#include "server_counts.hpp"

namespace lanrage::lab {
namespace {

// Exit statuses that users' scripts rely on.
constexpr ExitStatus kRefused = 1;
constexpr ExitStatus kBadUsage = 2;
constexpr ExitStatus kNoAgent = 3;
constexpr ExitStatus kNoServer = 4;
constexpr ExitStatus kNoParty = 5;

class Refusals : public LabTest {
 protected:
  // `words` by mallory end with `status` and a message that contains `part` (in any case), and
  // neither server nor party has changed.
  void expect_refused(const Argv& words, ExitStatus status, const std::string& part) {
    SCOPED_TRACE(words[0] + ": " + part);
    const auto before = server_counts(server_);
    const auto peers_before = alice_.peers().size();
    const CliResult result = mallory_.cli(words);
    EXPECT_EQ(result.status, status) << result.out << result.err;
    EXPECT_NE(lower(result.err).find(part), std::string::npos) << result.err;
    EXPECT_EQ(server_counts(server_), before);
    EXPECT_EQ(alice_.peers().size(), peers_before);
    EXPECT_FALSE(mallory_.party());
  }

  static std::string lower(std::string text) {
    std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
    return text;
  }

  party::InviteLink link() const {
    auto parsed = party::parse_invite_link(hosted_.invite);
    if (!parsed) throw LabError("create gave no readable invite: " + parsed.error().message());
    return *parsed;
  }

  Server& server_ = add_server();
  Player& alice_ = add_player("alice", NatKind::open);
  Player& mallory_ = add_player("mallory", NatKind::open);
  Membership hosted_ = alice_.create(server_, "game night");
};

TEST_F(Refusals, WrongInvites) {
  std::string mistyped = hosted_.invite;
  char& letter = mistyped[mistyped.find('#') + 30];  // within the secret
  letter = letter == 'a' ? 'b' : 'a';
  expect_refused({"join", mistyped}, kRefused, "character");

  expect_refused({"join", hosted_.invite.substr(0, hosted_.invite.find('#') + 20)}, kRefused,
                 "invite");
  expect_refused({"join", "come and play"}, kRefused, "invite");

  party::InviteLink unknown_secret = link();
  unknown_secret.secret.expose_mutable()[0] ^= 1;
  expect_refused({"join", std::string(unknown_secret.to_text())}, kRefused, "invite");

  party::InviteLink unknown_party = link();
  unknown_party.party.bytes[0] ^= 1;
  expect_refused({"join", std::string(unknown_party.to_text())}, kRefused,
                 "invite");  // no more is told

  // After all that, the true one still works.
  EXPECT_NO_THROW(mallory_.join(hosted_.invite));
}

TEST_F(Refusals, WrongPinsAndWords) {
  party::InviteLink wrong_pin = link();
  ASSERT_TRUE(wrong_pin.pin) << "an invite to a self-signed server carries its pin";
  (*wrong_pin.pin)[0] ^= 1;
  expect_refused({"join", std::string(wrong_pin.to_text())}, kRefused, "pin");

  std::string other_pin = server_.pin();
  other_pin[0] = other_pin[0] == 'a' ? 'b' : 'a';
  expect_refused({"create", "mine", "--server", server_.url(), "--pin", other_pin}, kRefused,
                 "pin");
  expect_refused({"create", "mine", "--server", server_.url()}, kRefused, "pin");
  ASSERT_FALSE(server_.word().empty()) << "a server on a public address asks for its join word";
  expect_refused({"create", "mine", "--server", server_.url(), "--pin", server_.pin()}, kRefused,
                 "word");
  expect_refused({"create", "mine", "--server", server_.url(), "--pin", server_.pin(), "--word",
                  server_.word() + "x"},
                 kRefused, "word");
}

TEST_F(Refusals, NothingThere) {
  const std::string closed = "https://" + server_.host().address().to_string() + ":9";
  expect_refused({"create", "mine", "--server", closed, "--pin", server_.pin()}, kNoServer,
                 "server");
  expect_refused({"ping", "alice"}, kNoParty, "party");
  expect_refused({"leave"}, kNoParty, "party");

  const RunResult no_agent = run(
      {(bin_dir() / "lanrage").string(), "status", "--socket", "/tmp/lanrage-no-such-agent.sock"});
  EXPECT_EQ(no_agent.status, kNoAgent) << no_agent.err;
  EXPECT_FALSE(no_agent.err.empty());
}

// Packets that something drops: nobody refuses anything, and the player waits.
TEST_F(Refusals, AServerThatIsSilentIsNamed) {
  server_.host().netns().nft(
      "table inet homemade { chain input { type filter hook input priority 0; policy accept;\n"
      "tcp dport 8667 drop\n}\n}\n");
  for (const Argv& words :
       {Argv{"join", hosted_.invite},
        Argv{"create", "mine", "--server", server_.url(), "--pin", server_.pin()}}) {
    const CliResult result = mallory_.cli(words, Millis(100'000));
    EXPECT_EQ(result.status, kNoServer) << result.out << result.err;
    for (const auto& part : {server_.url(), std::string("TCP port 8667"), std::string("firewall")})
      EXPECT_NE(result.err.find(part), std::string::npos) << result.err;
    EXPECT_FALSE(mallory_.party());
  }
}

TEST_F(Refusals, BadUsage) {
  for (const Argv& words : {Argv{"frobnicate"}, Argv{"create"}, Argv{"join"}, Argv{"ping"},
                            Argv{"status", "--no-such-option"}}) {
    const CliResult result = mallory_.cli(words);
    EXPECT_EQ(result.status, kBadUsage) << words[0] << ": " << result.out << result.err;
    EXPECT_FALSE(result.err.empty()) << words[0];
  }
}

}  // namespace
}  // namespace lanrage::lab
