// A relay with clients in two groups, and a history of packets told by the input: raw bytes, or
// handshake packets with a right mac1, binds, routes, replays, moves and the passing of time.
// Beside it a model of who is bound where, a fast path that keeps its leases to the letter, and a
// second relay without one. After each packet holds what relay.hpp promises:
//
// - what is forwarded, by the relay or by a lease, comes from a bound client and goes to another
//   bound client of its group, where that is bound now;
// - no answer is larger than the question, nor goes elsewhere;
// - no lease is from or to an address that isn't its client's any more;
// - with limits far away, the second relay judges alike; with near ones, nobody gets more.
#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>

#include "../tests/unit/relay/fast_lane.hpp"
#include "../tests/unit/relay/handmade_packets.hpp"
#include "relay/bind_client.hpp"
#include "relay/relay.hpp"

using namespace lanrage;

namespace {

void require(bool ok) {
  if (!ok) std::abort();
}

constexpr std::size_t kPlayers = 4;
constexpr Instant kStart{std::chrono::seconds(100)};

struct Player {
  Endpoint endpoint;
  ByteArray<32> mac1_key;
  std::uint64_t group;
  crypto::SigningKey bind_key;
  Bytes token;
};

// Keys and tokens cost more than a whole history; they are the same for each.
const std::vector<Player>& players() {
  static const std::vector<Player> all = [] {
    SeededRandom random(1);
    auto control_key = crypto::SigningKey::generate(random);
    std::vector<Player> out;
    for (std::uint16_t i = 0; i < kPlayers; ++i) {
      auto key = crypto::SigningKey::generate(random);
      relay::Token token{i / 2u, random.array<32>(), key.public_key(),
                         UnixTime(std::chrono::milliseconds(1000))};
      out.push_back({{*IpAddress::parse("198.51.100.1"), static_cast<std::uint16_t>(1000 + i)},
                     token.mac1_key,
                     token.group,
                     key,
                     relay::issue(token, control_key)});
    }
    return out;
  }();
  return all;
}
crypto::VerifyKey control_key() {
  SeededRandom random(1);
  return crypto::SigningKey::generate(random).public_key();
}

relay::Limits limits(bool near) {
  relay::Limits out{
      .clients = 3, .rows_a_client = 4, .pairs = 5, .address_cells = 8, .notice_cells = 8};
  if (near) {
    out.client_bytes = {60'000, 20'000};
    out.client_packets = {200, 80};
    out.address_bytes = {120'000, 40'000};
    out.address_packets = {400, 160};
    out.group_bytes = {80'000, 30'000};
    out.group_packets = {240, 100};
  } else {
    out.client_bytes = out.address_bytes = out.group_bytes = {1ull << 34, 1ull << 34};
    out.client_packets = out.address_packets = out.group_packets = {1u << 24, 1u << 24};
  }
  return out;
}

// Who is bound where, by the answers that the relay gave.
class Model {
 public:
  void bound(std::size_t who, const Endpoint& at, Instant now) {
    for (auto& where : where_)
      if (where == at) where.reset();
    where_[who] = at;
    last_bind_[who] = now;
  }
  void renewed(std::size_t who, Instant now) { last_bind_[who] = now; }
  void on_timeout(Instant now) {
    for (std::size_t who = 0; who < kPlayers; ++who)
      if (now - last_bind_[who] > relay::Limits{}.client_lifetime) where_[who].reset();
  }
  std::optional<std::size_t> at(const Endpoint& endpoint) const {
    for (std::size_t who = 0; who < kPlayers; ++who)
      if (where_[who] == endpoint) return who;
    return std::nullopt;
  }
  // Who sends, when that one may send there at all.
  std::size_t require_way(const Endpoint& from, const Endpoint& to) const {
    const auto source = at(from);
    const auto target = at(to);
    require(source && target && source != target);
    require(players()[*source].group == players()[*target].group);
    return *source;
  }

 private:
  std::array<std::optional<Endpoint>, kPlayers> where_;
  std::array<Instant, kPlayers> last_bind_{};
};

// A message that was changed gets a right FINGERPRINT (RFC 8489, section 14.7), or nothing would
// look at it any further.
void put_fingerprint(Bytes& message) {
  std::uint32_t crc = ~0u;
  for (const std::uint8_t byte : ByteView(message).first(message.size() - 8)) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit)
      crc = crc >> 1 ^ ((crc & 1) != 0 ? 0xEDB88320u : 0u);
  }
  crc = ~crc ^ 0x5354554Eu;
  for (std::size_t i = 0; i < 4; ++i)
    message[message.size() - 4 + i] = static_cast<std::uint8_t>(crc >> (24 - 8 * i));
}

// Apart from the transaction's id and padding, which nobody signs.
bool say_the_same(ByteView one, ByteView other) {
  const auto a = stun::MessageView::parse(one);
  const auto b = stun::MessageView::parse(other);
  if (!a || !b || a->method() != b->method()) return false;
  using enum stun::Attribute;
  return std::ranges::all_of(std::array{relay_token, nonce, bind_signature, relay_routes},
                             [&](stun::Attribute which) {
                               const auto left = a->find(which);
                               const auto right = b->find(which);
                               return left.has_value() == right.has_value() &&
                                      (!left || std::ranges::equal(*left, *right));
                             });
}

class History {
 public:
  explicit History(ByteView input)
      : input_(input), random_(7), limits_are_near_(input.size() % 2 != 0) {
    static const crypto::VerifyKey key = control_key();
    const relay::RelayConfig config{relay::kRelayId, key, limits(limits_are_near_)};
    SeededRandom same(7);
    relay_ = std::make_unique<relay::Relay>(config, random_);
    relay_->set_fast_path(lane_);
    if (!limits_are_near_) plain_ = std::make_unique<relay::Relay>(config, same);
    bind(0, players()[0].endpoint);
    bind(1, players()[1].endpoint);
  }

  void run() {
    for (int step = 0; step < 200 && input_.ok() && input_.remaining() > 0; ++step) {
      std::uint8_t op = input_.u8();
      const std::size_t who = op >> 3 & 3;
      const Player& player = players()[who];
      const Player& other = players()[op >> 5 & 3];
      const bool more = (op & 0x80) != 0;
      switch (op & 7) {
        case 0:
          packet(player.endpoint, input_.take(input_.u8() + input_.u8()));
          break;
        case 1:
          packet(player.endpoint, relay::initiation(input_.u8(), other.mac1_key));
          break;
        case 2: {
          std::uint8_t sender = input_.u8();
          packet(player.endpoint, relay::response(sender, input_.u8(), other.mac1_key));
          break;
        }
        case 3:
          packet(player.endpoint, relay::cookie(input_.u8()));
          break;
        case 4:
          send_data(player.endpoint, input_.u8(), more);
          break;
        case 5:
          now_ += std::chrono::milliseconds(input_.u16());
          break;
        case 6:
          more ? replay(player.endpoint) : on_timeout();
          break;
        case 7:
          if (who == (op >> 5 & 3)) {
            route(who, players()[input_.u8() & 3].mac1_key, input_.u8());
            break;
          }
          bind(who, other.endpoint);
          break;
      }
      require_leases();
    }
  }

 private:
  // As a relay's machine does: leased data packets don't come to the relay.
  relay::Verdict packet(const Endpoint& from, ByteView bytes) {
    std::optional<relay::Verdict> expected;
    if (plain_) expected = plain_->on_packet(now_, UnixTime{}, from, bytes);
    const auto header = wireguard::classify(bytes);
    if (header && header->type == wireguard::PacketType::data) {
      if (const auto to = lane_.take(now_, from, header->receiver_index, bytes.size())) {
        count(model_.require_way(from, *to), bytes.size());
        if (expected) require(expected->kind == relay::Verdict::Kind::forward);
        if (expected) require(expected->to == *to);
        return relay::Verdict::forward(*to, {});
      }
    }
    auto verdict = relay_->on_packet(now_, UnixTime{}, from, bytes);
    if (expected) {
      require(expected->kind == verdict.kind && expected->to == verdict.to);
      require(expected->reason == verdict.reason);
      require(std::ranges::equal(expected->reply, verdict.reply));
    }
    if (verdict.kind == relay::Verdict::Kind::reply) {
      require(verdict.to == from);
      require(verdict.reply.size() <= bytes.size());
    }
    if (verdict.kind == relay::Verdict::Kind::forward)
      count(model_.require_way(from, verdict.to), bytes.size());
    require(relay_->clients() <= 3 && relay_->sessions() <= 3 * 4 + 64);
    return verdict;
  }

  void send_data(const Endpoint& from, std::uint32_t index, bool many) {
    const Bytes bytes = relay::data(index);
    const bool again = many && ++floods_ <= 24;
    for (int i = 0; i < (again ? 64 : 1); ++i)
      packet(from, bytes);
  }

  void on_timeout() {
    relay_->on_timeout(now_);
    if (plain_) plain_->on_timeout(now_);
    model_.on_timeout(now_);
  }

  // No more than the limits, and what changing members may add to their shares.
  void count(std::size_t who, std::size_t size) {
    if (!limits_are_near_) return;
    static const relay::Limits kLimits = limits(true);
    const auto within = [&](std::uint64_t used, const relay::Rate& rate, std::uint64_t bursts) {
      const auto time = static_cast<std::uint64_t>((now_ - kStart).count());
      require(used <= rate.per_second * time / 1'000'000 + rate.burst * bursts + 1);
    };
    for (auto* sum : {&clients_[who], &groups_[players()[who].group]}) {
      sum->bytes += size;
      ++sum->packets;
    }
    within(clients_[who].bytes, kLimits.client_bytes, 1);
    within(clients_[who].packets, kLimits.client_packets, 1);
    within(groups_[players()[who].group].bytes, kLimits.group_bytes, 3);
    within(groups_[players()[who].group].packets, kLimits.group_packets, 3);
  }

  void require_leases() {
    for (const auto& [key, lease] : lane_.leases) {
      if (lease.until <= now_) continue;
      require(lease.until <= now_ + relay::Leases::kTime);
      require(lease.left.bytes <= relay::Leases::kMost);
      require(lease.route.from == key.first && lease.route.index == key.second);
      model_.require_way(lease.route.from, lease.route.to);
    }
  }

  void exchange(std::size_t who, const Endpoint& from, stun::Datagrams out) {
    while (!out.empty()) {
      auto datagram = std::move(out.back());
      out.pop_back();
      now_ += Duration(1);  // nonces are told apart by their times
      const auto binds = relay_->counters().binds;
      auto verdict = packet(from, datagram.bytes);
      if (relay_->counters().binds != binds) model_.bound(who, from, now_);
      seen_.push_back({datagram.bytes, from, who});
      if (verdict.kind != relay::Verdict::Kind::reply) continue;
      Bytes bytes(verdict.reply.begin(), verdict.reply.end());
      auto message = stun::MessageView::parse(bytes);
      require(message.has_value());
      clients_of_[who]->on_datagram(now_, relay::kRelayEndpoint, *message, out);
    }
  }

  // Something seen on the wire, changed or not, from any client's address. The most that it may do
  // is what it did already: keep its sender where that still is.
  void replay(const Endpoint& from) {
    const Seen& seen = seen_[input_.u8() % seen_.size()];
    Bytes bytes = seen.bytes;
    const std::size_t at = input_.u16() % bytes.size();
    const std::uint8_t mask = input_.u8();
    bytes[at] ^= mask;
    if (mask != 0) put_fingerprint(bytes);
    const auto before = relay_->counters();
    packet(from, bytes);
    const auto& after = relay_->counters();
    if (after.binds == before.binds && after.routes == before.routes) return;
    require(say_the_same(bytes, seen.bytes));
    require(from == seen.from && model_.at(from) == seen.who);
    if (after.binds != before.binds) model_.renewed(seen.who, now_);
  }

  // Signed, for the relay looks no further otherwise; from where the player bound last.
  void route(std::size_t who, const ByteArray<32>& to, std::uint32_t index) {
    if (!clients_of_[who] || ++routes_ > 4) return;
    relay::Route told{to, index};
    stun::Datagrams out;
    clients_of_[who]->set_routes(now_, {&told, 1}, out);
    exchange(who, from_[who], std::move(out));
    if (clients_of_[who]->routed(told)) require(to != players()[who].mac1_key);
  }

  void bind(std::size_t who, const Endpoint& from) {
    if (++binds_ > 6) return;  // signatures are slow
    const Player& player = players()[who];
    auto& client =
        clients_of_[who].emplace(relay::BindTarget{relay::kRelayId, relay::kRelayEndpoint},
                                 player.token, player.bind_key, random_);
    from_[who] = from;
    stun::Datagrams out;
    client.start(now_, out);
    exchange(who, from, std::move(out));
    if (client.bound()) require(model_.at(from) == who);
  }

  struct Seen {
    Bytes bytes;
    Endpoint from;
    std::size_t who;
  };

  ByteReader input_;
  SeededRandom random_;
  bool limits_are_near_;
  relay::FastLane lane_;
  std::unique_ptr<relay::Relay> relay_;
  std::unique_ptr<relay::Relay> plain_;  // where limits are far
  Instant now_ = kStart;
  Model model_;
  std::vector<Seen> seen_;  // of the first binds at least
  std::array<std::optional<relay::BindClient>, kPlayers> clients_of_;
  std::array<Endpoint, kPlayers> from_;
  std::array<relay::Traffic, kPlayers> clients_{};     // forwarded
  std::array<relay::Traffic, kPlayers / 2> groups_{};  // forwarded
  int binds_ = 0;
  int routes_ = 0;
  int floods_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  History(ByteView(data, size)).run();
  return 0;
}
