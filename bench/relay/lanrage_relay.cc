#include "relay/lanrage_relay.hpp"

#include <fstream>
#include <stdexcept>

#include "server/server_keys.hpp"
#include "store/store.hpp"
#include "support/metrics.hpp"
#include "support/task_loop.hpp"

namespace lanrage::bench {
namespace {

// Everything comes from one machine, and all of it: no limit must be in the way.
constexpr const char* kSettings = R"(role = ["control", "relay"]
public_address = "203.0.113.1"
metrics_listen = "off"
map_ports = "off"
relay.clients = 200000
relay.client_bytes = { per_second = 1099511627776, burst = 1099511627776 }
relay.group_bytes = { per_second = 1099511627776, burst = 1099511627776 }
relay.address_bytes = { per_second = 1099511627776, burst = 1099511627776 }
relay.client_packets = { per_second = 1099511627776, burst = 1099511627776 }
relay.group_packets = { per_second = 1099511627776, burst = 1099511627776 }
relay.address_packets = { per_second = 1099511627776, burst = 1099511627776 }
)";

server::ServerKeys make_keys(const std::filesystem::path& data, Random& random) {
  store::test::TaskLoop turns;
  auto store = store::open_store("sqlite:" + (data / "server.db").string(), turns.executor());
  if (!store) throw std::runtime_error(store.error().message());
  auto keys = server::load_keys(**store, random);
  if (!keys) throw std::runtime_error(keys.error().message());
  return std::move(*keys);
}

}  // namespace

LanrageRelay::LanrageRelay(const Testbed& testbed, const ClientPorts& senders,
                           const ClientPorts& receivers, const LanrageSettings& settings)
    : name_(settings.name), in_kernel_(settings.in_kernel), testbed_(testbed) {
  const auto data = directory_.path() / "data";
  std::filesystem::create_directory(data);
  std::filesystem::permissions(data, std::filesystem::perms::owner_all);
  {
    crypto::SystemRandom random;
    const auto keys = make_keys(data, random);
    target_ = {*RelayId::parse(keys.relay_id), {Testbed::relay_address(), settings.relay_port}};
    token_key_.emplace(keys.relay_key);
  }
  clients_.emplace(senders, receivers, target_, *token_key_);
  const auto file = directory_.path() / "server.toml";
  std::ofstream(file) << kSettings << "store = \"sqlite:" << (data / "server.db").string()
                      << "\"\n";
  lab::Argv argv{settings.program.string(),
                 "--config",
                 file.string(),
                 "--data-dir",
                 data.string(),
                 "--listen",
                 "127.0.0.1:0",
                 "--relay-listen",
                 "0.0.0.0:" + std::to_string(settings.relay_port)};
  if (in_kernel_)
    argv.insert(argv.end(), {"--xdp", "native", "--metrics-listen", "127.0.0.1:9667"});
  argv.insert(argv.end(), settings.arguments.begin(), settings.arguments.end());
  process_ = std::make_unique<lab::Process>(
      argv, lab::Process::Options{.netns_fd = testbed.relay().fd(),
                                  .log_prefix = directory_.path() / "server"});
  if (!process_->wait_for_line("ready ", std::chrono::seconds(60)))
    throw std::runtime_error("lanrage-server didn't get ready:\n" + process_->err());
}

LanrageRelay::~LanrageRelay() {
  process_->stop();
}

std::uint64_t LanrageRelay::forwarded_in_kernel() const {
  if (!in_kernel_) return 0;
  return static_cast<std::uint64_t>(
      lab::metric(testbed_.relay(), "lanrage_relay_kernel_packets_total"));
}

}  // namespace lanrage::bench
