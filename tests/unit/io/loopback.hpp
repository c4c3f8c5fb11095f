// An io_context with a server on loopback, and coroutines run to their end.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <filesystem>
#include <functional>
#include <gtest/gtest.h>
#include <optional>
#include <unistd.h>
#include <vector>

#include "io/address.hpp"
#include "io/http_client.hpp"
#include "io/http_server.hpp"

namespace lanrage::io {

class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "lanrage-io-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  ~TemporaryDirectory() { std::filesystem::remove_all(path_); }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

class Loopback : public testing::Test {
 protected:
  using Tcp = boost::asio::ip::tcp;
  static constexpr std::chrono::milliseconds kLong{20'000};

  static std::shared_ptr<TlsContext> server_tls() {
    static std::shared_ptr<TlsContext> const kTls = [] {
      TemporaryDirectory directory;
      return TlsContext::load_or_generate(directory.path()).value();
    }();
    return kTls;
  }

  // Answers /echo with "METHOD body", fails /drop, answers /later in a later turn of the loop and
  // keeps /never's responder.
  void on_request(HttpRequest request, Responder responder) {
    requests.push_back(request);
    if (request.path() == "/drop") return;
    if (request.path() == "/never") {
      kept.push_back(std::move(responder));
      return;
    }
    HttpResponse response =
        HttpResponse::json(200, std::string(name_of(request.method)) + " " + request.body);
    if (request.path() == "/nothing") response = HttpResponse{204, "", "", {}};
    if (request.path() == "/big") response.body.assign(300'000, 'x');
    if (request.path() == "/later") {
      boost::asio::post(io, [this, response] {
        kept.back().send(response);
        kept.pop_back();
      });
      kept.push_back(std::move(responder));
      return;
    }
    responder.send(std::move(response));
  }

  void start(std::shared_ptr<TlsContext> tls, ServerLimits limits = {}) {
    HttpServer::Options options{Endpoint{IpAddress::v4(0x7F000001), 0}, tls, limits};
    ServerEvents events;
    events.on_request = [this](HttpRequest request, Responder responder) {
      on_request(std::move(request), std::move(responder));
    };
    if (on_upgrade) events.on_upgrade = on_upgrade;
    auto started = HttpServer::start(io, std::move(options), std::move(events));
    ASSERT_TRUE(started) << started.error().message();
    server = std::move(*started);
  }

  Origin origin(bool tls = true) const {
    Origin out{"127.0.0.1", server->endpoint().port, tls, {}};
    if (tls) out.policy.pin = server_tls()->pin();
    return out;
  }

  // Runs the loop until `done`; fails the test if that takes for ever.
  void run_until(const std::function<bool()>& done) {
    io.restart();
    auto deadline = std::chrono::steady_clock::now() + kLong;
    while (!done()) {
      if (std::chrono::steady_clock::now() > deadline) FAIL() << "nothing happened";
      io.run_one_for(std::chrono::milliseconds(200));
      if (io.stopped()) io.restart();
    }
  }

  template <class T>
  T run(boost::asio::awaitable<T> task) {
    std::optional<T> out;
    boost::asio::co_spawn(io, std::move(task), [&](std::exception_ptr failure, T value) {
      if (failure) std::rethrow_exception(failure);
      out = std::move(value);
    });
    run_until([&] { return out.has_value(); });
    return std::move(*out);
  }

  Result<HttpResponse> ask(HttpClient& client, Method method, std::string target,
                           std::string body = {}) {
    return run(client.request(method, std::move(target), {}, std::move(body), kLong));
  }

  // A client that speaks bytes. Reading until the server closes or `end` has come.
  Tcp::socket connect_raw() {
    Tcp::socket socket(io);
    socket.connect(to_asio(server->endpoint()));
    return socket;
  }
  void write_raw(Tcp::socket& socket, std::string_view bytes) {
    boost::asio::write(socket, boost::asio::buffer(bytes));
  }
  std::string read_raw(Tcp::socket& socket, std::string_view end = {}) {
    std::string got;
    bool over = false;
    std::array<char, 4096> part;
    std::function<void()> next = [&] {
      socket.async_read_some(boost::asio::buffer(part),
                             [&](boost::system::error_code error, std::size_t size) {
                               std::size_t unseen = got.size() - std::min(got.size(), end.size());
                               got.append(part.data(), size);
                               over = error || (!end.empty() && got.find(end, unseen) != got.npos);
                               closed_cleanly = error == boost::asio::error::eof;
                               if (!over) next();
                             });
    };
    next();
    run_until([&] { return over; });
    return got;
  }

  boost::asio::io_context io;
  std::vector<HttpRequest> requests;
  std::vector<Responder> kept;
  std::function<std::variant<WebSocketOpened, HttpResponse>(const HttpRequest&)> on_upgrade;
  std::unique_ptr<HttpServer> server;
  bool closed_cleanly = false;
};

}  // namespace lanrage::io
