// Who is calling: challenges, registration by key, and session tokens.
#pragma once

#include <functional>
#include <optional>
#include <unordered_map>

#include "base/ids.hpp"
#include "base/random.hpp"
#include "base/secret.hpp"
#include "crypto/hash.hpp"
#include "protocol/problem.hpp"
#include "protocol/rest.hpp"
#include "server/clock.hpp"
#include "server/limits.hpp"
#include "store/store.hpp"

namespace lanrage::server {

template <class T>
using Done = std::move_only_function<void(Result<T>)>;

using TokenHash = crypto::Hash;

// An authenticated caller's token: good until `expires_at`.
struct Session {
  PeerId peer;
  TokenHash token_hash{};
  UnixTime expires_at;
};

class Authentication {
 public:
  struct Keys {
    Secret<32> nonce_secret;        // of this store; the same after a restart
    crypto::Hash server_binding{};  // what a registration is signed for
  };
  Authentication(store::Store& store, const Clock& clock, Random& random, const Limits& limits,
                 const Keys& keys);
  Result<void> load();
  // The server shows another key from now on. Proofs for the one before still hold: connections
  // stand that began with it.
  void set_server_binding(const crypto::Hash& binding) {
    previous_binding_ = std::exchange(keys_.server_binding, binding);
  }

  // Stateless: an unanswered challenge costs no memory.
  protocol::ChallengeAnswer challenge(const protocol::ChallengeRequest& request);
  // Answers after the token is stored. malformed_nonce, expired_nonce, used_nonce, bad_signature,
  // peer_id_mismatch.
  void register_peer(const PeerId& named, const protocol::RegisterRequest& request,
                     Done<protocol::RegisterAnswer> done);
  // unknown_token, expired_token.
  Result<Session> authenticate(const protocol::BearerToken& token) const;
  // Whether a session that was authenticated before still is.
  bool is_valid(const TokenHash& token) const;
  void revoke(const TokenHash& token, Done<void> done);

  // Forgets tokens that expired long ago: how many.
  std::size_t clean_up();

 private:
  struct Entry {
    PeerId peer;
    UnixTime expires_at;
  };
  struct HashOfHash {
    std::size_t operator()(const TokenHash& hash) const noexcept;
  };

  crypto::Hash nonce_mac(const crypto::VerifyKey& identity, ByteView head) const;
  Result<void> check(const PeerId& named, const protocol::RegisterRequest& request) const;

  store::Store& store_;
  const Clock& clock_;
  Random& random_;
  const Limits& limits_;
  Keys keys_;
  std::optional<crypto::Hash> previous_binding_;
  std::unordered_map<TokenHash, Entry, HashOfHash> tokens_;
};

}  // namespace lanrage::server
