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

SavedParty sample(SeededRandom& random) {
  SavedParty out;
  out.id.bytes = random.array<16>();
  out.server_url = "https://203.0.113.10:8667";
  out.public_url = "https://play.example:8667";
  out.pin = random.array<16>();
  out.root_seed = Secret<32>(random.array<32>());
  out.wireguard_secret = Secret<32>(random.array<32>());
  out.party_key = Secret<32>(random.array<32>());
  out.key_epoch = 3;
  out.listen_port = 51234;
  out.interface = "lanrage0";
  out.nick = "Żółw";
  out.statement_version = 7;
  out.boot = 1'700'000'000'123;
  out.log = {Bytes{1, 2, 3}, Bytes{}, Bytes(500, 0xaa)};
  return out;
}

bool same(const SavedParty& a, const SavedParty& b) {
  return a.id == b.id && a.server_url == b.server_url && a.public_url == b.public_url &&
         a.pin == b.pin && a.root_seed == b.root_seed && a.wireguard_secret == b.wireguard_secret &&
         a.party_key == b.party_key && a.key_epoch == b.key_epoch &&
         a.listen_port == b.listen_port && a.interface == b.interface && a.nick == b.nick &&
         a.statement_version == b.statement_version && a.boot == b.boot && a.log == b.log;
}

class StateFileTest : public testing::Test {
 protected:
  StateFileTest() {
    std::string pattern = (fs::temp_directory_path() / "lanrage-state-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
  }
  ~StateFileTest() override { fs::remove_all(directory_); }

  StateFile open() {
    return StateFile(io_, directory_ / "state.json",
                     [this](const Error& error) { errors_.push_back(error.message()); });
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
  const auto decoded = decode_state(encode_state({a, b}));
  ASSERT_TRUE(decoded) << decoded.error().message();
  ASSERT_EQ(decoded->size(), 2u);
  EXPECT_TRUE(same((*decoded)[0], a));
  EXPECT_TRUE(same((*decoded)[1], b));
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

TEST_F(StateFileTest, AFailedWriteIsReportedAndTriedAgain) {
  auto file = open();
  fs::create_directory(directory_ / "state.json.new");  // in the temporary file's place
  file.save({sample(random_)});
  io_.run();
  EXPECT_EQ(errors_.size(), 1u);
  fs::remove(directory_ / "state.json.new");
  file.save({sample(random_)});
  io_.restart();
  io_.run();
  EXPECT_EQ(errors_.size(), 1u);
  EXPECT_EQ(open().load()->size(), 1u);
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
  EXPECT_EQ(contents(directory_ / "state.json.damaged"), damaged);
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
