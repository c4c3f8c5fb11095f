// Discovery files, what a search makes of what it hears, and where a lost server may be now.
#include <fstream>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/device_keys.hpp"
#include "agent/discovery_file.hpp"
#include "agent/party_discovery.hpp"
#include "agent/server_search.hpp"
#include "base/random.hpp"

namespace lanrage::agent {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

const UnixTime kNow{1'700'000'000s};

LanParty party_number(std::uint64_t n) {
  SeededRandom random{n};
  LanParty out;
  out.id.bytes = random.array<16>();
  out.pin = random.array<16>();
  out.server = *Endpoint::parse("192.168.1.7:8667");
  out.members = 3;
  out.name = "party " + std::to_string(n);
  out.host = "ann";
  return out;
}

class DiscoveryFilesTest : public testing::Test {
 protected:
  DiscoveryFilesTest() {
    std::string pattern = (fs::temp_directory_path() / "lanrage-discovery-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
  }
  ~DiscoveryFilesTest() override { fs::remove_all(directory_); }
  DiscoveryFiles files(std::string owner) {
    return {{directory_ / "shared", directory_ / "own"}, std::move(owner)};
  }

  fs::path directory_;
};

TEST_F(DiscoveryFilesTest, AgentsOfOneMachineReadEachOther) {
  ASSERT_TRUE(files("ann").write({party_number(1), party_number(2)}, kNow));
  ASSERT_TRUE(files("bob").write({party_number(3)}, kNow));
  const auto found = files("carol").read(kNow);
  EXPECT_TRUE(found.problems.empty());
  EXPECT_EQ(found.parties.size(), 3u);
  files("ann").remove();
  ASSERT_EQ(files("carol").read(kNow).parties.size(), 1u);
  EXPECT_EQ(files("carol").read(kNow).parties[0], party_number(3));
}

TEST_F(DiscoveryFilesTest, EverybodyMayReadAndOnlyTheOwnerWrite) {
  ::umask(077);
  ASSERT_TRUE(files("ann").write({party_number(1)}, kNow));
  ::umask(022);
  struct stat info{};
  ASSERT_EQ(::stat((directory_ / "shared/ann.json").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0644u);
  ASSERT_EQ(::stat((directory_ / "shared").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0755u);
}

TEST_F(DiscoveryFilesTest, WhereTheSharedFolderCantBeThereIsOurOwn) {
  std::ofstream(directory_ / "shared") << "in the folder's place";
  ASSERT_TRUE(files("ann").write({party_number(1)}, kNow));
  EXPECT_TRUE(fs::exists(directory_ / "own/ann.json"));
  EXPECT_EQ(files("ann").read(kNow).parties.size(), 1u);
  const DiscoveryFiles nowhere({directory_ / "shared"}, "ann");
  const auto refused = nowhere.write({party_number(1)}, kNow);
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(StateErrc::unwritable));
}

TEST_F(DiscoveryFilesTest, AnAgentThatDiedIsForgotten) {
  ASSERT_TRUE(files("ann").write({party_number(1)}, kNow));
  EXPECT_EQ(files("bob").read(kNow + kDiscoveryFileLife).parties.size(), 1u);
  EXPECT_TRUE(files("bob").read(kNow + kDiscoveryFileLife + 1ms).parties.empty());
  EXPECT_TRUE(files("bob").read(kNow - kDiscoveryFileLife - 1ms).parties.empty());
}

TEST_F(DiscoveryFilesTest, WhatCantBeReadIsAProblemAndHidesNothingElse) {
  ASSERT_TRUE(files("ann").write({party_number(1)}, kNow));
  std::ofstream(directory_ / "shared/broken.json") << "{";
  std::ofstream(directory_ / "shared/huge.json") << std::string(kMaxDiscoveryFile + 1, ' ');
  fs::create_directory(directory_ / "shared/folder.json");
  std::ofstream(directory_ / "shared/notes.txt") << "not ours";
  const auto found = files("bob").read(kNow);
  EXPECT_EQ(found.parties.size(), 1u);
  EXPECT_EQ(found.problems.size(), 3u);
}

TEST_F(DiscoveryFilesTest, NoMoreThanSoManyFilesAndPartiesAreRead) {
  fs::create_directories(directory_ / "shared");
  const std::vector<LanParty> many(kMaxAnnouncedParties + 1, party_number(1));
  EXPECT_EQ(decode_discovery(encode_discovery(many, kNow), kNow)->size(), kMaxAnnouncedParties);
  for (std::size_t n = 0; n < kMaxDiscoveryFiles + 10; ++n)
    ASSERT_TRUE(files("agent" + std::to_string(n)).write({party_number(n)}, kNow));
  EXPECT_EQ(files("x").read(kNow).parties.size(), kMaxDiscoveryFiles);
}

TEST_F(DiscoveryFilesTest, OnlySoundPartiesComeOutOfAFile) {
  auto bad = party_number(1);
  bad.name = "a\x1b[2J";
  const auto out = decode_discovery(encode_discovery({bad, party_number(2)}, kNow), kNow);
  ASSERT_TRUE(out);
  ASSERT_EQ(out->size(), 1u);
  EXPECT_EQ(out->front(), party_number(2));
  EXPECT_FALSE(decode_discovery("[]", kNow));
  EXPECT_FALSE(decode_discovery(R"({"schema":2,"updated_at":"x","parties":[]})", kNow));
}

TEST(Findings, EachPartyOnceAndBeaconsBeforeFiles) {
  const BeaconNonce nonce{1};
  Findings findings;
  auto old = party_number(1);
  old.server = *Endpoint::parse("192.168.9.9:8667");
  findings.add(old, FoundParty::Source::file);
  findings.on_datagram(encode_party(nonce, party_number(1)), nonce);
  findings.on_datagram(encode_party({}, party_number(1)), nonce);  // unasked
  findings.on_datagram(encode_party({}, party_number(2)), nonce);
  findings.on_datagram(encode_party(BeaconNonce{2}, party_number(3)), nonce);  // not for us
  findings.on_datagram(encode_question(nonce), nonce);                         // our own
  findings.on_datagram(Bytes{1, 2, 3}, nonce);
  const auto found = std::move(findings).take();
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].party, party_number(1));
  EXPECT_EQ(found[0].source, FoundParty::Source::beacon);
  EXPECT_EQ(found[1].party, party_number(2));
}

TEST(Findings, TheSamePartyOfAnotherServerIsAnotherRow) {
  auto fake = party_number(1);
  fake.pin = party_number(2).pin;
  Findings findings;
  findings.add(party_number(1), FoundParty::Source::beacon);
  findings.add(fake, FoundParty::Source::beacon);
  EXPECT_EQ(std::move(findings).take().size(), 2u);
}

TEST(Findings, AFloodEndsAtALimit) {
  Findings parties;
  for (std::uint64_t n = 0; n < 2 * Findings::kMaxParties; ++n)
    parties.add(party_number(n), FoundParty::Source::beacon);
  EXPECT_EQ(std::move(parties).take().size(), Findings::kMaxParties);

  Findings datagrams;
  for (std::size_t n = 0; n < Findings::kMaxDatagrams; ++n)
    datagrams.on_datagram(Bytes{1}, {});
  datagrams.on_datagram(encode_party({}, party_number(1)), {});
  EXPECT_TRUE(std::move(datagrams).take().empty());
}

TEST(ServerSearch, TriesOnlyOtherAddressesOfTheSameServerAndNotManyOfThem) {
  const LostServer lost{party_number(1).id, party_number(1).pin, "https://192.168.1.7:8667"};
  std::vector<FoundParty> found;
  const auto add = [&](LanParty party) {
    found.push_back({std::move(party), FoundParty::Source::beacon});
  };
  add(party_number(1));  // where it was
  add(party_number(2));  // another party
  auto other_pin = party_number(1);
  other_pin.pin[0] ^= 1;
  other_pin.server = *Endpoint::parse("192.168.1.66:8667");
  add(other_pin);
  EXPECT_TRUE(addresses_to_try(lost, found).empty());
  for (int n = 10; n < 20; ++n) {
    auto moved = party_number(1);
    moved.server = *Endpoint::parse("192.168.1." + std::to_string(n) + ":8667");
    add(moved);
    add(moved);
  }
  const auto urls = addresses_to_try(lost, found);
  ASSERT_EQ(urls.size(), kMaxAddressesTried);
  EXPECT_EQ(urls[0], "https://192.168.1.10:8667");
  EXPECT_EQ(urls[1], "https://192.168.1.11:8667");
}

TEST(ServerSearch, OnlyAServerOnALanCanHaveMovedThere) {
  EXPECT_TRUE(is_lan_url("https://192.168.1.7:8667"));
  EXPECT_TRUE(is_lan_url("https://[fd00::1]:8667"));
  EXPECT_FALSE(is_lan_url("https://203.0.113.10:8667"));
  EXPECT_FALSE(is_lan_url("https://play.example:8667"));
  EXPECT_FALSE(is_lan_url(""));
}

}  // namespace
}  // namespace lanrage::agent
