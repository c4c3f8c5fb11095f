// Sessions over a connection whose queue the test empties.
#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <gtest/gtest.h>
#include <set>

#include "protocol/messages.hpp"
#include "server/server_keys.hpp"
#include "server/sessions.hpp"
#include "unit/server/fixture.hpp"

namespace lanrage::server::test {

namespace {

class SlowSocket final : public io::WebSocket {
 public:
  void send(std::shared_ptr<const std::string> text) override {
    auto message = ws::parse_server_message(*text);
    ASSERT_TRUE(message) << *text;
    sent.push_back(std::move(*message));
    queued += text->size();
  }
  void close(std::uint16_t, std::string_view) override {}
  std::size_t queued_bytes() const override { return queued; }
  const Endpoint& remote() const override { return remote_; }

  template <class T>
  std::size_t count() const {
    return static_cast<std::size_t>(std::ranges::count_if(
        sent, [](const auto& message) { return std::holds_alternative<T>(message); }));
  }

  std::vector<ws::ServerMessage> sent;
  std::size_t queued = 0;

 private:
  Endpoint remote_;
};

class SlowReader : public ::testing::Test {
 protected:
  SlowReader() {
    sessions.serve(service);
    protocol::RegisterRequest request;
    request.identity = keys.identity.public_key();
    request.nonce = authentication.challenge({request.identity}).nonce;
    request.signature = party::prove_identity(keys.identity, {}, request.nonce);
    std::optional<Result<protocol::RegisterAnswer>> answer;
    authentication.register_peer(keys.peer_id(), request, [&](auto result) { answer = result; });
    while (!answer)
      loop.run_one();
    caller.peer = keys.peer_id();
    caller.token = authentication.authenticate((*answer)->token)->token_hash;
  }
  PartyId create() {
    party::PartyOptions options;
    options.name = "LAN night";
    const auto made = party::create_party(random, options, keys, "host", clock.unix_time());
    EXPECT_TRUE(made);
    protocol::CreatePartyRequest request;
    request.request_id = "create";
    request.charter = made->charter;
    request.roster = made->roster;
    request.statement = made->statement;
    for (const auto& box : made->boxes)
      request.boxes.push_back({box.recipient, box.box});
    std::optional<bool> created;
    service.create(caller, request,
                   [&](Result<protocol::PartyAnswer> answer) { created = answer.has_value(); });
    while (!created)
      loop.run_one();
    EXPECT_TRUE(*created);
    return made->id;
  }

  ManualClock clock;
  crypto::SystemRandom random;
  const party::DeviceKeys keys{crypto::SigningKey::generate(random),
                               crypto::ExchangeSecret::generate(random),
                               crypto::ExchangeSecret::generate(random)};
  TemporaryFolder folder;
  boost::asio::io_context loop;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work{
      loop.get_executor()};
  std::unique_ptr<store::Store> store = *store::open_store(
      "sqlite:" + (folder.path() / "server.db").string(),
      [this](std::move_only_function<void()> task) { boost::asio::post(loop, std::move(task)); });
  const Limits limits;
  io::Log log{stderr, io::LogLevel::error};
  Metrics metrics{"test"};
  AuditLog audit{log, clock, {}};
  PartyRegistry registry{{*store, clock, random, metrics}, limits};
  Presence presence{limits, clock};
  SignalQueue signals{limits, clock.unix_time()};
  RelayTable relay_table{limits, "own"};
  RelayDirectory relays{{}, {}, keys.identity, relay_table, limits.relays_a_grant};
  Authentication authentication{*store, clock, random, limits, {}};
  server::Sessions sessions{
      {registry, presence, signals, authentication, clock, random, metrics, audit, log}, limits};
  PartyService service{{registry, presence, signals, relays, sessions, clock, metrics, audit},
                       limits,
                       {"incarnation", {}, "https://server"},
                       {protocol::CreatePolicy::anyone, {}, {}}};
  Caller caller;
};

}  // namespace

TEST_F(SlowReader, GetsOneWholePartyAtATimeInsteadOfWhatWasDropped) {
  const std::vector<PartyId> parties{create(), create(), create()};
  auto socket = std::make_shared<SlowSocket>();
  const auto events = sessions.accept(caller)(socket);
  events.on_text(ws::to_json(ws::Hello{protocol::kVersion, "test", {}, {}}));
  for (const auto& party : parties)
    events.on_text(ws::to_json(ws::Subscribe{party, {}}));
  EXPECT_EQ(socket->count<ws::PartyUpdate>(), 3u);

  socket->sent.clear();
  socket->queued = 0;
  events.on_overflow();
  std::set<PartyId> resent;
  for (std::size_t n = 1; n <= 3; ++n) {
    ASSERT_EQ(socket->sent.size(), 2 * n) << "a snapshot and caught_up";
    resent.insert(std::get<ws::PartyUpdate>(socket->sent[2 * n - 2]).party.id);
    sessions.check();
    EXPECT_EQ(socket->sent.size(), 2 * n) << "nothing more while the queue isn't empty";
    socket->queued = 0;
    sessions.check();
  }
  EXPECT_EQ(socket->sent.size(), 6u);
  EXPECT_EQ(resent, std::set<PartyId>(parties.begin(), parties.end()));
}

TEST_F(SlowReader, WithMuchWaitingASubscriptionsSnapshotWaitsToo) {
  const auto party = create();
  auto socket = std::make_shared<SlowSocket>();
  const auto events = sessions.accept(caller)(socket);
  events.on_text(ws::to_json(ws::Hello{protocol::kVersion, "test", {}, {}}));
  socket->queued = 1024 * 1024;
  events.on_text(ws::to_json(ws::Subscribe{party, {}}));
  EXPECT_EQ(socket->count<ws::PartyUpdate>(), 0u);
  socket->queued = 0;
  sessions.check();
  EXPECT_EQ(socket->count<ws::PartyUpdate>(), 1u);
  EXPECT_EQ(socket->count<ws::CaughtUp>(), 1u);
}

}  // namespace lanrage::server::test
