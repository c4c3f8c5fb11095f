#include "party/proofs.hpp"

#include <gtest/gtest.h>

#include "party/command.hpp"
#include "party/invite_secret.hpp"
#include "party/records.hpp"
#include "server/authentication.hpp"
#include "support/memory_store.hpp"
#include "support/task_loop.hpp"
#include "unit/server/manual_clock.hpp"
#include "unit/vectors/example.hpp"

namespace lanrage::vectors {

void add_proofs(Values& out) {
  const auto device = joiner();
  const auto binding = repeated<32>(0x80);
  show(out, "host's peer id", peer_of(host().identity).bytes);
  show(out, "joiner's peer id", peer_of(device.identity).bytes);

  const auto storage = std::make_shared<store::MemoryStorage>();
  store::test::TaskLoop turns;
  store::MemoryStore store(storage, turns.executor());
  const server::test::ManualClock clock;
  RepeatedByte random(0x84);
  const server::Limits limits;
  server::Authentication authentication(store, clock, random, limits,
                                        {Secret<32>(repeated<32>(0x83)), binding});
  const auto challenge = authentication.challenge({device.identity.public_key()});
  const auto proof = party::prove_identity(device.identity, binding, challenge.nonce);
  std::optional<protocol::BearerToken> token;
  authentication.register_peer(
      peer_of(device.identity),
      {.identity = device.identity.public_key(), .nonce = challenge.nonce, .signature = proof},
      [&](Result<protocol::RegisterAnswer> answer) {
        ASSERT_TRUE(answer) << answer.error().message();
        token = answer->token;
      });
  turns.run_until([&] { return !storage->tables.tokens.empty() && token; });
  show(out, "challenge", challenge.nonce);
  show(out, "register", proof);
  out.emplace_back("bearer token", token->text);
  show(out, "stored token", storage->tables.tokens.at(0).token_hash);
  show(out, "stored nonce", storage->tables.tokens.at(0).nonce_hash);

  const auto invite = party::invite_keys(Secret<16>(repeated<16>(0x31)), party());
  show(out, "invite id", invite.id().bytes);
  auto nonce = Bytes(16, 0x86);
  const auto time = ByteWriter().u64(1'700'000'000'000).bytes();
  nonce.insert(nonce.end(), time.begin(), time.end());
  ASSERT_TRUE(protocol::time_of_open_nonce(nonce));
  show(out, "open",
       party::prove_invite(invite.signing, {party(), binding, peer_of(device.identity), nonce}));

  const auto leave = party::sign_record(
      party::Leave{device.identity.public_key(), repeated<32>(0x85)}, party(), {&device.identity});
  show(out, "command", party::fingerprint(party::Depart{leave}));
}

}  // namespace lanrage::vectors
