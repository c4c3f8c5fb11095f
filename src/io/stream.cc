#include "io/stream.hpp"

#include <boost/asio/error.hpp>
#include <cerrno>
#include <new>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <sys/socket.h>

namespace lanrage::io {
namespace {

// OpenSSL's own socket BIO writes without MSG_NOSIGNAL: a peer that went away would raise SIGPIPE.
// The descriptor stays the socket's; BIO data holds its number.
int fd_of(BIO* bio) {
  return static_cast<int>(reinterpret_cast<std::intptr_t>(BIO_get_data(bio)));
}

bool is_transient(int error) {
  return error == EAGAIN || error == EWOULDBLOCK || error == EINTR;
}

int bio_write(BIO* bio, const char* data, int size) {
  BIO_clear_retry_flags(bio);
  auto sent = ::send(fd_of(bio), data, static_cast<std::size_t>(size), MSG_NOSIGNAL);
  if (sent < 0 && is_transient(errno)) BIO_set_retry_write(bio);
  return static_cast<int>(sent);
}

int bio_read(BIO* bio, char* data, int size) {
  BIO_clear_retry_flags(bio);
  auto got = ::recv(fd_of(bio), data, static_cast<std::size_t>(size), 0);
  if (got < 0 && is_transient(errno)) BIO_set_retry_read(bio);
  if (got == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
  return static_cast<int>(got);
}

long bio_control(BIO* bio, int command, long, void*) {
  switch (command) {
    case BIO_CTRL_FLUSH:
    case BIO_CTRL_DUP:
      return 1;
    case BIO_CTRL_EOF:
      return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
    default:
      return 0;
  }
}

int bio_create(BIO* bio) {
  BIO_set_init(bio, 1);
  return 1;
}

BIO_METHOD* socket_method() {
  static BIO_METHOD* const kMethod = [] {
    BIO_METHOD* method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
    if (method == nullptr) throw std::bad_alloc();
    BIO_meth_set_write(method, bio_write);
    BIO_meth_set_read(method, bio_read);
    BIO_meth_set_ctrl(method, bio_control);
    BIO_meth_set_create(method, bio_create);
    return method;
  }();
  return kMethod;
}

}  // namespace

Stream::Stream(boost::asio::ip::tcp::socket socket, SSL_CTX* context, Role role)
    : socket_(std::move(socket)) {
  ErrorCode ignored;  // a connection that is gone already shows at the first read
  socket_.native_non_blocking(true, ignored);
  socket_.set_option(boost::asio::ip::tcp::no_delay(true), ignored);
  if (context == nullptr) return;
  ssl_.reset(SSL_new(context));
  BIO* bio = BIO_new(socket_method());
  if (ssl_ == nullptr || bio == nullptr) throw std::bad_alloc();
  BIO_set_data(bio, reinterpret_cast<void*>(static_cast<std::intptr_t>(socket_.native_handle())));
  SSL_set_bio(ssl_.get(), bio, bio);
  SSL_set_read_ahead(ssl_.get(), 1);  // a record in one recv() instead of two
  if (role == Role::server)
    SSL_set_accept_state(ssl_.get());
  else
    SSL_set_connect_state(ssl_.get());
}

Stream::Attempt Stream::outcome_of_errno(bool writing) {
  if (is_transient(errno)) return {writing ? Wait::writable : Wait::readable, {}, 0};
  return {Wait::none, ErrorCode(errno, boost::system::system_category()), 0};
}

Stream::Attempt Stream::outcome(int result) {
  int saved = errno;
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return {Wait::readable, {}, 0};
    case SSL_ERROR_WANT_WRITE:
      return {Wait::writable, {}, 0};
    case SSL_ERROR_ZERO_RETURN:
      return {Wait::none, boost::asio::error::eof, 0};
    case SSL_ERROR_SYSCALL:
      return {Wait::none,
              saved != 0 ? ErrorCode(saved, boost::system::system_category())
                         : ErrorCode(boost::asio::error::connection_reset),
              0};
    default:
      break;
  }
  unsigned long code = ERR_peek_last_error();
  // A FIN without close_notify; HTTP and WebSocket know by themselves whether a message was whole.
  if (ERR_GET_REASON(code) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
    return {Wait::none, boost::asio::error::eof, 0};
  const char* reason = ERR_reason_error_string(code);
  tls_failure_ = reason != nullptr ? reason : "unknown TLS failure";
  return {Wait::none, boost::system::errc::make_error_code(boost::system::errc::protocol_error), 0};
}

Stream::Attempt Stream::try_handshake() {
  if (!ssl_ || !socket_.is_open()) return {};
  ERR_clear_error();
  errno = 0;
  int result = SSL_do_handshake(ssl_.get());
  return result == 1 ? Attempt{} : outcome(result);
}

Stream::Attempt Stream::try_read(boost::asio::mutable_buffer buffer) {
  if (!socket_.is_open()) return {Wait::none, boost::asio::error::bad_descriptor, 0};
  if (buffer.size() == 0) return {};
  errno = 0;
  if (!ssl_) {
    auto got = ::recv(socket_.native_handle(), buffer.data(), buffer.size(), 0);
    if (got > 0) return {Wait::none, {}, static_cast<std::size_t>(got)};
    if (got == 0) return {Wait::none, boost::asio::error::eof, 0};
    return outcome_of_errno(false);
  }
  ERR_clear_error();
  std::size_t got = 0;
  int result = SSL_read_ex(ssl_.get(), buffer.data(), buffer.size(), &got);
  return result == 1 ? Attempt{Wait::none, {}, got} : outcome(result);
}

Stream::Attempt Stream::try_write(boost::asio::const_buffer buffer) {
  if (!socket_.is_open()) return {Wait::none, boost::asio::error::bad_descriptor, 0};
  if (buffer.size() == 0) return {};
  errno = 0;
  if (!ssl_) {
    auto sent = ::send(socket_.native_handle(), buffer.data(), buffer.size(), MSG_NOSIGNAL);
    if (sent >= 0) return {Wait::none, {}, static_cast<std::size_t>(sent)};
    return outcome_of_errno(true);
  }
  ERR_clear_error();
  std::size_t sent = 0;
  int result = SSL_write_ex(ssl_.get(), buffer.data(), buffer.size(), &sent);
  return result == 1 ? Attempt{Wait::none, {}, sent} : outcome(result);
}

bool Stream::is_quiet() {
  if (!socket_.is_open()) return false;
  char byte;
  // EOF, an alert or a late session ticket: none of them is worth telling apart before a request.
  auto got = ::recv(socket_.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return got < 0 && is_transient(errno) && !has_read_ahead();
}

void Stream::shutdown() {
  if (!socket_.is_open()) return;
  if (ssl_ && SSL_is_init_finished(ssl_.get())) {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
  }
  ErrorCode ignored;
  socket_.shutdown(boost::asio::ip::tcp::socket::shutdown_send, ignored);
}

void Stream::close() {
  ErrorCode ignored;
  socket_.close(ignored);
}

}  // namespace lanrage::io
