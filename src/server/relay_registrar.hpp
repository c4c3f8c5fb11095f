// Lets relays elsewhere into the table of relays: asks for the enrolment key, and keeps the store
// up to date.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/secret.hpp"
#include "crypto/keys.hpp"
#include "io/log.hpp"
#include "server/audit_log.hpp"
#include "server/authentication.hpp"
#include "server/metrics.hpp"
#include "server/relay_table.hpp"

namespace lanrage::server {

class RelayRegistrar {
 public:
  struct Parts {
    RelayTable& table;
    store::Store& store;
    const Clock& clock;
    Metrics& metrics;
    AuditLog& audit;
    io::Log& log;
  };
  // `key`: what relays must show; `token_key`: whose tokens they shall accept.
  RelayRegistrar(const Parts& parts, const Limits& limits, const SecretText& key,
                 const crypto::VerifyKey& token_key);
  // Before anything else. `own_relay`: one runs in this process. Errors: store::Errc.
  Result<void> load(bool own_relay);

  // Whether a request from there may touch the table, by the value of its Authorization header.
  // missing_token, malformed_token, unknown_token, rate_limited.
  Result<void> admit(std::optional<std::string_view> authorization, const IpAddress& from);
  // An announcement that says nothing new is answered at once and seldom written.
  void enroll(const protocol::EnrollRelayRequest& request, const IpAddress& from,
              Done<protocol::EnrollRelayAnswer> done);
  // not_found, forbidden (our own).
  void remove(const std::string& id, const IpAddress& from, Done<void> done);
  void clean_up();

  const SecretText& key() const { return key_; }

 private:
  protocol::EnrollRelayAnswer answer(const EnrolledRelay& relay) const;
  void keep(const EnrolledRelay& relay, Done<void> done);

  Parts parts_;
  const Limits& limits_;
  SecretText key_;
  crypto::VerifyKey token_key_;
  TokenBuckets wrong_keys_;
};

}  // namespace lanrage::server
