#include "lan/access.hpp"

#include <gmock/gmock.h>

namespace lanrage::lan {
namespace {

using enum Transport;
using testing::HasSubstr;

bool lets_in(const Access& access, const PortRange& range) {
  return access.ports().within(range) == PortSet{range};
}

TEST(Access, IsForGamesByDefault) {
  const Access access;
  for (const PortRange open : {PortRange{udp, 27015, 27030},
                               {tcp, 1024, 1024},
                               {udp, 65535, 65535},
                               {tcp, 25565, 25565},
                               {udp, 32768, 60999}})
    EXPECT_TRUE(lets_in(access, open)) << open.to_string();
  for (const PortRange shut : {PortRange{tcp, 1, 1023},
                               {udp, 1, 1023},
                               {tcp, 3306, 3306},
                               {tcp, 5900, 5909},
                               {udp, 5353, 5353},
                               {tcp, 9100, 9100}})
    EXPECT_TRUE(access.ports().within(shut).empty()) << shut.to_string();
}

TEST(Access, OpensAndClosesWhatItsPlayerSays) {
  Access access;
  ASSERT_TRUE(access.open({tcp, 22, 22}));
  ASSERT_TRUE(access.open({tcp, 22, 22})) << "said again";
  EXPECT_TRUE(lets_in(access, {tcp, 22, 22}));
  EXPECT_FALSE(lets_in(access, {udp, 22, 22}));
  EXPECT_TRUE(lets_in(access, {udp, 27015, 27015})) << "games as before";
  ASSERT_TRUE(access.open({tcp, 3300, 3310}));
  ASSERT_TRUE(access.close({tcp, 3306, 3306}));
  EXPECT_FALSE(lets_in(access, {tcp, 3306, 3306}));
  ASSERT_TRUE(access.close({tcp, 22, 22}));
  ASSERT_TRUE(access.close({tcp, 22, 22})) << "is closed, as wished";
  ASSERT_TRUE(access.open({udp, 27015, 27030})) << "is open, as wished";
  EXPECT_EQ(access.opened, (PortSet{{tcp, 3300, 3305}, {tcp, 3307, 3310}}));
}

TEST(Access, ClosesNothingThatIsOpenByDefault) {
  Access access;
  const auto closed = access.close({udp, 27015, 27015});
  ASSERT_FALSE(closed);
  EXPECT_TRUE(closed.error().is(AccessErrc::open_by_default));
  EXPECT_THAT(closed.error().message(), HasSubstr("27015/udp is open to every party"));
  EXPECT_FALSE(access.close({tcp, 1000, 1100}));
  ASSERT_TRUE(access.open({tcp, 1000, 1100}));
  EXPECT_TRUE(access.close({tcp, 1000, 1100})) << "what was opened of it";
  EXPECT_EQ(access, Access{});
}

TEST(Access, ClosesNothingSinglyWhileAllIsOpen) {
  Access access{.all = true, .opened = {{tcp, 22, 22}}};
  const auto before = access;
  const auto closed = access.close({tcp, 22, 22});
  ASSERT_FALSE(closed);
  EXPECT_TRUE(closed.error().is(AccessErrc::all_open));
  EXPECT_THAT(closed.error().message(), HasSubstr("`lanrage close all`"));
  EXPECT_EQ(access, before);
  EXPECT_TRUE(access.open({tcp, 23, 23}));
}

TEST(Access, IsOfALimitedNumberOfRanges) {
  Access access;
  for (std::uint16_t i = 0; i < kMostOpened; ++i)
    ASSERT_TRUE(access.open(
        {tcp, static_cast<std::uint16_t>(2 * i + 1), static_cast<std::uint16_t>(2 * i + 1)}));
  const auto before = access;
  const auto opened = access.open({tcp, 1000, 1000});
  ASSERT_FALSE(opened);
  EXPECT_TRUE(opened.error().is(AccessErrc::too_many));
  EXPECT_THAT(opened.error().message(), HasSubstr("a party may have 64"));
  EXPECT_EQ(access, before);
  EXPECT_TRUE(access.open({tcp, 2, 2})) << "side by side with others it is one range less";
  EXPECT_TRUE(access.open({tcp, 1000, 1002}));
  EXPECT_FALSE(access.close({tcp, 1001, 1001})) << "that would be two of one";
  EXPECT_TRUE(access.close({tcp, 1002, 1002}));
}

}  // namespace
}  // namespace lanrage::lan
