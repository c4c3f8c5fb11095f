// The control server without sockets and timers: its parts wired together. A simulation drives it
// as ControlServer does.
#pragma once

#include <memory>
#include <string>
#include <variant>

#include "io/http_server.hpp"
#include "server/admin.hpp"
#include "server/presence.hpp"
#include "server/routes.hpp"
#include "server/server_keys.hpp"
#include "server/signal_queue.hpp"

namespace lanrage::server {

struct CoreConfig {
  std::string version;
  crypto::Hash binding{};          // what proofs are made for: SHA-256 of our SPKI, or zeros
  std::optional<std::string> pin;  // base32; absent over plain HTTP
  CreationPolicy creation;
  BuiltInServices services;
  std::optional<IpAddress> public_address;
  ServerKeys keys;
  Limits limits;
};

// Outlived by everything it is given. All on one thread, the one that the store completes on.
class ControlCore final : public AdminTarget {
 public:
  struct Surroundings {
    store::Store& store;
    const Clock& clock;
    Random& random;
    io::Log& log;
    Metrics& metrics;
    AuditLog& audit;
    SignatureProver* prover = nullptr;  // null: signatures are checked on this thread
  };
  ControlCore(const Surroundings& around, CoreConfig config);
  // Before anything else. Errors: store::Errc.
  Result<void> load();

  void on_request(io::HttpRequest request, io::Responder responder);
  std::variant<io::WebSocketOpened, io::HttpResponse> on_upgrade(const io::HttpRequest& request);
  // Runs what has fallen due: presence, leases, expiry, cleanup. Several times a second.
  void tick();
  // Connections that end from now on say nothing of their peers.
  void stop() { sessions_.stop(); }
  // Hands what only memory knows to the store: who was seen when.
  void flush();

  // What invites name from now on; what players are told of our relay and STUN.
  void set_public_url(std::string url) { service_.set_public_url(std::move(url)); }
  // We show another certificate from now on.
  void set_certificate(const crypto::Hash& binding, const std::string& pin) {
    authentication_.set_server_binding(binding);
    service_.set_server_binding(binding);
    routes_.set_pin(pin);
  }
  void set_public_address(const IpAddress& address) { relays_.set_public_address(address); }
  // The join word and the list stay.
  void set_creation_policy(protocol::CreatePolicy kind) { service_.set_creation_policy(kind); }
  const CreationPolicy& creation() const { return service_.policy(); }
  std::size_t connections() const { return sessions_.size(); }

  std::vector<AdminParty> parties() const override;
  std::vector<AdminRelay> relays() const override;
  void kick(const PartyId& party, const PeerId& peer, Done done) override;
  void backup(const std::string& path, Done done) override;
  SecretText enrolment_key() const override { return registrar_.key(); }

 private:
  void on_event(const party::Party& party, const party::Event& event);
  void note(const party::Party& party, const party::Event& event);
  void clean_up();
  void close_unused_parties();
  // Says when the calendar clock was set.
  void watch_clock();
  // Says when the database begins to refuse changes, and when it takes them again.
  void watch_store();

  Surroundings around_;
  CoreConfig config_;
  Authentication authentication_;
  PartyRegistry registry_;
  Presence presence_;
  SignalQueue signals_;
  RelayTable relay_table_;
  RelayDirectory relays_;
  RelayRegistrar registrar_;
  Sessions sessions_;
  PartyService service_;
  Routes routes_;
  Instant next_check_{};
  Instant next_flush_{};
  Instant next_cleanup_{};
  Duration clock_offset_{};  // of the calendar clock from the monotonic one
  Instant watching_since_{};
};

}  // namespace lanrage::server
