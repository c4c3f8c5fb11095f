#include "base/result.hpp"

#include <gtest/gtest.h>

namespace lanrage {
namespace {

enum class Fruit { apple, pear };
constexpr std::string_view name_of(Fruit fruit) {
  return fruit == Fruit::apple ? "bad_apple" : "bad_pear";
}
enum class Metal { iron, lead };
constexpr std::string_view name_of(Metal metal) {
  return metal == Metal::iron ? "bad_iron" : "bad_lead";
}

Result<int> half(int value) {
  if (value % 2 != 0) return fail(Fruit::pear, "odd; give an even number", "value");
  return value / 2;
}

TEST(Error, TellsWhatWhereAndWhatToDo) {
  const auto result = half(3);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code(), "bad_pear");
  EXPECT_EQ(result.error().message(), "odd; give an even number");
  EXPECT_EQ(result.error().field(), "value");
  EXPECT_EQ(half(4).value_or(0), 2);
}

TEST(Error, EqualNumbersOfOtherEnumsAreOtherErrors) {
  const Error error(Fruit::pear, "");
  EXPECT_TRUE(error.is(Fruit::pear));
  EXPECT_FALSE(error.is(Fruit::apple));
  EXPECT_FALSE(error.is(Metal::lead));
  EXPECT_EQ(Error(Metal::lead, "").code(), "bad_lead");
}

}  // namespace
}  // namespace lanrage
