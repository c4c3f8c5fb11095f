#include "io/http_client.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include "io/address.hpp"
#include "io/connect.hpp"

namespace lanrage::io {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;
using Message = http::request<http::string_body>;

struct Connection {
  explicit Connection(Stream opened) : stream(std::move(opened)) {}
  Stream stream;
  beast::flat_buffer buffer;
  bool used = false;
};

// Outlives the HttpClient as long as a request is under way.
class State : public std::enable_shared_from_this<State> {
 public:
  State(asio::io_context& io, Origin origin, ClientLimits limits)
      : io_(io),
        origin_(std::move(origin)),
        limits_(limits),
        turn_(io, Clock::time_point::max()),
        deadline_(io) {}

  asio::awaitable<Result<HttpResponse>> request(Message message,
                                                std::chrono::milliseconds timeout) {
    auto self = shared_from_this();
    while (busy_ && !gone_) {
      error_code cancelled;  // by whoever has finished
      auto token = asio::redirect_error(asio::use_awaitable, cancelled);
      co_await turn_.async_wait(token);
    }
    if (gone_) co_return fail(ClientErrc::connection_lost, "given up");
    busy_ = true;
    auto result = co_await in_turn(message, Clock::now() + timeout);
    busy_ = false;
    turn_.cancel();
    co_return result;
  }

  void abandon() {
    gone_ = true;
    turn_.cancel();
    disconnect();
  }

  void disconnect() {
    if (connector_) connector_->cancel();
    if (connection_) connection_->stream.close();
    if (!busy_) connection_.reset();
  }

  const Origin& origin() const { return origin_; }
  const std::optional<crypto::Hash>& binding() const { return binding_; }
  const std::optional<Endpoint>& local() const { return local_; }
  const std::optional<Endpoint>& remote() const { return remote_; }

 private:
  asio::awaitable<Result<HttpResponse>> in_turn(const Message& message, Clock::time_point until) {
    bool repeatable = message.method() == http::verb::get || message.method() == http::verb::head;
    if (connection_ && !connection_->stream.is_quiet()) drop();
    bool kept = connection_ != nullptr;
    auto result = co_await attempt(message, until);
    if (!result && kept && repeatable && !answer_began_ && !gone_ &&
        result.error().is(ClientErrc::connection_lost))
      result = co_await attempt(message, until);
    co_return result;
  }

  asio::awaitable<Result<HttpResponse>> attempt(const Message& message, Clock::time_point until) {
    answer_began_ = false;
    if (!connection_) {
      auto connected = co_await connect(until);
      if (!connected) co_return std::unexpected(std::move(connected.error()));
    }
    auto connection = connection_;
    timed_out_ = false;
    deadline_.expires_at(until);
    deadline_.async_wait([weak = weak_from_this(), connection](error_code error) {
      auto self = weak.lock();
      if (error || !self || self->deadline_.expiry() > Clock::now()) return;
      self->timed_out_ = true;
      connection->stream.close();
    });
    auto result = co_await exchange(*connection, message);
    deadline_.cancel();
    if (!result) drop();
    co_return result;
  }

  asio::awaitable<Result<void>> connect(Clock::time_point until) {
    if (!context_) context_ = make_client_context(origin_);
    connector_ = std::make_shared<Connector>(io_, origin_, limits_, context_);
    auto connector = connector_;
    auto stream = co_await connector->run(until);
    connector_.reset();
    if (connector->spki()) binding_ = connector->spki();
    if (!stream) co_return std::unexpected(std::move(stream.error()));
    if (gone_) co_return fail(ClientErrc::connection_lost, "given up");
    connection_ = std::make_shared<Connection>(std::move(*stream));
    error_code error;
    auto local = connection_->stream.socket().local_endpoint(error);
    if (!error) local_ = from_asio(local);
    auto remote = connection_->stream.socket().remote_endpoint(error);
    if (!error) remote_ = from_asio(remote);
    co_return Result<void>();
  }

  asio::awaitable<Result<HttpResponse>> exchange(Connection& connection, const Message& message) {
    error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    co_await http::async_write(connection.stream, message, token);
    // A server may refuse a request (too large) before it has read all of it: look for its answer.
    error_code write_error = error;
    error = {};
    http::response_parser<http::string_body> parser;
    parser.header_limit(static_cast<std::uint32_t>(limits_.header_bytes));
    parser.body_limit(limits_.body_bytes);
    parser.skip(message.method() == http::verb::head);
    co_await http::async_read_header(connection.stream, connection.buffer, parser, token);
    answer_began_ = parser.got_some();
    if (!error) co_await http::async_read(connection.stream, connection.buffer, parser, token);
    if (error) co_return failure(write_error ? write_error : error);
    bool keep = parser.keep_alive() && !write_error;
    auto answer = parser.release();
    HttpResponse response;
    response.status = static_cast<int>(answer.result_int());
    response.content_type = std::string(answer[http::field::content_type]);
    for (const auto& field : answer)
      response.headers.add(std::string(field.name_string()), std::string(field.value()));
    response.body = std::move(answer.body());
    connection.buffer.shrink_to_fit();
    if (!keep) drop();
    co_return response;
  }

  Result<HttpResponse> failure(error_code error) const {
    std::string server = origin_.to_string();
    if (timed_out_)
      return fail(ClientErrc::timeout, server +
                                           " didn't answer in time. It may be overloaded, or "
                                           "the connection is cut; try again");
    if (error == http::error::body_limit)
      return fail(ClientErrc::answer_too_large, server + " sent more than " +
                                                    std::to_string(limits_.body_bytes) +
                                                    " bytes in one answer");
    bool cut = error == http::error::end_of_stream || error == http::error::partial_message;
    if (!cut && error.category() == http::make_error_code(http::error::end_of_stream).category())
      return fail(ClientErrc::malformed_answer,
                  server + " doesn't answer in HTTP (" + error.message() +
                      "). Is it a lanrage server, and is the port right?");
    return fail(ClientErrc::connection_lost,
                server + " closed the connection before it answered (" + error.message() + ")");
  }

  void drop() {
    if (auto connection = std::exchange(connection_, nullptr)) {
      connection->stream.shutdown();
      connection->stream.close();
    }
  }

  asio::io_context& io_;
  Origin origin_;
  ClientLimits limits_;
  std::shared_ptr<SSL_CTX> context_;
  asio::steady_timer turn_;
  asio::steady_timer deadline_;
  std::shared_ptr<Connector> connector_;
  std::shared_ptr<Connection> connection_;
  std::optional<crypto::Hash> binding_;
  std::optional<Endpoint> local_;
  std::optional<Endpoint> remote_;
  bool busy_ = false;
  bool gone_ = false;
  bool timed_out_ = false;
  bool answer_began_ = false;
};

http::verb verb_of(Method method) {
  switch (method) {
    case Method::head:
      return http::verb::head;
    case Method::post:
      return http::verb::post;
    case Method::put:
      return http::verb::put;
    case Method::patch:
      return http::verb::patch;
    case Method::del:
      return http::verb::delete_;
    case Method::options:
      return http::verb::options;
    case Method::get:
    case Method::other:
      break;
  }
  return http::verb::get;
}

class Client final : public HttpClient {
 public:
  Client(asio::io_context& io, Origin origin, ClientLimits limits)
      : state_(std::make_shared<State>(io, std::move(origin), limits)) {}
  ~Client() override { state_->abandon(); }

  asio::awaitable<Result<HttpResponse>> request(Method method, std::string target, Headers headers,
                                                std::string body,
                                                std::chrono::milliseconds timeout) override {
    Message message(verb_of(method), target, 11);
    std::string url = origin().to_string();
    message.set(http::field::host, url.substr(url.find("//") + 2));
    message.set(http::field::user_agent, "lanrage");
    message.set(http::field::accept, "application/json");
    for (const auto& [name, value] : headers)
      message.set(name, value);
    if (!body.empty() && message.count(http::field::content_type) == 0)
      message.set(http::field::content_type, "application/json");
    message.body() = std::move(body);
    message.prepare_payload();
    return state_->request(std::move(message), timeout);
  }

  std::optional<crypto::Hash> server_binding() const override { return state_->binding(); }
  std::optional<Endpoint> local_endpoint() const override { return state_->local(); }
  std::optional<Endpoint> remote_endpoint() const override { return state_->remote(); }
  const Origin& origin() const override { return state_->origin(); }
  void disconnect() override { state_->disconnect(); }

 private:
  std::shared_ptr<State> state_;
};

}  // namespace

std::unique_ptr<HttpClient> HttpClient::make(asio::io_context& io, Origin origin,
                                             ClientLimits limits) {
  return std::make_unique<Client>(io, std::move(origin), limits);
}

}  // namespace lanrage::io
