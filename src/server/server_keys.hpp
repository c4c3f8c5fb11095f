// What makes a store's server the same server after a restart.
#pragma once

#include <string>

#include "base/random.hpp"
#include "base/secret.hpp"
#include "base/time.hpp"
#include "crypto/keys.hpp"
#include "store/store.hpp"

namespace lanrage::server {

struct ServerKeys {
  std::string incarnation;       // a random id of the store
  Secret<32> nonce_secret;       // for challenges
  crypto::SigningKey relay_key;  // signs relay tokens
  std::string relay_id;          // of the relay in this process
  std::string join_word;
  SecretText enrolment_key{};  // of relays elsewhere
  UnixTime backed_up_at{};     // when the backup was made that the store came from; 0: from none
};

// Reads them, making those that are absent.
Result<ServerKeys> load_keys(store::Store& store, Random& random);

}  // namespace lanrage::server
