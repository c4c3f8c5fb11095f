// The JSON fields of those bodies that travel over both transports. Private to protocol/.
#pragma once

#include "protocol/describe_types.hpp"

namespace lanrage::protocol {

template <class Io>
void describe(Io& io, CreatePartyRequest& m) {
  io("request_id", m.request_id, kRequestId);
  io("charter", m.charter, kRecord);
  io("roster", m.roster, kRecord);
  io("statement", m.statement, kRecord);
  io("boxes", m.boxes, {.count = kMaxBoxes});
  io("bind_key", m.bind_key);
  io("word", m.word, {.size = 64, .secret = true});
  io("hints", m.hints);
}

template <class Io>
void describe(Io& io, JoinRequest& m) {
  io("request_id", m.request_id, kRequestId);
  io("admission", m.admission, kRecord);
  io("statement", m.statement, kRecord);
  io("bind_key", m.bind_key);
  io("hints", m.hints);
  io("known_records", m.known_records);
}

template <class Io>
void describe(Io& io, LeaveRequest& m) {
  io("request_id", m.request_id, kRequestId);
  io("record", m.record, kRecord);
}

template <class Io>
void describe(Io& io, UpdatePeerRequest& m) {
  io("request_id", m.request_id, kRequestId);
  io("statement", m.statement, kRecord);
  io("nat_type", m.nat_type);
  io("public_endpoint", m.public_endpoint);
}

}  // namespace lanrage::protocol
