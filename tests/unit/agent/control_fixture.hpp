// A scripted control server on loopback, something in between that cuts answers, and pauses that
// take no time.
#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <functional>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "agent/server_session.hpp"
#include "io/http_server.hpp"
#include "protocol/messages.hpp"

namespace lanrage::agent::test {

namespace ws = protocol::ws;
using namespace std::chrono_literals;

// Remembers every pause and lets it last one turn of the loop; those of an hour and more (a token's
// renewal) last until end().
class NoPauses final : public Pauses {
 public:
  NoPauses(boost::asio::io_context& io, std::vector<std::chrono::milliseconds>& record)
      : io_(io), record_(record), ended_(io, boost::asio::steady_timer::time_point::max()) {}
  boost::asio::awaitable<void> pause(std::chrono::milliseconds time) override;
  void skip() override { ended_.cancel(); }
  void end() override { skip(); }

 private:
  boost::asio::io_context& io_;
  std::vector<std::chrono::milliseconds>& record_;
  boost::asio::steady_timer ended_;
};

struct Seen {
  std::string line;  // "POST /parties"
  std::string body;
  std::string authorization;
};

class ScriptedServer {
 public:
  using Handler = std::function<io::HttpResponse(const io::HttpRequest&)>;

  explicit ScriptedServer(boost::asio::io_context& io) : io_(io) { start(); }

  void start();  // at the port it had
  void stop() { server_.reset(); }
  std::uint16_t port() const { return port_; }

  // The answers to requests "POST /parties"; a query counts only where it is given here.
  void on(const std::string& line, Handler handler) { handlers_[line] = std::move(handler); }
  void on(const std::string& line, std::string json);
  // One after the other; the last for good.
  void on(const std::string& line, std::vector<io::HttpResponse> answers);

  std::vector<Seen> seen(const std::string& line) const;

  // WebSockets: nothing accepted unless `welcomes`.
  bool welcomes = false;
  std::optional<io::HttpResponse> upgrade_refusal;  // instead of a proxy's page
  bool swallows_frames = false;                     // accepts, and never says a word
  int upgrades = 0;
  std::vector<ws::ClientMessage> heard;
  void say(const ws::ServerMessage& message);
  void cut();  // the WebSocket that is open

 private:
  void answer(io::HttpRequest request, io::Responder responder);
  std::variant<io::WebSocketOpened, io::HttpResponse> upgrade();
  io::HttpResponse token();

  boost::asio::io_context& io_;
  std::uint16_t port_ = 0;
  int tokens_ = 0;
  std::map<std::string, Handler> handlers_;
  std::vector<Seen> seen_;
  std::shared_ptr<io::WebSocket> socket_;
  std::unique_ptr<io::HttpServer> server_;
};

io::HttpResponse problem(protocol::Errc code, std::optional<int> retry_after = std::nullopt);

// Between client and server: forwards, and cuts the connection within an answer that holds
// `marker`.
class CuttingProxy {
 public:
  CuttingProxy(boost::asio::io_context& io, std::uint16_t server);
  std::uint16_t port() const { return port_; }
  void cut(std::string marker, int times) { marker_ = std::move(marker), times_ = times; }

 private:
  using Socket = boost::asio::ip::tcp::socket;
  boost::asio::awaitable<void> accept();
  boost::asio::awaitable<void> forward(std::shared_ptr<Socket> from, std::shared_ptr<Socket> to,
                                       bool answers);

  boost::asio::io_context& io_;
  std::uint16_t server_;
  boost::asio::ip::tcp::acceptor acceptor_;
  std::uint16_t port_;
  std::string marker_;
  int times_ = 0;
};

class ControlPlaneTest : public ::testing::Test {
 protected:
  ControlPlaneTest();

  std::shared_ptr<ServerSession> session(std::uint16_t port, RetryRules rules = {});
  std::shared_ptr<ServerSession> session() { return session(server.port()); }

  template <class T>
  T run(boost::asio::awaitable<T> work) {
    std::optional<T> result;
    auto keep = [&]() -> boost::asio::awaitable<void> { result.emplace(co_await std::move(work)); };
    boost::asio::co_spawn(io, std::move(keep), [](const std::exception_ptr& failure) {
      if (failure) std::rethrow_exception(failure);
    });
    until([&] { return result.has_value(); });
    if (!result) throw std::runtime_error("nothing came of it");
    return std::move(*result);
  }
  // Runs the loop until `done`; fails the test when nothing happens for a long time.
  void until(const std::function<bool()>& done);

  boost::asio::io_context io;
  crypto::SystemRandom random;
  DeviceKeys keys;
  io::Log log;
  std::vector<std::chrono::milliseconds> pauses;
  ScriptedServer server;
  PartyId party;
};

}  // namespace lanrage::agent::test
