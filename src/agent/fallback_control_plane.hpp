// A control server by WebSocket where one gets through, and by plain requests while none does.
#pragma once

#include "agent/http_control_plane.hpp"
#include "agent/remote_control_plane.hpp"

namespace lanrage::agent {

class FallbackControlPlane final : public ServerControlPlane {
 public:
  struct Options {
    RemoteControlPlane::Options remote{};
    HttpControlPlane::Options http{};
  };

  explicit FallbackControlPlane(std::shared_ptr<ServerSession> session)
      : FallbackControlPlane(std::move(session), Options{}) {}
  FallbackControlPlane(std::shared_ptr<ServerSession> shared, Options options);
  ~FallbackControlPlane() override;

  bool send(const protocol::ws::ClientMessage& message) override;
  bool request_snapshot(PartyId party) override;
  void check_link() override;

 protected:
  void start_link() override;
  void stop_link() override;
  void on_subscription() override;

 private:
  ServerControlPlane& active();
  void poll_instead();
  void on_remote_link(LinkState state);

  Options options_;
  // Goes on trying while http_ does its work.
  std::shared_ptr<RemoteControlPlane> remote_;
  std::shared_ptr<HttpControlPlane> http_;
};

}  // namespace lanrage::agent
