#include "server/confinement.hpp"

#include <filesystem>
#include <fstream>
#include <gmock/gmock.h>
#include <unistd.h>

#include "support/in_child.hpp"

namespace lanrage::server {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

class ConfinementTest : public testing::Test {
 protected:
  ConfinementTest() {
    std::string pattern = (fs::temp_directory_path() / "lanrage-server-XXXXXX").string();
    config_.data_dir = ::mkdtemp(pattern.data());
    config_.role = {"control"};
  }
  ~ConfinementTest() override { fs::remove_all(config_.data_dir); }

  std::string shut_in_a_child() const {
    return in_child([&] {
      std::FILE* null = std::fopen("/dev/null", "w");
      io::Log log(null);
      const auto shut = shut_in(config_, config_.data_dir + "/settings.toml", log);
      return shut ? std::string("in") : shut.error().message();
    });
  }

  Config config_;
};

TEST_F(ConfinementTest, NamesTheFileThatBelongsToSomebodyElse) {
  if (::geteuid() != 0) GTEST_SKIP() << "others have nothing to give up";
  const fs::path data(config_.data_dir);
  config_.tls_cert = data / "certificate";
  config_.tls_key = data / "key";
  config_.audit_log = data / "audit";
  for (const auto* name :
       {"certificate", "key", "audit", "server.db", "server.db-wal", "settings.toml"}) {
    const auto file = data / name;
    std::ofstream(file) << "x";
    fs::permissions(file, fs::perms(0600));
    EXPECT_EQ(shut_in_a_child(), "in");
    ASSERT_EQ(::chown(file.c_str(), 65534, 65534), 0);
    EXPECT_THAT(shut_in_a_child(), HasSubstr(file.string() + " (of user 65534) can't be ")) << name;
    fs::remove(file);
  }
}

}  // namespace
}  // namespace lanrage::server
