#include "path/handshake_index.hpp"

#include <algorithm>

#include "path/tuning.hpp"

namespace lanrage::path {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kKept = 64;       // a whole party may answer at once
constexpr milliseconds kFarthest(50);   // arrival at the raw socket against WireGuard's own note
constexpr milliseconds kAmbiguous(10);  // a second one that is nearer than this to the nearest

}  // namespace

HandshakeIndex::HandshakeIndex(const crypto::ExchangeKey& own)
    : mac1_key_(wireguard::mac1_key(own)) {}

void HandshakeIndex::on_packet(Instant now, ByteView packet) {
  auto header = wireguard::classify(packet);
  if (!header || header->type != wireguard::PacketType::response) return;
  if (!wireguard::mac1_matches(packet, mac1_key_)) return;
  if (responses_.size() == kKept) responses_.pop_front();
  responses_.push_back({now, header->receiver_index});
  // The status may have been read before the copy of the packet.
  if (!own_) match();
}

void HandshakeIndex::on_handshake(Instant at) {
  if (handshake_ && std::chrono::abs(at - *handshake_) <= kHandshakeWobble) return;
  handshake_ = at;
  own_.reset();
  match();
}

void HandshakeIndex::doubt() {
  own_.reset();
  responses_.clear();
}

void HandshakeIndex::forget() {
  handshake_.reset();
  own_.reset();
  responses_.clear();
}

void HandshakeIndex::match() {
  if (!handshake_) return;
  const Response* nearest = nullptr;
  auto distance = [&](const Response& response) {
    return std::chrono::abs(response.at - *handshake_);
  };
  for (const Response& response : responses_)
    if (distance(response) <= kFarthest && (!nearest || distance(response) < distance(*nearest)))
      nearest = &response;
  if (!nearest) return;
  bool ambiguous = std::ranges::any_of(responses_, [&](const Response& other) {
    return other.receiver_index != nearest->receiver_index &&
           distance(other) <= distance(*nearest) + kAmbiguous;
  });
  if (!ambiguous) own_ = nearest->receiver_index;
}

}  // namespace lanrage::path
