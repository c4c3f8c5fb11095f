#include "io/http_server.hpp"

#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/steady_timer.hpp>
#include <utility>

#include "io/address.hpp"
#include "io/clock.hpp"
#include "io/server_connection.hpp"

namespace lanrage::io {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

class Server final : public HttpServer {
 public:
  Server(asio::io_context& io, std::shared_ptr<ServerState> state, tcp::acceptor acceptor)
      : state_(std::move(state)), acceptor_(std::move(acceptor)), timer_(io) {
    error_code error;
    endpoint_ = from_asio(acceptor_.local_endpoint(error));
    accept_next();
  }

  ~Server() override {
    state_->gone = true;
    state_->on_last_closed = {};
    cut_all(true);
  }

  Endpoint endpoint() const override { return endpoint_; }
  const ServerCounters& counters() const override { return state_->counters; }

  void set_tls(std::shared_ptr<TlsContext> tls) override {
    if (state_->options.tls && tls) state_->options.tls = std::move(tls);
  }

  void stop(std::chrono::milliseconds grace, std::function<void()> done) override {
    state_->stopping = true;
    error_code ignored;
    acceptor_.close(ignored);
    timer_.expires_after(grace);
    timer_.async_wait([this](error_code error) {
      if (!error) cut_all(false);
    });
    state_->on_last_closed = [this, done = std::move(done)] {
      timer_.cancel();
      if (done) asio::post(acceptor_.get_executor(), done);
    };
    for (auto& connection : living())
      connection->finish();
    if (state_->counters.open == 0) std::exchange(state_->on_last_closed, {})();
  }

 private:
  // Connections leave the list while they end.
  std::vector<std::shared_ptr<ServerConnection>> living() const {
    std::vector<std::shared_ptr<ServerConnection>> out;
    for (const auto& weak : state_->connections)
      if (auto connection = weak.lock()) out.push_back(std::move(connection));
    return out;
  }

  void cut_all(bool silent) {
    for (auto& connection : living())
      connection->abort(silent);
  }

  void accept_next() {
    acceptor_.async_accept([this](error_code error, tcp::socket socket) {
      if (error == asio::error::operation_aborted || !acceptor_.is_open()) return;
      if (error) return pause_accepting();
      begin(std::move(socket));
      accept_next();
    });
  }

  void begin(tcp::socket socket) {
    error_code error;
    auto remote = socket.remote_endpoint(error);
    if (error) return;  // gone already
    auto slot = ConnectionSlot::take(state_, from_asio(remote).address, monotonic_now());
    if (!slot) return;  // a cap
    ++state_->counters.accepted;
    serve_connection(state_, std::move(socket), std::move(slot));
  }

  // Out of descriptors or memory: some connections will end.
  void pause_accepting() {
    timer_.expires_after(std::chrono::milliseconds(100));
    timer_.async_wait([this](error_code error) {
      if (!error && !state_->stopping) accept_next();
    });
  }

  std::shared_ptr<ServerState> state_;
  tcp::acceptor acceptor_;
  asio::steady_timer timer_;  // of pause_accepting(), then of stop()
  Endpoint endpoint_;
};

}  // namespace

std::unique_ptr<ConnectionSlot> ConnectionSlot::take(std::shared_ptr<ServerState> state,
                                                     const IpAddress& remote, Instant now) {
  const ServerLimits& limits = state->options.limits;
  const std::string key = rate_key(remote);
  auto here = state->open_by_address.find(key);
  if (state->counters.open >= limits.connections) {
    ++state->counters.refused_by_cap;
    return nullptr;
  }
  if (here != state->open_by_address.end() && here->second >= limits.connections_per_address) {
    ++state->counters.refused_by_address;
    return nullptr;
  }
  if (!state->new_by_address.take(key, now)) {
    ++state->counters.refused_by_rate;
    return nullptr;
  }
  ++state->counters.open;
  ++state->open_by_address[key];
  return std::unique_ptr<ConnectionSlot>(new ConnectionSlot(std::move(state), key));
}

void ConnectionSlot::register_connection(const std::shared_ptr<ServerConnection>& connection) {
  place_ = state_->connections.insert(state_->connections.end(), connection);
  registered_ = true;
}

ConnectionSlot::~ConnectionSlot() {
  if (registered_) state_->connections.erase(place_);
  auto here = state_->open_by_address.find(key_);
  if (--here->second == 0) state_->open_by_address.erase(here);
  if (--state_->counters.open == 0 && state_->on_last_closed)
    std::exchange(state_->on_last_closed, {})();
}

Result<std::unique_ptr<HttpServer>> HttpServer::start(asio::io_context& io, Options options,
                                                      ServerEvents events) {
  tcp::acceptor acceptor(io);
  auto endpoint = to_asio(options.listen);
  error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (error == asio::error::address_family_not_supported && options.listen.address.is_v6() &&
      options.listen.address.is_unspecified()) {
    endpoint = tcp::endpoint(tcp::v4(), options.listen.port);
    acceptor.open(endpoint.protocol(), error);
  }
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error && endpoint.protocol() == tcp::v6())
    acceptor.set_option(asio::ip::v6_only(false), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  std::string where = "TCP " + options.listen.to_string();
  if (error == asio::error::address_in_use)
    return fail(ServerErrc::address_in_use,
                where + " is in use by another program; stop that or choose another port");
  if (error)
    return fail(ServerErrc::cannot_listen, "can't listen on " + where + ": " + error.message());
  auto state = std::make_shared<ServerState>(std::move(options));
  state->events = std::move(events);
  return std::make_unique<Server>(io, std::move(state), std::move(acceptor));
}

}  // namespace lanrage::io
