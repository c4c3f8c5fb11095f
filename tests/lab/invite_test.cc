// What may be wrong with an invite: `lanrage join` says which of six things it is.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json/object.hpp>
#include <gtest/gtest.h>
#include <set>
#include <string>

#include "agent/clock.hpp"
#include "agent/joining.hpp"
#include "io/tls.hpp"
#include "lab_fixture.hpp"
#include "party/invite_link.hpp"

namespace lanrage::lab {
namespace {

using namespace std::chrono_literals;

// The invite of a party that was created two days ago.
std::string old_invite(const Server& server) {
  boost::asio::io_context io;
  io::Log log(stderr, io::LogLevel::error);
  crypto::SystemRandom random;
  const agent::DeviceKeys keys{crypto::SigningKey::generate(random),
                               crypto::ExchangeSecret::generate(random)};
  agent::AgentContext context{io, keys, log, agent::Backend::automatic, ""};
  const auto control = agent::connect_to(context, server.url(), server.pin()).value();
  party::PartyOptions options;
  options.name = "yesterday";
  const party::DeviceKeys host{keys.identity, keys.box, crypto::ExchangeSecret::generate(random)};
  const auto made = party::create_party(random, options, host, "zoe", agent::unix_now() - 48h);
  protocol::CreatePartyRequest request;
  request.request_id = agent::new_request_id();
  request.charter = made->charter;
  request.roster = made->roster;
  request.statement = made->statement;
  for (const auto& box : made->boxes)
    request.boxes.push_back({box.recipient, box.box});
  request.word = server.word();
  auto create = [&]() -> boost::asio::awaitable<void> {
    const auto created = co_await control->create_party(std::move(request));
    EXPECT_TRUE(created) << created.error().message();
    control->close();
  };
  boost::asio::co_spawn(io, std::move(create), [](const std::exception_ptr& failure) {
    if (failure) std::rethrow_exception(failure);
  });
  io.run();
  agent::SavedParty saved;
  saved.id = made->id;
  saved.public_url = server.url();
  saved.pin = io::parse_pin(server.pin());
  return std::string(agent::invite_text(saved, made->invite));
}

class Invites : public LabTest {
 protected:
  std::string invite(const Argv& words) const {
    const CliResult result = ann_.cli(words);
    EXPECT_EQ(result.status, 0) << result.err;
    return std::string(result.json.as_object().at("invite").as_string());
  }
  // What mallory, who joins by it, is told.
  std::string refusal(const std::string& invite) const {
    const CliResult result = mallory_.cli({"join", invite, "--nick", "mallory"});
    EXPECT_EQ(result.status, 1) << result.out;
    return result.err;
  }

  Server& server_ = add_server();
  Player& ann_ = add_player("ann", NatKind::open);
  Player& mallory_ = add_player("mallory", NatKind::open);
  Membership hosted_ = ann_.create(server_, "game night");
};

TEST_F(Invites, SixThingsThatMayBeWrongAreToldApart) {
  const auto spent = invite({"invite", "--uses", "1"});
  add_player("bob", NatKind::open).join(spent);
  const auto revoked = invite({"invite"});
  ASSERT_EQ(ann_.cli({"invite", "revoke", revoked}).status, 0);
  std::string mistyped = hosted_.invite;
  char& letter = mistyped[mistyped.find('#') + 30];
  letter = letter == 'a' ? 'b' : 'a';
  const auto cut_off = hosted_.invite.substr(0, hosted_.invite.size() - 9);
  auto elsewhere = party::parse_invite_link(hosted_.invite).value();
  const Server& other = add_server();
  elsewhere.host = other.host().address().to_string();
  const auto expired = server_.host().netns().inside([&] { return old_invite(server_); });

  std::set<std::string> told;
  for (const auto& [text, part] : {std::pair{expired, "has expired"},
                                   {spent, "uses of the invite are spent"},
                                   {revoked, "was revoked"},
                                   {mistyped, "a character of it is wrong"},
                                   {cut_off, "the end of the invite is missing"},
                                   {std::string(elsewhere.to_text()), "for another server"}}) {
    const auto message = refusal(text);
    EXPECT_NE(message.find(part), std::string::npos) << message;
    told.insert(message);
  }
  EXPECT_EQ(told.size(), 6u);
  EXPECT_FALSE(mallory_.party());
}

TEST_F(Invites, AServerThatLacksThePartySaysSo) {
  auto unknown = party::parse_invite_link(hosted_.invite).value();
  unknown.party.bytes[0] ^= 1;
  EXPECT_NE(refusal(std::string(unknown.to_text())).find("for another server"), std::string::npos);
}

TEST_F(Invites, AWholeLineOfAChatIsFine) {
  const auto line = "ann 20:15 > hey! game night, here's the invite: <" + hosted_.invite +
                    ">, see you (bring snacks)";
  const CliResult joined = mallory_.cli({"join", line, "--nick", "mallory"});
  EXPECT_EQ(joined.status, 0) << joined.err;
  EXPECT_TRUE(ann_.peer("mallory"));
}

}  // namespace
}  // namespace lanrage::lab
