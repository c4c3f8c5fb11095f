// STUN's parser, its accessors, and everything that is fed with parsed messages.
#include <cstdlib>

#include "stun/message.hpp"
#include "stun/nat_behaviour.hpp"
#include "stun/responder.hpp"

using namespace lanrage;

namespace {

void require(bool ok) {
  if (!ok) std::abort();
}

void read_everything(const stun::MessageView& message) {
  ByteView key = as_bytes("key");
  message.mapped_address();
  message.response_origin();
  message.other_address();
  message.username();
  message.error_code();
  message.unknown_required();
  message.verify_integrity_sha1(key);
  message.verify_integrity_sha256(key);
  for (int type = 0; type < 0x40; ++type) {
    auto value = message.find(static_cast<stun::Attribute>(type));
    if (value && !value->empty()) {
      require(value->data() >= message.bytes().data());
      require(value->data() + value->size() <= message.bytes().data() + message.bytes().size());
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteView input(data, size);
  const Endpoint source = *Endpoint::parse("198.51.100.1:1000");
  const Endpoint other = *Endpoint::parse("203.0.113.1:3479");
  if (auto reply = stun::respond(input, source, {other, other})) {
    require(reply->bytes.size() <= stun::kMaxMessageSize);
    require(stun::MessageView::parse(reply->bytes).has_value());
  }
  auto message = stun::MessageView::parse(input);
  if (!message) return 0;
  read_everything(*message);

  // As the answer to each request of a probe.
  SeededRandom random(1);
  stun::NatProbe probe({{{source, other}}, {other}, {source}, {}}, random);
  stun::Datagrams out;
  Instant now{std::chrono::seconds(1)};
  probe.start(now, out);
  for (const auto& datagram : stun::Datagrams(out)) {
    Bytes answer(input.begin(), input.end());
    std::copy_n(datagram.bytes.begin() + 8, 12, answer.begin() + 8);
    // The fingerprint no longer fits; without one the answer may.
    if (auto parsed = stun::MessageView::parse(answer)) {
      probe.on_datagram(now, datagram.to, *parsed, out);
    }
  }
  while (auto next = probe.next_timeout())
    probe.on_timeout(*next, out);
  return 0;
}
