// What callers ask of a party. Shells authenticate the actor; the records inside prove the rest.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/endpoint.hpp"
#include "base/ids.hpp"
#include "base/time.hpp"
#include "crypto/hash.hpp"
#include "party/party_key.hpp"

namespace lanrage::party {

// What a peer says of its network: for display, unsigned, nobody relies on it.
struct Hints {
  std::optional<std::string> nat_type;  // lower-case letters and '_'
  std::optional<Endpoint> public_endpoint;

  bool empty() const { return !nat_type && !public_endpoint; }
  friend bool operator==(const Hints&, const Hints&) = default;
};

enum class CloseReason : std::uint8_t {
  host_closed = 1,  // the host asked for it
  host_left = 2,    // and the charter says that the party closes with it
  empty = 3,        // the last member left
  expired = 4,      // unused for long: the server's own cleaning up
};
constexpr std::string_view name_of(CloseReason reason) {
  switch (reason) {
    case CloseReason::host_closed:
      return "host_closed";
    case CloseReason::host_left:
      return "host_left";
    case CloseReason::empty:
      return "empty";
    case CloseReason::expired:
      return "expired";
  }
  return "unknown";
}

// Boxes: one for the first invite and one for the host.
struct Create {
  Bytes charter, roster, statement;
  std::vector<SealedBox> boxes;
  Hints hints;
};
struct Join {
  Bytes admission, statement;
  Hints hints;
};
struct Depart {
  Bytes record;
};
struct Update {
  std::optional<Bytes> statement;
  Hints hints;  // those absent stay as they are
};
struct AddInvite {
  Bytes record;
  SealedBox box;
};
// By the host (host_closed), or by the server itself (expired: actor and request id don't matter).
struct Close {
  CloseReason reason = CloseReason::host_closed;
};
// A new party key, for those whom the new roster names; whom it leaves out is kicked. Boxes: one a
// member and one an invite of the roster, no others. Any member may hand it in: who signed counts.
struct Rotate {
  Bytes roster;
  std::vector<SealedBox> boxes;
};
// Another host or other deputies. Any member may hand it in: the root key signed it.
struct ChangeCharter {
  Bytes charter;
};
// From a member, what this server forgot when its database came back from a backup: the records
// after its log's first `after`, which come to `head`. Boxes with the present party key for those
// who need one; whatever is there already may be among both. Who signed counts.
struct HandBack {
  std::uint64_t after = 0;
  crypto::Hash head{};
  std::vector<Bytes> records;
  std::vector<SealedBox> boxes;
  UnixTime backed_up_at{};  // the server's word: when that backup was made; 0: it came from none
};
// By the server's operator (actor and request id don't matter): this server no longer serves the
// member. It changes no record, so the members' tunnels stay.
struct Bar {
  PeerId peer;
};

using Action = std::variant<Create, Join, Depart, Update, AddInvite, Close, Rotate, ChangeCharter,
                            Bar, HandBack>;

struct Command {
  PeerId actor;
  std::string request_id;  // 1 to 64 printable ASCII characters, chosen by the actor
  Action action;
};

// Hash of all that the actor says but its request id: tells a retry from another command with its
// id.
crypto::Hash fingerprint(const Action& action);

}  // namespace lanrage::party
