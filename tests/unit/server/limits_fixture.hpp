// A control server without sockets, and players that reach it from any address over both
// transports, in virtual time.
#pragma once

#include <cstdio>
#include <deque>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "party/membership.hpp"
#include "party/proofs.hpp"
#include "protocol/messages.hpp"
#include "relay/token.hpp"
#include "server/control_core.hpp"
#include "support/memory_store.hpp"
#include "unit/server/manual_clock.hpp"

namespace lanrage::server::test {

namespace ws = protocol::ws;

struct Reply {
  int status = 0;
  std::string code;  // empty below 400
  std::optional<int> retry_after;
  std::string body;

  template <class T>
  T as() const {
    EXPECT_EQ(status, 200) << body;
    auto parsed = protocol::parse<T>(body);
    EXPECT_TRUE(parsed) << body;
    return parsed ? *parsed : T{};
  }
};

class FakeSocket final : public io::WebSocket {
 public:
  void send(std::shared_ptr<const std::string> text) override;
  void close(std::uint16_t code, std::string_view) override { closed = code; }
  std::size_t queued_bytes() const override { return 0; }
  const Endpoint& remote() const override { return remote_; }

  void say(const ws::ClientMessage& message) { say_text(ws::to_json(message)); }
  void say_text(const std::string& text) { events.on_text(text); }
  // The code of the latest message, if that is an error.
  std::string refusal() const;

  io::WebSocketEvents events;
  std::vector<ws::ServerMessage> sent;
  std::optional<std::uint16_t> closed;

 private:
  Endpoint remote_;
};

class CoreFixture : public ::testing::Test {
 protected:
  CoreFixture();
  ~CoreFixture() override;
  void start();

 public:
  struct Answering final : io::Responder::Sink {
    void answer(io::HttpResponse response) override { got = std::move(response); }
    Reply reply() const;
    std::optional<io::HttpResponse> got;
  };
  // Without waiting for the store.
  std::shared_ptr<Answering> begin(io::HttpRequest request);
  Reply ask(io::HttpRequest request);
  void run_store();
  store::MemoryStore& store() { return *store_; }
  // The value of a sample such as `refused_total{reason="rate_limited"}`; 0: not there.
  double metric(const std::string& series) const;
  double refused(const std::string& reason) const {
    return metric("refused_total{reason=\"" + reason + "\"}");
  }
  double limited(const std::string& limit) const {
    return metric("rate_limited_total{limit=\"" + limit + "\"}");
  }
  std::string log_text() const;

  Limits limits;
  CreationPolicy creation{protocol::CreatePolicy::anyone, {}, {}};
  ManualClock clock;
  crypto::SystemRandom random;
  std::optional<ServerKeys> keys;
  SignatureProver* prover = nullptr;  // as ControlCore::Surroundings has it
  Metrics metrics{"test"};
  std::unique_ptr<ControlCore> core;

 private:
  std::unique_ptr<std::FILE, int (*)(std::FILE*)> log_file_{std::tmpfile(), &std::fclose};
  io::Log log_{log_file_.get(), io::LogLevel::debug};
  AuditLog audit_{log_, clock, {}};
  std::deque<std::move_only_function<void()>> tasks_;
  std::unique_ptr<store::MemoryStore> store_;
};

class Player {
 public:
  explicit Player(CoreFixture& server, const char* from = "192.0.2.1");
  PeerId id() const { return keys.peer_id(); }

  io::HttpRequest request(io::Method method, const std::string& target,
                          const std::string& body = {}) const;
  Reply call(io::Method method, const std::string& target, const std::string& body = {}) {
    return server_.ask(request(method, target, body));
  }
  Reply get(const std::string& target) { return call(io::Method::get, target); }
  template <class T>
  Reply post(const std::string& target, const T& message) {
    return call(io::Method::post, target, protocol::to_json(message));
  }

  Reply challenge();
  void enroll();
  protocol::CreatePartyRequest create_request(const std::string& word = {});
  Reply create(const std::string& word = {}) { return post("/parties", create_request(word)); }
  Reply join(const Player& host);
  protocol::UpdatePeerRequest update_request(std::uint16_t port) const;
  io::HttpRequest update(std::uint16_t port) const;
  std::uint64_t seq();  // of its party
  // The upgrade and hello; null: refused, with `refusal`.
  std::shared_ptr<FakeSocket> connect(bool hello = true);

  party::DeviceKeys keys;
  IpAddress from;
  std::string authorization;
  std::optional<party::NewParty> made;
  std::optional<party::Membership> membership;
  std::string party;  // path
  Reply refusal;

 private:
  CoreFixture& server_;
};

}  // namespace lanrage::server::test
