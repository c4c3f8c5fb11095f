// main() of every lab test program: says plainly when the lab can't run here.
#include <cstdlib>
#include <exception>
#include <gtest/gtest.h>
#include <iostream>
#include <string_view>

#include "support/namespace.hpp"

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  const char* mode = std::getenv("LANRAGE_LAB");
  if (mode != nullptr && std::string_view(mode) == "skip") {
    std::cout << "skipped: LANRAGE_LAB=skip\n";
    return 0;
  }
  try {
    lanrage::lab::require_lab();
  } catch (const std::exception& error) {
    std::cerr << error.what() << '\n';
    return 1;
  }
  return RUN_ALL_TESTS();
}
