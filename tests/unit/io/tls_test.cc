#include "io/tls.hpp"

#include <fstream>
#include <gmock/gmock.h>
#include <iterator>
#include <sys/stat.h>

#include "unit/io/loopback.hpp"

namespace lanrage::io {
namespace {

using testing::HasSubstr;

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

TEST(TlsTest, MakesAPairOnceAndKeepsItsPin) {
  TemporaryDirectory directory;
  auto first = TlsContext::load_or_generate(directory.path());
  ASSERT_TRUE(first) << first.error().message();
  EXPECT_TRUE((*first)->self_signed());
  for (auto name : {"server.crt", "server.key"}) {
    struct stat status{};
    ASSERT_EQ(::stat((directory.path() / name).c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600u) << name;
  }
  auto second = TlsContext::load_or_generate(directory.path());
  ASSERT_TRUE(second);
  EXPECT_EQ((*first)->pin(), (*second)->pin());
  EXPECT_EQ(parse_pin(to_text((*first)->pin())), (*first)->pin());
  EXPECT_FALSE(parse_pin("abc"));
  TemporaryDirectory other;
  EXPECT_NE(TlsContext::load_or_generate(other.path()).value()->pin(), (*first)->pin());
}

TEST(TlsTest, KeepsThePinOfAKeyWithoutItsCertificate) {
  TemporaryDirectory directory;
  auto first = TlsContext::load_or_generate(directory.path()).value();
  auto key = read_file(directory.path() / "server.key");
  std::filesystem::remove(directory.path() / "server.crt");
  auto renewed = TlsContext::load_or_generate(directory.path());
  ASSERT_TRUE(renewed) << renewed.error().message();
  EXPECT_EQ((*renewed)->pin(), first->pin());
  EXPECT_EQ(read_file(directory.path() / "server.key"), key);
}

TEST(TlsTest, NeverReplacesWhatItCannotUse) {
  TemporaryDirectory directory;
  ASSERT_TRUE(TlsContext::load_or_generate(directory.path()));
  auto certificate = read_file(directory.path() / "server.crt");
  std::filesystem::remove(directory.path() / "server.key");
  auto lost = TlsContext::load_or_generate(directory.path());
  ASSERT_FALSE(lost);
  EXPECT_THAT(lost.error().message(), HasSubstr("server.key"));
  EXPECT_EQ(read_file(directory.path() / "server.crt"), certificate);
  EXPECT_FALSE(std::filesystem::exists(directory.path() / "server.key"));

  std::ofstream(directory.path() / "server.key") << "garbage";
  auto broken = TlsContext::load_or_generate(directory.path());
  ASSERT_FALSE(broken);
  EXPECT_TRUE(broken.error().is(TlsErrc::cannot_read_certificate));
  EXPECT_EQ(read_file(directory.path() / "server.key"), "garbage");

  TemporaryDirectory other;
  ASSERT_TRUE(TlsContext::load_or_generate(other.path()));
  auto mixed = TlsContext::load(directory.path() / "server.crt", other.path() / "server.key");
  ASSERT_FALSE(mixed);
  EXPECT_TRUE(mixed.error().is(TlsErrc::certificate_key_mismatch)) << mixed.error().message();
}

TEST(TlsTest, SaysWhereItCannotWrite) {
  auto nowhere = TlsContext::load_or_generate("/nonexistent/lanrage");
  ASSERT_FALSE(nowhere);
  EXPECT_TRUE(nowhere.error().is(TlsErrc::cannot_write_certificate));
  EXPECT_THAT(nowhere.error().message(), HasSubstr("/nonexistent/lanrage"));
}

}  // namespace
}  // namespace lanrage::io
