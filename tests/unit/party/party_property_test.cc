// Random sequences of commands, good and bad, from printed seeds; what must hold after each step.
#include "base/encoding.hpp"
#include "party/snapshot.hpp"
#include "party_equal.hpp"

namespace lanrage::party {
namespace {

class Play {
 public:
  explicit Play(std::uint64_t seed, PartyOptions options) : world_(seed, std::move(options)) {
    world_.limits.peers = 6;
    world_.limits.open_invites = 4;
    invites_.push_back(world_.invite());
    for (int i = 0; i < 10; ++i)
      devices_.push_back(make_device(world_.random));
    devices_.push_back(world_.host);
  }

  void step() {
    const auto command = random_command();
    const auto before = digest(world_.ledger(), world_.party.seq);
    const auto events = world_.journal.size();
    const auto outcome = world_.run(command);
    if (!outcome) {
      ++refused_[std::string(outcome.error().code())];
      ASSERT_EQ(digest(world_.ledger(), world_.party.seq), before);
    } else {
      ++accepted_;
      check_idempotence(command, *outcome);
      const auto key = rotations_.find(world_.ledger().roster_hash());
      if (key != rotations_.end()) world_.key = key->second;
    }
    for (auto i = events; i < world_.journal.size(); ++i) {
      ++happened_[world_.journal[i].type];
      if (reloaded_) ASSERT_TRUE(evolve(*reloaded_, world_.journal[i], world_.limits));
    }
    check_invariants();
  }

  // A server that restarts goes on from here, beside the one that doesn't.
  void reload() {
    const auto bytes = encode_party(world_.party);
    auto decoded = decode_party(bytes, world_.made.id, world_.limits);
    ASSERT_TRUE(decoded.has_value()) << decoded.error().message();
    expect_equal(*decoded, world_.party);
    EXPECT_EQ(encode_party(*decoded), bytes);
    reloaded_ = std::move(*decoded);
  }
  void check_reloaded() const {
    ASSERT_TRUE(reloaded_.has_value());
    expect_equal(*reloaded_, world_.party);
    for (const auto& device : devices_) {
      const auto peer = device.peer_id();
      const auto vip = world_.ledger().suggest_vip(peer);
      const auto again = reloaded_->ledger.suggest_vip(peer);
      EXPECT_EQ(code_of(again), code_of(vip));
      if (vip && again) EXPECT_EQ(*again, *vip);
      EXPECT_EQ(reloaded_->ledger.next_statement_version(peer),
                world_.ledger().next_statement_version(peer));
    }
    // What was asked before gets the same answer from both, refusals included.
    for (const auto& command : past_) {
      const auto a = apply(world_.party, command, world_.now, world_.limits);
      const auto b = apply(*reloaded_, command, world_.now, world_.limits);
      ASSERT_EQ(code_of(a), code_of(b));
      if (a) ASSERT_EQ(a->events, b->events);
    }
  }

  void check_replay() const {
    Party again(world_.made.id);
    for (const auto& event : world_.journal) {
      auto stored = decode_event(encode_event(event));
      ASSERT_TRUE(stored.has_value());
      ASSERT_TRUE(evolve(again, *stored, world_.limits));
    }
    const auto expected = digest(world_.ledger(), world_.party.seq);
    EXPECT_EQ(digest(again.ledger, again.seq), expected);
    EXPECT_EQ(again.peers, world_.party.peers);
    EXPECT_EQ(again.boxes, world_.party.boxes);
    EXPECT_EQ(again.closed, world_.party.closed);
    EXPECT_EQ(again.journal, world_.party.journal);
    EXPECT_EQ(again.barred, world_.party.barred);
    // An agent has the records only, and checks every signature.
    const auto agent = Ledger::replay(world_.made.id, world_.party.log);
    ASSERT_TRUE(agent.has_value()) << agent.error().message();
    EXPECT_EQ(digest(*agent, world_.party.seq), expected);
  }

  bool has_reloaded() const { return reloaded_.has_value(); }
  bool over() const { return world_.party.closed.has_value(); }
  std::size_t accepted() const { return accepted_; }
  const std::map<std::string, int>& refused() const { return refused_; }
  const std::map<EventType, int>& happened() const { return happened_; }

 private:
  std::size_t pick(std::size_t bound) { return world_.random.below(bound); }
  bool chance(std::size_t percent) { return pick(100) < percent; }

  Command random_command() {
    world_.now += std::chrono::seconds(pick(1'800));
    if (chance(1)) return {{}, "", Bar{devices_[pick(devices_.size())].peer_id()}};
    if (!past_.empty() && chance(5)) {  // somebody's retry, or an id used again for something else
      auto command = past_[pick(past_.size())];
      if (chance(50)) command.action = past_[pick(past_.size())].action;
      return command;
    }
    const auto& device = devices_[pick(devices_.size())];
    const auto& actor = chance(5) ? devices_[pick(devices_.size())] : device;
    past_.push_back(world_.command(actor, random_action(device)));
    return past_.back();
  }

  Action random_action(const DeviceKeys& device) {
    const auto& ledger = world_.ledger();
    const auto own = ledger.suggest_vip(device.peer_id());
    const auto vip = !own || chance(10)
                         ? IpAddress::v4(0x0a000000u + static_cast<std::uint32_t>(pick(10)))
                         : *own;
    auto statement = build_statement(ledger, device.identity, "n" + std::to_string(pick(5)), vip);
    switch (pick(12)) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4:
        return Join{
            build_admission(ledger, invites_[pick(invites_.size())], device), *statement, {}};
      case 5:
      case 6:
        return Depart{build_leave(ledger, device.identity)};
      case 7:
        return Update{*statement, {}};
      case 8:
        return Update{std::nullopt, {chance(50) ? "open" : "symmetric", {}}};
      case 9:
        if (const auto rotation = random_rotation(); rotation) {
          rotations_.emplace(record_hash(rotation->roster), rotation->key);
          auto boxes = rotation->boxes;
          if (chance(10) && !boxes.empty()) boxes.pop_back();
          return Rotate{rotation->roster, std::move(boxes)};
        }
        break;
      case 10: {
        CharterChange change;
        const auto members = random_members(3);
        if (chance(50)) change.deputies = members;
        if (chance(50)) change.host = devices_[pick(devices_.size())].peer_id();
        if (const auto charter = build_charter(ledger, signer(90), change))
          return ChangeCharter{*charter};
        break;
      }
      default:
        break;
    }
    auto made = world_.new_invite({static_cast<std::uint16_t>(1 + pick(3)), 6h}).value();
    invites_.push_back(invite_keys(made.secret, world_.made.id));
    return AddInvite{made.record, made.box};
  }

  const crypto::SigningKey& signer(std::size_t percent_root) {
    return chance(percent_root) ? world_.made.root : devices_[pick(devices_.size())].identity;
  }
  std::set<PeerId> random_members(std::size_t most) {
    std::set<PeerId> out;
    for (auto left = pick(most); left > 0; --left)
      if (const auto peer = devices_[pick(devices_.size())].peer_id();
          world_.ledger().member(peer) != nullptr)
        out.insert(peer);
    return out;
  }
  // By anybody, as if the builder would let it pass: what is wrong with it, apply() must find.
  Result<Rotation> random_rotation() {
    const RotationOptions options{random_members(3), {}};
    if (chance(60))
      return build_rotation(world_.random, world_.ledger(), signer(70), options, world_.now);
    auto made =
        build_rotation(world_.random, world_.ledger(), world_.made.root, options, world_.now);
    if (!made) return made;
    auto body = read_record<Roster>(made->roster).value();
    const auto& key = signer(50);
    body.signer = key.public_key();
    if (chance(20) && !body.invites.empty()) ++body.invites[0].uses;
    if (chance(20)) body.members[0].vip = IpAddress::v4(1);
    if (chance(20))
      for (const auto& [id, invite] : world_.ledger().invites())
        if (body.invites.empty() || body.invites[0].invite_key != invite.terms.invite_key) {
          body.invites.push_back(invite.terms);
          body.invites.back().used = static_cast<std::uint16_t>(invite.used());
        }
    made->roster = sign_record(body, world_.made.id, {&key});
    return made;
  }

  void check_idempotence(const Command& command, const Outcome& outcome) {
    if (outcome.events.empty() || std::holds_alternative<Bar>(command.action)) return;
    const auto seq = world_.party.seq;
    const auto again = world_.run(command);
    ASSERT_TRUE(again.has_value());
    EXPECT_TRUE(again->repeated);
    EXPECT_TRUE(again->events.empty());
    EXPECT_EQ(world_.party.seq, seq);
    auto other = command;
    other.action = Close{};
    EXPECT_EQ(code_of(world_.run(other)), "request_id_reused");
  }

  void check_invariants() {
    const auto& ledger = world_.ledger();
    for (std::size_t i = 0; i < world_.journal.size(); ++i)
      ASSERT_EQ(world_.journal[i].seq, i + 1);
    ASSERT_EQ(world_.party.seq, world_.journal.size());
    ASSERT_EQ(world_.party.log.size(), ledger.length());
    ASSERT_LE(ledger.members().size(), world_.limits.peers);
    ASSERT_EQ(ledger.members().size(), world_.party.peers.size());

    std::set<IpAddress> vips;
    std::set<ExchangeKey> keys;
    for (const auto& [id, member] : ledger.members()) {
      ASSERT_TRUE(world_.party.peers.contains(id));
      ASSERT_TRUE(vips.insert(member.vip).second) << "two peers have " << member.vip.to_string();
      ASSERT_TRUE(ledger.charter().prefix.contains(member.vip));
      ASSERT_TRUE(keys.insert(member.wireguard).second && keys.insert(member.box).second);
    }
    for (const auto& [id, invite] : ledger.invites())
      ASSERT_LE(invite.used(), invite.terms.uses);
    // One box a member or invite at most: nothing of an older epoch is left.
    for (const auto& [recipient, box] : world_.party.boxes) {
      const auto same_member = [&](const auto& m) { return m.second.box == recipient; };
      const auto same_invite = [&](const auto& i) {
        return i.second.terms.invite_box == recipient;
      };
      ASSERT_TRUE(std::ranges::any_of(ledger.members(), same_member) ||
                  std::ranges::any_of(ledger.invites(), same_invite));
    }
    if (world_.party.seq > 0)
      ASSERT_EQ(world_.party.entry(world_.party.seq)->digest, digest(ledger, world_.party.seq));
  }

  World world_;
  std::vector<DeviceKeys> devices_;
  std::vector<InviteKeys> invites_;
  std::vector<Command> past_;
  std::size_t accepted_ = 0;
  std::map<std::string, int> refused_;
  std::map<EventType, int> happened_;
  std::optional<Party> reloaded_;
  std::map<Hash, PartyKey> rotations_;  // by roster, accepted or not
};

TEST(PartyProperties, HoldOverRandomCommands) {
  std::size_t accepted = 0;
  std::map<std::string, int> refused;
  std::map<EventType, int> happened;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    auto options = World::default_options();
    // Every other party is so small that addresses run out.
    options.prefix = *Prefix::parse(seed % 2 == 0 ? "10.0.0.0/29" : "10.0.0.0/24");
    if (seed % 5 == 0) options.host_leaves = HostLeaves::closes_party;
    Play play(seed, options);
    const auto reload_at = static_cast<int>(seed * 3);
    for (int i = 0; i < 150 && !play.over(); ++i) {
      if (i == reload_at) play.reload();
      play.step();
      if (testing::Test::HasFailure()) return;
    }
    play.check_replay();
    if (!play.has_reloaded()) play.reload();
    play.check_reloaded();
    for (const auto& [type, count] : play.happened())
      happened[type] += count;
    accepted += play.accepted();
    for (const auto& [code, count] : play.refused())
      refused[code] += count;
  }
  // The sequences reach what they are meant to reach.
  EXPECT_GT(accepted, 500u);
  for (const char* code : {"already_member", "not_member", "invite_used_up", "invite_expired",
                           "vip_bound", "vip_taken", "invalid_vip", "wrong_actor", "party_full",
                           "request_id_reused", "too_many_invites", "wrong_signer", "stale_epoch",
                           "missing_box", "invalid_roster", "invalid_invite", "barred"})
    EXPECT_GT(refused[code], 0) << code;
  for (const auto type : {EventType::key_rotated, EventType::charter_changed,
                          EventType::peer_barred, EventType::party_closed})
    EXPECT_GT(happened[type], 5) << name_of(type);
}

}  // namespace
}  // namespace lanrage::party
