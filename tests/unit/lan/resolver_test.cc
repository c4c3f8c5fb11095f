#include "lan/resolver.hpp"

#include <gtest/gtest.h>

namespace lanrage::lan {
namespace {

TEST(AsksResolved, ByTheNameServiceSwitch) {
  EXPECT_TRUE(
      asks_resolved("passwd: files\nhosts:\tfiles mymachines resolve [!UNAVAIL=return] dns\n",
                    "nameserver 192.168.1.1\n"));
  EXPECT_FALSE(asks_resolved("hosts: files dns # resolve\n", ""));
  EXPECT_FALSE(asks_resolved("passwd: resolve\nhosts: files dns\n", ""));
}

TEST(AsksResolved, ByItsAddress) {
  EXPECT_TRUE(asks_resolved("hosts: files dns\n", "# stub\nnameserver 127.0.0.53\nsearch lan\n"));
  EXPECT_TRUE(asks_resolved("", "nameserver 127.0.0.54"));
  EXPECT_FALSE(asks_resolved("", "nameserver 192.168.1.1\nnameserver 127.0.0.53\n"));
  EXPECT_FALSE(asks_resolved("", ";nameserver 127.0.0.53\nnameserver\n"));
}

TEST(HasSocket, FindsAPathThatIsBound) {
  constexpr std::string_view kText =
      "Num       RefCount Protocol Flags    Type St Inode Path\n"
      "0000000000000000: 00000002 00000000 00010000 0001 01 12345 /run/a.sock\n"
      "0000000000000000: 00000003 00000000 00000000 0001 03 12346\n";
  EXPECT_TRUE(has_socket(kText, "/run/a.sock"));
  EXPECT_FALSE(has_socket(kText, "/run/a"));
  EXPECT_FALSE(has_socket("", "/run/a.sock"));
}

}  // namespace
}  // namespace lanrage::lan
