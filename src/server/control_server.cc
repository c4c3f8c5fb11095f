#include "server/control_server.hpp"

#include <boost/asio/steady_timer.hpp>

#include "server/routes.hpp"

namespace lanrage::server {

namespace {

namespace asio = boost::asio;

class Server final : public ControlServer {
 public:
  Server(const Surroundings& around, ControlConfig config)
      : around_(around),
        config_(std::move(config)),
        binding_(config_.tls ? config_.tls->spki() : crypto::Hash{}),
        authentication_(around.store, around.clock, around.random, config_.limits,
                        {config_.keys.nonce_secret, binding_}),
        registry_(around.store, around.clock, around.random, config_.limits),
        presence_(config_.limits),
        signals_(config_.limits, around.clock.unix_time()),
        relays_(config_.services, config_.public_address, config_.keys.relay_key),
        sessions_({registry_, presence_, signals_, authentication_, around.clock, around.random},
                  config_.limits),
        timer_(around.io) {}

  Result<void> load() {
    if (auto loaded = authentication_.load(); !loaded) return loaded;
    const auto parties = around_.store.parties();
    if (!parties) return std::unexpected(parties.error());
    if (auto loaded = registry_.load(*parties); !loaded) return loaded;
    presence_.restore(*parties, around_.clock.unix_time());
    registry_.listen([this](const auto& party, const auto& event) { on_event(party, event); });
    return {};
  }

  Result<void> listen() {
    io::HttpServer::Options options{config_.listen, config_.tls, config_.limits.http};
    io::ServerEvents events{
        [this](io::HttpRequest request, io::Responder responder) {
          routes_->on_request(std::move(request), std::move(responder));
        },
        [this](const io::HttpRequest& request) { return routes_->on_upgrade(request); }};
    auto http = io::HttpServer::start(around_.io, std::move(options), std::move(events));
    if (!http && http.error().is(io::ServerErrc::address_in_use))
      return fail(io::ServerErrc::address_in_use, http.error().message() + " with --listen",
                  "--listen");
    if (!http) return std::unexpected(http.error());
    http_ = std::move(*http);

    const ServerIdentity identity{config_.keys.incarnation, binding_, url()};
    service_ = std::make_unique<PartyService>(
        PartyService::Parts{registry_, presence_, signals_, relays_, sessions_, around_.clock},
        config_.limits, identity, config_.creation);
    sessions_.serve(*service_);
    PublicFacts facts{config_.version, {}};
    if (config_.tls) facts.pin = io::to_text(config_.tls->pin());
    routes_ = std::make_unique<Routes>(Routes::Parts{*service_, registry_, authentication_, relays_,
                                                     sessions_, around_.clock, around_.random},
                                       config_.limits, std::move(facts));
    next_flush_ = next_cleanup_ = around_.clock.monotonic();
    arm_timer();
    return {};
  }

  Endpoint endpoint() const override { return http_->endpoint(); }

  std::string url() const override {
    const Endpoint advertised{config_.advertised, endpoint().port};
    return (config_.tls ? "https://" : "http://") + advertised.to_string();
  }

  void tick() override {
    const UnixTime now = around_.clock.unix_time();
    for (const auto& [party, peer] : presence_.expire(now))
      sessions_.announce(
          party, protocol::ws::Presence{party, peer, false, presence_.of(party, peer).last_seen},
          &peer);
    signals_.expire(now);
    sessions_.check();
    const Instant monotonic = around_.clock.monotonic();
    if (monotonic >= next_flush_) {
      next_flush_ = monotonic + config_.limits.last_seen_flush;
      flush();
    }
    if (monotonic >= next_cleanup_) {
      next_cleanup_ = monotonic + config_.limits.cleanup_interval;
      authentication_.clean_up();
    }
  }

  void stop(std::function<void()> done) override {
    timer_.cancel();
    stopping_ = true;
    sessions_.stop();
    constexpr std::chrono::seconds kGrace{5};
    http_->stop(kGrace, [this, done = std::move(done)] {
      flush();
      done();
    });
  }

 private:
  void arm_timer() {
    timer_.expires_after(std::chrono::seconds(1));
    timer_.async_wait([this](const boost::system::error_code& error) {
      if (error || stopping_) return;
      tick();
      arm_timer();
    });
  }

  void flush() {
    auto changes = presence_.take_changes();
    if (changes.empty()) return;
    around_.store.touch(std::move(changes), [&log = around_.log](Result<void> stored) {
      if (!stored) log.warning("last_seen_not_stored", {{"reason", stored.error().message()}});
    });
  }

  void on_event(const party::Party& party, const party::Event& event) {
    using enum party::EventType;
    const PartyId id = party.id();
    if (event.type == created || event.type == peer_joined)
      presence_.joined(id, event.subject, event.at);
    sessions_.on_event(party, event);
    if (event.type == peer_left) {
      presence_.forget(id, event.subject);
      signals_.forget(id, event.subject);
    } else if (event.type == party_closed) {
      presence_.forget(id);
      signals_.forget(id);
    }
    around_.log.info("party_event", {{"party", id.to_string()},
                                     {"seq", std::to_string(event.seq)},
                                     {"type", std::string(name_of(event.type))},
                                     {"peer", event.subject.to_string()}});
  }

  Surroundings around_;
  ControlConfig config_;
  crypto::Hash binding_;
  Authentication authentication_;
  PartyRegistry registry_;
  Presence presence_;
  SignalQueue signals_;
  RelayDirectory relays_;
  Sessions sessions_;
  std::unique_ptr<PartyService> service_;
  std::unique_ptr<Routes> routes_;
  asio::steady_timer timer_;
  Instant next_flush_{};
  Instant next_cleanup_{};
  bool stopping_ = false;
  std::unique_ptr<io::HttpServer> http_;  // last: its connections call the others
};

}  // namespace

Result<std::unique_ptr<ControlServer>> ControlServer::start(const Surroundings& surroundings,
                                                            ControlConfig config) {
  auto server = std::make_unique<Server>(surroundings, std::move(config));
  if (auto loaded = server->load(); !loaded) return std::unexpected(loaded.error());
  if (auto listening = server->listen(); !listening) return std::unexpected(listening.error());
  return server;
}

}  // namespace lanrage::server
