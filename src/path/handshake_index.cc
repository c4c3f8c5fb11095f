#include "path/handshake_index.hpp"

#include <algorithm>

#include "path/tuning.hpp"

namespace lanrage::path {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kInitiations = 4;
constexpr std::size_t kResponses = 64;  // a whole party may answer at once
constexpr std::size_t kSessions = 3;    // as many as WireGuard keeps
// The copy of a packet is read so much later than WireGuard acted on it, at most: a busy machine.
constexpr milliseconds kCopyDelay(1'000);

template <class Entry>
void push(std::deque<Entry>& list, const Entry& entry, std::size_t limit) {
  if (list.size() == limit) list.pop_front();
  list.push_back(entry);
}

}  // namespace

HandshakeIndex::HandshakeIndex(const crypto::ExchangeKey& own, const crypto::ExchangeKey& peer)
    : own_mac1_key_(wireguard::mac1_key(own)), peer_mac1_key_(wireguard::mac1_key(peer)) {}

bool HandshakeIndex::learn(const Half& session) {
  push(sessions_, session, kSessions);
  doubted_ = false;
  return true;
}

bool HandshakeIndex::on_received(Instant now, ByteView packet) {
  const auto header = wireguard::classify(packet);
  if (!header || header->type != wireguard::PacketType::response) return false;
  if (!wireguard::mac1_matches(packet, own_mac1_key_)) return false;
  const Half response{now, header->receiver_index, header->sender_index};
  const auto asked = std::ranges::find(initiations_, response.own, &Half::own);
  if (asked != initiations_.end()) {
    initiations_.erase(asked);
    return learn(response);
  }
  // The copy of our own initiation may be read after it.
  push(responses_, response, kResponses);
  return false;
}

bool HandshakeIndex::on_sent(Instant now, ByteView packet) {
  const auto header = wireguard::classify(packet);
  if (!header || !wireguard::mac1_matches(packet, peer_mac1_key_)) return false;
  if (header->type == wireguard::PacketType::response) {
    // WireGuard has one handshake state a peer: what it had begun itself is lost.
    initiations_.clear();
    return learn({now, header->sender_index, header->receiver_index});
  }
  if (header->type != wireguard::PacketType::initiation) return false;
  const auto answer = std::ranges::find_if(responses_, [&](const Half& response) {
    return response.own == header->sender_index && now - response.at <= kCopyDelay;
  });
  if (answer != responses_.end()) {
    const Half session = *answer;
    responses_.erase(answer);
    return learn(session);
  }
  push(initiations_, Half{now, header->sender_index}, kInitiations);
  return false;
}

void HandshakeIndex::on_handshake(Instant at) {
  if (handshake_ && std::chrono::abs(at - *handshake_) <= kHandshakeWobble) return;
  handshake_ = at;
  doubted_ = false;
}

void HandshakeIndex::doubt() {
  doubted_ = true;
}

void HandshakeIndex::forget() {
  handshake_.reset();
  initiations_.clear();
  sessions_.clear();
  doubted_ = false;
}

const HandshakeIndex::Half* HandshakeIndex::running() const {
  if (!handshake_ || doubted_) return nullptr;
  const auto found = std::find_if(sessions_.rbegin(), sessions_.rend(), [&](const Half& session) {
    return session.at <= *handshake_ + kCopyDelay;
  });
  return found == sessions_.rend() ? nullptr : &*found;
}

std::optional<std::uint32_t> HandshakeIndex::own() const {
  const Half* session = running();
  if (!session) return std::nullopt;
  return session->own;
}

std::optional<std::uint32_t> HandshakeIndex::peer() const {
  const Half* session = running();
  if (!session) return std::nullopt;
  return session->peer;
}

std::vector<std::uint32_t> HandshakeIndex::peer_indexes(Instant now, Duration session_life) const {
  std::vector<std::uint32_t> out;
  for (auto session = sessions_.rbegin(); session != sessions_.rend(); ++session)
    if (now - session->at <= session_life) out.push_back(session->peer);
  return out;
}

}  // namespace lanrage::path
