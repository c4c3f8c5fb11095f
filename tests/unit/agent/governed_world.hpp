// The party's real rules in place of a server, and members who know of the party what they heard.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>

#include "agent/clock.hpp"
#include "agent/governance.hpp"
#include "protocol/problem.hpp"
#include "unit/party/fixture.hpp"

namespace lanrage::agent::test {

namespace ws = protocol::ws;

// What a server answers when `actor` asks. `before` runs ahead of each command: whatever it does to
// the party has been faster.
class RuleBook final : public ControlPlane {
 public:
  RuleBook(party::World& world, const party::DeviceKeys& actor) : world_(world), actor_(actor) {}

  std::function<void()> before = [] {};
  std::optional<Error> failure;  // instead of an answer
  std::chrono::hours ahead{0};   // its clock
  int commands = 0;
  int fetches = 0;

  Answer<protocol::SeqAnswer> rotate(PartyId, protocol::RotateRequest request) override {
    co_return seq_of(run(request.request_id, party::Rotate{request.roster, boxes(request.boxes)}));
  }
  Answer<protocol::SeqAnswer> change_charter(PartyId,
                                             protocol::ChangeCharterRequest request) override {
    co_return seq_of(run(request.request_id, party::ChangeCharter{request.charter}));
  }
  Answer<protocol::AddInviteAnswer> add_invite(PartyId,
                                               protocol::AddInviteRequest request) override {
    const auto terms = party::read_record<party::Invite>(request.record).value().terms;
    auto done =
        run(request.request_id, party::AddInvite{request.record, {terms.invite_box, request.box}});
    if (!done) co_return std::unexpected(done.error());
    co_return protocol::AddInviteAnswer{party::invite_id(terms.invite_key), done->seq};
  }
  Answer<protocol::SeqAnswer> hand_back(PartyId, protocol::HandBackRequest request) override {
    co_return seq_of(
        run(request.request_id,
            party::HandBack{request.after, request.head, request.records, boxes(request.boxes)}));
  }
  Answer<protocol::GetPartyAnswer> party(PartyId id) override {
    ++fetches;
    protocol::GetPartyAnswer answer;
    answer.party.id = id;
    answer.party.log = world_.party.log;
    answer.party.seq = answer.seq = world_.party.seq;
    if (const auto* box = world_.party.box_for(actor_.box.public_key())) answer.box = *box;
    co_return answer;
  }

  Answer<protocol::InfoAnswer> info() override { return nothing<protocol::InfoAnswer>(); }
  Answer<void> meet() override { co_return Result<void>{}; }
  Answer<protocol::PartyAnswer> create_party(protocol::CreatePartyRequest) override {
    return nothing<protocol::PartyAnswer>();
  }
  Answer<protocol::OpenInviteAnswer> open_invite(PartyId, crypto::SigningKey) override {
    return nothing<protocol::OpenInviteAnswer>();
  }
  Answer<protocol::PartyAnswer> join(PartyId, protocol::JoinRequest) override {
    return nothing<protocol::PartyAnswer>();
  }
  Answer<protocol::SeqAnswer> leave(PartyId, protocol::LeaveRequest) override {
    return nothing<protocol::SeqAnswer>();
  }
  Answer<protocol::SeqAnswer> update(PartyId, protocol::UpdatePeerRequest) override {
    return nothing<protocol::SeqAnswer>();
  }
  Answer<protocol::RelayGrant> relay_grant(PartyId, protocol::RelayTokenRequest) override {
    return nothing<protocol::RelayGrant>();
  }
  void open_link(Listener) override {}
  void open_link_ahead() override {}
  void subscribe(PartyId, std::string, std::uint64_t) override {}
  bool request_snapshot(PartyId) override { return false; }
  bool send(const ws::ClientMessage&) override { return false; }
  void on_network_change() override {}
  void close() override {}
  LinkState link_state() const override { return LinkState::connected; }
  UnixTime server_time() const override { return unix_now() + ahead; }

 private:
  template <class T>
  Answer<T> nothing() {
    throw std::logic_error("who governs doesn't ask this");
  }
  static std::vector<party::SealedBox> boxes(const std::vector<protocol::SealedBox>& boxes) {
    std::vector<party::SealedBox> out;
    for (const auto& box : boxes)
      out.push_back({box.recipient, box.box});
    return out;
  }
  static Result<protocol::SeqAnswer> seq_of(const Result<party::Outcome>& done) {
    if (!done) return std::unexpected(done.error());
    return protocol::SeqAnswer{done->seq};
  }
  // With errors as they look after their way over the network.
  Result<party::Outcome> run(const std::string& request_id, party::Action action) {
    before();
    ++commands;
    if (failure) return std::unexpected(*failure);
    auto done = world_.run({actor_.peer_id(), request_id, std::move(action)});
    if (!done) return std::unexpected(protocol::error_of(protocol::problem_of(done.error())));
    return done;
  }

  party::World& world_;
  const party::DeviceKeys& actor_;
};

// A member who hears only what it is told: not of changes that others make.
class MemberView final : public GovernedParty {
 public:
  trust::Overruled lost;

  MemberView(party::World& world, const party::DeviceKeys& device, bool has_root)
      : device_{device.identity, device.box},
        ledger_(world.ledger()),
        key_(world.key),
        seq_(world.party.seq),
        world_(world),
        rules_(std::make_shared<RuleBook>(world, device)) {
    if (has_root) root_ = world.made.root;
  }

  RuleBook& rules() { return *rules_; }
  // A member told it, and the server doesn't know.
  void hear_from_member(const Bytes& record) {
    EXPECT_EQ(party::code_of(ledger_.append(record)), "ok");
  }

  const party::Ledger& ledger() const override { return ledger_; }
  const party::PartyKey& party_key() const override { return key_; }
  const DeviceKeys& device() const override { return device_; }
  const crypto::SigningKey* root_key() const override {
    return root_ && ledger_.host_id() == device_.peer_id() ? &*root_ : nullptr;
  }
  Handing handing = Handing::taken;  // whenever the root key is handed to somebody
  std::vector<PeerId> handed_to;
  boost::asio::awaitable<Handing> hand_root_key(PeerId to) override {
    handed_to.push_back(to);
    co_return handing;
  }
  boost::asio::awaitable<bool> root_key_forgotten() override { co_return root_key() == nullptr; }
  trust::Overruled overruled() const override { return lost; }
  std::shared_ptr<ControlPlane> control() const override { return rules_; }
  void hear(const ws::ServerMessage& message) override {
    if (const auto* update = std::get_if<ws::PartyUpdate>(&message)) {
      seq_ = update->party.seq;
      if (update->party.log.size() < ledger_.length()) return;  // the server lacks some
      ledger_ = party::Ledger::replay(ledger_.party_id(), update->party.log).value();
      take_key(update->box);
    } else if (const auto* rotated = std::get_if<ws::KeyRotated>(&message)) {
      take(rotated->seq, rotated->records);
      take_key(rotated->box);
    } else if (const auto* charter = std::get_if<ws::CharterChanged>(&message)) {
      take(charter->seq, charter->records);
    } else if (const auto* host = std::get_if<ws::HostChanged>(&message)) {
      take(host->seq, host->records);
    } else if (const auto* invite = std::get_if<ws::InviteAdded>(&message)) {
      take(invite->seq, invite->records);
    }
  }

 private:
  void take(std::uint64_t seq, const std::vector<Bytes>& records) {
    if (seq != seq_ + 1) return;
    seq_ = seq;
    // A roster on the server's log outranks what other members told.
    if (ledger_.length() + records.size() > world_.ledger().length()) {
      ledger_ = world_.ledger();
      return;
    }
    for (const auto& record : records)
      EXPECT_EQ(party::code_of(ledger_.append(record)), "ok");
  }
  void take_key(const std::optional<Bytes>& box) {
    if (key_.epoch() == ledger_.key_epoch() || !box) return;
    key_ = party::recover_party_key(ledger_, device_.box, *box).value();
  }

  DeviceKeys device_;
  std::optional<crypto::SigningKey> root_;
  party::Ledger ledger_;
  party::PartyKey key_;
  std::uint64_t seq_;
  party::World& world_;
  std::shared_ptr<RuleBook> rules_;
};

// Ann hosts, Bob is her deputy, Cleo and Dan are members; each joined by an invite of its own.
class GovernedWorld : public ::testing::Test {
 protected:
  GovernedWorld() {
    world.now = unix_now();
    for (auto* device : {&bob, &cleo, &dan})
      admit(*device, nick_of(*device));
    EXPECT_EQ(party::code_of(world.change_charter({{}, {{bob.peer_id()}}})), "ok");
  }

  std::string nick_of(const party::DeviceKeys& device) const {
    return &device == &bob ? "Bob" : &device == &cleo ? "Cleo" : &device == &dan ? "Dan" : "Eve";
  }
  void admit(const party::DeviceKeys& device, const std::string& nick) {
    const auto invite = world.new_invite().value();
    EXPECT_EQ(party::code_of(world.run(
                  world.command(world.host, party::AddInvite{invite.record, invite.box}))),
              "ok");
    const auto keys = party::invite_keys(invite.secret, world.made.id);
    joined_by[device.peer_id()] = keys.id();
    EXPECT_EQ(party::code_of(world.run(world.command(
                  device, party::Join{party::build_admission(world.ledger(), keys, device),
                                      world.statement(device, nick, world.ledger()),
                                      {}}))),
              "ok");
  }
  void rename(const party::DeviceKeys& device, std::string_view nick) {
    const auto vip = world.ledger().member(device.peer_id())->vip;
    EXPECT_EQ(
        party::code_of(world.run(world.command(
            device,
            party::Update{
                party::build_statement(world.ledger(), device.identity, nick, vip).value(), {}}))),
        "ok");
  }

  std::shared_ptr<MemberView> view(const party::DeviceKeys& device) {
    return std::make_shared<MemberView>(world, device, &device == &world.host);
  }
  template <class T>
  T run(boost::asio::awaitable<T> work) {
    boost::asio::io_context io;
    std::optional<T> result;
    auto keep = [&]() -> boost::asio::awaitable<void> { result.emplace(co_await std::move(work)); };
    boost::asio::co_spawn(io, std::move(keep), [](const std::exception_ptr& failure) {
      if (failure) std::rethrow_exception(failure);
    });
    io.run();
    return std::move(*result);
  }
  bool is_member(const party::DeviceKeys& device) const {
    return world.ledger().member(device.peer_id()) != nullptr;
  }

  party::World world;
  party::DeviceKeys bob = party::make_device(world.random);
  party::DeviceKeys cleo = party::make_device(world.random);
  party::DeviceKeys dan = party::make_device(world.random);
  party::DeviceKeys eve = party::make_device(world.random);  // not in yet
  std::map<PeerId, InviteId> joined_by;
};

}  // namespace lanrage::agent::test
