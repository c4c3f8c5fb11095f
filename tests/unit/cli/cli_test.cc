// The command line against an agent that answers what the test says: exit statuses, output, errors.
#include "cli/cli.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/json/parse.hpp>
#include <cstdlib>
#include <filesystem>
#include <gtest/gtest.h>
#include <sstream>
#include <thread>
#include <unistd.h>

#include "cli/command.hpp"
#include "cli/qr_code.hpp"
#include "io/unix_socket.hpp"

namespace lanrage::cli {
namespace {

namespace fs = std::filesystem;

struct Result {
  int status;
  std::string out;
  std::string err;
};

Result run_line(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "lanrage");
  std::ostringstream out, err;
  const int status = run(static_cast<int>(arguments.size()), arguments.data(), out, err);
  return {status, out.str(), err.str()};
}

class CliTest : public testing::Test {
 protected:
  CliTest() {
    std::string pattern = (fs::temp_directory_path() / "lanrage-cli-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
    socket_ = (directory_ / "agent.sock").string();
  }
  ~CliTest() override {
    if (thread_.joinable()) {
      io_.stop();
      thread_.join();
    }
    server_.reset();
    fs::remove_all(directory_);
  }

  // An agent that gives every request the same answer.
  void serve(std::string answer) {
    auto server = io::LocalServer::start(
        io_, {.path = socket_},
        [this, answer](WipedString request) -> boost::asio::awaitable<WipedString> {
          request_ = boost::json::parse(request).as_object();
          co_return WipedString(answer);
        });
    ASSERT_TRUE(server) << server.error().message();
    server_ = std::move(*server);
    thread_ = std::thread([this] { io_.run(); });
  }

  Result line(std::vector<const char*> arguments) {
    arguments.push_back("--socket");
    arguments.push_back(socket_.c_str());
    return run_line(std::move(arguments));
  }

  boost::asio::io_context io_;
  fs::path directory_;
  std::string socket_;
  std::unique_ptr<io::LocalServer> server_;
  boost::json::object request_;
  std::thread thread_;
};

TEST_F(CliTest, NoAgentIsStatusThreeAndSaysHowToStartOne) {
  const auto result = line({"status"});
  EXPECT_EQ(result.status, 3);
  EXPECT_NE(result.err.find("lanrage daemon"), std::string::npos) << result.err;
  EXPECT_EQ(result.out, "");
}

TEST_F(CliTest, BadUsageIsStatusTwo) {
  EXPECT_EQ(run_line({}).status, 2);
  EXPECT_EQ(run_line({"frobnicate"}).status, 2);
  EXPECT_EQ(run_line({"create"}).status, 2);
  EXPECT_EQ(run_line({"create", "fun"}).status, 2) << "no server named";
  EXPECT_EQ(run_line({"ping", "bob", "--count", "0"}).status, 2);
  EXPECT_EQ(run_line({"ping", "bob", "--count", "101"}).status, 2);
  EXPECT_EQ(run_line({"invite", "--expires", "soon"}).status, 2);
}

TEST_F(CliTest, HelpIsStatusZero) {
  const auto result = run_line({"--help"});
  EXPECT_EQ(result.status, 0);
  EXPECT_NE(result.out.find("create"), std::string::npos);
}

TEST_F(CliTest, JsonPrintsTheResultAlone) {
  serve(R"({"ok":true,"result":{"schema":1,"parties":[]}})");
  const auto result = line({"status", "--json"});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out, "{\"schema\":1,\"parties\":[]}\n");
  EXPECT_EQ(request_.at("command").as_string(), "status");
}

TEST_F(CliTest, ErrorsCarryTheAgentsStatus) {
  serve(R"({"ok":false,"error":{"code":"server_unreachable","message":"no way there","exit":4}})");
  const auto result = line({"join", "lanrage://x", "--nick", "ann"});
  EXPECT_EQ(result.status, 4);
  EXPECT_EQ(result.err, "lanrage: no way there\n");
  const auto as_json = line({"join", "lanrage://x", "--json"});
  EXPECT_EQ(as_json.status, 4);
  EXPECT_EQ(boost::json::parse(as_json.out).at("error").at("code").as_string(),
            "server_unreachable");
}

// As long as it may repeat its requests to a server that is silent.
TEST_F(CliTest, TheAgentHasTheTimeToSayWhoIsSilent) {
  constexpr int kRegisters = 35, kRequest = 25;  // seconds
  for (const auto& command : make_commands()) {
    if (command->name() == "ping" || command->name() == "doctor") continue;
    const int requests = command->name() == "join" ? 2 : 1;
    EXPECT_GT(command->timeout_seconds(), kRegisters + requests * kRequest) << command->name();
  }
}

TEST_F(CliTest, AnUnheardOfStatusIsOne) {
  serve(R"({"ok":false,"error":{"code":"x","message":"y","exit":77}})");
  EXPECT_EQ(line({"leave"}).status, 1);
}

TEST_F(CliTest, AnUnquotedPasteOfTheInviteIsOneText) {
  serve(R"({"ok":true,"result":{"schema":1,"name":"fun","vip":"10.66.0.2","peers":[]}})");
  EXPECT_EQ(line({"join", "come", "play:", "lanrage://host/join#abc", "--nick", "bob"}).status, 0);
  EXPECT_EQ(request_.at("invite").as_string(), "come play: lanrage://host/join#abc");
  EXPECT_EQ(request_.at("nick").as_string(), "bob");
}

TEST_F(CliTest, CreateIsOnAServerOrLocal) {
  serve(
      R"({"ok":true,"result":{"schema":1,"name":"fun","vip":"10.66.0.1","invite":"lanrage://x"}})");
  EXPECT_EQ(line({"create", "fun", "--local"}).status, 0);
  EXPECT_TRUE(request_.at("local").as_bool());
  EXPECT_FALSE(request_.contains("server"));
  const auto neither = line({"create", "fun"});
  EXPECT_EQ(neither.status, 2);
  EXPECT_NE(neither.err.find("--local"), std::string::npos) << neither.err;
  EXPECT_EQ(line({"create", "fun", "--local", "--server", "https://x"}).status, 2);
  EXPECT_EQ(line({"create", "fun", "--local", "--pin", "x"}).status, 2);
}

TEST_F(CliTest, DiscoverSaysThatItIsNoWayIn) {
  serve(R"({"ok":true,"result":{"schema":1,"parties":[{"id":"abc","name":"fun","host":"ann",)"
        R"("members":2,"server":"https://192.168.1.7:8667","pin":"p","source":"beacon",)"
        R"("joined":false}]}})");
  const auto result = line({"discover"});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out.substr(0, result.out.find("\n\n")),
            "NAME  HOST  MEMBERS  SERVER                    ID   JOINED\n"
            "fun   ann   2        https://192.168.1.7:8667  abc  no");
  EXPECT_NE(result.out.find("ask the host for the invite"), std::string::npos);
}

TEST_F(CliTest, GamesAreListed) {
  serve(R"({"ok":true,"result":{"schema":1,"games":[)"
        R"({"game":"OpenTTD","title":null,"player":"ben","address":"10.66.0.2:3979",)"
        R"("players":null,"max_players":null,"rtt_ms":31.4,"seen_s":0},)"
        R"({"game":"OpenArena","title":"Saturday","player":"anna","address":"10.66.0.1:27960",)"
        R"("players":2,"max_players":8,"rtt_ms":null,"seen_s":3}]}})");
  const auto result = line({"games", "--party", "fun"});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out,
            "GAME       TITLE     PLAYER  ADDRESS          PLAYERS  PING\n"
            "OpenTTD    -         ben     10.66.0.2:3979   -        31.4 ms\n"
            "OpenArena  Saturday  anna    10.66.0.1:27960  2/8      -\n");
  EXPECT_EQ(request_.at("command").as_string(), "games");
  EXPECT_EQ(request_.at("party").as_string(), "fun");
}

TEST_F(CliTest, WithoutGamesItSaysHowOthersArePlayed) {
  serve(R"({"ok":true,"result":{"schema":1,"games":[]}})");
  const auto result = line({"games"});
  EXPECT_EQ(result.status, 0);
  EXPECT_TRUE(result.out.starts_with("Nobody hosts a game that lanrage knows")) << result.out;
  EXPECT_NE(result.out.find("lanrage status"), std::string::npos);
}

TEST_F(CliTest, DoctorIsALineForEachFindingAndFailsByProblems) {
  serve(R"({"ok":true,"result":{"schema":1,"findings":[{"check":"agent","status":"ok",)"
        R"("detail":"the agent runs","advice":null},{"check":"clock","status":"warning",)"
        R"("detail":"is 90 s behind","advice":"set it"}],"problems":0,"warnings":1}})");
  const auto result = line({"doctor", "--server", "https://x", "--pin", "p"});
  EXPECT_EQ(result.status, 0) << "a warning is no problem";
  EXPECT_EQ(result.out,
            "ok       agent  the agent runs\n"
            "warning  clock  is 90 s behind; set it\n");
  EXPECT_EQ(request_.at("command").as_string(), "doctor");
  EXPECT_EQ(request_.at("server").as_string(), "https://x");
  EXPECT_EQ(request_.at("pin").as_string(), "p");
  EXPECT_EQ(line({"doctor", "--pin", "p"}).status, 2) << "a pin of no server";
}

TEST_F(CliTest, DoctorWithProblemsIsStatusOne) {
  serve(R"({"ok":true,"result":{"schema":1,"findings":[],"problems":1,"warnings":0}})");
  EXPECT_EQ(line({"doctor"}).status, 1);
}

TEST_F(CliTest, DoctorLooksAtTheMachineWhereThereIsNoAgent) {
  std::string problem;
  Offline offline;
  offline.doctor = [&](const std::string& why) {
    problem = why;
    return boost::json::parse(
               R"({"schema":1,"findings":[{"check":"tun","status":"ok","detail":"there"}]})")
        .as_object();
  };
  const std::vector<const char*> words{"lanrage", "doctor", "--socket", socket_.c_str()};
  std::ostringstream out, err;
  EXPECT_EQ(run(static_cast<int>(words.size()), words.data(), out, err, offline), 3);
  EXPECT_EQ(out.str(), "ok  tun  there\n");
  EXPECT_NE(problem.find("lanrage daemon"), std::string::npos) << problem;
  EXPECT_NE(err.str().find(problem), std::string::npos) << err.str();
}

TEST_F(CliTest, StatusBeginsWithWarnings) {
  serve(R"({"ok":true,"result":{"schema":1,"parties":[],"warnings":["the state is damaged"]}})");
  EXPECT_TRUE(line({"status"}).out.starts_with("Warning: the state is damaged\n"));
}

TEST_F(CliTest, InviteTakesTimesWithUnits) {
  serve(R"({"ok":true,"result":{"schema":1,"invite":"lanrage://..."}})");
  EXPECT_EQ(line({"invite", "--expires", "7d", "--uses", "3"}).status, 0);
  EXPECT_EQ(request_.at("expires_s").to_number<int>(), 7 * 86400);
  EXPECT_EQ(request_.at("uses").to_number<int>(), 3);
}

TEST_F(CliTest, OpenSaysWhoReachesWhat) {
  const auto answer = [](const std::string& more) {
    return R"({"ok":true,"result":{"schema":1,"party_id":"x","name":"fun","interface":"lan0",)"
           R"("guarded":true,"all":false,"default":["1024-65535/tcp"])" +
           more + "}}";
  };
  serve(answer(R"(,"opened":["22/tcp"],"ports":"22/tcp","by_default":false)"));
  const auto result = line({"open", "22/tcp", "--party", "fun"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(
      result.out,
      "Everybody in \"fun\" can reach TCP port 22 of this machine now. `lanrage close 22/tcp` "
      "takes that back.\n");
  EXPECT_EQ(request_.at("command").as_string(), "open");
  EXPECT_EQ(request_.at("ports").as_string(), "22/tcp");
  EXPECT_EQ(request_.at("party").as_string(), "fun");
  EXPECT_TRUE(line({"open", "22/tcp", "--json"}).out.starts_with("{\"schema\":1"));
}

TEST_F(CliTest, OpenSaysWhatIsOpenAnyhow) {
  serve(R"({"ok":true,"result":{"schema":1,"name":"fun","interface":"lan0","guarded":true,)"
        R"("all":false,"default":[],"opened":[],"ports":"27015-27030/udp","by_default":true}})");
  EXPECT_EQ(line({"open", "27015-27030/udp"}).out,
            "Everybody in \"fun\" can reach UDP ports 27015 to 27030 of this machine in any case: "
            "games use such ports.\n");
}

TEST_F(CliTest, OpenAllSaysWhatThatMeans) {
  serve(R"({"ok":true,"result":{"schema":1,"name":"fun","interface":"lan0","guarded":true,)"
        R"("all":true,"default":[],"opened":[],"ports":"all","by_default":false}})");
  const auto result = line({"open", "all"});
  EXPECT_TRUE(result.out.starts_with("Everybody in \"fun\" can reach all that listens on this"))
      << result.out;
  EXPECT_NE(result.out.find("`lanrage close all`"), std::string::npos);
  EXPECT_EQ(request_.at("ports").as_string(), "all");
}

TEST_F(CliTest, OpenAloneShowsWhatIsReached) {
  serve(
      R"({"ok":true,"result":{"schema":1,"name":"fun","interface":"lan0","guarded":true,)"
      R"("all":false,"default":["1024-1432/tcp","1434-5899/tcp","5910-65535/tcp","1024-65535/udp"],)"
      R"("opened":["22/tcp","137/udp"]}})");
  EXPECT_EQ(line({"open"}).out,
            "Everybody in \"fun\" can reach, by lan0:\n"
            "  by default     TCP from 1024 on, but not 1433, 5900-5909\n"
            "  by default     UDP from 1024 on\n"
            "  opened by you  22/tcp, 137/udp\n"
            "Ping and answers to what this machine asks come in, too.\n");
  EXPECT_FALSE(request_.contains("ports"));
}

TEST_F(CliTest, OpenWarnsWhereNothingIsInBetween) {
  serve(R"({"ok":true,"result":{"schema":1,"name":"fun","interface":"lanrage0","guarded":false,)"
        R"("all":false,"default":[],"opened":[]}})");
  EXPECT_NE(line({"open"}).out.find("only your own firewall keeps"), std::string::npos);
}

TEST_F(CliTest, PortsThatMakeNoSenseAreBadUsage) {
  for (const auto* command : {"open", "close"})
    for (const auto* ports : {"22", "22/sctp", "0/tcp", "65536/udp", "9-3/udp", "everything"}) {
      const auto result = line({command, ports});
      EXPECT_EQ(result.status, 2) << command << ' ' << ports;
      EXPECT_NE(result.err.find(ports), std::string::npos) << result.err;
      EXPECT_NE(result.err.find("from 1 to 65535"), std::string::npos) << result.err;
    }
  EXPECT_EQ(line({"close"}).status, 2) << "closes nothing by mistake";
}

TEST_F(CliTest, CloseSaysThatNobodyReachesItAnyMore) {
  serve(R"({"ok":true,"result":{"schema":1,"name":"fun","interface":"lan0","guarded":true,)"
        R"("all":false,"default":[],"opened":[],"ports":"22/tcp","still_open":[]}})");
  EXPECT_EQ(
      line({"close", "22/tcp"}).out,
      "Nobody in \"fun\" can reach TCP port 22 of this machine any more; connections there are "
      "cut off.\n");
  EXPECT_EQ(request_.at("command").as_string(), "close");
  EXPECT_EQ(request_.at("ports").as_string(), "22/tcp");
}

TEST_F(CliTest, CloseSaysWhatIsStillReached) {
  serve(R"({"ok":true,"result":{"schema":1,"name":"fun","interface":"lan0","guarded":true,)"
        R"("all":false,"default":[],"opened":[],"ports":"1000-1100/udp",)"
        R"("still_open":["1024-1100/udp"]}})");
  EXPECT_EQ(line({"close", "1000-1100/udp"}).out,
            "What you opened of UDP ports 1000 to 1100 is closed, but everybody in \"fun\" still "
            "reaches 1024-1100/udp: games use such ports.\n");
}

TEST_F(CliTest, CloseAllGoesBackToTheDefault) {
  serve(R"({"ok":true,"result":{"schema":1,"name":"fun","interface":"lan0","guarded":true,)"
        R"("all":false,"default":[],"opened":[],"ports":"all","still_open":[]}})");
  EXPECT_EQ(line({"close", "all"}).out,
            "\"fun\" reaches what games need of this machine, and nothing else any more.\n");
}

TEST_F(CliTest, KickSaysWhoHasYetToConfirm) {
  serve(R"({"ok":true,"result":{"schema":1,"removed":["abc"],"nick":"eve","key_epoch":2,)"
        R"("invites_dropped":[],"confirmed":[{"peer_id":"x","nick":"ann"}],)"
        R"("waiting":[{"peer_id":"y","nick":"bob"},{"peer_id":"z","nick":""}]}})");
  const auto result = line({"kick", "eve", "--party", "fun"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.out,
            "eve is out of the party, which has a new key now.\n"
            "Confirmed by: ann\n"
            "Not confirmed yet by: bob, z\n");
  EXPECT_EQ(request_.at("command").as_string(), "kick");
  EXPECT_EQ(request_.at("peer").as_string(), "eve");
  EXPECT_EQ(request_.at("party").as_string(), "fun");
  EXPECT_EQ(line({"kick"}).status, 2);
}

TEST_F(CliTest, InvitesAreListed) {
  serve(R"({"ok":true,"result":{"schema":1,"invites":[{"id":"abc","made_by":{"peer_id":"x",)"
        R"("nick":"ann"},"uses":16,"used":3,"expires_at":"2026-12-01T10:00:00.000Z",)"
        R"("state":"open"},{"id":"def","made_by":{"peer_id":"y","nick":""},"uses":1,"used":1,)"
        R"("expires_at":"2026-12-02T10:00:00.000Z","state":"used_up"}]}})");
  const auto result = line({"invite", "list", "--party", "fun"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.out,
            "ID   MADE BY  USED     EXPIRES                   STATE\n"
            "abc  ann      3 of 16  2026-12-01T10:00:00.000Z  open\n"
            "def  y        1 of 1   2026-12-02T10:00:00.000Z  used up\n");
  EXPECT_EQ(request_.at("command").as_string(), "invite_list");
  EXPECT_EQ(request_.at("party").as_string(), "fun");
  EXPECT_TRUE(line({"invite", "list", "--json"}).out.starts_with("{\"schema\":1"));
}

TEST_F(CliTest, ThePartyMayBeNamedBeforeTheSubcommand) {
  serve(R"({"ok":true,"result":{"schema":1,"invites":[]}})");
  EXPECT_EQ(line({"invite", "--party", "fun", "list"}).status, 0);
  EXPECT_EQ(request_.at("command").as_string(), "invite_list");
  EXPECT_EQ(request_.at("party").as_string(), "fun");
  EXPECT_EQ(line({"invite", "--uses", "3", "list"}).status, 2) << "it lists, and makes none";
}

TEST_F(CliTest, AnInviteIsRevoked) {
  serve(R"({"ok":true,"result":{"schema":1,"revoked":"abc","removed":[],"key_epoch":2,)"
        R"("invites_dropped":["abc"],"confirmed":[],"waiting":[]}})");
  const auto result = line({"invite", "revoke", "abc"});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_EQ(result.out, "Nobody can join by abc any more, and the party has a new key.\n");
  EXPECT_EQ(request_.at("command").as_string(), "invite_revoke");
  EXPECT_EQ(request_.at("id").as_string(), "abc");
  EXPECT_EQ(line({"invite", "revoke"}).status, 2);
}

TEST_F(CliTest, DeputiesComeAndGo) {
  serve(R"({"ok":true,"result":{"schema":1,"peer_id":"x","nick":"bob","deputies":)"
        R"([{"peer_id":"x","nick":"bob"},{"peer_id":"y","nick":"cleo"}]}})");
  EXPECT_EQ(line({"promote", "bob"}).out, "bob is a deputy now.\nDeputies: bob, cleo\n");
  EXPECT_EQ(request_.at("command").as_string(), "promote");
  EXPECT_TRUE(line({"demote", "bob"}).out.starts_with("bob is no deputy any more.\n"));
  EXPECT_EQ(request_.at("command").as_string(), "demote");
  EXPECT_EQ(request_.at("peer").as_string(), "bob");
}

TEST_F(CliTest, AnotherBecomesTheHost) {
  serve(R"({"ok":true,"result":{"schema":1,"peer_id":"x","nick":"bob","host":"x","deputies":)"
        R"([{"peer_id":"y","nick":"ann"}],"forgotten":true}})");
  EXPECT_EQ(line({"promote", "bob", "--host", "--party", "fun"}).out,
            "bob is the host now.\nDeputies: ann\n"
            "This device has forgotten the party's root key.\n");
  EXPECT_EQ(request_.at("command").as_string(), "promote");
  EXPECT_TRUE(request_.at("host").as_bool());
  EXPECT_EQ(request_.at("peer").as_string(), "bob");
  EXPECT_EQ(request_.at("party").as_string(), "fun");
  line({"promote", "bob"});
  EXPECT_FALSE(request_.contains("host"));
  EXPECT_EQ(line({"demote", "bob", "--host"}).status, 2);
}

TEST_F(CliTest, ThatTheKeyIsStillHereIsSaid) {
  serve(R"({"ok":true,"result":{"schema":1,"peer_id":"x","nick":"bob","host":"x","deputies":[],)"
        R"("forgotten":false}})");
  EXPECT_NE(line({"promote", "bob", "--host"}).out.find("as soon as theirs has confirmed"),
            std::string::npos);
}

TEST_F(CliTest, RotateSaysTheNumberOfTheKey) {
  serve(R"({"ok":true,"result":{"schema":1,"removed":[],"key_epoch":7,"invites_dropped":[],)"
        R"("confirmed":[],"waiting":[{"peer_id":"y","nick":"bob"}]}})");
  EXPECT_EQ(line({"rotate"}).out,
            "The party has another key, its number 7.\nNot confirmed yet by: bob\n");
  EXPECT_EQ(request_.at("command").as_string(), "rotate");
}

TEST_F(CliTest, AnInviteIsShownAsAQrCodeOnDemand) {
  serve(R"({"ok":true,"result":{"schema":1,"invite":"lanrage://host/join#abc"}})");
  EXPECT_EQ(line({"invite"}).out, "lanrage://host/join#abc\n");
  EXPECT_EQ(line({"invite", "--qr"}).out,
            qr_code("lanrage://host/join#abc", false) + "lanrage://host/join#abc\n");
  EXPECT_FALSE(request_.contains("qr"));
}

TEST_F(CliTest, APingThatNobodyAnswersFails) {
  serve(R"({"ok":true,"result":{"schema":1,"sent":2,"received":0,"rtt_ms":null,"path":"relay"}})");
  EXPECT_EQ(line({"ping", "bob", "--count", "2"}).status, 1);
}

TEST_F(CliTest, StatusIsAlignedText) {
  const std::string bob =
      R"({"nick":"bob","vip":"10.66.0.2","path":"direct","endpoint":"198.51.100.7:50000",)"
      R"("relay":null,"why_relayed":null,"rtt_ms":12.34,"loss":0.0})";
  const std::string turtle =
      R"({"nick":"Żółw","vip":"10.66.0.30","path":"relay","endpoint":"203.0.113.10:51820",)"
      R"("relay":"home","why_relayed":"both sides are behind symmetric NATs","rtt_ms":null,)"
      R"("loss":0.25})";
  serve(R"({"ok":true,"result":{"schema":1,"parties":[{"name":"fun","interface":"lanrage0",)"
        R"("server":{"url":"https://203.0.113.10:8667","state":"connected"},)"
        R"("self":{"nick":"ann","vip":"10.66.0.1"},"peers":[)" +
        bob + "," + turtle + "]}]}}");
  const auto result = line({"status"});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.out,
            "fun  you: ann 10.66.0.1  on lanrage0  server https://203.0.113.10:8667 connected\n"
            "  PEER  VIP         PATH    RTT      LOSS  VIA                 WHY RELAYED\n"
            "  bob   10.66.0.2   direct  12.3 ms  0 %   198.51.100.7:50000\n"
            "  Żółw  10.66.0.30  relay   -        25 %  203.0.113.10:51820  both sides are behind "
            "symmetric NATs\n");
}

TEST_F(CliTest, StatusShowsPathsInTrouble) {
  const auto peer = [](const std::string& nick, const std::string& path, const std::string& state) {
    return R"({"nick":")" + nick + R"(","vip":"10.66.0.2","path":")" + path + R"(","state":")" +
           state + R"(","endpoint":null,"why_relayed":null,"rtt_ms":null,"loss":null})";
  };
  serve(R"({"ok":true,"result":{"schema":1,"parties":[{"peers":[)" +
        peer("ann", "direct", "connected") + "," + peer("bob", "relay", "degraded") + "," +
        peer("cid", "direct", "degraded") + "," + peer("dan", "connecting", "connecting") + "," +
        peer("eve", "connecting", "failed") + "," + peer("fay", "offline", "failed") + "]}]}}");
  const auto out = line({"status"}).out;
  EXPECT_EQ(out.substr(out.find('\n') + 1),
            "  PEER  VIP        PATH              RTT  LOSS  VIA  WHY RELAYED\n"
            "  ann   10.66.0.2  direct            -    -\n"
            "  bob   10.66.0.2  relay, degraded   -    -\n"
            "  cid   10.66.0.2  direct, degraded  -    -\n"
            "  dan   10.66.0.2  connecting        -    -\n"
            "  eve   10.66.0.2  failed            -    -\n"
            "  fay   10.66.0.2  offline           -    -\n");
}

TEST_F(CliTest, StatusTellsWhoIsAloneThatUdpIsBlocked) {
  serve(R"({"ok":true,"result":{"schema":1,"parties":[{"name":"fun","self":{"nick":"ann",)"
        R"("udp":false,"note":"no answer over UDP from anywhere"},"peers":[]}]}})");
  EXPECT_NE(line({"status"})
                .out.find("\n  For you: no answer over UDP from anywhere.\n"
                          "  Nobody else is here yet.\n"),
            std::string::npos);
}

TEST_F(CliTest, StatusTellsWhatTheServerTried) {
  serve(
      R"({"ok":true,"result":{"schema":1,"parties":[{"name":"fun","alerts":[)"
      R"({"code":"split_view","message":"another history","since":"2026-01-31T12:00:00.250Z",)"
      R"("until":null},{"code":"record_refused","message":"a false record",)"
      R"("since":"2026-01-31T12:00:01.000Z","until":"2026-01-31T12:00:02.000Z"}],"peers":[]}]}})");
  EXPECT_NE(line({"status"})
                .out.find("\n  Alert, since 2026-01-31 12:00:00 UTC: another history.\n"
                          "  Past alert, 2026-01-31 12:00:01 UTC to 2026-01-31 12:00:02 UTC: "
                          "a false record.\n"),
            std::string::npos);
}

TEST_F(CliTest, StatusTellsOfAForwardedPort) {
  serve(R"({"ok":true,"result":{"schema":1,"parties":[)"
        R"({"portmap":{"method":"nat_pmp","endpoint":"203.0.113.9:41641"},"peers":[]},)"
        R"({"portmap":{"method":"upnp","endpoint":null},"peers":[]},)"
        R"({"portmap":null,"peers":[]}]}})");
  const auto out = line({"status"}).out;
  const std::string begin = "  The router forwards a port to you: ";
  const auto first = out.find(begin + "NAT-PMP, 203.0.113.9:41641\n");
  const auto second = out.find(begin + "UPnP, of no use: another router is in front\n");
  ASSERT_NE(first, std::string::npos) << out;
  ASSERT_NE(second, std::string::npos) << out;
  EXPECT_EQ(out.find(begin, second + 1), std::string::npos) << "the third has none";
}

TEST_F(CliTest, NetcheckShowsBothFamiliesAndTheMapping) {
  serve(R"({"ok":true,"result":{"schema":1,"nat_type":"symmetric","mapping":"address_dependent",)"
        R"("public_endpoint":"203.0.113.9:41641","udp":true,"ipv6":true,)"
        R"("ipv6_endpoint":"[2001:db8::9]:41641","relays":[],)"
        R"("portmap":{"method":"pcp","endpoint":"203.0.113.9:50000"}}})");
  EXPECT_TRUE(line({"netcheck", "--server", "https://x"})
                  .out.starts_with("NAT:              symmetric\n"
                                   "Mapping:          address_dependent\n"
                                   "Public endpoint:  203.0.113.9:41641\n"
                                   "UDP:              yes\n"
                                   "IPv6:             yes\n"
                                   "IPv6 endpoint:    [2001:db8::9]:41641\n"
                                   "Port mapping:     PCP, 203.0.113.9:50000\n"));
}

}  // namespace
}  // namespace lanrage::cli
