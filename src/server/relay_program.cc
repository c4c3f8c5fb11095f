#include "server/relay_program.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>

#include "crypto/keys.hpp"
#include "io/tls.hpp"
#include "server/admin.hpp"
#include "server/deployment.hpp"
#include "server/metrics_listener.hpp"
#include "server/metrics_sources.hpp"
#include "server/relay_enrolment.hpp"
#include "server/relay_id_file.hpp"
#include "server/relay_target.hpp"
#include "server/service_manager.hpp"
#include "server/udp_services.hpp"
#include "store/file_lock.hpp"

namespace lanrage::server {
namespace {

namespace asio = boost::asio;

Result<io::Origin> origin_of(const Config& config) {
  auto origin = io::Origin::parse(config.control);
  if (!origin)
    return fail(ConfigErrc::invalid_setting,
                "--control: expected https://HOST or https://HOST:PORT, got " + config.control,
                "--control");
  if (!config.pin.empty()) origin->policy.pin = io::parse_pin(config.pin);
  return *origin;
}

// Made in the order of its fields, ended in the reverse.
class RelayProgram {
 public:
  RelayProgram(const Run& run, io::Log& log)
      : run_(run),
        config_(run.config),
        log_(log),
        metrics_(run.version),
        manager_(loop_),
        signals_(loop_, SIGTERM, SIGINT, SIGHUP) {}

  Result<void> start() {
    for (const auto step : {&RelayProgram::take_data_directory, &RelayProgram::start_udp,
                            &RelayProgram::observe, &RelayProgram::enroll})
      if (auto done = (this->*step)(); !done) return done;
    wait_for_signals();
    return {};
  }

  Result<void> run() {
    loop_.run();
    if (refused_) return std::unexpected(*refused_);
    return {};
  }

 private:
  Result<void> take_data_directory() {
    if (auto made = make_data_directory(config_.data_dir); !made) return made;
    auto lock = store::FileLock::take(config_.data_dir + "/lock");
    if (!lock) return std::unexpected(lock.error());
    lock_.emplace(std::move(*lock));
    const auto id = load_or_make_relay_id(config_.data_dir, random_);
    if (!id) return std::unexpected(id.error());
    id_ = *id;
    return {};
  }

  Result<void> start_udp() {
    // Nobody's until the control server has told its own: no token is good.
    token_key_ = crypto::SigningKey::generate(random_).public_key();
    auto started = UdpServices::start(config_, id_, token_key_, log_);
    if (!started) return std::unexpected(started.error());
    udp_ = std::move(*started);
    return run_.in_kernel ? run_.in_kernel() : Result<void>();
  }

  Result<void> observe() {
    metrics_.add_source([this](Exposition& out) {
      write(out, udp_);
      write(out, process_facts());
    });
    if (config_.metrics_listen) {
      auto listener = MetricsListener::start_as_set(loop_, *config_.metrics_listen, metrics_, log_);
      if (!listener) return std::unexpected(listener.error());
      metrics_listener_ = std::move(*listener);
    }
    auto admin = AdminServer::start(loop_, config_.data_dir,
                                    {.relay = &relay_target_.emplace(loop_, *udp_.relay)});
    if (!admin) return std::unexpected(admin.error());
    admin_ = std::move(*admin);
    return {};
  }

  // An unspecified address lets the control server put in where we come from: that may be of either
  // family, so ours of both follow.
  std::vector<Endpoint> told(const Endpoint& bound) const {
    std::vector<Endpoint> out{{config_.public_address.value_or(bound.address), bound.port}};
    const bool both_families = bound.address.is_v6() && bound.address.is_unspecified();
    if (!both_families) return out;
    for (const auto& address : addresses_on_the_internet())
      if (!config_.public_address || config_.public_address->is_v4() != address.is_v4())
        out.push_back({address, bound.port});
    return out;
  }

  Result<void> enroll() {
    auto origin = origin_of(config_);
    if (!origin) return std::unexpected(origin.error());
    auto key = enrolment_key_of(config_);
    if (!key) return std::unexpected(key.error());
    if (key->empty())
      return fail(ConfigErrc::contradiction,
                  "a relay alone needs the control server's enrolment key, which lanrage-server "
                  "relays --enroll-key shows there: name a file with it, --enroll @FILE",
                  "--enroll");
    RelayEnrolment::Settings settings{std::move(*origin), std::move(*key), {}};
    settings.relay.relay_id = id_.to_string();
    settings.relay.region = config_.region;
    settings.relay.endpoints = told(udp_.relay->endpoint());
    if (udp_.stun) settings.relay.stun = told_stun();
    settings.relay.capacity = config_.relay.clients;
    enrolment_ = RelayEnrolment::start(
        loop_, std::move(settings),
        {[this] { return udp_.relay->counters().clients; },
         [this](const auto& answer) { on_enrolled(answer); },
         [this](const Error& error, bool hopeless) { on_failed(error, hopeless); }},
        random_);
    return {};
  }

  // First and second port of each address, side by side.
  std::vector<Endpoint> told_stun() const {
    std::vector<Endpoint> out;
    for (const auto& primary : told(udp_.stun->primary())) {
      out.push_back(primary);
      out.push_back({primary.address, udp_.stun->alternate().port});
    }
    return out;
  }

  void on_enrolled(const protocol::EnrollRelayAnswer& answer) {
    if (answer.token_key != token_key_) {
      token_key_ = answer.token_key;
      udp_.relay->set_token_key(token_key_);
      if (ready_) log_.warning("token_key_changed", {{"control", config_.control}});
    }
    if (!trouble_.empty()) log_.info("enrolled_again", {{"control", config_.control}});
    trouble_.clear();
    if (ready_) return;
    ready_ = true;
    announce(answer);
  }

  void announce(const protocol::EnrollRelayAnswer& answer) {
    const std::string endpoint =
        answer.endpoints.empty() ? "unknown" : answer.endpoints.front().to_string();
    if (run_.ready_stream) {
      std::fprintf(run_.ready_stream, "ready relay=%s region=%s endpoint=%s\n",
                   id_.to_string().c_str(), config_.region.c_str(), endpoint.c_str());
      std::fflush(run_.ready_stream);
    }
    for (const auto& told : answer.endpoints)
      if (told.address.is_private() || told.address.is_loopback())
        log_.warning("private_address",
                     {{"endpoint", told.to_string()},
                      {"advice",
                       "players elsewhere can't reach it: name this relay's public "
                       "address with --public-address"}});
    manager_.ready("Relaying for " + config_.control);
  }

  // Said once for each reason, not at every try.
  void on_failed(const Error& error, bool hopeless) {
    if (hopeless && !ready_) {
      refused_ = error;
      loop_.stop();
      return;
    }
    if (std::exchange(trouble_, error.code()) == error.code()) return;
    log_.warning("not_enrolled", {{"control", config_.control},
                                  {"reason", error.message()},
                                  {"what", ready_ ? "relays on, tries again" : "tries again"}});
  }

  void wait_for_signals() {
    signals_.async_wait([this](const boost::system::error_code& error, int number) {
      if (error) return;
      if (number == SIGHUP) {
        reload();
        wait_for_signals();
        return;
      }
      log_.info("stopping", {{"signal", std::to_string(number)}});
      manager_.stopping();
      admin_.reset();
      metrics_listener_.reset();
      enrolment_->stop([this] { loop_.stop(); });
    });
  }

  void reload() {
    manager_.reloading();
    if (auto again = run_.reread(); again) {
      config_.log_level = again->log_level;
      log_.set_level(config_.log_level);
      log_.info("reloaded", {{"log_level", std::string(io::name_of(config_.log_level))}});
    } else {
      log_.error("not_reloaded", {{"what", "settings"}, {"reason", again.error().message()}});
    }
    manager_.ready("Relaying for " + config_.control);
  }

  const Run& run_;
  Config config_;
  io::Log& log_;
  crypto::SystemRandom random_;
  asio::io_context loop_;
  Metrics metrics_;
  ServiceManager manager_;
  asio::signal_set signals_;
  std::optional<store::FileLock> lock_;
  RelayId id_;
  crypto::VerifyKey token_key_;
  UdpServices udp_;
  std::optional<LoopRelayTarget> relay_target_;
  std::unique_ptr<MetricsListener> metrics_listener_;
  std::unique_ptr<AdminServer> admin_;
  bool ready_ = false;
  std::string trouble_;  // the code of what keeps us from announcing now
  std::optional<Error> refused_;
  std::unique_ptr<RelayEnrolment> enrolment_;
};

}  // namespace

Result<void> serve_relay(const Run& run, io::Log& log) {
  RelayProgram program(run, log);
  if (auto started = program.start(); !started) return started;
  return program.run();
}

}  // namespace lanrage::server
