#include "agent/state_file.hpp"

#include <fstream>
#include <gtest/gtest.h>
#include <iterator>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/device_keys.hpp"
#include "agent/durable_file.hpp"
#include "agent/state_lock.hpp"
#include "base/random.hpp"

namespace lanrage::agent {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

SavedParty sample(SeededRandom& random) {
  SavedParty out;
  out.id.bytes = random.array<16>();
  out.server_url = "https://203.0.113.10:8667";
  out.public_url = "https://play.example:8667";
  out.local = true;
  out.pin = random.array<16>();
  out.root_seed = Secret<32>(random.array<32>());
  out.wireguard_secret = Secret<32>(random.array<32>());
  out.party_key = Secret<32>(random.array<32>());
  out.key_epoch = 3;
  out.older_keys = {{Secret<32>(random.array<32>()), 1}, {Secret<32>(random.array<32>()), 2}};
  out.overruled = {{PeerId{random.array<16>()}}, {InviteId{random.array<16>()}}};
  out.listen_port = 51234;
  out.interface = "lanrage0";
  out.lan_interface = "lan0";
  out.beside_segment = {PeerId{random.array<16>()}};
  out.access = {.all = true,
                .opened = {{lan::Transport::tcp, 22, 22}, {lan::Transport::udp, 6000, 6010}}};
  out.nick = "Żółw";
  out.statement_version = 7;
  out.boot = 1'700'000'000'123;
  out.log = {Bytes{1, 2, 3}, Bytes{}, Bytes(500, 0xaa)};
  return out;
}

bool same(const SavedParty& a, const SavedParty& b) {
  return a.id == b.id && a.server_url == b.server_url && a.public_url == b.public_url &&
         a.local == b.local && a.pin == b.pin && a.root_seed == b.root_seed &&
         a.wireguard_secret == b.wireguard_secret && a.party_key == b.party_key &&
         a.key_epoch == b.key_epoch && a.older_keys == b.older_keys && a.overruled == b.overruled &&
         a.listen_port == b.listen_port && a.interface == b.interface &&
         a.lan_interface == b.lan_interface && a.beside_segment == b.beside_segment &&
         a.access == b.access && a.nick == b.nick && a.statement_version == b.statement_version &&
         a.boot == b.boot && a.log == b.log;
}

class StateFileTest : public testing::Test {
 protected:
  StateFileTest() {
    std::string pattern = (fs::temp_directory_path() / "lanrage-state-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
  }
  ~StateFileTest() override { fs::remove_all(directory_); }

  StateFile open(StateFile::Timing timing = {}) {
    return StateFile(
        io_, directory_ / "state.json",
        [this](const Error& error) { errors_.push_back(error.message()); }, timing);
  }
  std::string contents(const fs::path& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  boost::asio::io_context io_;
  fs::path directory_;
  std::vector<std::string> errors_;
  SeededRandom random_{1};
};

TEST_F(StateFileTest, ComesBackAsItWas) {
  auto a = sample(random_), b = sample(random_);
  b.pin.reset();
  b.root_seed.reset();
  b.local = false;
  const auto decoded = decode_state(encode_state({a, b}));
  ASSERT_TRUE(decoded) << decoded.error().message();
  ASSERT_EQ(decoded->size(), 2u);
  EXPECT_TRUE(same((*decoded)[0], a));
  EXPECT_TRUE(same((*decoded)[1], b));
}

TEST_F(StateFileTest, WhatOlderVersionsDidNotKeepIsEmpty) {
  auto a = sample(random_);
  a.older_keys.clear();
  a.lan_interface.clear();
  a.beside_segment.clear();
  a.overruled = {};
  a.access = {};
  const auto text = encode_state({a});
  for (const std::string key : {"older_keys", "outcasts", "overruled_invites", "lan_interface",
                                "beside_segment", "open_all", "open_ports"})
    ASSERT_EQ(text.find(key), std::string::npos) << "as an older version wrote it";
  const auto decoded = decode_state(text);
  ASSERT_TRUE(decoded) << decoded.error().message();
  EXPECT_TRUE(same(decoded->front(), a));
}

TEST_F(StateFileTest, PortsThatMakeNoSenseAreNamed) {
  const auto text = encode_state({sample(random_)});
  const auto with = [&](const std::string& ports) {
    std::string out(text);
    const std::string good = R"(["22/tcp","6000-6010/udp"])";
    return decode_state(out.replace(out.find(good), good.size(), ports));
  };
  EXPECT_TRUE(with(R"(["22/tcp"])"));
  for (const auto* wrong : {R"(["22"])", "[22]", "22", R"("22/tcp")"}) {
    const auto decoded = with(wrong);
    ASSERT_FALSE(decoded) << wrong;
    EXPECT_EQ(decoded.error().field(), "parties[0].open_ports");
  }
}

TEST_F(StateFileTest, NoFileIsNoParties) {
  auto file = open();
  EXPECT_TRUE(file.load()->empty());
  EXPECT_TRUE(errors_.empty());
}

TEST_F(StateFileTest, WritesInOneBatchAndForUsAlone) {
  auto file = open();
  file.save({sample(random_)});
  auto last = sample(random_);
  file.save({last});
  EXPECT_FALSE(fs::exists(directory_ / "state.json")) << "nothing before the batch is due";
  io_.run();  // until the batch's timer has fired
  struct stat info{};
  ASSERT_EQ(::stat((directory_ / "state.json").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  const auto loaded = open().load();
  ASSERT_EQ(loaded->size(), 1u);
  EXPECT_TRUE(same(loaded->front(), last));
}

TEST_F(StateFileTest, AWriteIsToldOnceItIsThere) {
  std::optional<std::size_t> read;
  {
    auto file = open();
    file.set_on_written([&] { read = open().load()->size(); });
    file.save({sample(random_)});
    EXPECT_FALSE(read);
    io_.run();
    EXPECT_EQ(read, 1u);
    read.reset();
    file.save({});
  }
  EXPECT_FALSE(read) << "whoever ends it may be gone itself";
}

TEST_F(StateFileTest, AFailedWriteIsReportedAndTriedAgainByItself) {
  auto file = open({1ms, 1ms});
  int written = 0;
  file.set_on_written([&] { ++written; });
  fs::create_directory(directory_ / "state.json.new");  // in the temporary file's place
  file.save({sample(random_)});
  while (errors_.size() < 2)
    io_.run_one();
  EXPECT_EQ(written, 0);
  ASSERT_EQ(file.problems().size(), 1u);
  EXPECT_NE(file.problems()[0].find("state.json.new"), std::string::npos) << file.problems()[0];
  fs::remove(directory_ / "state.json.new");
  io_.run();  // until nothing is left to write
  EXPECT_TRUE(file.problems().empty());
  EXPECT_EQ(open().load()->size(), 1u);
}

TEST_F(StateFileTest, AFileThatWasCutWhileBeingWrittenIsntRead) {
  auto file = open();
  file.save({sample(random_)});
  ASSERT_TRUE(file.flush());
  std::ofstream(directory_ / "state.json.new") << R"({"schema":1,"par)";  // the machine stopped
  EXPECT_EQ(open().load()->size(), 1u);
  file.save({sample(random_), sample(random_)});
  ASSERT_TRUE(file.flush());
  EXPECT_EQ(open().load()->size(), 2u);
  EXPECT_TRUE(errors_.empty());
}

TEST_F(StateFileTest, ADamagedFileIsMovedAsideAndReported) {
  const std::string damaged = R"({"schema":1,"parties":[{"party_id":"nonsense"}]})";
  ASSERT_TRUE(write_durably(directory_ / "state.json", damaged));
  auto file = open();
  const auto loaded = file.load();
  ASSERT_TRUE(loaded);
  EXPECT_TRUE(loaded->empty());
  ASSERT_EQ(errors_.size(), 1u);
  EXPECT_NE(errors_[0].find("parties[0].party_id"), std::string::npos) << errors_[0];
  EXPECT_EQ(file.problems(), errors_);
  EXPECT_EQ(contents(directory_ / "state.json.damaged"), damaged);
  // It stays reported while the agent writes its new state.
  file.save({sample(random_)});
  ASSERT_TRUE(file.flush());
  EXPECT_EQ(file.problems(), errors_);
}

TEST_F(StateFileTest, DamagedFilesDontReplaceEachOtherButAreNotKeptWithoutEnd) {
  for (int n = 0; n < 12; ++n) {
    ASSERT_TRUE(write_durably(directory_ / "state.json", "damaged " + std::to_string(n)));
    EXPECT_TRUE(open().load());
  }
  EXPECT_EQ(contents(directory_ / "state.json.damaged"), "damaged 0");
  EXPECT_EQ(contents(directory_ / "state.json.damaged.1"), "damaged 1");
  EXPECT_EQ(contents(directory_ / "state.json.damaged.9"), "damaged 11");
  EXPECT_FALSE(fs::exists(directory_ / "state.json.damaged.10"));
}

TEST_F(StateFileTest, ANewerVersionsFileIsLeftAlone) {
  const std::string newer = R"({"schema":2,"parties":[]})";
  ASSERT_TRUE(write_durably(directory_ / "state.json", newer));
  const auto loaded = open().load();
  ASSERT_FALSE(loaded);
  EXPECT_TRUE(loaded.error().is(StateErrc::newer)) << loaded.error().message();
  EXPECT_EQ(contents(directory_ / "state.json"), newer);
}

TEST_F(StateFileTest, EveryTruncationIsRefused) {
  const auto whole = encode_state({sample(random_)});
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(decode_state(std::string_view(whole).substr(0, size))) << size;
}

TEST_F(StateFileTest, KeysAreMadeOnceAndKept) {
  const auto first = load_or_create_device_keys(directory_, random_);
  const auto again = load_or_create_device_keys(directory_, random_);
  ASSERT_TRUE(first && again);
  EXPECT_EQ(first->peer_id(), again->peer_id());
  EXPECT_EQ(first->box.public_key(), again->box.public_key());
}

TEST_F(StateFileTest, DamagedKeysAreNeverReplaced) {
  ASSERT_TRUE(write_durably(directory_ / "identity.json", "{\"identity_seed\":\"\"}"));
  const auto keys = load_or_create_device_keys(directory_, random_);
  ASSERT_FALSE(keys);
  EXPECT_TRUE(keys.error().is(StateErrc::malformed));
  EXPECT_EQ(contents(directory_ / "identity.json"), "{\"identity_seed\":\"\"}");
}

TEST_F(StateFileTest, OneAgentADirectory) {
  auto first = lock_state(directory_);
  ASSERT_TRUE(first) << first.error().message();
  const auto second = lock_state(directory_);
  ASSERT_FALSE(second);
  EXPECT_TRUE(second.error().is(StateErrc::in_use)) << second.error().message();
  first->reset();
  EXPECT_TRUE(lock_state(directory_));
}

}  // namespace
}  // namespace lanrage::agent
