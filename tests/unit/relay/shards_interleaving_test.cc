// Shards as threads run them: each takes a batch of packets, then its messages, then judges the
// batch, posts, and sends; the others' steps fall anywhere between its own. Players react to what
// reaches them, as WireGuard does.
#include <deque>
#include <gtest/gtest.h>
#include <map>

#include "relay_world.hpp"

namespace lanrage::relay {
namespace {

struct Peer {
  Endpoint endpoint;
  std::uint64_t group = 0;
  ByteArray<32> mac1_key{};
  std::unique_ptr<BindClient> bind;
  std::size_t forwarded_to = 0;
  std::map<std::uint32_t, std::size_t> sends_with;  // index -> peer: sessions that it may use
};

class Machine {
 public:
  Machine(std::uint64_t seed, std::uint32_t count) : random_(seed) {
    Limits limits;  // one of them reached would be no matter of order
    limits.initiations_a_client = limits.initiations_a_pair = {1000, 1000};
    limits.stun_an_address = limits.verify_an_address = {10'000, 10'000};
    for (auto& relay : Relay::shards({kRelayId, control_key_.public_key(), limits}, random_, count))
      threads_.push_back({.relay = std::move(relay)});
    for (std::size_t i = 0; i < 12; ++i) {
      Peer peer{next_endpoint(), 1 + i % 2, random_.array<32>(), nullptr, 0, {}};
      const auto key = crypto::SigningKey::generate(random_);
      Bytes token = issue({peer.group, peer.mac1_key, key.public_key(), kToday + kTokenLifetime},
                          control_key_);
      peer.bind =
          std::make_unique<BindClient>(BindTarget{kRelayId, kRelayEndpoint}, token, key, random_);
      peers_.push_back(std::move(peer));
    }
  }

  // Everybody binds and shakes hands with all of his group as soon as both are bound.
  void meet() {
    for (std::size_t i = 0; i < peers_.size(); ++i)
      bind(i);
    run();
    for (std::size_t i = 0; i < peers_.size(); ++i)
      EXPECT_TRUE(peers_[i].bind->bound());
    for (std::size_t i = 0; i < peers_.size(); ++i)
      for (std::size_t j = 0; j < i; ++j)
        if (peers_[i].group == peers_[j].group) initiate(i, j);
    run();
  }
  // Some get another address, and with it as a rule another thread, while traffic goes on.
  void move_some() {
    for (std::size_t i = 0; i < peers_.size(); ++i) {
      if (random_.below(3) != 0) continue;
      peers_[i].endpoint = next_endpoint();
      bind(i);
      send_data(random_.below(peers_.size()));
    }
    run();
  }
  // A data packet by each session; all must come.
  void expect_all_sessions_work() {
    std::size_t expected = 0;
    for (std::size_t i = 0; i < peers_.size(); ++i)
      expected += send_data(i);
    const std::size_t before = data_received_;
    run();
    EXPECT_EQ(data_received_ - before, expected);
    EXPECT_EQ(expected, sessions_ * 2);
  }
  void expect_sessions(std::size_t wanted) { EXPECT_EQ(sessions_, wanted); }
  std::size_t drops() const {
    std::size_t sum = 0;
    for (const auto& thread : threads_)
      for (const auto drops : thread.relay->counters().drops)
        sum += drops;
    return sum;
  }
  std::size_t messages_taken() const { return messages_; }

 private:
  struct Packet {
    Endpoint from;
    Bytes bytes;
  };
  struct Sent {
    Endpoint to;
    Bytes bytes;
  };
  struct Thread {
    std::unique_ptr<Relay> relay;
    std::deque<Packet> socket{};
    std::deque<ShardMessage> inbox{};
    std::vector<Packet> batch{};
    std::deque<ShardMessage> taken{};
    std::vector<Posted> posts{};
    std::vector<Sent> sends{};
    enum Step { idle, messages, packets, posting, sending } at = idle;
  };

  Endpoint next_endpoint() {
    return *Endpoint::parse("198.51.100.7:" + std::to_string(1000 + ports_++));
  }
  std::size_t thread_of(const Endpoint& from) const {
    return (from.port * 2654435761u >> 8) % threads_.size();
  }

  void send(std::size_t peer, Bytes bytes) {
    const Endpoint& from = peers_[peer].endpoint;
    threads_[thread_of(from)].socket.push_back({from, std::move(bytes)});
  }
  void bind(std::size_t peer) {
    stun::Datagrams out;
    peers_[peer].bind->start(now_, out);
    for (const auto& each : out)
      send(peer, each.bytes);
  }
  void initiate(std::size_t from, std::size_t to) {
    const auto index = static_cast<std::uint32_t>(++indexes_);
    initiated_[index] = {from, to};
    send(from, initiation(index, peers_[to].mac1_key));
  }
  std::size_t send_data(std::size_t peer) {
    for (const auto& [index, other] : peers_[peer].sends_with)
      send(peer, data(index));
    return peers_[peer].sends_with.size();
  }

  void receive(const Sent& sent) {
    const auto peer = std::ranges::find(peers_, sent.to, &Peer::endpoint);
    if (peer == peers_.end()) return;  // moved since
    const auto number = static_cast<std::size_t>(peer - peers_.begin());
    if (const auto message = stun::MessageView::parse(sent.bytes)) {
      stun::Datagrams out;
      peer->bind->on_datagram(now_, kRelayEndpoint, *message, out);
      for (const auto& each : out)
        send(number, each.bytes);
      return;
    }
    const auto header = wireguard::classify(sent.bytes);
    ASSERT_TRUE(header);
    switch (header->type) {
      case wireguard::PacketType::initiation: {
        const auto [from, to] = initiated_.at(header->sender_index);
        ASSERT_EQ(to, number) << "to whom it was meant";
        const auto index = static_cast<std::uint32_t>(++indexes_);
        peer->sends_with[header->sender_index] = from;
        send(number, response(index, header->sender_index, peers_[from].mac1_key));
        break;
      }
      case wireguard::PacketType::response: {
        const auto [from, to] = initiated_.at(header->receiver_index);
        ASSERT_EQ(from, number);
        ++sessions_;
        peer->sends_with[header->sender_index] = to;
        send(number, data(header->sender_index));  // confirms the session at once
        break;
      }
      case wireguard::PacketType::data:
        ++data_received_;
        break;
      case wireguard::PacketType::cookie:
        FAIL();
    }
  }

  bool step(Thread& thread) {
    now_ += Duration(1);  // a nonce is told from one before by its time
    switch (thread.at) {
      case Thread::idle: {
        if (thread.socket.empty() && thread.inbox.empty()) return false;
        for (auto size = 1 + random_.below(4); size > 0 && !thread.socket.empty(); --size) {
          thread.batch.push_back(std::move(thread.socket.front()));
          thread.socket.pop_front();
        }
        thread.at = Thread::messages;
        break;
      }
      case Thread::messages: {
        // All that are there at this moment, after the batch was taken.
        thread.taken = std::exchange(thread.inbox, {});
        for (const auto& message : thread.taken)
          carry_out(thread, thread.relay->on_message(now_, kToday, message), packet_of(message));
        messages_ += thread.taken.size();
        thread.at = Thread::packets;
        break;
      }
      case Thread::packets: {
        if (thread.batch.empty()) {
          thread.posts = thread.relay->take_posted();
          thread.at = Thread::posting;
          break;
        }
        const Packet packet = std::move(thread.batch.front());
        thread.batch.erase(thread.batch.begin());
        carry_out(thread, thread.relay->on_packet(now_, kToday, packet.from, packet.bytes),
                  packet.bytes);
        break;
      }
      case Thread::posting: {
        if (thread.posts.empty()) {
          thread.at = Thread::sending;
          break;
        }
        auto& [to, message] = thread.posts.front();
        threads_[to].inbox.push_back(std::move(message));
        thread.posts.erase(thread.posts.begin());
        break;
      }
      case Thread::sending: {
        for (const auto& each : std::exchange(thread.sends, {}))
          receive(each);
        thread.at = Thread::idle;
        break;
      }
    }
    return true;
  }
  void carry_out(Thread& thread, const Verdict& verdict, ByteView packet) {
    if (verdict.kind == Verdict::Kind::forward)
      thread.sends.push_back({verdict.to, Bytes(packet.begin(), packet.end())});
    if (verdict.kind == Verdict::Kind::reply)
      thread.sends.push_back({verdict.to, Bytes(verdict.reply.begin(), verdict.reply.end())});
  }
  // In random order, until nothing is under way.
  void run() {
    std::size_t idle = 0;
    while (idle < 50 * threads_.size())
      idle = step(threads_[random_.below(threads_.size())]) ? 0 : idle + 1;
    for (const auto& thread : threads_)
      ASSERT_TRUE(thread.at == Thread::idle && thread.socket.empty() && thread.inbox.empty());
  }

  SeededRandom random_;
  crypto::SigningKey control_key_ = crypto::SigningKey::generate(random_);
  std::vector<Thread> threads_;
  std::vector<Peer> peers_;
  std::map<std::uint32_t, std::pair<std::size_t, std::size_t>> initiated_;
  Instant now_{std::chrono::seconds(1000)};
  std::uint32_t ports_ = 0;
  std::uint32_t indexes_ = 0;
  std::size_t sessions_ = 0;
  std::size_t data_received_ = 0;
  std::size_t messages_ = 0;
};

class ShardsInterleaved : public testing::TestWithParam<std::uint32_t> {};

// Nothing is lost to the order of things: whoever has his bind's answer is known everywhere, and a
// packet that answers another finds what that one taught.
TEST_P(ShardsInterleaved, EveryHandshakeAndPacketComesThrough) {
  for (std::uint64_t seed = 1; seed <= 25 && !HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Machine machine(seed, GetParam());
    machine.meet();
    machine.expect_sessions(2 * (6 * 5 / 2));
    EXPECT_EQ(machine.drops(), 0u);
    machine.expect_all_sessions_work();
    EXPECT_EQ(machine.drops(), 0u);
    if (GetParam() > 1) EXPECT_GT(machine.messages_taken(), 50u);
  }
}

// Sessions outlive moves in any order; packets under way at a move may be lost, as on any path.
TEST_P(ShardsInterleaved, SessionsOutliveMoves) {
  for (std::uint64_t seed = 1; seed <= 25 && !HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Machine machine(seed, GetParam());
    machine.meet();
    for (int round = 0; round < 4; ++round) {
      machine.move_some();
      machine.expect_all_sessions_work();
    }
  }
}
INSTANTIATE_TEST_SUITE_P(Counts, ShardsInterleaved, testing::Values(1u, 2u, 3u, 4u));

}  // namespace
}  // namespace lanrage::relay
