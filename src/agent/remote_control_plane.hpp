// A control server somewhere else: HTTPS for single requests, a WebSocket for the live link.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <optional>

#include "agent/control_plane.hpp"
#include "agent/device_keys.hpp"
#include "io/http_client.hpp"
#include "io/log.hpp"

namespace lanrage::agent {

class RemoteControlPlane final : public ControlPlane,
                                 public std::enable_shared_from_this<RemoteControlPlane> {
 public:
  // `keys` and `log` outlive it.
  RemoteControlPlane(boost::asio::io_context& io, io::Origin origin, const DeviceKeys& keys,
                     io::Log& log);

  Answer<protocol::InfoAnswer> info() override;
  Answer<protocol::PartyAnswer> create_party(protocol::CreatePartyRequest request) override;
  Answer<protocol::OpenInviteAnswer> open_invite(PartyId party,
                                                 crypto::SigningKey invite_key) override;
  Answer<protocol::PartyAnswer> join(PartyId party, protocol::JoinRequest request) override;
  Answer<protocol::SeqAnswer> leave(PartyId party, protocol::LeaveRequest request) override;
  Answer<protocol::SeqAnswer> update(PartyId party, protocol::UpdatePeerRequest request) override;
  Answer<protocol::AddInviteAnswer> add_invite(PartyId party,
                                               protocol::AddInviteRequest request) override;
  Answer<protocol::RelayGrant> relay_grant(PartyId party,
                                           protocol::RelayTokenRequest request) override;

  void open_link(Listener listener) override;
  void subscribe(PartyId party, std::string incarnation, std::uint64_t seq) override;
  bool send(const protocol::ws::ClientMessage& message) override;
  void close() override;
  LinkState link_state() const override { return state_; }

 private:
  Answer<std::string> exchange(io::Method method, std::string target, io::Headers headers,
                               std::string body);
  // exchange() with our token.
  Answer<std::string> call(io::Method method, std::string target, std::string body);
  template <class Out>
  Answer<Out> ask(io::Method method, std::string target, std::string body);
  boost::asio::awaitable<Result<void>> ensure_token();
  boost::asio::awaitable<Result<void>> register_device();

  boost::asio::awaitable<void> run_link();
  boost::asio::awaitable<Result<void>> run_session();
  boost::asio::awaitable<void> renew_tokens();
  void set_state(LinkState state);
  void send_subscription();

  boost::asio::io_context& io_;
  io::Origin origin_;
  const DeviceKeys& keys_;
  io::Log& log_;
  std::unique_ptr<io::HttpClient> http_;
  std::shared_ptr<io::WebSocketClient> socket_;
  std::optional<protocol::BearerToken> token_;
  Instant token_renewal_{};
  boost::asio::steady_timer pause_;    // between two tries of the link
  boost::asio::steady_timer renewal_;  // until the token's half-life
  Listener listener_;
  std::optional<protocol::ws::Resume> subscription_;
  LinkState state_ = LinkState::connecting;
  bool closed_ = false;
};

}  // namespace lanrage::agent
