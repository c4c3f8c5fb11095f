// Two parties compared in everything that callers can see of them.
#pragma once

#include "fixture.hpp"

namespace lanrage::party {

inline void expect_equal(const Ledger& a, const Ledger& b) {
  EXPECT_EQ(a.party_id(), b.party_id());
  EXPECT_EQ(a.charter(), b.charter());
  EXPECT_EQ(a.charter_hash(), b.charter_hash());
  EXPECT_EQ(a.roster(), b.roster());
  EXPECT_EQ(a.roster_hash(), b.roster_hash());
  EXPECT_EQ(a.length(), b.length());
  EXPECT_EQ(a.head(), b.head());
  EXPECT_EQ(a.closed(), b.closed());
  EXPECT_EQ(a.members(), b.members());
  EXPECT_EQ(a.invites(), b.invites());
}

inline void expect_equal(const Party& a, const Party& b) {
  expect_equal(a.ledger, b.ledger);
  EXPECT_EQ(a.seq, b.seq);
  EXPECT_EQ(a.created_at, b.created_at);
  EXPECT_EQ(a.closed, b.closed);
  EXPECT_EQ(a.log, b.log);
  EXPECT_EQ(a.log_bytes, b.log_bytes);
  EXPECT_EQ(a.peers, b.peers);
  EXPECT_EQ(a.boxes, b.boxes);
  EXPECT_EQ(a.barred, b.barred);
  EXPECT_EQ(a.journal, b.journal);
  EXPECT_EQ(a.digest(), b.digest());
  using Answer = std::tuple<Request, std::uint64_t, UnixTime>;
  const auto answers = [](const Party& party) {
    std::vector<Answer> out;
    party.requests.for_each([&](const Request& request, std::uint64_t seq, UnixTime at) {
      out.emplace_back(request, seq, at);
    });
    return out;
  };
  EXPECT_EQ(answers(a), answers(b));
}

}  // namespace lanrage::party
