// A real process each, with a hosts file of its own.
#include "agent/hosts_keeper.hpp"

#include <csignal>
#include <fstream>
#include <gmock/gmock.h>
#include <sstream>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "unit/io/loopback.hpp"

namespace lanrage::agent {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::chrono_literals;

const std::string kText = "127.0.0.1 localhost\n";
const lan::NameTable kAnna{{"anna.lan", IpAddress::v4(0x0a420001)}};
const lan::NameTable kBen{{"ben.lan", IpAddress::v4(0x0a420002)}};

class HostsKeeperTest : public testing::Test {
 protected:
  HostsKeeperTest() { std::ofstream(hosts) << kText; }
  HostsKeeper::Options options() {
    return {.hosts = hosts, .folder = folder.path() / "state" / "names"};
  }
  std::unique_ptr<HostsKeeper> keeper() {
    auto started = HostsKeeper::start(options());
    if (!started) throw std::runtime_error(started.error().message());
    (*started)->attach(io, "k7",
                       [this](const std::string& trouble) { answers.push_back(trouble); });
    return std::move(*started);
  }
  // What it says to the next `count` requests.
  std::vector<std::string> next_answers(std::size_t count) {
    answers.clear();
    const auto give_up = std::chrono::steady_clock::now() + 60s;
    while (answers.size() < count && std::chrono::steady_clock::now() < give_up)
      io.run_one_for(1s);
    return answers;
  }
  std::string contents() const {
    std::ostringstream out;
    out << std::ifstream(hosts).rdbuf();
    return out.str();
  }

  io::TemporaryDirectory folder;
  fs::path hosts = folder.path() / "hosts";
  asio::io_context io;
  std::vector<std::string> answers;
};

TEST_F(HostsKeeperTest, NamesStandThereUntilItEnds) {
  {
    const auto keeps = keeper();
    keeps->set(kAnna);
    EXPECT_EQ(next_answers(1), std::vector<std::string>{""});
    EXPECT_THAT(contents(), HasSubstr("10.66.0.1\tanna.lan\t# lanrage k7\n"));
    // As an editor does: the file is another one now.
    fs::copy_file(hosts, folder.path() / "new");
    std::ofstream(folder.path() / "new", std::ios::app) << "10.0.0.1 work\n";
    fs::rename(folder.path() / "new", hosts);
    keeps->set(kBen);
    EXPECT_EQ(next_answers(1), std::vector<std::string>{""});
    EXPECT_THAT(contents(), HasSubstr("ben.lan"));
    EXPECT_THAT(contents(), Not(HasSubstr("anna.lan")));
  }
  EXPECT_EQ(contents(), kText + "10.0.0.1 work\n");
}

TEST_F(HostsKeeperTest, OfManyChangesTheLastOneCounts) {
  const auto keeps = keeper();
  for (int i = 0; i < 100; ++i)
    keeps->set(i % 2 == 0 ? kAnna : lan::NameTable{});
  keeps->set(kBen);
  EXPECT_EQ(next_answers(2), (std::vector<std::string>{"", ""}));
  EXPECT_THAT(contents(), HasSubstr("ben.lan"));
  EXPECT_THAT(contents(), Not(HasSubstr("anna.lan")));
}

TEST_F(HostsKeeperTest, SaysWhatIsWrongAndTriesAgain) {
  const auto keeps = keeper();
  fs::rename(hosts, folder.path() / "away");
  keeps->set(kAnna);
  EXPECT_THAT(next_answers(1).at(0), HasSubstr("No such file"));
  fs::rename(folder.path() / "away", hosts);
  keeps->set(kAnna);
  EXPECT_EQ(next_answers(1), std::vector<std::string>{""});
}

// The agent's child knows of its end by the socket alone.
TEST_F(HostsKeeperTest, TakesItsNamesOutWhenTheAgentIsKilled) {
  const pid_t agent = ::fork();
  if (agent == 0) {
    auto keeps = keeper();
    keeps->set(kAnna);
    if (next_answers(1) != std::vector<std::string>{""}) ::_exit(1);
    ::raise(SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(agent, &status, 0), agent);
  ASSERT_TRUE(WIFSIGNALED(status));
  for (int i = 0; i < 600 && contents() != kText; ++i)
    std::this_thread::sleep_for(50ms);
  EXPECT_EQ(contents(), kText);
}

TEST_F(HostsKeeperTest, FollowsALinkToAnotherFolder) {
  auto linked = options();
  linked.hosts = folder.path() / "elsewhere" / "link";
  fs::create_directory(folder.path() / "elsewhere");
  fs::create_symlink(hosts, linked.hosts);
  auto started = HostsKeeper::start(linked);
  ASSERT_TRUE(started) << started.error().message();
  (*started)->attach(io, "k7", [this](const std::string& trouble) { answers.push_back(trouble); });
  (*started)->set(kAnna);
  EXPECT_EQ(next_answers(1), std::vector<std::string>{""});
  EXPECT_THAT(contents(), HasSubstr("anna.lan"));
}

TEST_F(HostsKeeperTest, AFolderThatCannotBeMadeIsAnError) {
  std::ofstream(folder.path() / "file") << "x";
  auto wrong = options();
  wrong.folder = folder.path() / "file" / "names";
  const auto started = HostsKeeper::start(wrong);
  ASSERT_FALSE(started);
  EXPECT_THAT(started.error().message(), HasSubstr("cannot make"));
}

TEST(HostsRequest, ComesBackAsItWas) {
  const HostsRequest request{"k7",
                             {{"anna.lan", *IpAddress::parse("10.66.0.1")},
                              {"ben.lan-night.lan", *IpAddress::parse("fd00::1")}}};
  const auto parsed = parse_hosts_request(encode_hosts_request(request));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->id, request.id);
  EXPECT_EQ(parsed->names, request.names);
}

TEST(HostsRequest, OfNamesOutsideOfTheZoneIsRefused) {
  for (const auto* text : {"", "\n", "K7\n", "k7\n10.66.0.1 anna.example\n", "k7\n10.66.0.1\n",
                           "k7\n10.66.0.1 a b.lan\n", "k7\nanna.lan 10.66.0.1\n",
                           "k7\n10.66.0.1 a\tb.lan\n", "k7\n10.66.0.1 lan\n"})
    EXPECT_FALSE(parse_hosts_request(text)) << text;
}

}  // namespace
}  // namespace lanrage::agent
