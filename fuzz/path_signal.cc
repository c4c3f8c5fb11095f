// Bytes as a signal's body, and as a sealed box.
#include <cstdlib>

#include "path/signal.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lanrage;
  ByteView bytes(data, size);
  if (auto signal = path::decode_signal(bytes)) {
    // Hints of later versions and IPv4-mapped addresses are read leniently: compare the second
    // time.
    auto again = path::decode_signal(path::encode_signal(*signal));
    if (!again || *again != *signal) std::abort();
    path::SignalReplay replay;
    if (!replay.accept(*signal) || replay.accept(*again)) std::abort();
  }
  static SeededRandom random(1);
  static const auto sender = crypto::SigningKey::generate(random);
  static const auto box = crypto::ExchangeSecret::generate(random);
  if (size % 16 == 0 && path::open_signal(bytes, {}, sender.public_key(), box)) std::abort();
  return 0;
}
