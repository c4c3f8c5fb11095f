// A server process that is killed at any moment: a child works with the real store, reports each
// acknowledgement through a pipe, and dies by SIGKILL; then the parent looks at what is there.
#include <cstdio>
#include <map>
#include <set>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/random.hpp"
#include "unit/store/sqlite_fixture.hpp"

namespace lanrage::store::test {

namespace {

constexpr int kRounds = 30;
constexpr std::uint8_t kParties = 12;
constexpr std::uint8_t kMostPeers = 20;

// An event's body says what it did, so that the peers' table can be held against the journal.
enum class Deed : std::uint8_t { join, leave, update };
constexpr const char* kNames[] = {"join", "leave", "update"};

struct Report {
  std::uint8_t party = 0;  // 0: a token
  std::uint64_t seq = 0;   // or the token's number
};

SqliteOptions options_for(const std::string& file) {
  SqliteOptions options;
  options.path = file;
  options.wal = {20, 60, 20, 120};  // kills hit checkpoints and fresh starts of the log too
  return options;
}

TokenRow numbered_token(std::uint64_t number) {
  TokenRow row = make_token(1, 5000);
  std::copy_n(reinterpret_cast<const std::uint8_t*>(&number), 8, row.token_hash.begin());
  std::copy_n(reinterpret_cast<const std::uint8_t*>(&number), 8, row.nonce_hash.begin());
  return row;
}
std::uint64_t number_of(const TokenRow& row) {
  std::uint64_t number = 0;
  std::copy_n(row.token_hash.begin(), 8, reinterpret_cast<std::uint8_t*>(&number));
  return number;
}

// deed | number | last byte of the address | length and text of the nick
Bytes body_of(Deed deed, const PeerRow& peer) {
  Bytes body{static_cast<std::uint8_t>(deed), peer.id.bytes[0],
             static_cast<std::uint8_t>(peer.vip.v4_value()),
             static_cast<std::uint8_t>(peer.nick.size())};
  body.insert(body.end(), peer.nick.begin(), peer.nick.end());
  return body;
}

// The part of a server: every party has one change under way at a time, tokens go in between.
class Child {
 public:
  Child(const std::string& file, int pipe, std::uint64_t seed) : pipe_(pipe), random_(seed) {
    auto opened = open_sqlite_store(options_for(file), loop_.executor());
    if (!opened) stop("open", opened.error());
    store_ = std::move(*opened);
    const auto stored = store_->parties();
    if (!stored) stop("read", stored.error());
    for (const auto& party : *stored)
      for (const auto& peer : party.peers)
        members_[party.row.id.bytes[0]].emplace(peer.id.bytes[0], peer);
    for (const auto& party : *stored)
      seqs_[party.row.id.bytes[0]] = party.seq;
    next_token_ = store_->tokens()->size() + 1'000'000 * (seed + 1);
  }

  [[noreturn]] void run() {
    for (std::uint8_t party = 1; party <= kParties; ++party)
      change(party);
    for (int i = 0; i < 4; ++i)
      add_token();
    for (;;)
      loop_.run_one();
  }

 private:
  [[noreturn]] static void stop(const char* what, const Error& error) {
    std::fprintf(stderr, "child: %s: %s\n", what, error.message().c_str());
    ::_exit(1);
  }
  void report(const Report& report) {
    if (::write(pipe_, &report, sizeof report) != sizeof report) ::_exit(1);
  }

  void change(std::uint8_t party) {
    auto& members = members_[party];
    const std::uint64_t seq = seqs_[party];
    Append append = make_append(party, seq, 0);
    const auto number = static_cast<std::uint8_t>(1 + random_.below(kMostPeers));
    const auto found = members.find(number);
    Deed deed = Deed::join;
    PeerRow peer = make_peer(number);
    if (found == members.end()) {
      peer.vip = lowest_free(members);
      members.emplace(number, peer);
      append.changed = {peer};
    } else if (random_.below(2) == 0) {
      deed = Deed::leave;
      members.erase(found);
      append.gone = {peer.id};
    } else {
      deed = Deed::update;
      found->second.nick = "at " + std::to_string(seq + 1);
      append.changed = {found->second};
      peer = found->second;
    }
    append.events = {{seq + 1, kNames[static_cast<int>(deed)], body_of(deed, peer), at(1)}};
    seqs_[party] = seq + 1;
    store_->append(append, [this, party, seq](Result<void> stored) {
      if (!stored) stop("append", stored.error());
      report({party, seq + 1});
      if ((seq + 1) % 64 == 0) put_snapshot(party, seq + 1);
      change(party);
    });
  }

  // Its body: the members' numbers, addresses and nicks, as the test's own replay would have them.
  void put_snapshot(std::uint8_t party, std::uint64_t seq) {
    Bytes body;
    for (const auto& [number, peer] : members_[party]) {
      const Bytes one = body_of(Deed::join, peer);
      body.insert(body.end(), one.begin(), one.end());
    }
    store_->put_snapshot(make_id<PartyId>(party), seq, body, seq, [](Result<void> stored) {
      if (!stored) stop("snapshot", stored.error());
    });
  }

  void add_token() {
    const std::uint64_t number = next_token_++;
    store_->add_token(numbered_token(number), [this, number](Result<void> stored) {
      if (!stored) stop("token", stored.error());
      report({0, number});
      add_token();
    });
  }

  static IpAddress lowest_free(const std::map<std::uint8_t, PeerRow>& members) {
    std::set<std::uint32_t> used;
    for (const auto& [number, peer] : members)
      used.insert(peer.vip.v4_value());
    std::uint32_t address = 0x0a420001u;
    while (used.contains(address))
      ++address;
    return IpAddress::v4(address);
  }

  const int pipe_;
  SeededRandom random_;
  Loop loop_;
  std::unique_ptr<Store> store_;
  std::map<std::uint8_t, std::map<std::uint8_t, PeerRow>> members_;
  std::map<std::uint8_t, std::uint64_t> seqs_;
  std::uint64_t next_token_ = 0;
};

// Members by number: address and nick.
using Members = std::map<std::uint8_t, std::pair<std::uint32_t, std::string>>;

void replay(Members& members, ByteView body) {
  ByteReader in(body);
  while (in.remaining() > 0) {
    const auto deed = static_cast<Deed>(in.u8());
    const std::uint8_t number = in.u8();
    const std::uint32_t address = 0x0a420000u + in.u8();
    const std::string nick(as_text(in.take(in.u8())));
    ASSERT_TRUE(in.ok());
    if (deed == Deed::leave)
      ASSERT_EQ(members.erase(number), 1u);
    else if (deed == Deed::join)
      ASSERT_TRUE(members.emplace(number, std::pair(address, nick)).second);
    else
      members.at(number) = {address, nick};
  }
}

void check_party(const StoredParty& party, std::uint64_t acknowledged) {
  const std::uint8_t number = party.row.id.bytes[0];
  SCOPED_TRACE("party " + std::to_string(number));
  EXPECT_GE(party.seq, acknowledged);
  EXPECT_LE(party.seq, acknowledged + 1) << "only one change was under way";
  Members members;
  std::uint64_t seq = 0;
  if (party.snapshot) {
    ASSERT_NO_FATAL_FAILURE(replay(members, party.snapshot->body));
    seq = party.snapshot->seq;
  }
  for (const auto& event : party.events) {
    ASSERT_EQ(event.seq, ++seq) << "a gap, or one twice";
    ASSERT_NO_FATAL_FAILURE(replay(members, event.body));
  }
  EXPECT_EQ(seq, party.seq);
  Members rows;
  std::set<std::uint32_t> addresses;
  for (const auto& peer : party.peers) {
    rows.emplace(peer.id.bytes[0], std::pair(peer.vip.v4_value(), peer.nick));
    EXPECT_TRUE(addresses.insert(peer.vip.v4_value()).second) << "an address twice";
  }
  EXPECT_EQ(rows, members);
}

class CrashTest : public SqliteStoreTest {
 protected:
  // Lets a child work until it acknowledged `count` writes, and kills it.
  void run_child(std::uint64_t seed, std::uint64_t count) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::close(ends[0]);
      Child(folder_.file(), ends[1], seed).run();
    }
    ::close(ends[1]);
    while (count > 0 && take_report(ends[0]))
      --count;
    ::kill(child, SIGKILL);
    while (take_report(ends[0])) {
    }
    ::close(ends[0]);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child failed by itself";
  }

  bool take_report(int pipe) {
    Report report;
    if (::read(pipe, &report, sizeof report) != sizeof report) return false;
    if (report.party == 0)
      tokens_.insert(report.seq);
    else
      seqs_[report.party] = report.seq;
    return true;
  }

  void check() {
    const auto store = open_sqlite_store(options_for(folder_.file()), loop_.executor());
    ASSERT_TRUE(store) << store.error().message();
    const auto parties = (*store)->parties();
    ASSERT_TRUE(parties) << parties.error().message();
    std::map<std::uint8_t, std::uint64_t> found;
    for (const auto& party : *parties) {
      const std::uint8_t number = party.row.id.bytes[0];
      ASSERT_NO_FATAL_FAILURE(check_party(party, seqs_[number]));
      found[number] = party.seq;
    }
    for (const auto& [number, seq] : seqs_)
      EXPECT_GE(found[number], seq) << "party " << int{number};
    seqs_ = found;
    std::set<std::uint64_t> tokens;
    for (const auto& row : *(*store)->tokens())
      tokens.insert(number_of(row));
    EXPECT_TRUE(std::ranges::includes(tokens, tokens_)) << "an acknowledged token is gone";
    tokens_ = tokens;
  }

  std::map<std::uint8_t, std::uint64_t> seqs_;  // acknowledged, or found after the last kill
  std::set<std::uint64_t> tokens_;
};

}  // namespace

TEST_F(CrashTest, NothingAcknowledgedIsMissingAfterAKill) {
  const std::uint64_t seed = static_cast<std::uint64_t>(::getpid());
  SCOPED_TRACE("seed " + std::to_string(seed));
  SeededRandom random(seed);
  for (int round = 0; round < kRounds; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    // Where in a transaction or a checkpoint the kill hits is up to the scheduler.
    ASSERT_NO_FATAL_FAILURE(run_child(seed + static_cast<std::uint64_t>(round), random.below(400)));
    ASSERT_NO_FATAL_FAILURE(check());
    if (HasFailure()) return;
  }
  const auto report = check_sqlite_store(folder_.file());
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->problems.empty()) << report->problems.front();
  EXPECT_GT(report->tokens, 100u);
  EXPECT_GT(report->snapshots, 0u) << "no round got as far as a snapshot";
}

}  // namespace lanrage::store::test
