// Holds docs/protocol/cryptography.md against what the code makes. tests/vectors/check_vectors.py
// makes the same once more, without this code.
#include <fstream>
#include <gtest/gtest.h>
#include <map>

#include "unit/vectors/example.hpp"

namespace lanrage::vectors {
namespace {

TEST(Vectors, AreAsTheDocumentSays) {
  std::map<std::string, std::string> written;
  std::ifstream document(LANRAGE_CRYPTOGRAPHY_MD);
  for (std::string line; std::getline(document, line);)
    if (const auto equals = line.find(" = "); equals != std::string::npos)
      written[line.substr(0, equals)] = line.substr(equals + 3);

  Values values;
  add_proofs(values);
  add_signals(values);
  add_relay(values);
  add_machine(values);
  std::string all;
  for (const auto& [name, value] : values)
    all += name + " = " + value + "\n";
  for (const auto& [name, value] : values)
    ASSERT_EQ(written[name], value) << name << "\nAll of them:\n" << all;
  EXPECT_EQ(written.size(), values.size());
}

}  // namespace
}  // namespace lanrage::vectors
