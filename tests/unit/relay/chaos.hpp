// A random history around one relay, from a printed seed: binds, moves, handshakes, data, garbage.
#pragma once

#include <gtest/gtest.h>
#include <map>

#include "relay_world.hpp"

namespace lanrage::relay {

struct Member {
  Player player;
  std::uint64_t group;
  std::optional<Instant> bound_at;  // by what the relay told
};

class Chaos {
 public:
  static Limits limits() { return {.clients = 7, .rows_a_client = 6}; }

  explicit Chaos(std::uint64_t seed) : world_(limits(), seed) {
    for (int i = 0; i < 9; ++i) {
      std::uint64_t group = static_cast<std::uint64_t>(1 + i % 3);
      members_.push_back({world_.player(group, random_endpoint()), group, std::nullopt});
    }
  }

  void run(int steps) {
    for (int step = 0; step < steps && !testing::Test::HasFailure(); ++step) {
      world_.now += Duration(static_cast<Duration::rep>(world_.random.below(3'000'000)));
      one_step();
      if (world_.random.below(10) == 0) world_.time_out();
      EXPECT_LE(world_.relay->clients(), limits().clients);
      EXPECT_LE(world_.relay->sessions(), limits().clients * limits().rows_a_client);
    }
  }
  std::uint64_t forwarded() const { return world_.relay->counters().forwarded_packets; }

  World& world() { return world_; }

 private:
  std::string random_endpoint() {  // few of them, so that clients take over each other's
    return "198.51.100." + std::to_string(1 + world_.random.below(6)) + ":" +
           std::to_string(1000 + world_.random.below(3));
  }
  Member& any() { return members_[world_.random.below(members_.size())]; }
  Member& mate(const Member& member) {  // of the same group as a rule, maybe itself
    Member& other = any();
    return other.group == member.group ? other : any();
  }
  std::uint32_t index() { return static_cast<std::uint32_t>(world_.random.below(12)); }

  void one_step() {
    Member& member = any();
    switch (world_.random.below(9)) {
      case 0:
        return bind(member);
      case 1:
        member.player.endpoint = *Endpoint::parse(random_endpoint());
        return;
      case 2:
        return packet(member, initiation(index(), any().player.mac1_key));
      case 3:
      case 4:
        return packet(member, response(index(), index(), any().player.mac1_key));
      case 5:
        return packet(member, cookie(index()));
      case 6:
        return packet(member, data(index(), 32 + 16 * world_.random.below(80)));
      case 7:
        return handshake(member);
      default: {
        Bytes garbage(world_.random.below(200));
        world_.random.fill(garbage);
        if (!garbage.empty() && world_.random.below(2) == 0) garbage[0] = garbage[0] % 5;
        return packet(member, garbage);
      }
    }
  }

  void bind(Member& member) {
    member.player.bind->set_token(world_.now, world_.token_for(member.player, member.group,
                                                               world_.unix_now() + kTokenLifetime));
    stun::Datagrams out;
    member.player.bind->start(world_.now, out);
    world_.exchange(member.player, out);
    if (member.player.bind->bound()) {
      at_[member.player.endpoint] = &member;
      member.bound_at = world_.now;
    }
  }

  void handshake(Member& a) {
    Member& b = mate(a);
    std::uint32_t a_index = index();
    std::uint32_t b_index = index();
    packet(a, initiation(a_index, b.player.mac1_key));
    packet(b, response(b_index, a_index, a.player.mac1_key));
    packet(a, data(b_index));
    packet(b, data(a_index));
  }

  void packet(Member& member, const Bytes& bytes) {
    const Endpoint from = member.player.endpoint;
    Verdict verdict = world_.send(from, bytes);
    if (verdict.kind == Verdict::Kind::reply) {
      EXPECT_EQ(verdict.to, from);
      EXPECT_LE(verdict.reply.size(), bytes.size());
    }
    if (verdict.kind != Verdict::Kind::forward) return;
    EXPECT_NE(verdict.to, from);
    auto source = at_.find(from);
    auto target = at_.find(verdict.to);
    ASSERT_NE(source, at_.end()) << "forwarded for a source that never bound";
    ASSERT_NE(target, at_.end()) << "forwarded to an address that never bound";
    EXPECT_EQ(source->second->group, target->second->group);
    EXPECT_LE(world_.now - *target->second->bound_at, std::chrono::minutes(6));
  }

  World world_;
  std::vector<Member> members_;
  std::map<Endpoint, Member*> at_;  // who proved last that he receives there
};

}  // namespace lanrage::relay
