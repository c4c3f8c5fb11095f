// The relay's side of the bind (see bind_messages.hpp). Keeps no state for anybody who hasn't
// proved that he receives at his source address and holds the token's bind key.
#pragma once

#include <cstdint>
#include <optional>

#include "base/random.hpp"
#include "base/time.hpp"
#include "relay/client_table.hpp"
#include "relay/limits.hpp"
#include "relay/pacer.hpp"
#include "relay/token.hpp"
#include "stun/message.hpp"

namespace lanrage::relay {

class BindServer {
 public:
  // Draws boot id and nonce key; `random` is used here only.
  BindServer(const RelayId& id, const crypto::VerifyKey& token_key, const Limits& limits,
             Random& random);

  // The request proves that its sender receives at `from`.
  bool has_fresh_nonce(Instant now, const Endpoint& from, const stun::MessageView& request) const;

  struct Answer {
    Bytes bytes;
    int code = 0;  // zero: accepted
  };
  // `request` is of method bind_relay, and came to the shard `home`.
  Answer on_request(Instant now, UnixTime unix_now, const Endpoint& from, const IpAddress& local,
                    std::uint32_t home, const stun::MessageView& request, ClientTable& clients);

  // Nothing to say (zero) when `request`, of method route_relay, bears this client's signature over
  // its routes; else the code to refuse with.
  int judge_routes(Instant now, const Endpoint& from, const stun::MessageView& request,
                   const Client& client) const;
  // An answer of that code to `request`: kChallenge and kStaleNonce bring a new nonce.
  Bytes error(Instant now, const Endpoint& from, const stun::MessageView& request, int code) const;

  std::uint64_t boot_id() const { return boot_id_; }
  // Clients that are bound keep their token.
  void set_token_key(const crypto::VerifyKey& key) { token_key_ = key; }

 private:
  Bytes nonce_for(Instant now, const Endpoint& from) const;
  // The nonce's time in microseconds, when it is one of ours for that source and fresh.
  std::optional<std::uint64_t> check_nonce(Instant now, const Endpoint& from, ByteView nonce) const;
  struct Admitted {
    ClientRef client;
    bool again = false;  // with the nonce that it is bound with: retransmitted, or replayed
  };
  // Zero, or the code to refuse with.
  int judge(UnixTime unix_now, const Endpoint& from, const stun::MessageView& request,
            ByteView nonce, std::uint64_t nonce_time, ClientTable& clients, Admitted& admitted);

  RelayId id_;
  crypto::VerifyKey token_key_;
  Limits limits_;
  std::uint64_t boot_id_;
  Secret<32> nonce_key_;
};

}  // namespace lanrage::relay
