// A real server killed at random moments under a load of joins, updates and leaves: whatever it
// acknowledged is there after each restart, and nothing is there twice.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <fstream>
#include <gtest/gtest.h>
#include <set>

#include "io/http_client.hpp"
#include "party/membership.hpp"
#include "party/proofs.hpp"
#include "protocol/messages.hpp"
#include "store/store.hpp"
#include "support/process.hpp"
#include "support/server.hpp"
#include "support/temp_dir.hpp"

namespace lanrage::server::test {

namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;

constexpr milliseconds kPatience{20'000};

UnixTime now() {
  return std::chrono::floor<milliseconds>(std::chrono::system_clock::now());
}

// The program under test, on a loopback port of its own choice that it keeps.
class ServerProcess {
 public:
  ServerProcess() {
    std::ofstream(directory_.path() / "server.toml") << R"(
role = ["control"]
metrics_listen = "off"
map_ports = "off"
create_policy = "anyone"
log_level = "error"
[limits]
requests_an_address = { per_second = 100000, burst = 100000 }
registrations_an_address = { per_second = 1000, burst = 1000 }
requests_a_peer = { per_second = 100000, burst = 100000 }
updates_a_peer = { per_second = 100000, burst = 100000 }
events_a_snapshot = 32
[limits.party]
log_records = 50000
)";
    start();
  }
  void start() {
    process_.reset();
    process_ = std::make_unique<lab::Process>(
        lab::Argv{(lab::bin_dir() / "lanrage-server").string(), "--config",
                  (directory_.path() / "server.toml").string(), "--data-dir",
                  (directory_.path() / "data").string(), "--listen",
                  "127.0.0.1:" + std::to_string(origin.port)},
        lab::Process::Options{.log_prefix = directory_.path() / "server"});
    const auto ready = process_->wait_for_line("ready ", kPatience);
    ASSERT_TRUE(ready) << process_->err();
    const auto value = [&](const std::string& key) {
      const auto begin = ready->find(key) + key.size();
      return ready->substr(begin, ready->find(' ', begin) - begin);
    };
    origin = *io::Origin::parse(value("url="));
    origin.policy.pin = io::parse_pin(value("pin="));
  }
  void kill() {
    process_->signal(SIGKILL);
    process_->wait(kPatience);
  }
  void stop() { EXPECT_EQ(process_->stop(), 0) << process_->err(); }
  std::string database() const {
    return "sqlite:" + (directory_.path() / "data/server.db").string();
  }

  io::Origin origin{"127.0.0.1", 0, true, {}};

 private:
  lab::TempDir directory_;
  std::unique_ptr<lab::Process> process_;
};

// A request that may or may not have arrived: repeated until it is answered.
struct Pending {
  io::Method method;
  std::string target;
  std::string body;
  std::vector<Bytes> records;  // that the log must hold once it is acknowledged
  bool joins = false;
  bool leaves = false;
};

class Player {
 public:
  explicit Player(Random& random)
      : random_(random),
        keys_{crypto::SigningKey::generate(random), crypto::ExchangeSecret::generate(random),
              crypto::ExchangeSecret::generate(random)} {}

  PeerId id() const { return keys_.peer_id(); }
  const party::DeviceKeys& keys() const { return keys_; }
  void connect(asio::io_context& io, const io::Origin& origin) {
    http_ = io::HttpClient::make(io, origin);
  }
  void disconnect() { http_.reset(); }

  // The body of an answer with status 200, else nothing; `code` says why, empty: no answer came.
  asio::awaitable<std::optional<std::string>> call(io::Method method, std::string target,
                                                   std::string body) {
    io::Headers headers;
    if (!body.empty()) headers.add("Content-Type", "application/json");
    if (token_) headers.add("Authorization", token_->header());
    auto answer = co_await http_->request(method, target, headers, std::move(body), kPatience);
    code.clear();
    if (!answer) co_return std::nullopt;
    if (answer->status == 200) co_return std::move(answer->body);
    code = protocol::read_problem(answer->status, answer->body).code;
    co_return std::nullopt;
  }
  asio::awaitable<bool> enroll() {
    const auto identity = keys_.identity.public_key();
    const std::string ask = protocol::to_json(protocol::ChallengeRequest{identity});
    auto challenge = co_await call(io::Method::post, "/auth/challenge", ask);
    if (!challenge) co_return false;
    const Bytes nonce = protocol::parse<protocol::ChallengeAnswer>(*challenge)->nonce;
    const std::string proof = protocol::to_json(protocol::RegisterRequest{
        identity, nonce, party::prove_identity(keys_.identity, *http_->server_binding(), nonce)});
    auto answer =
        co_await call(io::Method::post, "/auth/register?peer_id=" + id().to_string(), proof);
    if (!answer) co_return false;
    token_ = protocol::parse<protocol::RegisterAnswer>(*answer)->token;
    co_return true;
  }

  // Joins, updates and leaves by turns until the server is gone.
  asio::awaitable<void> play(PartyId party, party::InviteSecret secret,
                             std::vector<Bytes>& acknowledged) {
    while (true) {
      if (!pending_ && !co_await decide(party, secret)) {
        if (code.empty() || spent_) co_return;
        continue;
      }
      const Pending request = *pending_;
      const auto answer = co_await call(request.method, request.target, request.body);
      if (!answer && code.empty()) co_return;  // to be repeated after the restart
      pending_.reset();
      if (!answer) continue;  // refused: stale, or somebody was faster
      acknowledged.insert(acknowledged.end(), request.records.begin(), request.records.end());
      if (request.joins) member_ = true;
      if (request.leaves) member_ = false;
    }
  }
  std::size_t refused() const { return spent_ ? 1 : 0; }

  std::string code;

 private:
  std::string request_id() { return "r" + std::to_string(++requests_); }

  asio::awaitable<bool> decide(PartyId party, party::InviteSecret secret) {
    const std::string path = "/parties/" + party.to_string();
    const std::string own = path + "/peers/" + id().to_string();
    if (!member_) co_return co_await prepare_join(path, party, secret);
    const auto choice = random_.below(4);
    if (choice > 0) {
      protocol::UpdatePeerRequest update;
      update.request_id = request_id();
      update.public_endpoint =
          Endpoint{IpAddress::v4(0x08080808u), static_cast<std::uint16_t>(1 + requests_ % 60'000)};
      pending_ = Pending{io::Method::patch, own, protocol::to_json(update), {}};
      co_return true;
    }
    const auto answer = co_await call(io::Method::get, path, "");
    if (!answer) co_return false;
    const auto log = protocol::parse<protocol::GetPartyAnswer>(*answer)->party.log;
    const auto ledger = replica(party, log);
    protocol::LeaveRequest leave{request_id(), party::build_leave(ledger, keys_.identity)};
    pending_ = Pending{io::Method::del, own, protocol::to_json(leave), {leave.record}, false, true};
    co_return true;
  }
  // Signatures are checked once, at the test's end.
  static party::Ledger replica(const PartyId& party, const std::vector<Bytes>& log) {
    party::Ledger ledger(party);
    for (const auto& record : log)
      EXPECT_TRUE(ledger.append_trusted(record));
    return ledger;
  }
  asio::awaitable<bool> prepare_join(std::string path, PartyId party, party::InviteSecret secret) {
    const auto invite = party::invite_keys(secret, party);
    protocol::OpenInviteRequest open;
    open.nonce = protocol::open_nonce(random_.array<16>(), now());
    if (!http_->server_binding()) {
      if (!co_await call(io::Method::get, "/info", "")) co_return false;
    }
    open.signature =
        party::prove_invite(invite.signing, {party, *http_->server_binding(), id(), open.nonce});
    const std::string body = protocol::to_json(open);
    const auto answer = co_await call(io::Method::post,
                                      path + "/invites/" + invite.id().to_string() + "/open", body);
    spent_ = code == "invite_used_up";
    if (!answer) co_return false;
    const auto opened = *protocol::parse<protocol::OpenInviteAnswer>(*answer);
    const auto ledger = replica(party, opened.log);
    protocol::JoinRequest join;
    join.request_id = request_id();
    join.admission = party::build_admission(ledger, invite, keys_);
    join.statement = *party::build_statement(ledger, keys_.identity, "player", opened.vip);
    join.known_records = opened.log.size();
    pending_ = Pending{io::Method::post,
                       path + "/join",
                       protocol::to_json(join),
                       {join.admission, join.statement},
                       true,
                       false};
    co_return true;
  }

  Random& random_;
  party::DeviceKeys keys_;
  std::unique_ptr<io::HttpClient> http_;
  std::optional<protocol::BearerToken> token_;
  std::optional<Pending> pending_;
  bool member_ = false;
  bool spent_ = false;
  std::uint64_t requests_ = 0;
};

class Crash : public ::testing::Test {
 protected:
  template <class T>
  T run(asio::awaitable<T> work) {
    std::optional<T> result;
    asio::co_spawn(io, std::move(work), [&](std::exception_ptr failure, T value) {
      if (failure) std::rethrow_exception(failure);
      result = std::move(value);
    });
    while (!result) {
      io.restart();
      io.run_one();
    }
    return std::move(*result);
  }
  // What the host sees of the party: only what is new since the last time.
  void look() {
    auto text = run(host.call(
        io::Method::get,
        "/parties/" + made->id.to_string() + "?log_from=" + std::to_string(log.size()), ""));
    ASSERT_TRUE(text) << host.code;
    const auto party = protocol::parse<protocol::GetPartyAnswer>(*text)->party;
    ASSERT_EQ(party.log_from, log.size()) << "the server has forgotten records that it showed";
    EXPECT_GE(party.seq, seq);
    seq = party.seq;
    for (const auto& record : party.log) {
      EXPECT_TRUE(known.insert(record).second) << "a record twice";
      log.push_back(record);
    }
    std::set<IpAddress> vips;
    for (const auto& peer : party.peers)
      EXPECT_TRUE(vips.insert(peer.vip).second) << peer.vip.to_string() << " twice";
  }

  asio::io_context io;
  crypto::SystemRandom random;
  Player host{random};
  std::optional<party::NewParty> made;
  std::vector<Bytes> log;
  std::set<Bytes> known;
  std::uint64_t seq = 0;
};

constexpr int kRounds = 100;
constexpr std::uint16_t kUses = 5;  // of the invite: one fewer than there are players

}  // namespace

TEST_F(Crash, NothingAcknowledgedIsLost) {
  ServerProcess server;
  ASSERT_FALSE(HasFatalFailure());
  host.connect(io, server.origin);
  ASSERT_TRUE(run(host.enroll()));
  party::PartyOptions options;
  options.name = "LAN night";
  options.invite.uses = kUses;
  made.emplace(*party::create_party(random, options, host.keys(), "host", now()));
  protocol::CreatePartyRequest create;
  create.request_id = "create";
  create.charter = made->charter;
  create.roster = made->roster;
  create.statement = made->statement;
  for (const auto& box : made->boxes)
    create.boxes.push_back({box.recipient, box.box});
  ASSERT_TRUE(run(host.call(io::Method::post, "/parties", protocol::to_json(create))));

  std::vector<std::unique_ptr<Player>> players;
  for (int n = 0; n < kUses + 1; ++n) {
    players.push_back(std::make_unique<Player>(random));
    players.back()->connect(io, server.origin);
    ASSERT_TRUE(run(players.back()->enroll()));
  }

  std::vector<Bytes> acknowledged;
  std::size_t total = 0;
  for (int round = 0; round < kRounds; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    std::size_t playing = players.size();
    for (auto& player : players)
      asio::co_spawn(io, player->play(made->id, made->invite, acknowledged),
                     [&](const std::exception_ptr& failure) {
                       --playing;
                       if (failure) std::rethrow_exception(failure);
                     });
    asio::steady_timer moment(io, milliseconds(5 + random.below(80)));
    moment.async_wait([&](const boost::system::error_code&) { server.kill(); });
    io.restart();
    io.run();
    ASSERT_EQ(playing, 0u);

    server.start();
    ASSERT_FALSE(HasFatalFailure());
    host.connect(io, server.origin);
    for (auto& player : players)
      player->connect(io, server.origin);
    look();
    ASSERT_FALSE(HasFailure());
    for (const auto& record : acknowledged)
      EXPECT_TRUE(known.contains(record)) << "acknowledged, and gone";
    total += acknowledged.size();
    acknowledged.clear();
    ASSERT_FALSE(HasFailure());
  }
  RecordProperty("acknowledged_records", static_cast<int>(total));
  EXPECT_GT(total, static_cast<std::size_t>(kRounds)) << "there was hardly any load";

  // The whole log by the members' own verifier: signatures, addresses, uses of the invite.
  const auto ledger = party::Ledger::replay(made->id, log);
  ASSERT_TRUE(ledger) << ledger.error().message();
  std::size_t used = 0;
  for (const auto& [invite, state] : ledger->invites())
    used = std::max(used, state.used());
  EXPECT_EQ(used, kUses) << "the one too many was refused";

  server.stop();
  const auto store = store::open_store(server.database(), [](auto&&) {});
  ASSERT_TRUE(store) << store.error().message();
  const auto parties = (*store)->parties();
  ASSERT_TRUE(parties);
  ASSERT_EQ(parties->size(), 1u);
  const auto events = (*store)->events_since(made->id, 0);
  ASSERT_TRUE(events);
  ASSERT_FALSE(events->empty());
  for (std::size_t n = 1; n < events->size(); ++n)
    EXPECT_EQ((*events)[n].seq, (*events)[n - 1].seq + 1);
  EXPECT_EQ(events->back().seq, parties->front().seq);
  EXPECT_EQ(parties->front().seq, seq);
}

}  // namespace lanrage::server::test
