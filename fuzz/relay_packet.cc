// A relay with clients in two groups, and a history of packets told by the input: raw bytes, or
// handshake packets with a right mac1, binds, routes, moves and the passing of time. After each
// packet holds what relay.hpp promises.
#include <array>
#include <cstdlib>
#include <map>
#include <memory>
#include <optional>

#include "../tests/unit/relay/handmade_packets.hpp"
#include "relay/bind_client.hpp"
#include "relay/relay.hpp"

using namespace lanrage;

namespace {

void require(bool ok) {
  if (!ok) std::abort();
}

constexpr std::size_t kPlayers = 4;

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

class History {
 public:
  explicit History(ByteView input) : input_(input), random_(7) {
    static const crypto::VerifyKey key = control_key();
    relay::Limits limits{
        .clients = 3, .rows_a_client = 4, .pairs = 5, .address_cells = 8, .notice_cells = 8};
    relay_ =
        std::make_unique<relay::Relay>(relay::RelayConfig{relay::kRelayId, key, limits}, random_);
    bind(0, players()[0].endpoint);
    bind(1, players()[1].endpoint);
  }

  void run() {
    for (int step = 0; step < 200 && input_.ok() && input_.remaining() > 0; ++step) {
      std::uint8_t op = input_.u8();
      const Player& player = players()[op >> 3 & 3];
      const Player& other = players()[op >> 5 & 3];
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
          packet(player.endpoint, relay::data(input_.u8()));
          break;
        case 5:
          now_ += std::chrono::milliseconds(input_.u16());
          break;
        case 6:
          relay_->on_timeout(now_);
          break;
        case 7:
          if ((op >> 3 & 3) == (op >> 5 & 3)) {
            route(op >> 3 & 3, players()[input_.u8() & 3].mac1_key, input_.u8());
            break;
          }
          bind(op >> 3 & 3, other.endpoint);
          break;
      }
    }
  }

 private:
  relay::Verdict packet(const Endpoint& from, ByteView bytes) {
    auto verdict = relay_->on_packet(now_, UnixTime{}, from, bytes);
    if (verdict.kind == relay::Verdict::Kind::reply) {
      require(verdict.to == from);
      require(verdict.reply.size() <= bytes.size());
    }
    if (verdict.kind == relay::Verdict::Kind::forward) {
      require(at_.contains(from) && at_.contains(verdict.to) && from != verdict.to);
      require(players()[at_[from]].group == players()[at_[verdict.to]].group);
    }
    require(relay_->clients() <= 3 && relay_->sessions() <= 3 * 4 + 64);
    return verdict;
  }

  void exchange(relay::BindClient& client, const Endpoint& from, stun::Datagrams out) {
    while (!out.empty()) {
      auto datagram = std::move(out.back());
      out.pop_back();
      auto verdict = packet(from, datagram.bytes);
      if (verdict.kind != relay::Verdict::Kind::reply) continue;
      Bytes bytes(verdict.reply.begin(), verdict.reply.end());
      auto message = stun::MessageView::parse(bytes);
      require(message.has_value());
      client.on_datagram(now_, relay::kRelayEndpoint, *message, out);
    }
  }

  // Signed, for the relay looks no further otherwise; from where the player bound last.
  void route(std::size_t who, const ByteArray<32>& to, std::uint32_t index) {
    if (!clients_[who] || ++routes_ > 4) return;
    relay::Route told{to, index};
    stun::Datagrams out;
    clients_[who]->set_routes(now_, {&told, 1}, out);
    exchange(*clients_[who], from_[who], std::move(out));
    if (clients_[who]->routed(told)) require(to != players()[who].mac1_key);
  }

  void bind(std::size_t who, const Endpoint& from) {
    if (++binds_ > 4) return;  // signatures are slow
    const Player& player = players()[who];
    auto& client = clients_[who].emplace(relay::BindTarget{relay::kRelayId, relay::kRelayEndpoint},
                                         player.token, player.bind_key, random_);
    from_[who] = from;
    stun::Datagrams out;
    client.start(now_, out);
    exchange(client, from, std::move(out));
    if (client.bound()) at_[from] = who;
  }

  ByteReader input_;
  SeededRandom random_;
  std::unique_ptr<relay::Relay> relay_;
  Instant now_{std::chrono::seconds(100)};
  std::map<Endpoint, std::size_t> at_;
  std::array<std::optional<relay::BindClient>, kPlayers> clients_;
  std::array<Endpoint, kPlayers> from_;
  int binds_ = 0;
  int routes_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  History(ByteView(data, size)).run();
  return 0;
}
