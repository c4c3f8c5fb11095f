#include "agent/hosts_file.hpp"

#include <algorithm>
#include <fcntl.h>
#include <fstream>
#include <gmock/gmock.h>
#include <sched.h>
#include <sstream>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lan/hosts_text.hpp"
#include "support/in_child.hpp"
#include "unit/io/loopback.hpp"

namespace lanrage::agent {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

const lan::NameTable kNames{{"anna.lan", IpAddress::v4(0x0a420001)}};
const lan::NameTable kMore{{"anna.lan", IpAddress::v4(0x0a420001)},
                           {"ben.lan", IpAddress::v4(0x0a420002)}};
const std::string kText = "127.0.0.1 localhost\n# mine\n";

std::string contents(const fs::path& path) {
  std::ostringstream out;
  out << std::ifstream(path, std::ios::binary).rdbuf();
  return out.str();
}
void put(const fs::path& path, std::string_view text) {
  std::ofstream(path, std::ios::binary) << text;
}
std::string message(const Result<void>& result) {
  return result ? "done" : result.error().message();
}

class HostsFileTest : public testing::Test {
 protected:
  HostsFileTest() { put(hosts, kText); }
  std::string with(const lan::NameTable& names) {
    return lan::with_hosts_block(kText, "k7", names);
  }
  io::TemporaryDirectory folder;
  fs::path hosts = folder.path() / "hosts";
  fs::path journal = folder.path() / "hosts.journal";
  HostsFile file{hosts, journal};
};

TEST_F(HostsFileTest, NamesComeAndGo) {
  ASSERT_EQ(message(file.set("k7", kNames)), "done");
  EXPECT_EQ(contents(hosts), with(kNames));
  ASSERT_EQ(message(file.set("k7", kMore)), "done");
  EXPECT_EQ(contents(hosts), with(kMore));
  ASSERT_EQ(message(file.set("k7", {})), "done");
  EXPECT_EQ(contents(hosts), kText);
  EXPECT_FALSE(fs::exists(journal));
}

TEST_F(HostsFileTest, TheFileStaysTheOneThatItWas) {
  const auto real = folder.path() / "real";
  fs::rename(hosts, real);
  fs::create_symlink("real", hosts);
  fs::create_hard_link(real, folder.path() / "second");
  fs::permissions(real, fs::perms(0664));
  struct stat before{};
  ::stat(real.c_str(), &before);
  ASSERT_EQ(message(file.set("k7", kNames)), "done");
  EXPECT_TRUE(fs::is_symlink(hosts));
  EXPECT_EQ(contents(folder.path() / "second"), with(kNames));
  struct stat after{};
  ::stat(real.c_str(), &after);
  EXPECT_EQ(before.st_ino, after.st_ino);
  EXPECT_EQ(before.st_mode, after.st_mode);
}

TEST_F(HostsFileTest, AFileMountedByItselfIsChanged) {
  if (::geteuid() != 0) GTEST_SKIP() << "mounting takes root";
  const auto other = folder.path() / "mounted";
  put(other, kText);
  EXPECT_EQ(in_child([&] {
              if (::unshare(CLONE_NEWNS) != 0 ||
                  ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
                  ::mount(other.c_str(), hosts.c_str(), nullptr, MS_BIND, nullptr) != 0)
                return std::string("no mounts");
              auto said = message(file.set("k7", kNames));
              fs::remove(other);  // as an editor does that puts another file there
              return said + ", " + message(file.set("k7", kMore));
            }),
            "done, " + hosts.string() +
                " was replaced by another file, which this service can't see; restart it");
}

TEST_F(HostsFileTest, OthersChangesStay) {
  ASSERT_EQ(message(file.set("k7", kNames)), "done");
  // In place, and as an editor that writes another file.
  std::ofstream(hosts, std::ios::app) << "10.0.0.1 work\n";
  put(folder.path() / "hosts~", "192.168.1.9 nas\n" + contents(hosts));
  fs::rename(folder.path() / "hosts~", hosts);
  ASSERT_EQ(message(file.set("k7", kMore)), "done");
  ASSERT_EQ(message(file.set("k7", {})), "done");
  EXPECT_EQ(contents(hosts), "192.168.1.9 nas\n" + kText + "10.0.0.1 work\n");
}

TEST_F(HostsFileTest, WhatCannotBeChangedStaysAndIsNamed) {
  const auto stays = [&](const std::string& text, const std::string& why) {
    put(hosts, text);
    EXPECT_THAT(message(file.set("k7", kNames)), HasSubstr(why));
    EXPECT_EQ(contents(hosts), text);
  };
  stays(std::string("a\0b\n", 4), hosts.string() + " isn't text");
  stays(std::string(HostsFile::kMostBytes + 1, 'a'), "larger than 32 MiB");
  fs::remove(hosts);
  EXPECT_THAT(message(file.set("k7", kNames)), HasSubstr("No such file"));
  EXPECT_EQ(message(file.set("k7", {})), "done") << "nothing to remove";
  fs::create_directory(hosts);
  EXPECT_THAT(message(file.set("k7", kNames)), HasSubstr("is no regular file"));
  fs::remove(hosts);
  ASSERT_EQ(::mkfifo(hosts.c_str(), 0600), 0);
  EXPECT_THAT(message(file.set("k7", kNames)), HasSubstr("is no regular file"));
}

TEST_F(HostsFileTest, AFileThatCannotBeWrittenStays) {
  if (::geteuid() != 0) GTEST_SKIP() << "a user who may not write takes root";
  ::chmod(folder.path().c_str(), 0777);
  EXPECT_THAT(in_child([&] {
                if (::setuid(65534) != 0) return std::string("no nobody");
                return message(file.set("k7", {})) + ", " + message(file.set("k7", kNames));
              }),
              "done, cannot write " + hosts.string() + ": Permission denied");
  EXPECT_EQ(contents(hosts), kText);
}

TEST_F(HostsFileTest, WithoutItsJournalNothingIsChanged) {
  HostsFile elsewhere(hosts, folder.path() / "absent" / "journal");
  EXPECT_THAT(message(elsewhere.set("k7", kNames)), HasSubstr("safely"));
  EXPECT_EQ(contents(hosts), kText);
}

TEST_F(HostsFileTest, AFullDiskUndoesIt) {
  if (::geteuid() != 0) GTEST_SKIP() << "mounting takes root";
  EXPECT_EQ(in_child([&] {
              const auto disk = folder.path() / "disk";
              fs::create_directory(disk);
              if (::unshare(CLONE_NEWNS) != 0 ||
                  ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
                  ::mount("none", disk.c_str(), "tmpfs", 0, "size=8192") != 0)
                return std::string("no mounts");
              // One page is the file's, the other one full.
              const auto text = std::string(4090, 'a') + "\n";
              put(disk / "hosts", text);
              put(disk / "other", std::string(4096, 'b'));
              HostsFile there(disk / "hosts", journal);
              const auto said = message(there.set("k7", kNames));
              return said.substr(said.find(": ")) +
                     (contents(disk / "hosts") == text ? " and whole" : " and damaged") +
                     (fs::exists(journal) ? " with a journal" : "");
            }),
            ": No space left on device and whole");
}

TEST_F(HostsFileTest, AnotherAgentsChangeIsWaitedFor) {
  const io::UniqueFd theirs(::open(hosts.c_str(), O_RDONLY | O_CLOEXEC));
  ASSERT_EQ(::flock(theirs.get(), LOCK_EX), 0);
  EXPECT_THAT(message(file.set("k7", kNames)), HasSubstr("locked"));
  EXPECT_EQ(contents(hosts), kText);
  ASSERT_EQ(::flock(theirs.get(), LOCK_UN), 0);
  EXPECT_EQ(message(file.set("k7", kNames)), "done");
}

// As it stands in the journal.
std::string encoded(std::size_t offset, const std::string& before, const std::string& after) {
  ByteWriter out;
  out.text("lanrage hosts 1\n").u64(offset);
  out.u64(before.size()).text(before).u64(after.size()).text(after);
  return std::string(as_text(out.bytes()));
}

// Lines of others behind our block are moved by it.
TEST_F(HostsFileTest, ACutChangeIsFinishedByTheNextStart) {
  const std::string tail = "10.0.0.1 work\n10.0.0.2 print\n";
  for (const bool grows : {true, false}) {
    const auto before = with(grows ? kNames : kMore) + tail;
    const auto after = lan::with_hosts_block(before, "k7", grows ? kMore : kNames);
    const auto offset =
        static_cast<std::size_t>(std::ranges::mismatch(before, after).in1 - before.begin());
    const auto old_tail = before.substr(offset);
    const auto new_tail = after.substr(offset);
    for (std::size_t cut = 0; cut <= new_tail.size(); ++cut) {
      put(journal, encoded(offset, old_tail, new_tail));
      put(hosts, before.substr(0, offset) + new_tail.substr(0, cut) +
                     old_tail.substr(std::min(cut, old_tail.size())));
      ASSERT_EQ(message(file.set("k7", {})), "done");
      ASSERT_EQ(contents(hosts), kText + tail) << "cut at " << cut;
      ASSERT_FALSE(fs::exists(journal));
    }
  }
}

// It has the only copy of what the file had.
TEST_F(HostsFileTest, AJournalStaysWhileTheFileCanNotBeRead) {
  const std::string tail = "10.0.0.1 work\n10.0.0.2 print\n";
  const auto before = with(kNames) + tail;
  const auto after = lan::with_hosts_block(before, "k7", kMore);
  const auto offset =
      static_cast<std::size_t>(std::ranges::mismatch(before, after).in1 - before.begin());
  put(journal, encoded(offset, before.substr(offset), after.substr(offset)));
  fs::remove(hosts);
  fs::create_directory(hosts);
  EXPECT_NE(message(file.set("k7", {})), "done");
  EXPECT_TRUE(fs::exists(journal));
  fs::remove(hosts);
  put(hosts, after.substr(0, after.size() - 3));
  ASSERT_EQ(message(file.set("k7", {})), "done");
  EXPECT_EQ(contents(hosts), kText + tail);
}

TEST_F(HostsFileTest, AJournalOfAFileThatOthersHaveChangedSinceDoesNothing) {
  const auto edited = kText + "10.0.0.1 work, and more than there was room for before it\n";
  for (const auto& text : {encoded(kText.size(), "", "10.66.0.1 x\n"), std::string("rubbish"),
                           encoded(1u << 30, "a", "b"), std::string()}) {
    put(journal, text);
    put(hosts, edited);
    ASSERT_EQ(message(file.set("k7", {})), "done");
    EXPECT_EQ(contents(hosts), edited);
    EXPECT_FALSE(fs::exists(journal));
  }
}

}  // namespace
}  // namespace lanrage::agent
