#include "server/program.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <filesystem>

#include "crypto/keys.hpp"
#include "io/tls.hpp"
#include "server/admin.hpp"
#include "server/admin_commands.hpp"
#include "server/control_server.hpp"
#include "server/deployment.hpp"
#include "server/metrics_listener.hpp"
#include "server/metrics_sources.hpp"
#include "server/port_mapper.hpp"
#include "server/relay_program.hpp"
#include "server/relay_target.hpp"
#include "server/service_manager.hpp"
#include "server/udp_services.hpp"
#include "store/file_lock.hpp"
#include "store/store.hpp"

namespace lanrage::server {
namespace {

namespace asio = boost::asio;

Result<std::shared_ptr<io::TlsContext>> tls_of(const Config& config) {
  if (config.insecure_http) return std::shared_ptr<io::TlsContext>();
  if (!config.tls_cert.empty()) return io::TlsContext::load(config.tls_cert, config.tls_key);
  return io::TlsContext::load_or_generate(config.data_dir);
}

// A machine with a private address of IPv4 may have one of IPv6 that the internet reaches.
protocol::CreatePolicy create_policy_of(const Config& config, const IpAddress& advertised) {
  const auto& listen = config.listen.address;
  if (listen.is_v6() && listen.is_unspecified())
    for (const auto& address : addresses_on_the_internet())
      if (address.is_v6()) return default_create_policy(address);
  return default_create_policy(advertised);
}

CreationPolicy creation_of(const Config& config, const ServerKeys& keys,
                           const IpAddress& advertised) {
  return {config.create_policy.value_or(create_policy_of(config, advertised)), keys.join_word,
          config.creator};
}

// Made in the order of its fields, ended in the reverse.
class Program {
 public:
  Program(const Run& run, io::Log& log)
      : run_(run),
        config_(run.config),
        log_(log),
        metrics_(run.version),
        manager_(loop_),
        signals_(loop_, SIGTERM, SIGINT, SIGHUP) {}

  Result<void> start() {
    for (const auto step : {&Program::take_data_directory, &Program::open_store,
                            &Program::start_udp, &Program::start_control, &Program::observe})
      if (auto done = (this->*step)(); !done) return done;
    wait_for_signals();
    announce("ready");
    map_ports();
    return {};
  }

  void run() { loop_.run(); }

 private:
  Result<void> take_data_directory() {
    if (auto made = make_data_directory(config_.data_dir); !made) return made;
    auto lock = store::FileLock::take(config_.data_dir + "/lock");
    if (!lock) return std::unexpected(lock.error());
    lock_.emplace(std::move(*lock));
    auto tls = tls_of(config_);
    if (!tls) return std::unexpected(tls.error());
    tls_ = std::move(*tls);
    if (config_.audit_log.empty()) {
      audit_ = std::make_unique<AuditLog>(log_, clock_, config_.audit);
      return {};
    }
    auto audit = AuditLog::to_file(config_.audit_log, clock_, config_.audit);
    if (!audit) return std::unexpected(audit.error());
    audit_ = std::move(*audit);
    return {};
  }

  Result<void> open_store() {
    auto store = store::open_store(
        store_location(config_),
        [this](std::move_only_function<void()> task) { asio::post(loop_, std::move(task)); });
    if (!store) return std::unexpected(store.error());
    store_ = std::move(*store);
    if (const auto notice = store_->notice(); !notice.empty())
      log_.warning("database", {{"notice", notice}});
    auto keys = load_keys(*store_, random_);
    if (!keys) return std::unexpected(keys.error());
    keys_.emplace(std::move(*keys));
    const auto enrolment = enrolment_key_of(config_);
    if (!enrolment) return std::unexpected(enrolment.error());
    if (!enrolment->empty()) keys_->enrolment_key = *enrolment;
    return {};
  }

  Result<void> start_udp() {
    auto started = UdpServices::start(config_, *RelayId::parse(keys_->relay_id),
                                      keys_->relay_key.public_key(), log_);
    if (!started) return std::unexpected(started.error());
    udp_ = std::move(*started);
    return run_.in_kernel ? run_.in_kernel() : Result<void>();
  }

  BuiltInServices services() const {
    BuiltInServices services;
    services.relay_id = keys_->relay_id;
    services.region = config_.region;
    services.own_addresses = addresses_on_the_internet;
    if (udp_.relay) {
      services.relay = udp_.relay->endpoint();
      services.capacity = config_.relay.clients;
      services.clients = [relay = udp_.relay.get()] { return relay->counters().clients; };
    }
    if (udp_.stun) {
      services.stun = udp_.stun->primary();
      services.stun_other_port = udp_.stun->alternate();
    }
    return services;
  }

  Result<void> start_control() {
    advertised_ = config_.public_address                     ? *config_.public_address
                  : !config_.listen.address.is_unspecified() ? config_.listen.address
                                                             : address_of_this_machine();
    auto control = ControlServer::start(
        {loop_, *store_, clock_, random_, log_, metrics_, *audit_},
        {run_.version, config_.listen, tls_, advertised_, creation_of(config_, *keys_, advertised_),
         services(), config_.public_address, *keys_, config_.limits});
    if (!control) return std::unexpected(control.error());
    control_ = std::move(*control);
    keep_relay();
    return {};
  }

  void keep_relay() {
    const auto built_in = services();
    if (!built_in.relay) return;
    const UnixTime now = clock_.unix_time();
    store::RelayRow row{built_in.relay_id, advertised_, built_in.relay->port,
                        built_in.region,   now,         now};
    row.endpoints = {{advertised_, built_in.relay->port}};
    if (built_in.stun) row.stun = {{advertised_, built_in.stun->port}};
    store_->put_relay(std::move(row), [&log = log_](Result<void> stored) {
      if (!stored) log.warning("relay_not_stored", {{"reason", stored.error().message()}});
    });
  }

  Result<void> observe() {
    metrics_.add_source([this](Exposition& out) {
      write(out, control_->counters());
      write(out, store_->counters());
      write(out, udp_);
      write(out, process_facts());
    });
    if (config_.metrics_listen) {
      auto listener = MetricsListener::start_as_set(loop_, *config_.metrics_listen, metrics_, log_);
      if (!listener) return std::unexpected(listener.error());
      metrics_listener_ = std::move(*listener);
    }
    AdminTargets targets{.control = &control_->core()};
    if (udp_.relay) targets.relay = &relay_target_.emplace(loop_, *udp_.relay);
    auto admin = AdminServer::start(loop_, config_.data_dir, targets);
    if (!admin) return std::unexpected(admin.error());
    admin_ = std::move(*admin);
    if (config_.insecure_http && !config_.listen.address.is_loopback())
      log_.warning("insecure_http", {{"listen", control_->endpoint().to_string()}});
    return {};
  }

  void announce(std::string_view what) {
    std::string line = std::string(what) + " url=" + control_->url();
    if (tls_) line += " pin=" + io::to_text(tls_->pin());
    const CreationPolicy& creation = control_->core().creation();
    if (creation.kind == protocol::CreatePolicy::word) line += " word=" + creation.word;
    if (run_.ready_stream) {
      std::fprintf(run_.ready_stream, "%s\n", line.c_str());
      std::fflush(run_.ready_stream);
    }
    manager_.ready("Serving at " + control_->url());
  }

  void map_ports() {
    if (!should_map(config_, advertised_)) return;
    std::vector<ServerPort> ports{{Transport::tcp, control_->endpoint().port}};
    if (udp_.relay) ports.push_back({Transport::udp, udp_.relay->endpoint().port});
    if (udp_.stun) {
      ports.push_back({Transport::udp, udp_.stun->primary().port});
      ports.push_back({Transport::udp, udp_.stun->alternate().port});
    }
    port_mapper_ = std::make_unique<PortMapper>(
        ports, advertised_, [this](const auto& news, const auto& round) {
          const std::string method(round.method ? portmap::title_of(*round.method) : "");
          asio::post(loop_, [this, news, method] { on_mapping(news, method); });
        });
  }

  void on_mapping(const PortMapping::News& news, const std::string& method) {
    if (stopping_) return;
    if (!news.advice.empty()) log_.warning("not_reachable", {{"advice", news.advice}});
    if (!news.reachable_at) return;
    log_.info("ports_mapped", {{"by", method}, {"address", news.reachable_at->to_string()}});
    advertised_ = *news.reachable_at;
    control_->set_public_address(advertised_);
    // Now others on the internet reach us: an open server is an open relay.
    if (!config_.create_policy)
      control_->core().set_creation_policy(create_policy_of(config_, advertised_));
    keep_relay();
    announce("reachable");
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
      stopping_ = true;
      admin_.reset();
      metrics_listener_.reset();
      control_->stop([this] { loop_.stop(); });
    });
  }

  // What a running server can change: log level, certificate, the audit log's file. Each on its
  // own: what is bad stays as it was.
  void reload() {
    manager_.reloading();
    bool all = true;
    const auto failed = [this, &all](std::string_view what, const Error& error) {
      all = false;
      log_.error("not_reloaded", {{"what", std::string(what)}, {"reason", error.message()}});
    };
    if (auto again = run_.reread(); again) {
      config_.log_level = again->log_level;
      log_.set_level(config_.log_level);
      config_.tls_cert = again->tls_cert.empty() ? config_.tls_cert : again->tls_cert;
      config_.tls_key = again->tls_key.empty() ? config_.tls_key : again->tls_key;
    } else {
      failed("settings", again.error());
    }
    if (auto opened = audit_->reopen(); !opened) failed("audit_log", opened.error());
    if (tls_) {
      if (auto tls = tls_of(config_); tls)
        use(std::move(*tls));
      else
        failed("certificate", tls.error());
    }
    if (all) log_.info("reloaded", {{"log_level", std::string(io::name_of(config_.log_level))}});
    manager_.ready("Serving at " + control_->url());
  }

  void use(std::shared_ptr<io::TlsContext> tls) {
    if (tls->spki() != tls_->spki())
      log_.warning("pin_changed", {{"pin", io::to_text(tls->pin())},
                                   {"what", "invites given out so far carry the old pin"}});
    tls_ = std::move(tls);
    control_->set_tls(tls_);
  }

  const Run& run_;
  Config config_;
  io::Log& log_;
  const SystemClock clock_;
  crypto::SystemRandom random_;
  asio::io_context loop_;
  Metrics metrics_;
  ServiceManager manager_;
  asio::signal_set signals_;
  std::optional<store::FileLock> lock_;
  std::shared_ptr<io::TlsContext> tls_;
  std::unique_ptr<AuditLog> audit_;
  // Whatever the store has accepted is written when it goes, after the control server.
  std::unique_ptr<store::Store> store_;
  std::optional<ServerKeys> keys_;
  UdpServices udp_;
  std::optional<LoopRelayTarget> relay_target_;
  IpAddress advertised_;
  std::unique_ptr<ControlServer> control_;
  std::unique_ptr<MetricsListener> metrics_listener_;
  std::unique_ptr<AdminServer> admin_;
  bool stopping_ = false;
  std::unique_ptr<PortMapper> port_mapper_;  // first to go: it posts to the loop
};

}  // namespace

Result<void> serve(const Run& run, io::Log& log) {
  if (!run.config.has_role("control")) return serve_relay(run, log);
  Program program(run, log);
  if (auto started = program.start(); !started) return started;
  program.run();
  return {};
}

}  // namespace lanrage::server
