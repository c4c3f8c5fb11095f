// Tokens: as they come, and with a right signature put under whatever came.
#include <cstdlib>

#include "relay/token.hpp"

using namespace lanrage;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const crypto::SigningKey key = [] {
    SeededRandom random(1);
    return crypto::SigningKey::generate(random);
  }();
  ByteView input(data, size);
  const UnixTime now{std::chrono::milliseconds(1'800'000'000'000)};
  relay::verify(input, key.public_key(), now);

  constexpr std::size_t kBody = relay::kTokenSize - 64;
  if (size < kBody) return 0;
  Bytes token(input.begin(), input.begin() + kBody);
  ByteWriter statement;
  statement.text("lanrage/v1/relay-token").u8(0).raw(token);
  auto signature = key.sign(statement.bytes());
  token.insert(token.end(), signature.begin(), signature.end());
  if (auto read = relay::verify(token, key.public_key(), now)) {
    // What is accepted is what would be issued: one text for one meaning.
    if (relay::issue(*read, key) != token) std::abort();
    if (read->expires <= now) std::abort();
  }
  return 0;
}
