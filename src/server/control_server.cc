#include "server/control_server.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>

#include "server/prover_thread.hpp"

namespace lanrage::server {

namespace {

namespace asio = boost::asio;

constexpr std::chrono::milliseconds kTickInterval{250};
constexpr std::chrono::seconds kStopGrace{5};

CoreConfig core_config(const ControlConfig& config) {
  return {config.version,
          config.tls ? config.tls->spki() : crypto::Hash{},
          config.tls ? std::optional(io::to_text(config.tls->pin())) : std::nullopt,
          config.creation,
          config.services,
          config.public_address,
          config.keys,
          config.limits};
}

class Server final : public ControlServer {
 public:
  Server(const Surroundings& around, ControlConfig config)
      : config_(std::move(config)),
        io_(around.io),
        prover_(
            config_.limits.proofs_waiting,
            [&io = io_](std::move_only_function<void()> task) { asio::post(io, std::move(task)); }),
        core_({around.store, around.clock, around.random, around.log, around.metrics, around.audit,
               &prover_},
              core_config(config_)),
        timer_(around.io) {}

  Result<void> load() { return core_.load(); }

  Result<void> listen() {
    io::HttpServer::Options options{config_.listen, config_.tls, config_.limits.http};
    io::ServerEvents events{
        [this](io::HttpRequest request, io::Responder responder) {
          core_.on_request(std::move(request), std::move(responder));
        },
        [this](const io::HttpRequest& request) { return core_.on_upgrade(request); }};
    auto http = io::HttpServer::start(io_, std::move(options), std::move(events));
    if (!http && http.error().is(io::ServerErrc::address_in_use))
      return fail(io::ServerErrc::address_in_use, http.error().message() + " with --listen",
                  "--listen");
    if (!http) return std::unexpected(http.error());
    http_ = std::move(*http);
    core_.set_public_url(url());
    arm_timer();
    return {};
  }

  Endpoint endpoint() const override { return http_->endpoint(); }

  std::string url() const override {
    const Endpoint advertised{config_.advertised, endpoint().port};
    return (config_.tls ? "https://" : "http://") + advertised.to_string();
  }

  ControlCore& core() override { return core_; }
  const io::ServerCounters& counters() const override { return http_->counters(); }
  void tick() override { core_.tick(); }

  void set_public_address(const IpAddress& address) override {
    config_.advertised = address;
    core_.set_public_address(address);
    core_.set_public_url(url());
  }

  void set_tls(std::shared_ptr<io::TlsContext> tls) override {
    if (tls->spki() != config_.tls->spki())
      core_.set_certificate(tls->spki(), io::to_text(tls->pin()));
    config_.tls = tls;
    http_->set_tls(std::move(tls));
  }

  void stop(std::function<void()> done) override {
    timer_.cancel();
    stopping_ = true;
    core_.stop();
    http_->stop(kStopGrace, [this, done = std::move(done)] {
      core_.flush();
      done();
    });
  }

 private:
  void arm_timer() {
    timer_.expires_after(kTickInterval);
    timer_.async_wait([this](const boost::system::error_code& error) {
      if (error || stopping_) return;
      tick();
      arm_timer();
    });
  }

  ControlConfig config_;
  asio::io_context& io_;
  ProverThread prover_;
  ControlCore core_;
  asio::steady_timer timer_;
  bool stopping_ = false;
  std::unique_ptr<io::HttpServer> http_;  // last: its connections call the core
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
