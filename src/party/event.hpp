// One committed change of a party, and its stored form.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"
#include "party/command.hpp"

namespace lanrage::party {

enum class EventType : std::uint8_t {
  created = 1,
  peer_joined = 2,
  peer_updated = 3,
  peer_left = 4,
  invite_added = 5,
  party_closed = 6,
  key_rotated = 7,
  charter_changed = 8,
  peer_barred = 9,
};
constexpr std::string_view name_of(EventType type) {
  switch (type) {
    case EventType::created:
      return "created";
    case EventType::peer_joined:
      return "peer_joined";
    case EventType::peer_updated:
      return "peer_updated";
    case EventType::peer_left:
      return "peer_left";
    case EventType::invite_added:
      return "invite_added";
    case EventType::party_closed:
      return "party_closed";
    case EventType::key_rotated:
      return "key_rotated";
    case EventType::charter_changed:
      return "charter_changed";
    case EventType::peer_barred:
      return "peer_barred";
  }
  return "unknown";
}

// Whose command caused the event. For the journal only: never sent to anybody.
struct Request {
  PeerId peer;
  std::string id;
  crypto::Hash fingerprint{};
  friend bool operator==(const Request&, const Request&) = default;
};

struct Event {
  std::uint64_t seq = 0;  // 1, 2, 3, ... within a party
  EventType type{};
  // Whom it is about; of created and party_closed the host, of charter_changed the host from now
  // on, of key_rotated who handed it in.
  PeerId subject;
  UnixTime at{};
  std::vector<Bytes> records;               // appended to the log, in this order
  std::vector<SealedBox> boxes;             // to be kept for their recipients; never broadcast
  Hints hints;                              // of the subject
  std::optional<CloseReason> close_reason;  // party_closed only
  std::vector<PeerId> removed;              // key_rotated only: the members that the roster dropped
  std::optional<Request> request;
  friend bool operator==(const Event&, const Event&) = default;
};

// The stored form begins with its version and is exact: decode accepts only what encode writes.
Bytes encode_event(const Event& event);
Result<Event> decode_event(ByteView bytes);

}  // namespace lanrage::party
