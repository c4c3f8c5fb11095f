#include "lab_fixture.hpp"

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <iostream>
#include <iterator>

#include "secrets_in_logs.hpp"

namespace lanrage::lab {
namespace {

using ::testing::AssertionFailure;
using ::testing::AssertionResult;
using ::testing::AssertionSuccess;

constexpr std::size_t kLogTail = 6'000;  // characters

std::string tail(const std::string& text) {
  return text.size() <= kLogTail ? text : "[...]" + text.substr(text.size() - kLogTail);
}

std::string status_of(const Player& player) {
  return player.cli_text({"status"}).out;
}

}  // namespace

void LabTest::search_logs() const {
  std::vector<KnownSecret> secrets;
  const auto keep = [&](std::vector<KnownSecret> more) {
    std::ranges::move(more, std::back_inserter(secrets));
  };
  for (const auto& server : servers_)
    keep(secrets_of(*server));
  for (const auto& player : players_)
    keep(secrets_of(*player));
  for (const auto& server : servers_)
    EXPECT_EQ(found_in(server->error_log(), secrets, server.get()), std::vector<std::string>())
        << "in the server's log";
  const Server* any = servers_.empty() ? nullptr : servers_.front().get();
  for (const auto& player : players_)
    EXPECT_EQ(found_in(player->log(), secrets, any), std::vector<std::string>())
        << "in the log of " << player->nick() << "'s agent";
}

void LabTest::TearDown() {
  search_logs();
  if (!HasFailure()) return;
  for (const auto& server : servers_)
    std::cout << "--- server at " << server->host().address().to_string() << ":\n"
              << tail(server->log()) << '\n';
  for (const auto& player : players_)
    std::cout << "--- agent of " << player->nick() << ":\n"
              << tail(player->log()) << "\n--- its status:\n"
              << status_of(*player) << '\n';
}

Server& LabTest::add_server() {
  const Host& host = network_.add_public_host("server");
  return add_server(host, host.address());
}

Server& LabTest::add_server(const Host& host, const IpAddress& public_address,
                            const Argv& arguments, std::chrono::seconds clock_ahead) {
  return *servers_.emplace_back(
      std::make_unique<Server>(host, public_address, arguments, clock_ahead));
}

Player& LabTest::add_player(const std::string& nick, NatKind kind) {
  return add_player(nick, network_.add_player(nick, kind));
}

Player& LabTest::add_player(const std::string& nick, const Host& host, Argv daemon_arguments) {
  return *players_.emplace_back(std::make_unique<Player>(host, nick, std::move(daemon_arguments)));
}

boost::json::object done(const Player& player, const Argv& words) {
  const CliResult result = player.cli(words);
  EXPECT_EQ(result.status, 0) << words[0] << ": " << result.err;
  const auto* object = result.json.if_object();
  return object == nullptr ? boost::json::object{} : *object;
}

AssertionResult pings(const Player& from, const IpAddress& vip) {
  Pinger pinger(from.host().netns(), vip);
  if (!pinger.first_answer(kReachable))
    return AssertionFailure() << from.nick() << " gets no answer from " << vip.to_string();
  const PingReport report = pinger.ping(5);
  if (report.received < 3)
    return AssertionFailure() << from.nick() << " got " << report.received << " of " << report.sent
                              << " answers from " << vip.to_string();
  return AssertionSuccess();
}

AssertionResult cli_pings(const Player& from, const std::string& nick) {
  const CliResult result = from.cli({"ping", nick, "--count", "3"});
  if (result.status != 0)
    return AssertionFailure() << "lanrage ping " << nick << " by " << from.nick()
                              << " ended with status " << result.status << ": " << result.err;
  const auto* object = result.json.if_object();
  const auto* received = object == nullptr ? nullptr : object->if_contains("received");
  if (received == nullptr || !received->is_number() || received->to_number<int>() < 1)
    return AssertionFailure() << "lanrage ping received nothing: " << result.out;
  return AssertionSuccess();
}

AssertionResult path_becomes(const Player& from, const std::string& nick, const std::string& path,
                             Millis limit) {
  std::string last = "none";
  const auto arrived = [&] {
    if (const auto peer = from.peer(nick)) last = peer->path + " (" + peer->why_relayed + ")";
    return last.starts_with(path + " ");
  };
  if (eventually(limit, arrived, Millis(100))) return AssertionSuccess();
  return AssertionFailure() << "the path from " << from.nick() << " to " << nick << " is " << last
                            << ", not " << path;
}

}  // namespace lanrage::lab
