// The busiest groups of a relay: which they are, and what the operator is shown of them.
#include "server/relay_top.hpp"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/json/parse.hpp>
#include <gtest/gtest.h>
#include <sstream>
#include <thread>

#include "io/unix_socket.hpp"
#include "server/admin.hpp"
#include "server/admin_client.hpp"
#include "server/admin_commands.hpp"
#include "server/options.hpp"
#include "server/relay_target.hpp"
#include "server/relay_top_views.hpp"
#include "support/temp_dir.hpp"

namespace lanrage::server {
namespace {

using Look = RelayServer::Look;

constexpr std::uint64_t kSecret = 0x5ec2e75ec2e70000;  // what groups' numbers begin with

Endpoint address(std::uint32_t n) {
  return {IpAddress::v4(0xC6336400 + n), 1000};  // 198.51.100.n
}

void add(Look& look, std::uint32_t slot, std::uint64_t group, relay::Traffic sent) {
  look.clients.push_back({{slot, slot + 1}, kSecret + group, address(slot), sent});
}

struct RelayTopTest : testing::Test {
  RelayTopTest() {
    before.at = Instant(std::chrono::seconds(100));
    after.at = before.at + std::chrono::seconds(2);
  }
  // What one client has sent in these two seconds.
  void client(std::uint32_t slot, std::uint64_t group, relay::Traffic sent) {
    add(before, slot, group, {5'000, 50});
    add(after, slot, group, {5'000 + sent.bytes, 50 + sent.packets});
  }
  Look before;
  Look after;
};

TEST_F(RelayTopTest, ShowsTheBusiestGroupsFirstAndTheirBusiestMembersFirst) {
  client(1, 1, {2'000, 10});
  client(2, 2, {4'000, 4});
  client(3, 2, {8'000, 8});
  client(4, 3, {0, 0});
  const auto top = relay_top(before, after, 2);
  EXPECT_EQ(top.groups, 3u);
  ASSERT_EQ(top.busiest.size(), 2u);
  EXPECT_EQ(top.busiest[0],
            (RelayTop::Group{2, {6, 6'000}, {{address(3), {4, 4'000}}, {address(2), {2, 2'000}}}}));
  EXPECT_EQ(top.busiest[1], (RelayTop::Group{1, {5, 1'000}, {{address(1), {5, 1'000}}}}));
}

TEST_F(RelayTopTest, IsBounded) {
  for (std::uint32_t i = 0; i < 3 * kMostTopGroups; ++i)
    client(i, i, {1'000 + i, 1});
  for (std::uint32_t i = 0; i < 2 * kMostTopMembers; ++i)
    client(10'000 + i, 5, {1'000'000, 1});
  const auto top = relay_top(before, after, 1'000);
  ASSERT_EQ(top.busiest.size(), kMostTopGroups);
  EXPECT_EQ(top.busiest[0].members, 2 * kMostTopMembers + 1);
  EXPECT_EQ(top.busiest[0].busiest.size(), kMostTopMembers);
  EXPECT_EQ(top.busiest[1].busiest[0].address, address(3 * kMostTopGroups - 1));
}

TEST_F(RelayTopTest, WhoCameLeftOrTookASlotOverCountsFromThenOn) {
  add(before, 1, 1, {9'000, 9});
  add(after, 2, 1, {9'000, 9});
  client(3, 1, {2'000, 2});
  before.clients.push_back({{4, 1}, kSecret, address(4), {100, 1}});
  after.clients.push_back({{4, 2}, kSecret, address(4), {7'000, 7}});
  client(5, 1, {0, 0});
  after.clients.back().sent = {};  // its count began anew
  const auto top = relay_top(before, after, 10);
  ASSERT_EQ(top.busiest.size(), 2u);
  EXPECT_EQ(top.busiest[0].sent, (RelayTop::Flow{1, 1'000}));
  EXPECT_EQ(top.busiest[0].members, 3u);
  EXPECT_EQ(top.busiest[1].sent, RelayTop::Flow{});
}

TEST_F(RelayTopTest, RatesAreWhatGrewBetweenTheLooks) {
  before.counters.relay.forwarded_packets = 1'000;
  before.counters.cpu_seconds = {7, 8};
  before.counters.latency.add(100'000'000, 1'000);
  after.counters = before.counters;
  after.counters.clients = 7;
  after.counters.sessions = 6;
  after.counters.relay.forwarded_packets += 400;
  after.counters.relay.forwarded_bytes += 40'000;
  after.counters.xdp.packets = 100;
  after.counters.xdp.bytes = 10'000;
  after.counters.relay.drops[static_cast<std::size_t>(relay::DropReason::unbound)] = 2;
  after.counters.relay.drops[static_cast<std::size_t>(relay::DropReason::client_rate)] = 20;
  after.counters.cpu_seconds = {8, 8.5};
  after.counters.latency.add(50'000, 98);    // less than 64 us
  after.counters.latency.add(3'000'000, 2);  // less than 4.1 ms
  const auto top = relay_top(before, after, 10);
  EXPECT_EQ(top.clients, 7u);
  EXPECT_EQ(top.sessions, 3u);
  EXPECT_EQ(top.forwarded, (RelayTop::Flow{200, 20'000}));
  EXPECT_EQ(top.in_kernel, (RelayTop::Flow{50, 5'000}));
  EXPECT_EQ(top.drops, (std::vector<RelayTop::Drop>{{"client_rate", 10}, {"unbound", 1}}));
  EXPECT_EQ(top.thread_loads, (std::vector<double>{0.5, 0.25}));
  EXPECT_DOUBLE_EQ(top.latency_p50.value_or(0), 64e-6);
  EXPECT_DOUBLE_EQ(top.latency_p99.value_or(0), 4096e-6);
}

TEST_F(RelayTopTest, WhereNothingWasForwardedThereIsNoLatency) {
  before.counters.latency.add(50'000, 98);
  after.counters.latency = before.counters.latency;
  EXPECT_EQ(relay_top(before, after, 10).latency_p50, std::nullopt);
}

TEST(RelayTopText, IsATableOfGroupsAndTheirMembers) {
  RelayTop top;
  top.clients = 3;
  top.groups = 1;
  top.sessions = 2;
  top.forwarded = {1'200, 1'440'000};
  top.drops = {{"client_rate", 12}, {"unbound", 3},   {"stun_rate", 2}, {"no_session", 2},
               {"no_member", 1},    {"rows_full", 1}, {"pairs_full", 1}};
  top.thread_loads = {0.124, 1};
  top.latency_p50 = 64e-6;
  top.latency_p99 = 4096e-6;
  top.busiest = {
      {3, {1'200, 1'440'000}, {{address(1), {1'200, 1'439'050}}, {address(2), {0, 950}}}}};
  std::ostringstream out;
  print(out, top);
  EXPECT_EQ(out.str(),
            "3 clients, 1 group, 2 sessions\n"
            "forwarded: 1200 packets/s, 1.4 MB/s; in the kernel: 0 packets/s, 0 B/s\n"
            "dropped packets/s: client_rate 12, unbound 3, stun_rate 2, no_session 2, no_member 1, "
            "others 2\n"
            "load of each thread: 12 %, 100 %; added latency: p50 < 64 us, p99 < 4.1 ms\n"
            "\n"
            "GROUP  MEMBERS            PACKETS/S  BYTES/S\n"
            "1      3                  1200       1.4 MB\n"
            "       198.51.100.1:1000  1200       1.4 MB\n"
            "       198.51.100.2:1000  0          950 B\n"
            "       1 more\n");
}

TEST(RelayTopText, ARelayWithoutAnybodyHasNoTable) {
  RelayTop top;
  top.thread_loads = {0};
  std::ostringstream out;
  print(out, top);
  EXPECT_EQ(out.str(),
            "0 clients, 0 groups, 0 sessions\n"
            "forwarded: 0 packets/s, 0 B/s; in the kernel: 0 packets/s, 0 B/s\n"
            "dropped packets/s: none\n"
            "load of each thread: 0 %; added latency: nothing to measure\n");
}

// Each look finds as much more as the one before, a second later.
class Busy final : public RelayTarget {
 public:
  void look(std::move_only_function<void(Look)> done) override {
    Look look;
    look.at = Instant(std::chrono::seconds(++looks));
    look.counters.clients = 3;
    look.counters.cpu_seconds = {0.25 * looks};
    for (std::uint32_t slot = 1; slot <= 3; ++slot)
      add(look, slot, slot % 2, {1'000u * slot * looks, 10u * slot * looks});
    done(std::move(look));
  }
  std::uint32_t looks = 0;
};

class RelayTopRequestTest : public testing::Test {
 protected:
  void serve(const AdminTargets& targets) {
    auto started = AdminServer::start(loop_, folder_.path(), targets);
    ASSERT_TRUE(started) << started.error().message();
    server_ = std::move(*started);
    thread_ = std::thread([this] { loop_.run(); });
  }
  ~RelayTopRequestTest() override {
    if (!thread_.joinable()) return;
    loop_.stop();
    thread_.join();
  }
  struct Ran {
    int status = 0;
    std::string out;
    std::string err;
  };
  Ran run(std::vector<std::string> arguments) const {
    arguments.insert(arguments.end(), {"--data-dir", folder_.path().string()});
    const auto invocation = parse_options(arguments, "1");
    EXPECT_TRUE(invocation) << invocation.error().text;
    std::ostringstream out;
    std::ostringstream err;
    const int status = run_subcommand(*invocation, out, err);
    return {status, out.str(), err.str()};
  }
  AdminClient client() const { return AdminClient(folder_.path()); }
  std::string raw(const std::string& request) const {
    return io::local_request(folder_.path() / kAdminSocket, request, std::chrono::seconds(20))
        .value_or("");
  }
  static AdminTargets alone(RelayTarget& relay) {
    return {.relay = &relay, .between_looks = std::chrono::milliseconds(1)};
  }
  Busy busy;

 private:
  lab::TempDir folder_;
  boost::asio::io_context loop_;
  std::unique_ptr<AdminServer> server_;
  std::thread thread_;
};

TEST_F(RelayTopRequestTest, ARelayAloneAnswersIt) {
  serve(alone(busy));
  const auto top = client().relay_top(1);
  ASSERT_TRUE(top) << top.error().message();
  Busy again;
  Look before;
  Look after;
  again.look([&](Look look) { before = std::move(look); });
  again.look([&](Look look) { after = std::move(look); });
  EXPECT_EQ(*top, relay_top(before, after, 1)) << "all of it comes through the socket";
  EXPECT_EQ(top->busiest.size(), 1u);
  EXPECT_EQ(top->busiest[0].sent, (RelayTop::Flow{40, 4'000}));
  EXPECT_TRUE(client().ping());
}

TEST_F(RelayTopRequestTest, TextAndJsonTellNoGroupsNumber) {
  serve(alone(busy));
  const auto text = run({"relay", "top"});
  EXPECT_EQ(text.status, 0) << text.err;
  EXPECT_NE(text.out.find("198.51.100.3:1000"), std::string::npos) << text.out;
  EXPECT_EQ(text.out.find('\x1b'), std::string::npos) << "no terminal";
  const auto json = run({"relay", "top", "--json", "--count", "1"});
  EXPECT_EQ(json.status, 0) << json.err;
  const auto object = boost::json::parse(json.out).as_object();
  EXPECT_TRUE(json.out.starts_with(R"({"schema":1,"clients":3,)")) << json.out;
  ASSERT_EQ(object.at("busiest_groups").as_array().size(), 1u);
  const auto& group = object.at("busiest_groups").as_array()[0].as_object();
  EXPECT_EQ(group.at("number"), 1);
  for (const auto& [key, value] : group)
    EXPECT_TRUE(key == "number" || key == "members" || key == "packets_per_second" ||
                key == "bytes_per_second" || key == "busiest_members")
        << key;
  for (const auto& shown : {text.out, json.out, raw(R"({"command":"relay_top","count":100})")})
    for (std::uint64_t group_number : {kSecret, kSecret + 1})
      EXPECT_EQ(shown.find(std::to_string(group_number)), std::string::npos) << shown;
}

TEST_F(RelayTopRequestTest, ARelayAloneRefusesWhatIsTheControlServers) {
  serve(alone(busy));
  for (const auto& arguments : std::vector<std::vector<std::string>>{
           {"parties"}, {"relays"}, {"relays", "--enroll-key"}, {"kick", "a", "b"}}) {
    const auto ran = run(arguments);
    EXPECT_EQ(ran.status, 1);
    EXPECT_NE(ran.err.find("this is a relay alone"), std::string::npos) << ran.err;
  }
}

TEST_F(RelayTopRequestTest, AServerWithoutARelaySaysSo) {
  serve({});
  const auto ran = run({"relay", "top"});
  EXPECT_EQ(ran.status, 1);
  EXPECT_EQ(ran.err,
            "lanrage-server: this server is no relay: it runs without the role \"relay\"\n");
}

TEST_F(RelayTopRequestTest, WithoutAServerStatusIs4) {
  EXPECT_EQ(run({"relay", "top"}).status, 4);
}

TEST_F(RelayTopRequestTest, ACountBeyondItsBoundsIsRefused) {
  serve(alone(busy));
  for (const char* bad :
       {R"({"command":"relay_top"})", R"({"command":"relay_top","count":0})",
        R"({"command":"relay_top","count":101})", R"({"command":"relay_top","count":-1})",
        R"({"command":"relay_top","count":"5"})"})
    EXPECT_NE(raw(bad).find("malformed_request"), std::string::npos) << bad;
  EXPECT_NE(raw(R"({"command":"relay_top","count":100})").find("busiest_groups"),
            std::string::npos);
}

}  // namespace
}  // namespace lanrage::server
