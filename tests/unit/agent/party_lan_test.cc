#include "agent/party_lan.hpp"

#include <boost/asio/io_context.hpp>
#include <cstdio>
#include <gmock/gmock.h>

#include "lan_fixture.hpp"

namespace lanrage::agent::test {
namespace {

using testing::HasSubstr;
using testing::Not;

class PartyLanTest : public LanTest {
 protected:
  Result<std::shared_ptr<PartyLan>> open_party(bool segment, const std::string& wireguard = "wg0") {
    return b_.inside([&] {
      return PartyLan::open(
          io_,
          {.party = some_party(),
           .prefix = segment_b_.prefix,
           .self = member(2),
           .wireguard = wireguard,
           .segment = segment,
           .interface_name = "lan7",
           .copy_discovery = false},
          [](const Error&) {}, log_);
    });
  }

  boost::asio::io_context io_;
  io::Log log_{stderr, io::LogLevel::error};
};

TEST_F(PartyLanTest, LeavesAPartyToAnotherAgent) {
  lan_b_ = open(b_, options(segment_b_));
  for (const bool segment : {true, false}) {
    const auto second = open_party(segment);
    ASSERT_FALSE(second);
    EXPECT_TRUE(second.error().is(LanErrc::interface_taken)) << second.error().message();
    EXPECT_THAT(output(b_, {"ip", "addr", "show", "dev", "wg0"}), Not(HasSubstr("10.66.0.2")));
  }
}

TEST_F(PartyLanTest, SaysThatThisMachineIsOpenWhereThereIsNoFilter) {
  const auto guarded = open_party(false);
  ASSERT_TRUE(guarded) << guarded.error().message();
  EXPECT_THAT((*guarded)->note().value(), Not(HasSubstr("every service")));
  (*guarded)->close();
  // A name that nftables' language can't say.
  const std::string odd = "wg\"0";
  lab::must_run({"ip", "link", "add", odd, "type", "veth", "peer", "name", "other"},
                {.netns_fd = b_.fd()});
  const auto open = open_party(false, odd);
  ASSERT_TRUE(open) << open.error().message();
  EXPECT_FALSE((*open)->is_guarded());
  EXPECT_THAT((*open)->note().value(),
              HasSubstr("the party reaches every service of this machine"));
  (*open)->close();
}

}  // namespace
}  // namespace lanrage::agent::test
