#include "party/address_pool.hpp"

#include "fixture.hpp"

namespace lanrage::party {
namespace {

PeerId peer(std::uint8_t number) {
  PeerId id;
  id.bytes[0] = number;
  return id;
}

IpAddress ip(std::string_view text) {
  return *IpAddress::parse(text);
}

TEST(AddressPool, SuggestsTheLowestFree) {
  AddressPool pool(*Prefix::parse("10.66.0.0/16"));
  EXPECT_EQ(pool.lowest(), ip("10.66.0.1"));
  EXPECT_EQ(pool.capacity(), 65'534u);
  pool.bind(peer(1), ip("10.66.0.1"));
  pool.bind(peer(2), ip("10.66.0.3"));
  EXPECT_EQ(pool.suggest(peer(3)).value(), ip("10.66.0.2"));
  pool.bind(peer(3), ip("10.66.0.2"));
  EXPECT_EQ(pool.suggest(peer(4)).value(), ip("10.66.0.4"));
}

TEST(AddressPool, ReservesNetworkAndBroadcast) {
  const AddressPool pool(*Prefix::parse("192.168.7.8/29"));
  EXPECT_EQ(pool.capacity(), 6u);
  for (const char* text :
       {"192.168.7.8", "192.168.7.15", "192.168.7.7", "192.168.7.16", "0.0.0.0", "2001:db8::1"})
    EXPECT_EQ(code_of(pool.check(peer(1), ip(text))), "invalid_vip") << text;
  for (const char* text : {"192.168.7.9", "192.168.7.14"})
    EXPECT_EQ(code_of(pool.check(peer(1), ip(text))), "ok") << text;
}

TEST(AddressPool, AnAddressStaysWithItsIdentity) {
  AddressPool pool(*Prefix::parse("10.66.0.0/16"));
  pool.bind(peer(1), ip("10.66.0.1"));
  EXPECT_EQ(code_of(pool.check(peer(2), ip("10.66.0.1"))), "vip_taken");
  EXPECT_EQ(code_of(pool.check(peer(1), ip("10.66.0.2"))), "vip_bound");
  pool.mark_left(peer(1));
  EXPECT_EQ(code_of(pool.check(peer(2), ip("10.66.0.1"))), "vip_taken");
  EXPECT_EQ(pool.suggest(peer(1)).value(), ip("10.66.0.1"));
  EXPECT_EQ(pool.suggest(peer(2)).value(), ip("10.66.0.2"));
}

TEST(AddressPool, OnlyAFullPoolGivesAwayALeaversAddress) {
  AddressPool pool(*Prefix::parse("10.0.0.0/29"));
  for (std::uint8_t i = 1; i <= 6; ++i)
    pool.bind(peer(i), pool.suggest(peer(i)).value());
  EXPECT_EQ(code_of(pool.suggest(peer(7))), "no_vip_free");
  pool.mark_left(peer(4));
  pool.mark_left(peer(3));
  pool.mark_present(peer(3));
  EXPECT_EQ(pool.suggest(peer(7)).value(), ip("10.0.0.4"));
  EXPECT_EQ(code_of(pool.check(peer(7), ip("10.0.0.3"))), "vip_taken");
  EXPECT_EQ(code_of(pool.check(peer(7), ip("10.0.0.4"))), "ok");
  pool.bind(peer(7), ip("10.0.0.4"));
  EXPECT_EQ(pool.of(peer(4)), std::nullopt);
  EXPECT_EQ(code_of(pool.suggest(peer(4))), "no_vip_free");
}

}  // namespace
}  // namespace lanrage::party
