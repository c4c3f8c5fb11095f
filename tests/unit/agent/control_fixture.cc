#include "unit/agent/control_fixture.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "agent/clock.hpp"

namespace lanrage::agent::test {

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

constexpr auto kPatience = 20s;

tcp::endpoint loopback(std::uint16_t port) {
  return {asio::ip::address_v4::loopback(), port};
}

}  // namespace

asio::awaitable<void> NoPauses::pause(std::chrono::milliseconds time) {
  if (time >= 1h) {
    boost::system::error_code cancelled;
    auto token = asio::redirect_error(asio::use_awaitable, cancelled);
    co_await ended_.async_wait(token);
    co_return;
  }
  record_.push_back(time);
  co_await asio::post(io_, asio::use_awaitable);
}

// ---- the server

void ScriptedServer::start() {
  io::HttpServer::Options options;
  options.listen = {IpAddress::v4(0x7f000001u), port_};
  auto started = io::HttpServer::start(io_, options,
                                       {[this](io::HttpRequest request, io::Responder responder) {
                                          answer(std::move(request), std::move(responder));
                                        },
                                        [this](const io::HttpRequest&) { return upgrade(); }});
  ASSERT_TRUE(started) << started.error().message();
  server_ = std::move(*started);
  port_ = server_->endpoint().port;
}

void ScriptedServer::on(const std::string& line, std::string json) {
  on(line, [json = std::move(json)](const auto&) { return io::HttpResponse::json(200, json); });
}

void ScriptedServer::on(const std::string& line, std::vector<io::HttpResponse> answers) {
  on(line, [answers = std::move(answers), n = std::size_t{0}](const auto&) mutable {
    const auto& next = answers[std::min(n, answers.size() - 1)];
    ++n;
    return next;
  });
}

std::vector<Seen> ScriptedServer::seen(const std::string& line) const {
  std::vector<Seen> out;
  for (const auto& one : seen_)
    if (one.line == line || one.line.starts_with(line + "?")) out.push_back(one);
  return out;
}

io::HttpResponse ScriptedServer::token() {
  protocol::RegisterAnswer answer;
  answer.token.text = "token-number-" + std::to_string(1000 + ++tokens_);
  answer.expires_at = unix_now() + 24h;
  return io::HttpResponse::json(200, protocol::to_json(answer));
}

void ScriptedServer::answer(io::HttpRequest request, io::Responder responder) {
  const auto line = std::string(name_of(request.method)) + " ";
  seen_.push_back({line + request.target, request.body,
                   std::string(request.headers.find("authorization").value_or(""))});
  auto found = handlers_.find(line + request.target);
  if (found == handlers_.end()) found = handlers_.find(line + std::string(request.path()));
  if (found != handlers_.end()) return responder.send(found->second(request));
  if (request.path() == "/auth/challenge")
    return responder.send(io::HttpResponse::json(
        200, protocol::to_json(protocol::ChallengeAnswer{Bytes(32, 7), unix_now() + 30s})));
  if (request.path() == "/auth/register") return responder.send(token());
  responder.send(problem(protocol::Errc::not_found));
}

std::variant<io::WebSocketOpened, io::HttpResponse> ScriptedServer::upgrade() {
  ++upgrades;
  if (!welcomes && !swallows_frames) {
    if (upgrade_refusal) return *upgrade_refusal;
    io::HttpResponse page;
    page.status = 403;
    page.body = "<html>blocked by the company's proxy</html>";
    page.content_type = "text/html";
    return page;
  }
  return io::WebSocketOpened([this](std::shared_ptr<io::WebSocket> socket) {
    socket_ = std::move(socket);
    io::WebSocketEvents events;
    events.on_text = [this](const std::string& text) {
      auto message = ws::parse_client_message(text);
      ASSERT_TRUE(message) << text;
      const bool hello = std::holds_alternative<ws::Hello>(*message);
      heard.push_back(std::move(*message));
      if (hello && !swallows_frames) say(ws::Welcome{"session", unix_now(), 30, {}, "incarnation"});
    };
    events.on_overflow = [] {};
    events.on_closed = [](std::uint16_t, const std::string&) {};
    return events;
  });
}

void ScriptedServer::say(const ws::ServerMessage& message) {
  socket_->send(std::make_shared<const std::string>(ws::to_json(message)));
}

void ScriptedServer::cut() {
  socket_->close(io::kCloseGoingAway, "away");
  socket_.reset();
}

io::HttpResponse problem(protocol::Errc code, std::optional<int> retry_after) {
  auto document = protocol::problem_of(code, "as the test has it");
  document.retry_after_s = retry_after;
  return io::HttpResponse::problem(document);
}

// ---- what cuts

CuttingProxy::CuttingProxy(asio::io_context& io, std::uint16_t server)
    : io_(io), server_(server), acceptor_(io, loopback(0)) {
  port_ = acceptor_.local_endpoint().port();
  asio::co_spawn(io_, accept(), asio::detached);
}

asio::awaitable<void> CuttingProxy::accept() {
  for (;;) {
    auto client = std::make_shared<Socket>(co_await acceptor_.async_accept(asio::use_awaitable));
    auto server = std::make_shared<Socket>(io_);
    co_await server->async_connect(loopback(server_), asio::use_awaitable);
    asio::co_spawn(io_, forward(client, server, false), asio::detached);
    asio::co_spawn(io_, forward(server, client, true), asio::detached);
  }
}

asio::awaitable<void> CuttingProxy::forward(std::shared_ptr<Socket> from,
                                            std::shared_ptr<Socket> to, bool answers) {
  std::array<char, 65536> buffer;
  boost::system::error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  while (!error) {
    auto size = co_await from->async_read_some(asio::buffer(buffer), token);
    if (error) break;
    const std::string_view text(buffer.data(), size);
    const bool cut = answers && times_ > 0 && text.find(marker_) != std::string_view::npos;
    if (cut) --times_, size -= 5;
    co_await asio::async_write(*to, asio::buffer(buffer, size), token);
    if (cut) break;
  }
  boost::system::error_code ignored;
  from->close(ignored);
  to->close(ignored);
}

// ---- the fixture

ControlPlaneTest::ControlPlaneTest()
    : keys{crypto::SigningKey::generate(random), crypto::ExchangeSecret::generate(random)},
      log(stderr, io::LogLevel::error),
      server(io) {
  party.bytes = random.array<16>();
}

std::shared_ptr<ServerSession> ControlPlaneTest::session(std::uint16_t port, RetryRules rules) {
  ServerSession::Options options;
  options.rules = rules;
  options.make_pauses = [this] { return std::make_shared<NoPauses>(io, pauses); };
  const auto origin = io::Origin::parse("http://127.0.0.1:" + std::to_string(port));
  return std::make_shared<ServerSession>(io, *origin, keys, log, options);
}

void ControlPlaneTest::until(const std::function<bool()>& done) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!done()) {
    io.run_one_for(kPatience);
    if (std::chrono::steady_clock::now() > deadline) {
      ADD_FAILURE() << "what the test waits for doesn't happen";
      return;
    }
  }
}

}  // namespace lanrage::agent::test
