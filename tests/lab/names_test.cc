// NICK.lan by hosts files, one for each player here, since namespaces share the machine's.
#include <csignal>
#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <sstream>
#include <unistd.h>

#include "lab_fixture.hpp"

namespace lanrage::lab {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr auto kText = "127.0.0.1\tlocalhost\n192.168.1.9\tnas  # mine\n";

class Names : public LabTest {
 protected:
  Player& add_named(const std::string& nick) {
    std::ofstream(hosts_of(nick)) << kText;
    return add_player(nick, network_.add_player(nick, NatKind::open),
                      {"--names", "hosts", "--hosts-file", hosts_of(nick).string()});
  }
  fs::path hosts_of(const std::string& nick) const { return folder_.path() / (nick + ".hosts"); }
  std::string text_of(const std::string& nick) const {
    std::ostringstream out;
    out << std::ifstream(hosts_of(nick)).rdbuf();
    return out.str();
  }
  // As an editor saves it: as another file of that name.
  void add_by_editor(const std::string& nick, const std::string& line) {
    const auto saved = hosts_of(nick).string() + "~";
    std::ofstream(saved) << line << text_of(nick);
    fs::rename(saved, hosts_of(nick));
  }
  // What a program finds that asks the C library, with that hosts file for the machine's.
  std::string address_of(const Player& player, const std::string& name) const {
    const auto mounted = "mount --bind " + hosts_of(player.nick()).string() + " /etc/hosts";
    return run({"unshare", "--mount", "sh", "-c", mounted + " && exec getent ahostsv4 " + name},
               {.netns_fd = player.host().netns().fd()})
        .out;
  }
  bool finds(const Player& player, const std::string& name, const IpAddress& address) const {
    return address_of(player, name).starts_with(address.to_string() + " ");
  }
  ::testing::AssertionResult becomes(const std::string& nick, const std::string& text) const {
    if (eventually(kSeen, [&] { return text_of(nick) == text; }))
      return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure() << text_of(nick);
  }

  TempDir folder_;
};

// The agent's child that writes the hosts file.
pid_t keeper_of(pid_t agent) {
  const auto process = std::to_string(agent);
  std::ifstream children("/proc/" + process + "/task/" + process + "/children");
  for (pid_t child = 0; children >> child;) {
    std::string name;
    std::ifstream("/proc/" + std::to_string(child) + "/comm") >> name;
    if (name == "lanrage") return child;
  }
  return -1;
}

TEST_F(Names, FollowTheMembersAndLeaveTheRestOfTheFileAlone) {
  Server& server = add_server();
  Player& anna = add_named("anna");
  Player& ben = add_named("ben");
  const Membership hosted = anna.create(server, "LAN night");
  const Membership joined = ben.join(hosted.invite);
  for (const auto* player : {&anna, &ben})
    EXPECT_TRUE(eventually(kSeen, [&] {
      return finds(*player, "anna.lan", hosted.vip) && finds(*player, "ben.lan", joined.vip) &&
             finds(*player, "ben.lan-night.lan", joined.vip);
    })) << text_of(player->nick());

  add_by_editor("anna", "10.0.0.1\twork\n");
  std::ofstream(hosts_of("anna"), std::ios::app) << "10.0.0.2\tprint\n";
  done(ben, {"nick", "Benjamin B."});
  EXPECT_TRUE(eventually(kSeen, [&] { return finds(anna, "benjamin-b.lan", joined.vip); }));
  EXPECT_TRUE(eventually(kSeen, [&] { return finds(ben, "benjamin-b.lan", joined.vip); }));
  EXPECT_THAT(text_of("anna"), Not(HasSubstr("\tben.")));
  EXPECT_EQ(address_of(anna, "nas").substr(0, 11), "192.168.1.9");

  done(ben, {"leave"});
  EXPECT_TRUE(becomes("ben", kText));
  EXPECT_TRUE(eventually(kSeen, [&] { return !text_of("anna").contains("benjamin"); }));
  EXPECT_TRUE(finds(anna, "anna.lan", hosted.vip));
  EXPECT_EQ(anna.stop_agent(), 0);
  EXPECT_EQ(text_of("anna"), std::string("10.0.0.1\twork\n") + kText + "10.0.0.2\tprint\n");
}

TEST_F(Names, AKilledAgentsNamesGo) {
  Server& server = add_server();
  Player& anna = add_named("anna");
  const Membership hosted = anna.create(server, "LAN night");
  ASSERT_TRUE(eventually(kSeen, [&] { return finds(anna, "anna.lan", hosted.vip); }));
  anna.kill_agent();
  EXPECT_TRUE(becomes("anna", kText)) << "by the process that wrote them";

  // Both at once, as when the machine stops: the next start finds what is left.
  anna.start_agent();
  ASSERT_TRUE(eventually(kSeen, [&] { return finds(anna, "anna.lan", hosted.vip); }));
  const auto with_names = text_of("anna");
  const pid_t keeper = keeper_of(anna.agent_pid());
  ASSERT_GT(keeper, 0);
  ::kill(keeper, SIGKILL);
  anna.kill_agent();
  EXPECT_EQ(text_of("anna"), with_names);
  anna.start_agent();
  EXPECT_TRUE(becomes("anna", with_names)) << "no second block";
  done(anna, {"leave"});
  EXPECT_TRUE(becomes("anna", kText));
}

TEST_F(Names, OfTwoPartiesTheFirstKeepsThePlainName) {
  Server& server = add_server();
  Player& anna = add_named("anna");
  const Membership one = anna.create(server, "one");
  const auto two = done(anna, {"create", "two", "--server", server.url(), "--pin", server.pin(),
                               "--word", server.word(), "--nick", "anna"});
  const auto second = IpAddress::parse(std::string(two.at("vip").as_string()));
  ASSERT_TRUE(second);
  EXPECT_TRUE(eventually(kSeen, [&] {
    return finds(anna, "anna.lan", one.vip) && finds(anna, "anna.one.lan", one.vip) &&
           finds(anna, "anna.two.lan", *second);
  })) << text_of("anna");
  done(anna, {"leave", "--party", "one"});
  EXPECT_TRUE(eventually(kSeen, [&] { return finds(anna, "anna.lan", *second); }));
}

TEST_F(Names, AFileThatCannotBeWrittenIsToldAndTheRestWorks) {
  Server& server = add_server();
  Player& anna = add_named("anna");
  ASSERT_EQ(::chown(hosts_of("anna").c_str(), 65534, 65534), 0);  // not root's to write
  const Membership hosted = anna.create(server, "LAN night");
  Player& ben = add_player("ben", NatKind::open);
  ben.join(hosted.invite);
  EXPECT_TRUE(pings(ben, hosted.vip));
  EXPECT_TRUE(eventually(kSeen, [&] {
    return anna.cli_text({"status"}).out.contains("cannot write " + hosts_of("anna").string());
  })) << anna.cli_text({"status"}).out;
  EXPECT_THAT(anna.log(), HasSubstr("level=warning event=names_not_set"));
  EXPECT_EQ(text_of("anna"), kText);
}

TEST_F(Names, AreWrittenByAProcessWithoutPowers) {
  Player& anna = add_named("anna");
  std::ifstream status("/proc/" + std::to_string(keeper_of(anna.agent_pid())) + "/status");
  std::ostringstream text;
  text << status.rdbuf();
  for (const auto* line : {"CapPrm:\t0000000000000000\n", "CapEff:\t0000000000000000\n",
                           "CapBnd:\t0000000000000000\n", "NoNewPrivs:\t1\n", "Seccomp:\t2\n"})
    EXPECT_THAT(text.str(), HasSubstr(line));
}

// They run on a developer's machine.
TEST_F(Names, OtherLabsHaveNoHand) {
  Player& ben = add_player("ben", NatKind::open);
  EXPECT_EQ(keeper_of(ben.agent_pid()), -1);
}

}  // namespace
}  // namespace lanrage::lab
