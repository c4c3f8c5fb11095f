// Whatever memory is given back while a secret passes doesn't hold it any more: each block is
// searched by the operator delete of this program.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <gtest/gtest.h>
#include <malloc.h>
#include <new>
#include <thread>
#include <unistd.h>

#include "agent/device_keys.hpp"
#include "agent/durable_file.hpp"
#include "agent/state_file.hpp"
#include "base/encoding.hpp"
#include "base/random.hpp"
#include "base/secret_encoding.hpp"
#include "io/unix_socket.hpp"
#include "party/invite_link.hpp"
#include "wireguard/netlink.hpp"
#include "wireguard/uapi.hpp"

namespace {

thread_local const std::vector<std::string>* sought = nullptr;
thread_local int found = 0;

void search(const void* memory) {
  if (sought == nullptr || memory == nullptr) return;
  const auto size = ::malloc_usable_size(const_cast<void*>(memory));
  for (const auto& form : *sought)
    if (::memmem(memory, size, form.data(), form.size()) != nullptr) ++found;
}

void give_back(void* memory) {
  search(memory);
  std::free(memory);
}

}  // namespace

void* operator new(std::size_t size) {
  void* memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  const auto step = static_cast<std::size_t>(alignment);
  void* memory = std::aligned_alloc(step, (size + step - 1) / step * step);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void operator delete(void* memory) noexcept {
  give_back(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  give_back(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  give_back(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  give_back(memory);
}

namespace lanrage::agent {
namespace {

namespace fs = std::filesystem;

// Counts, on this thread, the blocks given back with one of the secrets in them: as they are, in
// hex, base64 or base32.
class Search {
 public:
  explicit Search(std::initializer_list<ByteView> secrets) {
    for (const auto secret : secrets) {
      forms_.emplace_back(secret.begin(), secret.end());
      forms_.insert(forms_.end(), {to_hex(secret), to_base64(secret), to_base32(secret)});
    }
    found = 0;
    sought = &forms_;
  }
  Search(const Search&) = delete;
  Search& operator=(const Search&) = delete;
  ~Search() { sought = nullptr; }

  int hits() const { return found; }

 private:
  std::vector<std::string> forms_;
};

template <std::size_t N = 32>
Secret<N> secret(std::uint64_t seed) {
  Secret<N> out;
  SeededRandom(seed).fill(out.expose_mutable());
  return out;
}

class WipingTest : public testing::Test {
 protected:
  WipingTest() {
    std::string pattern = (fs::temp_directory_path() / "lanrage-wiping-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
  }
  ~WipingTest() override { fs::remove_all(directory_); }

  fs::path directory_;
};

TEST_F(WipingTest, OfTextThatGrows) {
  const auto key = secret(1);
  const Search search({key.expose()});
  {
    WipedString text = to_wiped_hex(key.expose());
    WipedBytes bytes(key.expose().begin(), key.expose().end());
    for (int i = 0; i < 1000; ++i) {
      text += 'x';
      bytes.push_back('x');
    }
    EXPECT_EQ(search.hits(), 0);
  }
  EXPECT_EQ(search.hits(), 0);
  // It would be seen.
  {
    std::string text = to_hex(key.expose());
  }
  EXPECT_GT(search.hits(), 0);
}

TEST_F(WipingTest, OfTheState) {
  SavedParty party;
  party.root_seed = secret(1);
  party.wireguard_secret = secret(2);
  party.party_key = secret(3);
  party.older_keys = {{secret(4), 1}};
  party.log = {Bytes(10'000, 7)};
  const auto path = directory_ / "state.json";
  const Search search(
      {secret(1).expose(), secret(2).expose(), secret(3).expose(), secret(4).expose()});
  ASSERT_TRUE(write_durably(path, encode_state({party, party})));
  EXPECT_EQ(search.hits(), 0) << "written";
  const auto text = read_file(path);
  ASSERT_TRUE(text && *text);
  EXPECT_EQ(search.hits(), 0) << "read";
  const auto parties = decode_state(**text);
  ASSERT_TRUE(parties);
  EXPECT_EQ(parties->back().older_keys, party.older_keys);
  EXPECT_EQ(search.hits(), 0) << "understood";
}

TEST_F(WipingTest, OfTheDeviceKeys) {
  SeededRandom random(1);
  const auto keys = load_or_create_device_keys(directory_, random);
  ASSERT_TRUE(keys);
  fs::remove(directory_ / "identity.json");
  const Search search({keys->identity.seed().expose(), keys->box.bytes().expose()});
  SeededRandom again(1);
  ASSERT_TRUE(load_or_create_device_keys(directory_, again));
  EXPECT_EQ(search.hits(), 0) << "made";
  ASSERT_TRUE(load_or_create_device_keys(directory_, again));
  EXPECT_EQ(search.hits(), 0) << "read";
}

std::vector<wireguard::Operation> many_peers() {
  std::vector<wireguard::Operation> out{
      wireguard::SetPrivateKey{crypto::ExchangeSecret::from_bytes(secret(1))}};
  for (std::uint8_t n = 0; n < 100; ++n) {
    wireguard::PeerConfig peer;
    peer.public_key.bytes.fill(n);
    peer.preshared_key = secret(2);
    out.emplace_back(wireguard::AddPeer{peer});
  }
  return out;
}

TEST_F(WipingTest, OfWhatWireguardIsTold) {
  const auto operations = many_peers();
  const auto key = crypto::ExchangeSecret::from_bytes(secret(1));
  const Search search({key.bytes().expose(), secret(2).expose()});
  {
    const auto text = wireguard::uapi::encode_set(operations);
    const auto messages = wireguard::netlink::encode_set(31, "lanrage0", operations, 1);
    ASSERT_TRUE(messages);
    EXPECT_GT(messages->size(), 1u);
  }
  EXPECT_EQ(search.hits(), 0);
}

TEST_F(WipingTest, OfWhatWireguardSays) {
  const auto text = "private_key=" + to_hex(secret(1).expose()) +
                    "\npublic_key=" + to_hex(secret(3).expose()) +
                    "\npreshared_key=" + to_hex(secret(2).expose()) + "\nerrno=0\n\n";
  const Search search({secret(1).expose(), secret(2).expose()});
  {
    const auto status = wireguard::uapi::parse_get_reply(text);
    ASSERT_TRUE(status) << status.error().message();
    EXPECT_EQ(status->private_key, secret(1));
  }
  EXPECT_EQ(search.hits(), 0);
}

TEST_F(WipingTest, OfInvites) {
  party::InviteLink link;
  link.host = "play.example";
  link.secret = secret<16>(1);
  link.pin.emplace();
  const Search search({link.secret.expose()});
  {
    auto text = link.to_text();
    EXPECT_EQ(party::parse_invite_link(text).value(), link);
    const auto second_line = text.find('#') + 40;  // in the middle of the secret
    text.insert(second_line, "\n> ");
    EXPECT_EQ(party::parse_invite_link(text).value(), link);
  }
  EXPECT_EQ(search.hits(), 0);
}

TEST_F(WipingTest, OfTheLocalSocketsLines) {
  const auto invite = to_hex(secret(1).expose());
  boost::asio::io_context io;
  io::LocalServer::Options options;
  options.path = directory_ / "agent.sock";
  auto server = io::LocalServer::start(
      io, options, [](WipedString request) -> boost::asio::awaitable<WipedString> {
        co_return request + request;
      });
  ASSERT_TRUE(server);
  std::thread client([&] {
    const auto answer = io::local_request(options.path, invite, std::chrono::milliseconds(20'000));
    EXPECT_EQ(answer.value(), invite + invite);
    io.stop();
  });
  const Search search({secret(1).expose()});
  io.run();
  client.join();
  server->reset();
  io.restart();
  io.run();  // the connection's end
  EXPECT_EQ(search.hits(), 0);
}

}  // namespace
}  // namespace lanrage::agent
