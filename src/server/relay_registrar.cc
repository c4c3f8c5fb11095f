#include "server/relay_registrar.hpp"

#include <utility>

namespace lanrage::server {

using protocol::Errc;

namespace {

// When a relay was last seen is written so often at most.
constexpr std::chrono::seconds kStoreEvery{60};

}  // namespace

RelayRegistrar::RelayRegistrar(const Parts& parts, const Limits& limits, const SecretText& key,
                               const crypto::VerifyKey& token_key)
    : parts_(parts),
      limits_(limits),
      key_(key),
      token_key_(token_key),
      wrong_keys_(limits.wrong_keys_an_address) {}

Result<void> RelayRegistrar::load(bool own_relay) {
  const auto rows = parts_.store.relays();
  if (!rows) return std::unexpected(rows.error());
  parts_.table.restore(*rows, parts_.clock.monotonic(), parts_.clock.unix_time());
  for (const auto& row : *rows)
    if (row.id == parts_.table.own_id() && !own_relay)  // it ran here before
      parts_.store.remove_relay(row.id, [](const Result<void>&) {});
  return {};
}

Result<void> RelayRegistrar::admit(std::optional<std::string_view> authorization,
                                   const IpAddress& from) {
  const auto shown = protocol::BearerToken::from_header(authorization);
  if (!shown) return std::unexpected(shown.error());
  const Instant now = parts_.clock.monotonic();
  const std::string address = rate_key(from);
  if (!wrong_keys_.has(address, now)) {
    parts_.metrics.rate_limited(RateLimit::keys);
    return fail(Errc::rate_limited, "too many wrong keys from your address: wait a while");
  }
  if (!key_.empty() && SecretText(shown->text) == key_) return {};
  wrong_keys_.take(address, now);
  return fail(Errc::unknown_token,
              "that isn't this server's enrolment key: whoever runs it sees it with "
              "lanrage-server relays --enroll-key");
}

protocol::EnrollRelayAnswer RelayRegistrar::answer(const EnrolledRelay& relay) const {
  return {relay.shown.id, token_key_,
          static_cast<std::uint64_t>(limits_.heartbeat_interval.count()), relay.shown.endpoints};
}

void RelayRegistrar::keep(const EnrolledRelay& relay, Done<void> done) {
  const auto& shown = relay.shown;
  store::RelayRow row{shown.id,
                      shown.endpoints.front().address,
                      shown.endpoints.front().port,
                      shown.region,
                      relay.registered_at,
                      relay.last_seen,
                      shown.capacity,
                      load_of(shown)};
  row.endpoints = shown.endpoints;
  row.stun = shown.stun;
  auto written = [this, id = shown.id, heard = relay.heard,
                  done = std::move(done)](Result<void> stored) mutable {
    if (!stored)
      parts_.log.warning("relay_not_stored", {{"relay", id}, {"reason", stored.error().message()}});
    // What it said meanwhile has a write of its own.
    if (auto* now = parts_.table.find(id); now && now->heard == heard) {
      if (stored)
        now->stored = heard;
      else
        now->stored.reset();
    }
    done(std::move(stored));
  };
  parts_.store.put_relay(std::move(row), std::move(written));
}

void RelayRegistrar::enroll(const protocol::EnrollRelayRequest& request, const IpAddress& from,
                            Done<protocol::EnrollRelayAnswer> done) {
  const Instant now = parts_.clock.monotonic();
  const auto announced = parts_.table.announce(request, from, now, parts_.clock.unix_time());
  if (!announced) return done(std::unexpected(announced.error()));
  EnrolledRelay& relay = announced->relay;
  if (announced->is_new) parts_.audit.relay("relay_joined", relay.shown.id, from);
  if (announced->moved_from) parts_.audit.relay("relay_moved", relay.shown.id, from);
  auto said = answer(relay);
  if (relay.stored) {
    if (now - *relay.stored >= kStoreEvery) {
      relay.stored = now;
      keep(relay, [](const Result<void>&) {});
    }
    return done(std::move(said));
  }
  keep(relay, [said = std::move(said), done = std::move(done)](const Result<void>& stored) mutable {
    if (!stored) return done(fail(Errc::unavailable, "the relay couldn't be stored; try again"));
    done(std::move(said));
  });
}

void RelayRegistrar::remove(const std::string& id, const IpAddress& from, Done<void> done) {
  if (id == parts_.table.own_id())
    return done(fail(Errc::forbidden,
                     "this server's own relay stays: leave it out with --role control,stun"));
  if (!parts_.table.find(id))
    return done(fail(Errc::not_found, "there is no such relay", "relay_id"));
  parts_.store.remove_relay(
      id, [this, id, from, done = std::move(done)](const Result<void>& stored) mutable {
        if (!stored)
          return done(fail(Errc::unavailable, "the relay couldn't be removed; try again"));
        if (parts_.table.remove(id)) parts_.audit.relay("relay_left", id, from);
        done({});
      });
}

void RelayRegistrar::clean_up() {
  for (const auto& id : parts_.table.expire(parts_.clock.monotonic())) {
    parts_.metrics.removed(Removed::relays);
    parts_.log.warning("relay_silent", {{"relay", id}, {"what", "no longer told to players"}});
    // A failure leaves a row that the next start forgets again.
    parts_.store.remove_relay(id, [](const Result<void>&) {});
  }
}

}  // namespace lanrage::server
