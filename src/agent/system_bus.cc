#include "agent/system_bus.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cstdlib>
#include <unistd.h>

#include "base/encoding.hpp"

namespace lanrage::agent {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::size_t kLongestLine = 512;  // while it lets us in

std::unexpected<Error> unreachable(const std::string& why) {
  return fail(SystemBus::Errc::unreachable, "the system bus " + system_bus_path() + ": " + why);
}

}  // namespace

std::string system_bus_path() {
  static constexpr std::string_view kPath = "unix:path=";
  const char* set = std::getenv("DBUS_SYSTEM_BUS_ADDRESS");
  std::string_view address = set != nullptr ? set : "";
  if (!address.starts_with(kPath)) return "/run/dbus/system_bus_socket";
  address.remove_prefix(kPath.size());
  return std::string(address.substr(0, address.find_first_of(",;")));
}

SystemBus::SystemBus(asio::io_context& io, std::chrono::milliseconds limit)
    : socket_(std::make_shared<Socket>(io)), deadline_(io, limit) {
  deadline_.async_wait([weak = std::weak_ptr(socket_)](const error_code& cancelled) {
    error_code ignored;
    if (const auto socket = weak.lock(); socket && !cancelled) socket->close(ignored);
  });
}

SystemBus::~SystemBus() {
  error_code ignored;
  socket_->close(ignored);
}

asio::awaitable<Result<void>> SystemBus::connect() {
  const auto path = system_bus_path();
  if (path.size() >= 108) co_return unreachable("the path is too long for a socket");
  error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  const Socket::endpoint_type there(path);
  co_await socket_->async_connect(there, token);
  if (error) co_return unreachable(error.message());
  if (auto known = co_await authenticate(); !known) co_return known;
  auto hello = lan::hello_call();
  co_return co_await call(std::move(hello));
}

// "Authentication Protocol", mechanism EXTERNAL: the kernel says who we are.
asio::awaitable<Result<void>> SystemBus::authenticate() {
  error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  const auto user = std::to_string(::geteuid());
  const auto words =
      std::string(1, '\0') + "AUTH EXTERNAL " + to_hex(as_bytes(user)) + "\r\nBEGIN\r\n";
  const auto bytes = asio::buffer(words);
  co_await asio::async_write(*socket_, bytes, token);
  // Byte by byte, since messages follow.
  std::string line;
  while (!error && !line.ends_with("\r\n") && line.size() < kLongestLine) {
    char byte = 0;
    const auto one = asio::buffer(&byte, 1);
    co_await asio::async_read(*socket_, one, token);
    line += byte;
  }
  if (error) co_return unreachable(error.message());
  if (!line.starts_with("OK ")) co_return unreachable("it doesn't let us in");
  co_return Result<void>{};
}

asio::awaitable<Result<lan::DbusMessage>> SystemBus::read_message() {
  error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  Bytes message(lan::kDbusFixedHeader);
  const auto head = asio::buffer(message);
  co_await asio::async_read(*socket_, head, token);
  if (error) co_return unreachable(error.message());
  const auto size = lan::dbus_size(message);
  if (!size) co_return unreachable("it says what isn't D-Bus");
  message.resize(*size);
  const auto rest = asio::buffer(message) + lan::kDbusFixedHeader;
  co_await asio::async_read(*socket_, rest, token);
  if (error) co_return unreachable(error.message());
  auto parsed = lan::parse_dbus(message);
  if (!parsed) co_return unreachable("it says what isn't D-Bus");
  co_return *std::move(parsed);
}

asio::awaitable<Result<void>> SystemBus::call(lan::DbusCall call) {
  error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  const auto message = lan::encode_call(++serial_, call);
  const auto bytes = asio::buffer(message);
  co_await asio::async_write(*socket_, bytes, token);
  if (error) co_return unreachable(error.message());
  for (;;) {
    auto answer = co_await read_message();
    if (!answer) co_return std::unexpected(answer.error());
    if (answer->type == lan::DbusMessage::Type::other || answer->reply_serial != serial_) continue;
    if (answer->type == lan::DbusMessage::Type::reply) co_return Result<void>{};
    co_return fail(Errc::refused, std::string(call.member) + ": " + answer->error);
  }
}

}  // namespace lanrage::agent
