// The server inside the agent: the same party rules, its port and pin kept, and an end that leaves
// nothing behind.
#include "agent/local_server.hpp"

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <unistd.h>

#include "agent/http_control_plane.hpp"
#include "agent/joining.hpp"
#include "agent/local_control_plane.hpp"
#include "unit/agent/control_fixture.hpp"

namespace lanrage::agent::test {
namespace {

namespace fs = std::filesystem;

class LocalServerTest : public ControlPlaneTest {
 protected:
  LocalServerTest() {
    std::string pattern = (fs::temp_directory_path() / "lanrage-local-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
  }
  ~LocalServerTest() override { fs::remove_all(directory_); }

  std::shared_ptr<LocalServer> start() {
    auto started = LocalServer::start(io, directory_ / "server", keys.peer_id(),
                                      *IpAddress::parse("192.168.1.7"), log);
    if (!started) {
      ADD_FAILURE() << started.error().message();
      throw std::runtime_error("no server");
    }
    return *started;
  }
  // Its end, and everything that waits in the loop.
  void end(std::shared_ptr<LocalServer> local) {
    const std::weak_ptr<LocalServer> watched = local;
    local->stop();
    local.reset();
    until([&] { return watched.expired(); });
  }
  CreateOptions options(const LocalServer& local) {
    CreateOptions out;
    out.local = true;
    out.server = local.lan_url();
    out.pin = io::to_text(local.pin());
    out.nick = "ann";
    out.party.name = "game night";
    return out;
  }

  fs::path directory_;
  AgentContext context_{io, keys, log, Backend::automatic, ""};
};

TEST_F(LocalServerTest, CreatesPartiesForItsOwnDeviceAndInvitesToTheLan) {
  auto local = start();
  const auto control = std::make_shared<LocalControlPlane>(context_, local);
  auto joined = run(create_party(context_, control, options(*local)));
  ASSERT_TRUE(joined) << joined.error().message();
  EXPECT_TRUE(joined->saved.local);
  EXPECT_EQ(joined->saved.pin, local->pin());
  EXPECT_EQ(joined->saved.public_url, local->lan_url());
  const auto link = party::parse_invite_link(joined->invite);
  ASSERT_TRUE(link);
  EXPECT_EQ(link->host, "192.168.1.7");
  EXPECT_EQ(link->port, local->port());
  EXPECT_EQ(link->pin, local->pin());
  control->close();

  const DeviceKeys others{crypto::SigningKey::generate(random),
                          crypto::ExchangeSecret::generate(random)};
  AgentContext stranger{io, others, log, Backend::automatic, ""};
  const auto foreign = std::make_shared<LocalControlPlane>(stranger, local);
  const auto refused = run(create_party(stranger, foreign, options(*local)));
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(protocol::Errc::forbidden)) << refused.error().code();
  foreign->close();
}

TEST_F(LocalServerTest, PartiesPortAndPinSurviveAndAnEndLeavesThePlaceFree) {
  auto local = start();
  const auto port = local->port();
  const auto pin = local->pin();
  auto control = std::make_shared<LocalControlPlane>(context_, local);
  auto joined = run(create_party(context_, control, options(*local)));
  ASSERT_TRUE(joined) << joined.error().message();
  control->close();
  joined->control.reset();
  control.reset();
  end(std::move(local));

  local = start();
  EXPECT_EQ(local->port(), port);
  EXPECT_EQ(local->pin(), pin);
  control = std::make_shared<LocalControlPlane>(context_, local);
  std::optional<ws::PartyUpdate> update;
  ControlPlane::Listener listener;
  listener.on_message = [&](const ws::ServerMessage& message) {
    if (const auto* snapshot = std::get_if<ws::PartyUpdate>(&message)) update = *snapshot;
  };
  control->subscribe(joined->saved.id, "", 0);
  control->open_link(std::move(listener));
  until([&] { return update.has_value(); });
  EXPECT_EQ(update->party.name, "game night");
  EXPECT_EQ(control->link_state(), LinkState::connected);
  control->close();
}

// What HttpControlPlane asks and reads, against the server that answers it.
TEST_F(LocalServerTest, ItsPartiesCanBePolledByPlainRequests) {
  const auto local = start();
  const auto control = std::make_shared<LocalControlPlane>(context_, local);
  const auto joined = run(create_party(context_, control, options(*local)));
  ASSERT_TRUE(joined) << joined.error().message();
  control->close();

  io::Origin origin{"127.0.0.1", local->port(), true, {local->pin()}};
  ServerSession::Options fast;
  fast.make_pauses = [this] { return std::make_shared<NoPauses>(io, pauses); };
  const auto polling = std::make_shared<HttpControlPlane>(
      std::make_shared<ServerSession>(io, std::move(origin), keys, log, fast));
  std::vector<ws::PartyUpdate> updates;
  ControlPlane::Listener listener;
  listener.on_message = [&](const ws::ServerMessage& message) {
    if (const auto* update = std::get_if<ws::PartyUpdate>(&message)) {
      updates.push_back(*update);
      polling->subscribe(update->party.id, update->incarnation, update->party.seq);
    }
  };
  polling->subscribe(joined->saved.id, "", 0);
  polling->open_link(std::move(listener));
  until([&] { return updates.size() == 1; });
  EXPECT_EQ(updates[0].party.log, joined->saved.log);
  until([&] { return polling->link_state() == LinkState::connected; });
  EXPECT_TRUE(polling->send(ws::Heartbeat{joined->saved.id, keys.peer_id(), 1, std::nullopt}));

  // A change comes with its records alone, and is told whole.
  const auto ledger = joined->membership.ledger;
  const auto statement = party::build_statement(ledger, keys.identity, "ann the second",
                                                ledger.member(keys.peer_id())->vip);
  ASSERT_TRUE(statement);
  protocol::UpdatePeerRequest update;
  update.request_id = new_request_id();
  update.statement = *statement;
  ASSERT_TRUE(run(polling->update(joined->saved.id, update)));
  until([&] { return updates.size() == 2; });
  EXPECT_EQ(updates[1].party.log.size(), joined->saved.log.size() + 1);
  EXPECT_EQ(updates[1].party.log.back(), *statement);
  EXPECT_EQ(updates[1].party.peers.at(0).nick, "ann the second");
  polling->close();
}

TEST_F(LocalServerTest, AnotherPortDoesWhereItsOwnIsTaken) {
  auto local = start();
  const auto port = local->port();
  end(std::move(local));
  boost::asio::ip::tcp::acceptor thief(io, {boost::asio::ip::tcp::v6(), port});
  local = start();
  EXPECT_NE(local->port(), port);
  const auto kept = local->port();
  end(std::move(local));
  EXPECT_EQ(start()->port(), kept) << "the new one is remembered";
}

TEST_F(LocalServerTest, ADamagedPortFileCostsOnlyThePort) {
  end(start());
  std::ofstream(directory_ / "server/port.json") << "{";
  EXPECT_NE(start()->port(), 0);
}

TEST_F(LocalServerTest, ADamagedDatabaseIsRefusedAndKept) {
  end(start());
  std::ofstream(directory_ / "server/server.db", std::ios::trunc) << std::string(5'000, 'x');
  for (const auto* more : {"server.db-wal", "server.db-shm"})
    fs::remove(directory_ / "server" / more);
  const auto refused = LocalServer::start(io, directory_ / "server", keys.peer_id(),
                                          *IpAddress::parse("192.168.1.7"), log);
  EXPECT_FALSE(refused);
  EXPECT_EQ(fs::file_size(directory_ / "server/server.db"), 5'000u);
}

TEST_F(LocalServerTest, InvitesNameTheAddressThatTheMachineHasNow) {
  auto local = start();
  local->set_lan_address(*IpAddress::parse("10.1.2.3"));
  EXPECT_EQ(local->lan_url(), "https://10.1.2.3:" + std::to_string(local->port()));
  const auto control = std::make_shared<LocalControlPlane>(context_, local);
  auto joined = run(create_party(context_, control, options(*local)));
  ASSERT_TRUE(joined);
  EXPECT_EQ(joined->saved.public_url, local->lan_url());
  control->close();
}

}  // namespace
}  // namespace lanrage::agent::test
