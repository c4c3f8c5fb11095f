#include "sim/path_wireguard.hpp"

#include <algorithm>

#include "crypto/hash.hpp"
#include "wireguard/packet.hpp"

namespace lanrage::sim {
namespace {

// Whitepaper section 6.
constexpr Milliseconds kRekeyTimeout(5'000);
constexpr Milliseconds kRekeyAfter(120'000);
constexpr Milliseconds kRejectAfter(180'000);
constexpr Milliseconds kKeepaliveTimeout(10'000);
constexpr Milliseconds kNewHandshakeTimeout(15'000);
constexpr Milliseconds kPersistentKeepalive(25'000);
constexpr int kMaxAttempts = 18;
constexpr Milliseconds kTick(100);

// Layout behind the real header: session number, sender's key, recipient's key, time sent.
constexpr std::size_t kNumberAt = 16;
constexpr std::size_t kSenderAt = 24;
constexpr std::size_t kRecipientAt = 56;
constexpr std::size_t kDataAt = 32;

void put_u32_little(Bytes& bytes, std::size_t at, std::uint32_t value) {
  for (int i = 0; i < 4; ++i)
    bytes[at + static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(value >> 8 * i);
}

std::uint64_t number_of(ByteView packet) {
  return ByteReader(packet.subspan(kNumberAt)).u64();
}

crypto::ExchangeKey key_at(ByteView packet, std::size_t at) {
  crypto::ExchangeKey key;
  std::copy_n(packet.begin() + static_cast<std::ptrdiff_t>(at), 32, key.bytes.begin());
  return key;
}

}  // namespace

crypto::ExchangeKey recipient_of(ByteView handshake_packet) {
  // A response has no room for both keys; mac1 would tell, so the sender's place holds it.
  bool response = handshake_packet.size() == wireguard::kResponseSize;
  return key_at(handshake_packet, response ? kSenderAt : kRecipientAt);
}

WireGuard::WireGuard(Clock& clock, Random& random, const crypto::ExchangeKey& own, Send send,
                     Deliver deliver)
    : clock_(&clock),
      random_(&random),
      own_(own),
      send_(std::move(send)),
      deliver_(std::move(deliver)) {}

WireGuard::Peer* WireGuard::find(const crypto::ExchangeKey& key) {
  auto it = peers_.find(key);
  return it == peers_.end() ? nullptr : &it->second;
}

void WireGuard::add_peer(const crypto::ExchangeKey& key) {
  replace_peer(key, std::nullopt);
}

void WireGuard::replace_peer(const crypto::ExchangeKey& key, std::optional<Endpoint> endpoint) {
  std::uint64_t generation = random_->u64();
  Peer& peer = peers_[key];
  peer = {};
  peer.key = key;
  peer.generation = generation;
  peer.sent = clock_->now();
  tick(key, generation);
  if (endpoint) set_endpoint(key, *endpoint);
}

void WireGuard::tick(const crypto::ExchangeKey& key, std::uint64_t generation) {
  Peer* peer = find(key);
  if (!peer || peer->generation != generation) return;
  Instant now = clock_->now();
  // Retries carry a random delay, too small here to get two colliding sides apart soon.
  if (peer->initiated_at && peer->attempts > 0 && peer->attempts < kMaxAttempts &&
      now - *peer->initiated_at >= kRekeyTimeout + Milliseconds(random_->below(2) * 50))
    initiate(*peer, true);
  if (peer->unanswered_since && now - *peer->unanswered_since >= kNewHandshakeTimeout) {
    peer->unanswered_since.reset();
    initiate(*peer, false);
  }
  bool owes = peer->owes_since && now - *peer->owes_since >= kKeepaliveTimeout;
  if (owes || now - peer->sent >= kPersistentKeepalive) {
    peer->sent = now;
    send_keepalive(key);
  }
  clock_->after(kTick, [this, alive = std::weak_ptr(alive_), key, generation] {
    if (!alive.expired()) tick(key, generation);
  });
}

Bytes WireGuard::packet(std::uint8_t type, std::size_t size, const crypto::ExchangeKey& to,
                        std::uint32_t first, std::uint32_t second, std::uint64_t number) const {
  Bytes out(size);
  out[0] = type;
  put_u32_little(out, 4, first);
  put_u32_little(out, 8, second);
  for (int i = 0; i < 8; ++i)
    out[kNumberAt + static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(number >> 8 * (7 - i));
  if (type == 4) return out;
  if (type == 1) {
    std::ranges::copy(own_.bytes, out.begin() + kSenderAt);
    std::ranges::copy(to.bytes, out.begin() + kRecipientAt);
    std::uint64_t sent = static_cast<std::uint64_t>(clock_->now().time_since_epoch().count());
    for (int i = 0; i < 8; ++i)
      out[kRecipientAt + 32 + static_cast<std::size_t>(i)] =
          static_cast<std::uint8_t>(sent >> 8 * (7 - i));
  } else {
    std::ranges::copy(to.bytes, out.begin() + kSenderAt);
  }
  auto mac1 = crypto::blake2s_128_keyed(wireguard::mac1_key(to), ByteView(out).first(size - 32));
  std::ranges::copy(mac1, out.end() - 32);
  return out;
}

void WireGuard::transmit(Peer& peer, Bytes packet) {
  if (!peer.endpoint) return;
  peer.tx += packet.size();
  send_(*peer.endpoint, std::move(packet));
}

void WireGuard::initiate(Peer& peer, bool retry) {
  Instant now = clock_->now();
  if (!peer.endpoint) return;
  if (!retry && peer.initiated_at && now - *peer.initiated_at < kRekeyTimeout) return;
  peer.attempts = retry ? peer.attempts + 1 : 1;
  peer.initiated_at = now;
  peer.initiation = static_cast<std::uint32_t>(random_->u64());
  peer.initiation_number = random_->u64();
  transmit(peer, packet(1, wireguard::kInitiationSize, peer.key, *peer.initiation, 0,
                        peer.initiation_number));
}

void WireGuard::set_endpoint(const crypto::ExchangeKey& key, const Endpoint& endpoint) {
  if (Peer* peer = find(key)) {
    peer->endpoint = endpoint;
    send_keepalive(key);
  }
}

void WireGuard::send_keepalive(const crypto::ExchangeKey& key) {
  send_data(key, {});
}

void WireGuard::send_data(const crypto::ExchangeKey& key, ByteView data) {
  Peer* peer = find(key);
  if (!peer) return;
  Instant now = clock_->now();
  if (!peer->current || now - peer->current->born >= kRejectAfter) {
    peer->staged.assign(data.begin(), data.end());
    return initiate(*peer, false);
  }
  const Session& session = *peer->current;
  Bytes out = packet(4, kDataAt, key, session.peer_index, 0, session.number);
  out.insert(out.end(), data.begin(), data.end());
  peer->sent = now;
  peer->owes_since.reset();
  if (!data.empty() && !peer->unanswered_since) peer->unanswered_since = now;
  transmit(*peer, std::move(out));
  if (session.initiated && now - session.born >= kRekeyAfter) initiate(*peer, false);
}

std::optional<crypto::ExchangeKey> WireGuard::receive(const Endpoint& from, ByteView packet) {
  auto header = wireguard::classify(packet);
  if (!header) return std::nullopt;
  switch (header->type) {
    case wireguard::PacketType::initiation:
      return on_initiation(from, packet);
    case wireguard::PacketType::response:
      return on_response(from, packet);
    case wireguard::PacketType::data:
      return on_data(from, packet);
    case wireguard::PacketType::cookie:
      break;
  }
  return std::nullopt;
}

std::optional<crypto::ExchangeKey> WireGuard::on_initiation(const Endpoint& from, ByteView bytes) {
  if (recipient_of(bytes) != own_) return std::nullopt;
  Peer* peer = find(key_at(bytes, kSenderAt));
  if (!peer) return std::nullopt;
  auto sent = Instant(
      Duration(static_cast<std::int64_t>(ByteReader(bytes.subspan(kRecipientAt + 32)).u64())));
  if (peer->greatest_timestamp && sent <= *peer->greatest_timestamp)
    return std::nullopt;  // a replay
  peer->greatest_timestamp = sent;
  peer->rx += bytes.size();
  peer->initiation.reset();  // one handshake state a peer: our own initiation is lost
  peer->endpoint = from;
  auto header = *wireguard::classify(bytes);
  auto own_index = static_cast<std::uint32_t>(random_->u64());
  peer->next = Session{number_of(bytes), own_index, header.sender_index, clock_->now(), false};
  peer->initiated_at = clock_->now();  // a response counts for the limit on initiations
  transmit(*peer, packet(2, wireguard::kResponseSize, peer->key, own_index, header.sender_index,
                         number_of(bytes)));
  return peer->key;
}

std::optional<crypto::ExchangeKey> WireGuard::on_response(const Endpoint& from, ByteView bytes) {
  if (recipient_of(bytes) != own_) return std::nullopt;
  auto header = *wireguard::classify(bytes);
  for (auto& [key, peer] : peers_) {
    if (peer.initiation != header.receiver_index || peer.initiation_number != number_of(bytes))
      continue;
    peer.endpoint = from;
    peer.previous = peer.current;
    peer.current =
        Session{number_of(bytes), header.receiver_index, header.sender_index, clock_->now(), true};
    peer.initiation.reset();
    peer.attempts = 0;
    peer.unanswered_since.reset();
    peer.latest_handshake = clock_->now();
    send_keepalive(key);
    if (!peer.staged.empty()) send_data(key, std::exchange(peer.staged, {}));
    return key;
  }
  return std::nullopt;
}

std::optional<crypto::ExchangeKey> WireGuard::on_data(const Endpoint& from, ByteView bytes) {
  auto header = *wireguard::classify(bytes);
  for (auto& [key, peer] : peers_) {
    auto fits = [&](const std::optional<Session>& session) {
      return session && session->own_index == header.receiver_index &&
             session->number == number_of(bytes) && clock_->now() - session->born < kRejectAfter;
    };
    if (fits(peer.next)) {
      peer.previous = peer.current;
      peer.current = std::exchange(peer.next, std::nullopt);
      peer.latest_handshake = clock_->now();
      peer.attempts = 0;
      if (!peer.staged.empty()) send_data(key, std::exchange(peer.staged, {}));
    } else if (!fits(peer.current) && !fits(peer.previous)) {
      continue;
    }
    peer.endpoint = from;
    peer.rx += bytes.size();
    peer.unanswered_since.reset();
    if (bytes.size() > kDataAt) {
      if (!peer.owes_since) peer.owes_since = clock_->now();
      deliver_(key, bytes.subspan(kDataAt));
    }
    return key;
  }
  return std::nullopt;
}

path::WireguardView WireGuard::view(const crypto::ExchangeKey& key) const {
  const Peer& peer = peers_.at(key);
  return {peer.endpoint, peer.latest_handshake, peer.rx, peer.tx};
}

std::optional<std::uint32_t> WireGuard::own_index(const crypto::ExchangeKey& key) const {
  const Peer& peer = peers_.at(key);
  if (!peer.current) return std::nullopt;
  return peer.current->own_index;
}

}  // namespace lanrage::sim
