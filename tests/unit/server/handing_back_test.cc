// A server restored from a backup, and members who hand back what it has forgotten.
#include "store/sqlite/database.hpp"
#include "unit/server/fixture.hpp"

namespace lanrage::server::test {
namespace {

namespace fs = std::filesystem;

class HandingBack : public ServerFixture {
 protected:
  HandingBack() {
    start();
    for (auto* device : {&host, &guest, &third, &fourth}) {
      device->emplace(*this);
      (*device)->enroll();
    }
    EXPECT_EQ(host->create().status, 200);
    EXPECT_EQ(guest->join(*host).status, 200);
    back_up();
  }
  fs::path backup() const { return folder().path() / "backup"; }
  void back_up() {
    kill();
    fs::create_directory(backup());
    for (const auto& file : fs::directory_iterator(folder().path()))
      if (file.is_regular_file()) fs::copy(file.path(), backup() / file.path().filename());
    // As store::Store::backup() does it, by a clock that moves by itself.
    auto copy = store::Database::open(backup() / "server.db", "");
    ASSERT_TRUE(copy);
    const auto now = static_cast<std::uint64_t>(clock.unix_time().time_since_epoch().count());
    ASSERT_TRUE((*copy)
                    ->prepare("UPDATE settings SET value = ? WHERE name = ?")
                    .bind(ByteWriter().u64(now).bytes())
                    .bind(store::kBackedUpAt)
                    .run());
    copy->reset();
    start();
  }
  void restore_backup() {
    forgotten = log_of_server();
    kill();
    for (const auto& file : fs::directory_iterator(folder().path()))
      if (file.is_regular_file()) fs::remove(file.path());
    for (const auto& file : fs::directory_iterator(backup()))
      fs::copy(file.path(), folder().path() / file.path().filename());
    start();
  }

  protocol::GetPartyAnswer shown(Device& device) {
    return device.get(host->party_path()).as<protocol::GetPartyAnswer>();
  }
  std::vector<Bytes> log_of_server() { return shown(*host).party.log; }
  party::Ledger ledger_of(const std::vector<Bytes>& log) const {
    return *party::Ledger::replay(*host->party, log);
  }
  // What the server lacks of `whole`, as a member that has all of it sends it.
  protocol::HandBackRequest missing(const std::vector<Bytes>& whole, const std::string& id) {
    const auto known = log_of_server();
    return {id,
            known.size(),
            ledger_of(known).head(),
            {whole.begin() + static_cast<std::ptrdiff_t>(known.size()), whole.end()},
            {}};
  }
  Answer hand_back(Device& device, const protocol::HandBackRequest& request) {
    return device.post(host->party_path() + "/log", request);
  }
  void rename(Device& device, const std::string& nick) {
    const auto ledger = ledger_of(log_of_server());
    const auto vip = ledger.member(device.id())->vip;
    protocol::UpdatePeerRequest request;
    request.request_id = "rename-" + nick;
    request.statement = *party::build_statement(ledger, device.keys.identity, nick, vip);
    ASSERT_EQ(device.call(io::Method::patch, device.peer_path(), protocol::to_json(request)).status,
              200);
  }

  std::optional<Device> host, guest, third, fourth;
  std::vector<Bytes> forgotten;  // and what was before it
};

TEST_F(HandingBack, ARestoredServerHasItAllAgain) {
  ASSERT_EQ(third->join(*host).status, 200);
  rename(*third, "tertius");
  ASSERT_EQ(fourth->join(*host).status, 200);
  ASSERT_EQ(fourth->leave().status, 200);
  rename(*guest, "secundus");
  const auto before = shown(*host);
  restore_backup();
  ASSERT_LT(log_of_server().size(), forgotten.size());
  EXPECT_EQ(third->get(host->party_path()).code, "unknown_party");
  EXPECT_EQ(hand_back(*third, missing(forgotten, "t")).code, "unknown_party");
  guest->subscribe();

  const auto request = missing(forgotten, "h");
  const auto taken = hand_back(*host, request).as<protocol::SeqAnswer>();
  EXPECT_EQ(taken.seq, before.seq);
  EXPECT_EQ(hand_back(*guest, request).as<protocol::SeqAnswer>().seq, before.seq)
      << "another member, at the same time";
  EXPECT_EQ(log_of_server(), forgotten);
  EXPECT_EQ(shown(*host).party.digest, before.party.digest);
  EXPECT_EQ(guest->next<ws::PeerJoined>().peer.peer_id, third->id());
  EXPECT_EQ(guest->next<ws::PeerUpdated>().nick, "tertius");
  EXPECT_EQ(guest->next<ws::PeerLeft>().peer_id, fourth->id());

  // The newcomer is served again; and all of it is on disk.
  EXPECT_EQ(shown(*third).party.peers.size(), 3u);
  restart();
  EXPECT_EQ(log_of_server(), forgotten);
  const auto peer = third->get(third->peer_path()).as<protocol::Peer>();
  EXPECT_EQ(peer.nick, "tertius");
}

TEST_F(HandingBack, WhoJoinedByAnInviteThatHasEndedSinceIsTakenBackPieceByPiece) {
  ASSERT_EQ(third->join(*host).status, 200);
  rename(*third, "tertius");
  ASSERT_EQ(fourth->join(*host).status, 200);
  restore_backup();
  clock.advance(party::kDefaultInviteLifetime + std::chrono::hours(1));
  host->enroll();
  auto whole = missing(forgotten, "whole");
  auto piece = whole;
  piece.request_id = "piece";
  piece.records.resize(3);
  EXPECT_EQ(hand_back(*host, piece).status, 200);
  restart();
  EXPECT_EQ(hand_back(*host, whole).status, 200);
  EXPECT_EQ(log_of_server(), forgotten);
}

TEST_F(HandingBack, AnotherHistoryIsRefusedAndStays) {
  ASSERT_EQ(third->join(*host).status, 200);
  restore_backup();
  const auto ours = missing(forgotten, "ours");
  ASSERT_EQ(fourth->join(*host).status, 200);
  const auto theirs = log_of_server();
  const auto refused = hand_back(*host, ours);
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(refused.code, "split_history");
  EXPECT_EQ(log_of_server(), theirs);
}

TEST_F(HandingBack, AForgedRecordIsRefusedAndSoIsAllBeforeIt) {
  ASSERT_EQ(third->join(*host).status, 200);
  rename(*guest, "secundus");
  restore_backup();
  auto request = missing(forgotten, "f");
  request.records.back().back() ^= 1;
  EXPECT_EQ(hand_back(*host, request).code, "record_refused");
  EXPECT_LT(log_of_server().size(), forgotten.size());
  EXPECT_EQ(third->get(host->party_path()).code, "unknown_party");
}

TEST_F(HandingBack, OfAPartyThatIsYoungerThanTheBackupNothingIsTaken) {
  ASSERT_EQ(third->create("young").status, 200);
  const auto young = third->party_path();
  const auto log = third->get(young).as<protocol::GetPartyAnswer>().party.log;
  restore_backup();
  const protocol::HandBackRequest request{"y", 0, party::first_head(*third->party), log, {}};
  EXPECT_EQ(third->post(young + "/log", request).code, "unknown_party");
}

}  // namespace
}  // namespace lanrage::server::test
