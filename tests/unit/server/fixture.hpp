// A real control server on a loopback port, and devices that speak to it as agents do.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <string>

#include "crypto/keys.hpp"
#include "io/http_client.hpp"
#include "party/membership.hpp"
#include "party/proofs.hpp"
#include "protocol/messages.hpp"
#include "server/control_server.hpp"
#include "unit/server/manual_clock.hpp"

namespace lanrage::server::test {

namespace ws = protocol::ws;

class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// What a status and a problem's code say together; code is empty below 400.
struct Answer {
  int status = 0;
  std::string code;
  std::string body;
  io::Headers headers;

  template <class T>
  T as() const {
    EXPECT_EQ(status, 200) << body;
    auto parsed = protocol::parse<T>(body);
    EXPECT_TRUE(parsed) << body << "\n" << (parsed ? "" : parsed.error().message());
    return parsed ? *parsed : T{};
  }
};

class ServerFixture : public ::testing::Test {
 protected:
  ManualClock clock;
  crypto::SystemRandom random;
  io::Log log{stderr, io::LogLevel::error};
  Metrics metrics{"test"};
  AuditLog audit{log, clock, {}};

  ServerFixture();
  ~ServerFixture() override;

  // The configuration of the next start(); the listening port is kept over restarts.
  ControlConfig config;
  void start();
  void kill();  // without a word to anybody
  void restart() {
    kill();
    start();
  }

  // Runs the event loop until the coroutine has ended.
  template <class T>
  T run(boost::asio::awaitable<T> work) {
    std::optional<T> result;
    boost::asio::co_spawn(io(), std::move(work), [&](std::exception_ptr failure, T value) {
      if (failure) std::rethrow_exception(failure);
      result = std::move(value);
    });
    while (!result)
      if (io().run_one() == 0) throw std::runtime_error("the event loop ran dry");
    return std::move(*result);
  }
  boost::asio::io_context& io() { return io_; }
  const TemporaryFolder& folder() const { return folder_; }
  ControlServer& server() { return *server_; }
  io::Origin origin() const;
  crypto::Hash binding() const { return tls_->spki(); }

 private:
  TemporaryFolder folder_;
  std::shared_ptr<io::TlsContext> tls_;
  boost::asio::io_context io_;  // devices outlive a server's restart
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<ControlServer> server_;

  friend class Device;
};

// One player's device: identity, keys of one party, a kept HTTP connection, maybe a WebSocket.
class Device {
 public:
  explicit Device(ServerFixture& fixture);
  PeerId id() const { return keys.peer_id(); }

  Answer call(io::Method method, const std::string& target, const std::string& body = {},
              const std::string& content_type = "application/json");
  Answer get(const std::string& target) { return call(io::Method::get, target); }
  template <class T>
  Answer post(const std::string& target, const T& message) {
    return call(io::Method::post, target, protocol::to_json(message));
  }

  protocol::ChallengeAnswer challenge();
  Answer answer_challenge(const Bytes& nonce);
  void enroll();  // registers and keeps the token

  // Creates a party of its own and remembers it; the answer of POST /parties.
  Answer create(const std::string& request_id = "create-1");
  protocol::CreatePartyRequest create_request(const std::string& request_id);
  std::string party_path() const { return "/parties/" + party->to_string(); }
  std::string peer_path() const { return party_path() + "/peers/" + id().to_string(); }

  Answer open(const PartyId& party, const party::InviteSecret& secret);
  protocol::JoinRequest join_request(const party::Membership& membership,
                                     const party::InviteSecret& secret, const IpAddress& vip,
                                     const std::string& request_id);
  Answer join(const Device& host);
  Answer leave(const std::string& request_id = "leave-1");

  // The WebSocket.
  Result<void> connect();
  void hello(std::vector<ws::Resume> resume = {});
  void send(const ws::ClientMessage& message);
  ws::ServerMessage receive();
  // The next message of this type, skipping others.
  template <class T>
  T next() {
    for (;;) {
      auto message = receive();
      if (auto* wanted = std::get_if<T>(&message)) return std::move(*wanted);
      if (received_end_) {
        ADD_FAILURE() << "the connection ended before the message came";
        return {};
      }
    }
  }
  // Connects, says hello and subscribes to its party; returns the snapshot.
  ws::PartyUpdate subscribe();
  void disconnect(bool clean);

  party::DeviceKeys keys;
  std::string nick;
  std::string authorization;  // header value; empty: none sent
  std::optional<PartyId> party;
  std::optional<party::NewParty> made;          // as host
  std::optional<party::Membership> membership;  // as member

 private:
  ServerFixture& fixture_;
  std::unique_ptr<io::HttpClient> http_;
  std::unique_ptr<io::WebSocketClient> socket_;
  bool received_end_ = false;
};

}  // namespace lanrage::server::test
