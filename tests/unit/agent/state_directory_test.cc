#include "agent/state_directory.hpp"

#include <cstdlib>
#include <fstream>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/device_keys.hpp"

namespace lanrage::agent {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::IsEmpty;

class StateDirectoryTest : public testing::Test {
 protected:
  StateDirectoryTest() {
    std::string name = (fs::temp_directory_path() / "lanrage-state-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    above_ = name;
  }
  ~StateDirectoryTest() override { fs::remove_all(above_); }

  fs::path state() const { return above_ / "state"; }
  fs::path file(const std::string& name, mode_t mode) const {
    const auto path = state() / name;
    std::ofstream(path) << "x";
    EXPECT_EQ(::chmod(path.c_str(), mode), 0);
    return path;
  }
  static mode_t mode_of(const fs::path& path) {
    struct stat status{};
    return ::stat(path.c_str(), &status) == 0 ? status.st_mode & 07777 : 0;
  }
  // What it refuses for; the log's lines are in `said`.
  Result<void> open() {
    char* text = nullptr;
    std::size_t size = 0;
    std::FILE* stream = ::open_memstream(&text, &size);
    io::Log log(stream);
    auto opened = open_state_directory(state(), log);
    std::fclose(stream);
    said.assign(text, size);
    std::free(text);  // NOLINT(cppcoreguidelines-no-malloc): open_memstream's
    return opened;
  }

  std::string said;

 private:
  fs::path above_;
};

TEST_F(StateDirectoryTest, IsMadeForRootAlone) {
  ASSERT_TRUE(open());
  EXPECT_EQ(mode_of(state()), 0700u);
  EXPECT_THAT(said, IsEmpty());
}

TEST_F(StateDirectoryTest, KeysThatOthersCouldReadAreClosedToThem) {
  fs::create_directory(state());
  fs::permissions(state(), fs::perms(0755));
  const auto keys = file("identity.json", 0644);
  const auto aside = file("state.json.damaged.1", 0640);
  fs::create_directories(state() / "local-server");
  const auto database = file("local-server/server.db", 0644);
  const auto notes = file("README", 0644);
  ASSERT_TRUE(open());
  for (const auto& path : {keys, aside, database})
    EXPECT_EQ(mode_of(path), 0600u) << path;
  EXPECT_EQ(mode_of(notes), 0644u);
  EXPECT_THAT(said, HasSubstr("state_was_open"));
  EXPECT_THAT(said, HasSubstr(keys.string()));
  EXPECT_THAT(said, HasSubstr("may know what is in it"));
  ASSERT_TRUE(open());
  EXPECT_THAT(said, IsEmpty());
}

TEST_F(StateDirectoryTest, AFolderThatOthersMayWriteToIsRefused) {
  fs::create_directory(state());
  fs::permissions(state(), fs::perms(0777));
  const auto opened = open();
  ASSERT_FALSE(opened);
  EXPECT_TRUE(opened.error().is(StateErrc::unsafe));
  EXPECT_THAT(opened.error().message(), HasSubstr("chmod go-w"));
}

TEST_F(StateDirectoryTest, SoAreAnotherUsersFolderAndFiles) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  fs::create_directory(state());
  const auto keys = file("identity.json", 0600);
  ASSERT_EQ(::chown(keys.c_str(), 65534, 65534), 0);
  auto opened = open();
  ASSERT_FALSE(opened);
  EXPECT_TRUE(opened.error().is(StateErrc::unsafe));
  EXPECT_THAT(opened.error().message(), HasSubstr(keys.string() + " belongs to another user"));
  fs::remove(keys);
  ASSERT_EQ(::chown(state().c_str(), 65534, 65534), 0);
  opened = open();
  ASSERT_FALSE(opened);
  EXPECT_TRUE(opened.error().is(StateErrc::unsafe));
}

}  // namespace
}  // namespace lanrage::agent
