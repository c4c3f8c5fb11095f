#include "io/private_files.hpp"

#include <fstream>
#include <gmock/gmock.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit/io/loopback.hpp"

namespace lanrage::io {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;

class PrivateFilesTest : public testing::Test {
 protected:
  PrivateFilesTest() { set_mode(directory.path(), 0755); }

  fs::path file(const std::string& name, mode_t mode) const {
    const auto path = directory.path() / name;
    std::ofstream(path) << "x";
    set_mode(path, mode);
    return path;
  }
  static void set_mode(const fs::path& path, mode_t mode) {
    ASSERT_EQ(::chmod(path.c_str(), mode), 0);
  }
  static mode_t mode_of(const fs::path& path) {
    struct stat status{};
    return ::lstat(path.c_str(), &status) == 0 ? status.st_mode & 07777 : 0;
  }
  PrivateFiles look() const {
    return make_files_private(directory.path(),
                              [](std::string_view name) { return name.starts_with("key"); })
        .value();
  }

  TemporaryDirectory directory;
};

TEST_F(PrivateFilesTest, ClosesThoseThatOthersCouldUse) {
  const auto world = file("key", 0644);
  const auto group = file("key.old", 0660);
  const auto good = file("key.new", 0600);
  const auto other = file("notes", 0644);
  const auto found = look();
  EXPECT_THAT(found.exposed, testing::UnorderedElementsAre(world, group));
  EXPECT_THAT(found.foreign, IsEmpty());
  EXPECT_FALSE(found.others_may_write);
  for (const auto& path : {world, group, good})
    EXPECT_EQ(mode_of(path), 0600u) << path;
  EXPECT_EQ(mode_of(other), 0644u);
  EXPECT_EQ(mode_of(directory.path()), 0755u);
  EXPECT_THAT(look().exposed, IsEmpty());
}

TEST_F(PrivateFilesTest, AClosedFolderExposesNothing) {
  const auto key = file("key", 0644);
  set_mode(directory.path(), 0700);
  EXPECT_THAT(look().exposed, IsEmpty());
  EXPECT_EQ(mode_of(key), 0600u);
}

TEST_F(PrivateFilesTest, FollowsNoLinks) {
  const auto target = file("notes", 0644);
  fs::create_symlink(target, directory.path() / "key");
  EXPECT_THAT(look().exposed, IsEmpty());
  EXPECT_EQ(mode_of(target), 0644u);
}

TEST_F(PrivateFilesTest, TellsWhoElseMayPutSomethingThere) {
  set_mode(directory.path(), 0775);
  EXPECT_TRUE(look().others_may_write);
  set_mode(directory.path(), 0757);
  EXPECT_TRUE(look().others_may_write);
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  const auto key = file("key", 0644);
  ASSERT_EQ(::chown(key.c_str(), 65534, 65534), 0);
  EXPECT_THAT(look().foreign, ElementsAre(key));
  EXPECT_EQ(mode_of(key), 0644u);
  ASSERT_EQ(::chown(directory.path().c_str(), 65534, 65534), 0);
  EXPECT_THAT(look().foreign, ElementsAre(directory.path(), key));
}

TEST_F(PrivateFilesTest, SaysWhatItCantLookAt) {
  const auto missing = directory.path() / "missing";
  const auto found = make_files_private(missing, [](std::string_view) { return true; });
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().path, missing);
  EXPECT_EQ(found.error().error, ENOENT);
}

}  // namespace
}  // namespace lanrage::io
