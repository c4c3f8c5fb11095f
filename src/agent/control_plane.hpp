// What an agent asks of a control server about one party, whatever the transport.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <string>
#include <string_view>

#include "protocol/messages.hpp"

namespace lanrage::agent {

enum class LinkState { connecting, connected, reconnecting };
constexpr std::string_view name_of(LinkState state) {
  switch (state) {
    case LinkState::connecting:
      return "connecting";
    case LinkState::connected:
      return "connected";
    case LinkState::reconnecting:
      return "reconnecting";
  }
  return "unknown";
}

class ControlPlane {
 public:
  template <class T>
  using Answer = boost::asio::awaitable<Result<T>>;

  struct Listener {
    std::function<void(const protocol::ws::ServerMessage&)> on_message;
    // Connected means: subscribed messages flow; what was sent before may have been lost.
    std::function<void(LinkState)> on_link;
    // Why the link was lost, or couldn't be opened.
    std::function<void(const Error&)> on_trouble;
  };

  virtual ~ControlPlane() = default;

  // Single requests. Errors: io::ClientErrc where the server can't be reached or trusted, else
  // protocol::Errc with what the server refused.
  virtual Answer<protocol::InfoAnswer> info() = 0;
  // Makes this device known to the server, as whatever comes first would.
  virtual Answer<void> meet() = 0;
  virtual Answer<protocol::PartyAnswer> create_party(protocol::CreatePartyRequest request) = 0;
  virtual Answer<protocol::OpenInviteAnswer> open_invite(PartyId party,
                                                         crypto::SigningKey invite_key) = 0;
  virtual Answer<protocol::PartyAnswer> join(PartyId party, protocol::JoinRequest request) = 0;
  virtual Answer<protocol::SeqAnswer> leave(PartyId party, protocol::LeaveRequest request) = 0;
  virtual Answer<protocol::SeqAnswer> update(PartyId party,
                                             protocol::UpdatePeerRequest request) = 0;
  virtual Answer<protocol::AddInviteAnswer> add_invite(PartyId party,
                                                       protocol::AddInviteRequest request) = 0;
  virtual Answer<protocol::SeqAnswer> rotate(PartyId party, protocol::RotateRequest request) = 0;
  virtual Answer<protocol::SeqAnswer> change_charter(PartyId party,
                                                     protocol::ChangeCharterRequest request) = 0;
  virtual Answer<protocol::SeqAnswer> hand_back(PartyId party,
                                                protocol::HandBackRequest request) = 0;
  virtual Answer<protocol::GetPartyAnswer> party(PartyId party) = 0;  // with the whole log
  virtual Answer<protocol::RelayGrant> relay_grant(PartyId party,
                                                   protocol::RelayTokenRequest request) = 0;

  // The live link: opened at once and again for ever after each loss, until close().
  virtual void open_link(Listener listener) = 0;
  // For who will soon call open_link(), and close() in any case: saves the wait for it.
  virtual void open_link_ahead() = 0;
  // What the link subscribes to whenever it opens. `seq` and `incarnation` say what is known
  // already.
  virtual void subscribe(PartyId party, std::string incarnation, std::uint64_t seq) = 0;
  // Asks for the whole party, which comes as a PartyUpdate. False while the link is down.
  virtual bool request_snapshot(PartyId party) = 0;
  // False while the link is down: the sender has to repeat it when the link is back.
  virtual bool send(const protocol::ws::ClientMessage& message) = 0;
  // This machine is on another network, or slept: what is open is checked, what waits tries again.
  virtual void on_network_change() = 0;
  // No callback comes after it.
  virtual void close() = 0;

  virtual LinkState link_state() const = 0;
  // What the server's clock shows, by its latest answer; ours before meet().
  virtual UnixTime server_time() const = 0;
};

}  // namespace lanrage::agent
