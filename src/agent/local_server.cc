#include "agent/local_server.hpp"

#include <algorithm>
#include <array>
#include <boost/asio/post.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <vector>

#include "agent/device_keys.hpp"
#include "agent/durable_file.hpp"
#include "agent/version.hpp"
#include "crypto/keys.hpp"
#include "party/invite_link.hpp"
#include "server/control_server.hpp"
#include "server/deployment.hpp"
#include "store/store.hpp"

namespace lanrage::agent {
namespace {

namespace asio = boost::asio;
namespace fs = std::filesystem;
namespace json = boost::json;

// 0 where none was kept. A damaged file costs only a port, and members find the new one.
std::uint16_t kept_port(const fs::path& path) {
  const auto text = read_file(path);
  if (!text || !*text) return 0;
  boost::system::error_code bad;
  const auto document = json::parse(**text, bad);
  const auto* object = bad ? nullptr : document.if_object();
  const auto* port = object != nullptr ? object->if_contains("port") : nullptr;
  if (port == nullptr) return 0;
  const auto number = port->to_number<std::uint16_t>(bad);
  return bad ? std::uint16_t{0} : number;
}

Result<void> keep_port(const fs::path& path, std::uint16_t port) {
  return write_durably(path, json::serialize(json::object{{"schema", 1}, {"port", port}}));
}

class Server final : public LocalServer, public std::enable_shared_from_this<Server> {
 public:
  Server(asio::io_context& io, io::Log& log) : io_(io), log_(log) {}

  Result<void> open(const fs::path& directory, const PeerId& host, const IpAddress& lan) {
    if (auto made = server::make_data_directory(directory); !made) return made;
    auto tls = io::TlsContext::load_or_generate(directory);
    if (!tls) return std::unexpected(tls.error());
    tls_ = std::move(*tls);
    auto store = store::open_store(
        "sqlite:" + (directory / "server.db").string(),
        [&io = io_](std::move_only_function<void()> task) { asio::post(io, std::move(task)); });
    if (!store) return std::unexpected(store.error());
    store_ = std::move(*store);
    auto keys = server::load_keys(*store_, random_);
    if (!keys) return std::unexpected(keys.error());

    server::CreationPolicy creation;
    creation.kind = protocol::CreatePolicy::listed;
    creation.creators = {host};
    server::ControlConfig config{std::string(kVersion), {},    tls_, lan, creation, {},
                                 std::nullopt,          *keys, {}};
    lan_ = lan;
    const auto port_file = directory / "port.json";
    const auto kept = kept_port(port_file);
    if (auto listening = listen(std::move(config), kept); !listening) return listening;
    if (port() == kept) return {};
    if (auto written = keep_port(port_file, port()); !written)
      log_.warning("local_server_port_not_kept", {{"detail", written.error().message()}});
    return {};
  }

  std::uint16_t port() const override { return control_->endpoint().port; }
  io::Pin pin() const override { return tls_->pin(); }
  const IpAddress& lan_address() const override { return lan_; }
  void set_lan_address(const IpAddress& address) override {
    lan_ = address;
    control_->set_public_address(address);
  }

  void stop() override {
    control_->stop([self = shared_from_this()] {
      // The store's last completions are on their way through the loop, and still find what they
      // belong to.
      self->store_.reset();
      asio::post(self->io_, [self] {});
    });
  }

 private:
  Result<void> listen(server::ControlConfig config, std::uint16_t kept) {
    // The one it had, the one that invites needn't name, any.
    std::vector<std::uint16_t> ports{party::kDefaultControlPort, 0};
    if (kept != 0 && kept != ports[0]) ports.insert(ports.begin(), kept);
    const std::array everywhere{IpAddress::v6({}), IpAddress()};  // machines without IPv6 exist
    Result<void> last;
    for (const auto port : ports) {
      for (const auto& address : everywhere) {
        config.listen = {address, port};
        auto control = server::ControlServer::start(
            {io_, *store_, clock_, random_, log_, metrics_, audit_}, config);
        if (control) {
          control_ = std::move(*control);
          return {};
        }
        last = std::unexpected(control.error());
        // Anything but the place to listen at fails everywhere.
        if (!control.error().is(io::ServerErrc::address_in_use) &&
            !control.error().is(io::ServerErrc::cannot_listen))
          return last;
      }
    }
    return last;
  }

  asio::io_context& io_;
  io::Log& log_;
  crypto::SystemRandom random_;
  server::SystemClock clock_;
  server::Metrics metrics_{std::string(kVersion)};
  server::AuditLog audit_{log_, clock_, {}};
  std::shared_ptr<io::TlsContext> tls_;
  IpAddress lan_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<server::ControlServer> control_;
};

}  // namespace

Result<std::shared_ptr<LocalServer>> LocalServer::start(asio::io_context& io,
                                                        const fs::path& directory,
                                                        const PeerId& host, const IpAddress& lan,
                                                        io::Log& log) {
  auto server = std::make_shared<Server>(io, log);
  if (auto opened = server->open(directory, host, lan); !opened)
    return std::unexpected(opened.error());
  log.info("local_server", {{"url", server->lan_url()}, {"pin", io::to_text(server->pin())}});
  return server;
}

}  // namespace lanrage::agent
