// A control server somewhere else, with a WebSocket for the live link.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <memory>

#include "agent/server_control_plane.hpp"

namespace lanrage::agent {

class RemoteControlPlane : public ServerControlPlane {
 public:
  struct Options {
    std::chrono::milliseconds connect_time{10'000};
    std::chrono::milliseconds welcome_time{10'000};  // from the WebSocket's opening to `welcome`
    // After a change of network: to the server's first word, and how long pauses are short then.
    std::chrono::milliseconds alive_time{1'000};
    std::chrono::milliseconds hurry_time{10'000};
    Backoff::Range pause{};
    // So many WebSockets in a row that were refused or broke before their first message, by
    // something that isn't our server refusing us: a proxy in between, perhaps.
    int obstructed_after = 3;
  };

  explicit RemoteControlPlane(std::shared_ptr<ServerSession> session)
      : RemoteControlPlane(std::move(session), Options{}) {}
  RemoteControlPlane(std::shared_ptr<ServerSession> shared, Options options);

  bool send(const protocol::ws::ClientMessage& message) override;
  bool request_snapshot(PartyId party) override;
  void check_link() override;

  // Called at obstructed_after, and at each try after it; the link goes on trying.
  std::function<void()> on_obstructed;

 protected:
  void start_link() override;
  void stop_link() override;
  void on_subscription() override;

 private:
  // How one WebSocket ended.
  struct End {
    std::optional<Error> error;
    bool obstructed = false;
    std::optional<std::chrono::seconds> retry_after{};
  };

  boost::asio::awaitable<void> run_link();
  boost::asio::awaitable<End> run_session();
  End refused(const Error& error, const std::optional<io::HttpResponse>& refusal);
  void on_message(const protocol::ws::ServerMessage& message);
  void send_subscription();
  void expect_welcome();

  Options options_;
  Backoff backoff_;
  std::shared_ptr<Pauses> pauses_;
  std::shared_ptr<io::WebSocketClient> socket_;
  boost::asio::steady_timer welcome_timer_;
  bool welcomed_ = false;
  bool said_hello_ = false;  // on the present WebSocket, as the next
  bool subscribed_ = false;
  Instant hurry_until_{};
  int obstructed_ = 0;  // WebSockets in a row
};

}  // namespace lanrage::agent
