// What holds for every packet whatever the history, tried with random histories from printed seeds:
// forwarded packets go to a bound client of the source's group and nowhere else; an answer goes to
// its source and isn't larger than the question; tables stay within their limits.
#include <gtest/gtest.h>

#include "chaos.hpp"

namespace lanrage::relay {
namespace {

TEST(RelayInvariants, HoldForRandomHistories) {
  std::uint64_t forwarded = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Chaos chaos(seed);
    chaos.run(1500);
    forwarded += chaos.forwarded();
  }
  EXPECT_GT(forwarded, 1500u) << "the histories must exercise forwarding";
}

}  // namespace
}  // namespace lanrage::relay
