#include "base/secret.hpp"

#include <gtest/gtest.h>
#include <new>
#include <ostream>

namespace lanrage {
namespace {

template <class T>
concept Printable = requires(std::ostream& out, const T& value) { out << value; };
static_assert(!Printable<Secret<32>>);
static_assert(!std::is_convertible_v<Secret<32>, ByteArray<32>>);
static_assert(!std::is_convertible_v<Secret<32>, ByteView>);

TEST(Secret, ComparesByContent) {
  ByteArray<32> bytes{};
  const Secret<32> zero;
  EXPECT_TRUE(zero == Secret<32>(bytes));
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    auto other = bytes;
    other[i] = 0x80;
    EXPECT_FALSE(zero == Secret<32>(other)) << i;
  }
}

TEST(Secret, IsWipedWhenItGoes) {
  alignas(Secret<16>) std::array<std::uint8_t, sizeof(Secret<16>)> storage{};
  ByteArray<16> bytes;
  bytes.fill(0xa5);
  auto* secret = new (storage.data()) Secret<16>(bytes);
  EXPECT_EQ(storage[0], 0xa5);
  secret->~Secret();
  // volatile: the object's lifetime is over, the bytes in `storage` are still ours to see.
  const volatile std::uint8_t* left = storage.data();
  for (std::size_t i = 0; i < storage.size(); ++i)
    EXPECT_EQ(left[i], 0) << i;
}

}  // namespace
}  // namespace lanrage
