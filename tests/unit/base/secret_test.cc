#include "base/secret.hpp"

#include <gtest/gtest.h>
#include <new>
#include <ostream>
#include <string>
#include <string_view>

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

static_assert(!Printable<SecretText>);
static_assert(!std::is_convertible_v<SecretText, std::string>);
static_assert(!std::is_convertible_v<SecretText, std::string_view>);

TEST(SecretText, ComparesByContent) {
  const SecretText key("0123456789abcdef");
  EXPECT_TRUE(key == SecretText("0123456789abcdef"));
  EXPECT_FALSE(key == SecretText("0123456789abcdeg"));
  EXPECT_FALSE(key == SecretText("1123456789abcdef"));
  EXPECT_FALSE(key == SecretText("0123456789abcde"));
  EXPECT_FALSE(key == SecretText());
  EXPECT_TRUE(SecretText().empty());
  EXPECT_EQ(key.expose(), "0123456789abcdef");
  SecretText copy;
  copy = key;
  EXPECT_TRUE(copy == key);
}

// Short enough to stand inside the object, so that its bytes can be seen afterwards.
TEST(SecretText, IsWipedWhenItGoes) {
  alignas(SecretText) std::array<char, sizeof(SecretText)> storage{};
  const auto holds = [&] {
    const volatile char* bytes = storage.data();
    for (std::size_t i = 0; i + 4 <= storage.size(); ++i)
      if (bytes[i] == 'K' && bytes[i + 1] == 'e' && bytes[i + 2] == 'y' && bytes[i + 3] == '!')
        return true;
    return false;
  };
  auto* secret = new (storage.data()) SecretText("Key!");
  EXPECT_TRUE(holds());
  *secret = SecretText("x");
  EXPECT_FALSE(holds());
  *secret = SecretText("Key!");
  secret->~SecretText();
  EXPECT_FALSE(holds());
}

}  // namespace
}  // namespace lanrage
