#include "server/audit_log.hpp"

#include <algorithm>
#include <fstream>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <vector>

#include "support/temp_dir.hpp"
#include "unit/server/manual_clock.hpp"

namespace lanrage::server {
namespace {

using test::ManualClock;

const PartyId kParty{{1}};
const PeerId kPeer{{2}};
const PeerId kHost{{3}};
const IpAddress kAddress = *IpAddress::parse("203.0.113.7");

std::vector<std::string> lines_of(const std::string& path) {
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);)
    lines.push_back(line.substr(line.find(" event=") + 1));  // without the time
  return lines;
}

struct AuditLogTest : ::testing::Test {
  lab::TempDir folder;
  std::string path = (folder.path() / "audit.log").string();
  ManualClock clock;

  std::unique_ptr<AuditLog> open(const AuditLog::Limits& limits = {}) {
    auto log = AuditLog::to_file(path, clock, limits);
    EXPECT_TRUE(log);
    return std::move(*log);
  }
};

TEST_F(AuditLogTest, TellsWhoDidWhat) {
  auto log = open();
  log->created(kParty, kHost, kAddress);
  log->joined(kParty, kPeer, kAddress);
  log->left(kParty, kPeer, "left");
  log->kicked(kParty, kPeer, kHost);
  log->kicked(kParty, kPeer, std::nullopt);
  log->closed(kParty, "host_closed");
  log->denied("/parties/{id}", "unknown_party", kPeer, kAddress);
  log->denied("/auth/register", "bad_signature", std::nullopt, kAddress);

  const std::string party = "party=" + kParty.to_string();
  const std::string peer = "peer=" + kPeer.to_string();
  const std::string host = kHost.to_string();
  const std::vector<std::string> expected{
      "event=audit what=created " + party + " peer=" + host + " address=203.0.113.7",
      "event=audit what=joined " + party + " " + peer + " address=203.0.113.7",
      "event=audit what=left " + party + " " + peer + " reason=left",
      "event=audit what=kicked " + party + " " + peer + " by=" + host,
      "event=audit what=kicked " + party + " " + peer + " by=operator",
      "event=audit what=closed " + party + " reason=host_closed",
      "event=audit what=denied route=/parties/{id} reason=unknown_party " + peer +
          " address=203.0.113.7",
      "event=audit what=denied route=/auth/register reason=bad_signature peer=unknown "
      "address=203.0.113.7"};
  EXPECT_EQ(lines_of(path), expected);
  struct stat status{};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST_F(AuditLogTest, AFloodOfDenialsFromOneAddressIsSummedUpAndHidesNobodyElse) {
  auto log = open({.denials_an_address = {0.1, 3}, .denials = {1, 10}});
  for (int i = 0; i < 50; ++i)
    log->denied("/ws", "unknown_token", std::nullopt, kAddress);
  log->denied("/ws", "unknown_token", std::nullopt, *IpAddress::parse("203.0.113.8"));
  EXPECT_EQ(lines_of(path).size(), 4u);
  log->tick();
  EXPECT_EQ(lines_of(path).back(), "event=audit what=denials_left_out count=47");
  log->tick();
  log->denied("/ws", "unknown_token", std::nullopt, kAddress);
  clock.advance(std::chrono::seconds(59));
  log->tick();
  EXPECT_EQ(lines_of(path).size(), 5u) << "one summary a minute";
}

TEST_F(AuditLogTest, ManyAddressesTogetherAreBoundedToo) {
  auto log = open({.denials_an_address = {0.1, 3}, .denials = {1, 10}});
  for (std::uint32_t i = 0; i < 100; ++i)
    log->denied("/ws", "unknown_token", std::nullopt, IpAddress::v4(0x0a000000 + i));
  EXPECT_EQ(lines_of(path).size(), 10u);
}

TEST_F(AuditLogTest, JoinsAreNeverLeftOut) {
  auto log = open({.denials_an_address = {0.1, 1}, .denials = {0.1, 1}});
  for (int i = 0; i < 100; ++i)
    log->joined(kParty, kPeer, kAddress);
  EXPECT_EQ(lines_of(path).size(), 100u);
}

TEST_F(AuditLogTest, GoesOnInANewFileAfterRotation) {
  auto log = open();
  log->closed(kParty, "unused");
  std::filesystem::rename(path, path + ".1");
  log->closed(kParty, "unused");
  EXPECT_EQ(lines_of(path + ".1").size(), 2u);
  ASSERT_TRUE(log->reopen());
  log->closed(kParty, "unused");
  EXPECT_EQ(lines_of(path).size(), 1u);
  EXPECT_EQ(lines_of(path + ".1").size(), 2u);
}

TEST_F(AuditLogTest, AFileThatCannotBeOpenedIsNamed) {
  const auto log = AuditLog::to_file((folder.path() / "absent/audit.log").string(), clock, {});
  ASSERT_FALSE(log);
  EXPECT_TRUE(log.error().is(AuditErrc::cannot_open));
  EXPECT_NE(log.error().message().find("absent/audit.log"), std::string::npos);
}

TEST_F(AuditLogTest, ThroughTheServersLogWhateverItsLevel) {
  std::FILE* file = std::fopen(path.c_str(), "w");
  io::Log through(file, io::LogLevel::error);
  AuditLog log(through, clock, {});
  log.closed(kParty, "unused");
  through.info("hidden");
  EXPECT_TRUE(log.reopen()) << "nothing of its own to open";
  std::fclose(file);
  ASSERT_EQ(lines_of(path).size(), 1u);
}

}  // namespace
}  // namespace lanrage::server
