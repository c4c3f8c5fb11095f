// Becoming a member: founding a party, or joining one by its invite. What comes back is all that a
// PartySession needs, and all that must be kept.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <optional>
#include <string>

#include "agent/agent_context.hpp"
#include "agent/control_plane.hpp"
#include "agent/state_file.hpp"
#include "party/invite_link.hpp"
#include "party/membership.hpp"
#include "party/new_party.hpp"

namespace lanrage::agent {

enum class JoinErrc { bad_server, bad_pin, already_member, server_inconsistent, no_socket };
constexpr std::string_view name_of(JoinErrc errc) {
  switch (errc) {
    case JoinErrc::bad_server:
      return "bad_server";
    case JoinErrc::bad_pin:
      return "bad_pin";
    case JoinErrc::already_member:
      return "already_member";
    case JoinErrc::server_inconsistent:
      return "server_inconsistent";
    case JoinErrc::no_socket:
      return "no_socket";
  }
  return "unknown";
}

struct CreateOptions {
  bool local = false;  // the server runs inside this agent; server and pin are then filled in
  std::string server;  // URL
  std::optional<std::string> pin;
  std::optional<std::string> word;
  std::string nick;
  party::PartyOptions party;
  bool any_prefix = true;  // party.prefix may be replaced by one that is free here
};

struct Joined {
  SavedParty saved;
  party::Membership membership;
  std::shared_ptr<ControlPlane> control;
  crypto::SigningKey bind_key;
  protocol::PartyAnswer answer;
  WipedString invite;  // of a created party: the text to send to friends
};

// Errors: JoinErrc, party::Errc (names, nick, prefix), and ControlPlane's.
boost::asio::awaitable<Result<Joined>> create_party(AgentContext& context,
                                                    std::shared_ptr<ControlPlane> control,
                                                    CreateOptions options);
boost::asio::awaitable<Result<Joined>> join_party(AgentContext& context, party::InviteLink invite,
                                                  std::string nick);

// The control plane at a URL; nothing is sent yet. bad_server, bad_pin.
Result<std::shared_ptr<ControlPlane>> connect_to(AgentContext& context, const std::string& url,
                                                 const std::optional<std::string>& pin);
// The keys of this device in one party.
party::DeviceKeys member_keys(const AgentContext& context, const SavedParty& saved);
// The invite's text for friends, naming the server as the public sees it.
WipedString invite_text(const SavedParty& saved, const party::InviteSecret& secret);
// A fresh id for a command that may be repeated.
std::string new_request_id();

}  // namespace lanrage::agent
