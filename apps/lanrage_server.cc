// lanrage-server: control server, relay and STUN responder in one process.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <cstdio>
#include <filesystem>
#include <string>
#include <sys/stat.h>
#include <vector>

#include "crypto/keys.hpp"
#include "io/log.hpp"
#include "io/tls.hpp"
#include "server/control_server.hpp"
#include "server/deployment.hpp"
#include "server/relay_server.hpp"
#include "server/stun_server.hpp"
#include "store/file_lock.hpp"
#include "store/store.hpp"

namespace {

using namespace lanrage;
namespace asio = boost::asio;

struct Options {
  std::string data_dir;
  std::string store;
  std::string listen = "0.0.0.0:8667";
  std::string public_address;
  std::string relay_listen = "0.0.0.0:51820";
  std::string stun_listen = "0.0.0.0:3478";
  std::vector<std::string> roles{"control", "stun", "relay"};
  std::string tls_cert;
  std::string tls_key;
  bool insecure_http = false;
  std::string create_policy;
  std::vector<std::string> creators;

  bool has_role(std::string_view role) const {
    return std::ranges::find(roles, role) != roles.end();
  }
};

void declare(CLI::App& app, Options& o) {
  const auto is_endpoint = [](const std::string& text) -> std::string {
    if (Endpoint::parse(text)) return {};
    return "expected ADDRESS:PORT, for example 0.0.0.0:8667 or [::1]:8667";
  };
  const auto is_address = [](const std::string& text) -> std::string {
    if (IpAddress::parse(text)) return {};
    return "expected an IP address, for example 203.0.113.10";
  };
  const auto is_peer = [](const std::string& text) -> std::string {
    if (PeerId::parse(text)) return {};
    return "expected a peer id: 26 characters of a-z and 2-7, as lanrage status shows it";
  };
  app.set_version_flag("--version", "lanrage-server " LANRAGE_VERSION);
  app.add_option("--data-dir", o.data_dir,
                 "Where keys, certificate and database live (default: /var/lib/lanrage-server for "
                 "root, else ~/.local/state/lanrage-server)");
  app.add_option("--store", o.store, "sqlite:PATH (default: server.db in the data directory)");
  app.add_option("--listen", o.listen, "Control server, TCP")
      ->check(is_endpoint)
      ->capture_default_str();
  app.add_option("--public-address", o.public_address,
                 "The address that players reach this server at")
      ->check(is_address);
  app.add_option("--relay-listen", o.relay_listen, "Relay, UDP")
      ->check(is_endpoint)
      ->capture_default_str();
  app.add_option("--stun-listen", o.stun_listen, "STUN, UDP; the next port too")
      ->check(is_endpoint)
      ->capture_default_str();
  app.add_option("--role", o.roles, "What to run; control must be among them")
      ->delimiter(',')
      ->check(CLI::IsMember({"control", "stun", "relay"}))
      ->default_str("control,stun,relay");
  auto* cert = app.add_option("--tls-cert", o.tls_cert,
                              "Certificate chain, PEM (default: a self-signed one, made at first "
                              "start)")
                   ->check(CLI::ExistingFile);
  auto* key = app.add_option("--tls-key", o.tls_key, "Its private key, PEM")
                  ->check(CLI::ExistingFile)
                  ->needs(cert);
  cert->needs(key);
  app.add_flag("--insecure-http", o.insecure_http,
               "Plain HTTP without TLS: only behind a proxy on this machine, or for tests")
      ->excludes(cert);
  app.add_option("--create-policy", o.create_policy,
                 "Who may create parties: anyone, who knows the join word, or who is listed by "
                 "--creator (default: word on a public address, else anyone)")
      ->check(CLI::IsMember({"anyone", "word", "listed"}));
  app.add_option("--creator", o.creators, "A peer id that --create-policy listed lets create")
      ->check(is_peer);
}

// What the options say together. The message goes to the user, with exit status 2.
std::string contradiction(const Options& o) {
  if (!o.has_role("control"))
    return "--role: a relay or STUN server of its own can't be enrolled with a control server in "
           "this version; leave control among the roles";
  if (!o.creators.empty() && o.create_policy != "listed")
    return "--creator goes with --create-policy listed";
  return {};
}

struct Udp {
  std::unique_ptr<server::RelayServer> relay;
  std::unique_ptr<server::StunServer> stun;
};

Result<Udp> start_udp(const Options& o, const server::ServerKeys& keys) {
  Udp udp;
  if (o.has_role("relay")) {
    server::RelayServerConfig config;
    config.listen = *Endpoint::parse(o.relay_listen);
    config.relay.id = *RelayId::parse(keys.relay_id);
    config.relay.token_key = keys.relay_key.public_key();
    auto relay = server::RelayServer::start(config);
    if (!relay) return std::unexpected(relay.error());
    udp.relay = std::move(*relay);
  }
  if (o.has_role("stun")) {
    server::StunServerConfig config;
    config.listen = *Endpoint::parse(o.stun_listen);
    auto stun = server::StunServer::start(config);
    if (!stun) return std::unexpected(stun.error());
    udp.stun = std::move(*stun);
  }
  return udp;
}

server::BuiltInServices services_of(const Udp& udp, const server::ServerKeys& keys) {
  server::BuiltInServices services;
  services.relay_id = keys.relay_id;
  services.region = "default";
  if (udp.relay) services.relay = udp.relay->endpoint();
  if (udp.stun) {
    services.stun = udp.stun->primary();
    services.stun_other_port = udp.stun->alternate();
  }
  return services;
}

Result<std::shared_ptr<io::TlsContext>> tls_of(const Options& o) {
  if (o.insecure_http) return std::shared_ptr<io::TlsContext>();
  if (!o.tls_cert.empty()) return io::TlsContext::load(o.tls_cert, o.tls_key);
  return io::TlsContext::load_or_generate(o.data_dir);
}

server::CreationPolicy creation_of(const Options& o, const server::ServerKeys& keys,
                                   const IpAddress& advertised) {
  server::CreationPolicy policy;
  policy.kind = o.create_policy == "anyone"   ? protocol::CreatePolicy::anyone
                : o.create_policy == "word"   ? protocol::CreatePolicy::word
                : o.create_policy == "listed" ? protocol::CreatePolicy::listed
                                              : server::default_create_policy(advertised);
  policy.word = keys.join_word;
  for (const auto& creator : o.creators)
    policy.creators.push_back(*PeerId::parse(creator));
  return policy;
}

void keep_relay(store::Store& store, const server::BuiltInServices& services,
                const IpAddress& advertised, UnixTime now, io::Log& log) {
  if (!services.relay) return;
  store::RelayRow row{
      services.relay_id, advertised, services.relay->port, services.region, now, now};
  row.endpoints = {{advertised, services.relay->port}};
  if (services.stun) row.stun = {{advertised, services.stun->port}};
  store.put_relay(std::move(row), [&log](Result<void> stored) {
    if (!stored) log.warning("relay_not_stored", {{"reason", stored.error().message()}});
  });
}

Result<void> serve(Options o, io::Log& log) {
  if (auto made = server::make_data_directory(o.data_dir); !made) return made;
  auto lock = store::FileLock::take(o.data_dir + "/lock");
  if (!lock) return std::unexpected(lock.error());
  const auto tls = tls_of(o);
  if (!tls) return std::unexpected(tls.error());

  asio::io_context loop;
  crypto::SystemRandom random;
  const server::SystemClock clock;
  const std::string location = o.store.empty() ? "sqlite:" + o.data_dir + "/server.db" : o.store;
  auto store = store::open_store(location, [&loop](std::move_only_function<void()> task) {
    asio::post(loop, std::move(task));
  });
  if (!store) return std::unexpected(store.error());
  auto keys = server::load_keys(**store, random);
  if (!keys) return std::unexpected(keys.error());
  const auto udp = start_udp(o, *keys);
  if (!udp) return std::unexpected(udp.error());

  const Endpoint listen = *Endpoint::parse(o.listen);
  const auto public_address = IpAddress::parse(o.public_address);
  const IpAddress advertised = public_address ? *public_address
                               : !listen.address.is_unspecified()
                                   ? listen.address
                                   : server::address_of_this_machine();
  const auto services = services_of(*udp, *keys);
  const auto creation = creation_of(o, *keys, advertised);
  server::ControlConfig config{LANRAGE_VERSION, listen,         *tls,  advertised, creation,
                               services,        public_address, *keys, {}};
  auto control = server::ControlServer::start({loop, **store, clock, random, log}, config);
  if (!control) return std::unexpected(control.error());
  keep_relay(**store, services, advertised, clock.unix_time(), log);

  asio::signal_set signals(loop, SIGTERM, SIGINT);
  signals.async_wait([&](const boost::system::error_code& error, int number) {
    if (error) return;
    log.info("stopping", {{"signal", std::to_string(number)}});
    server::notify_service_manager("STOPPING=1");
    (*control)->stop([&loop] { loop.stop(); });
  });

  if (o.insecure_http && !listen.address.is_loopback())
    log.warning("insecure_http", {{"listen", (*control)->endpoint().to_string()}});
  std::string ready = "ready url=" + (*control)->url();
  if (*tls) ready += " pin=" + io::to_text((*tls)->pin());
  if (creation.kind == protocol::CreatePolicy::word) ready += " word=" + creation.word;
  std::printf("%s\n", ready.c_str());
  std::fflush(stdout);
  server::notify_service_manager("READY=1");
  loop.run();
  // Whatever the store has accepted is written when it goes, last of all.
  control->reset();
  store->reset();
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  ::umask(077);
  Options options;
  CLI::App app("The server of a lanrage group: parties, STUN and relay in one process",
               "lanrage-server");
  declare(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (const auto what = contradiction(options); !what.empty()) {
    std::fprintf(stderr, "lanrage-server: %s\n", what.c_str());
    return 2;
  }
  if (options.data_dir.empty()) options.data_dir = server::default_data_directory().string();
  io::Log log(stderr);
  if (auto served = serve(std::move(options), log); !served) {
    std::fprintf(stderr, "lanrage-server: %s\n", served.error().message().c_str());
    return 1;
  }
  return 0;
}
