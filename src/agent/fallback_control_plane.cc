#include "agent/fallback_control_plane.hpp"

namespace lanrage::agent {

namespace ws = protocol::ws;

FallbackControlPlane::FallbackControlPlane(std::shared_ptr<ServerSession> shared, Options options)
    : ServerControlPlane(std::move(shared), ""),
      options_(options),
      remote_(std::make_shared<RemoteControlPlane>(shared_session(), options.remote)) {}

FallbackControlPlane::~FallbackControlPlane() {
  end_link();
}

ServerControlPlane& FallbackControlPlane::active() {
  if (http_) return *http_;
  return *remote_;
}

bool FallbackControlPlane::send(const ws::ClientMessage& message) {
  return active().send(message);
}

bool FallbackControlPlane::request_snapshot(PartyId party) {
  return active().request_snapshot(party);
}

void FallbackControlPlane::check_link() {
  remote_->check_link();
  if (http_) http_->check_link();
}

void FallbackControlPlane::start_link() {
  remote_->on_obstructed = [this] { poll_instead(); };
  Listener listener;
  listener.on_message = [this](const ws::ServerMessage& message) { deliver(message); };
  listener.on_link = [this](LinkState state) { on_remote_link(state); };
  listener.on_trouble = [this](const Error& error) { report_trouble(error); };
  remote_->open_link(std::move(listener));
}

void FallbackControlPlane::stop_link() {
  remote_->end_link();
  if (http_) http_->end_link();
}

void FallbackControlPlane::on_subscription() {
  if (!subscription()) return;
  const auto& known = *subscription();
  remote_->subscribe(known.party_id, known.incarnation, known.seq);
  if (http_) http_->subscribe(known.party_id, known.incarnation, known.seq);
}

// Whether plain requests get through, the first poll tells.
void FallbackControlPlane::poll_instead() {
  if (http_ || ended()) return;
  session().log().warning("websocket_obstructed",
                          {{"server", session().origin().to_string()},
                           {"detail",
                            "something in between lets no WebSocket through; polling "
                            "until one works"}});
  http_ = std::make_shared<HttpControlPlane>(shared_session(), options_.http);
  on_subscription();
  Listener listener;
  listener.on_message = [this](const ws::ServerMessage& message) { deliver(message); };
  listener.on_link = [this](LinkState state) { set_state(state); };
  listener.on_trouble = [this](const Error& error) { report_trouble(error); };
  http_->open_link(std::move(listener));
}

void FallbackControlPlane::on_remote_link(LinkState state) {
  if (!http_) return set_state(state);
  if (state != LinkState::connected) return;  // polling says how it is
  http_->end_link();
  http_.reset();
  announce_new_link();
}

}  // namespace lanrage::agent
