// A control server behind something that lets no WebSocket through: plain requests only. The party
// and the signals are polled, and come to the listener as the messages that a WebSocket would
// bring.
#pragma once

#include <deque>
#include <map>

#include "agent/server_control_plane.hpp"

namespace lanrage::agent {

class HttpControlPlane final : public ServerControlPlane {
 public:
  static constexpr std::size_t kMaxOutbox = 64;  // heartbeats and signals that wait to be sent

  struct Options {
    std::chrono::milliseconds poll_every{1'000};  // signals
    int polls_a_party = 5;                        // the party: each so many polls
    Backoff::Range pause{};                       // while the server can't be reached
  };

  explicit HttpControlPlane(std::shared_ptr<ServerSession> session)
      : HttpControlPlane(std::move(session), Options{}) {}
  HttpControlPlane(std::shared_ptr<ServerSession> shared, Options options);

  // Heartbeats and signals; anything else has a request of its own. False also while too many wait.
  bool send(const protocol::ws::ClientMessage& message) override;
  bool request_snapshot(PartyId party) override;
  void check_link() override;

 protected:
  void start_link() override;
  void stop_link() override;
  void on_subscription() override {}

 private:
  struct Post {
    std::string target;
    std::string body;
  };

  boost::asio::awaitable<void> run_link();
  boost::asio::awaitable<Result<void>> poll();
  boost::asio::awaitable<Result<void>> poll_party(PartyId party);
  boost::asio::awaitable<Result<void>> poll_signals(PartyId party);
  boost::asio::awaitable<void> empty_outbox();
  void on_party(protocol::GetPartyAnswer answer);
  bool assemble_log(protocol::GetPartyAnswer& answer);
  void tell_presence(const protocol::Party& party);
  void on_refusal(const Error& error, PartyId party);
  bool post(std::string target, std::string body);

  Options options_;
  Backoff backoff_;
  std::shared_ptr<Pauses> pauses_;
  int until_party_ = 0;  // polls
  bool snapshot_wanted_ = true;
  bool refusal_told_ = false;
  std::vector<Bytes> log_;   // of the latest answer, whole
  std::string incarnation_;  // that log_ is of
  std::map<PeerId, bool> online_;
  std::uint64_t last_signal_ = 0;
  std::deque<Post> outbox_;
  bool posting_ = false;
};

}  // namespace lanrage::agent
