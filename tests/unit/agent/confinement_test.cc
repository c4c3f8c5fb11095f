#include "agent/confinement.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <unistd.h>

namespace lanrage::agent {
namespace {

namespace fs = std::filesystem;

class ConfinementTest : public testing::Test {
 protected:
  ConfinementTest() {
    std::string pattern = (fs::temp_directory_path() / "lanrage-confined-XXXXXX").string();
    own_ = ::mkdtemp(pattern.data());
  }
  ~ConfinementTest() override { fs::remove_all(own_); }

  Result<io::Sandbox> with_socket_in(const fs::path& folder) const {
    return confinement(own_ / "state", folder, Backend::kernel);
  }
  fs::path own_;
};

TEST_F(ConfinementTest, TheSocketsFolderIsWritable) {
  const auto sandbox = with_socket_in(own_);
  ASSERT_TRUE(sandbox) << sandbox.error().message();
  EXPECT_EQ(sandbox->files.writable, (std::vector<fs::path>{own_ / "state", own_, "/dev/null"}));
}

TEST_F(ConfinementTest, SoAreFoldersMadeForIt) {
  for (const fs::path folder :
       {"/run/lanrage", "/var/lib/lanrage", "/home/ann/lanrage/.run", "/opt/lanrage"})
    EXPECT_TRUE(with_socket_in(folder)) << folder;
}

TEST_F(ConfinementTest, ButNotOneThatOtherProgramsUse) {
  const auto link = own_ / "link";
  fs::create_directory_symlink("/run", link);
  const auto open = own_ / "open";
  fs::create_directory(open);
  fs::permissions(open, fs::perms(01777));
  for (const auto& folder :
       {fs::path("/run"), fs::path("/"), fs::path("/tmp"), link, open, fs::path("/var/lib"),
        fs::path("/home/ann"), fs::path("/usr/bin"), fs::path("/usr/local/lib/lanrage"),
        fs::path("/etc/lanrage"), fs::path("/bin")}) {
    const auto sandbox = with_socket_in(folder);
    ASSERT_FALSE(sandbox) << folder;
    EXPECT_TRUE(sandbox.error().is(io::SandboxErrc::files));
    EXPECT_NE(sandbox.error().message().find("--socket /run/lanrage/agent.sock"),
              std::string::npos);
  }
}

}  // namespace
}  // namespace lanrage::agent
