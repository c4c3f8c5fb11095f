// A TCP connection, with TLS or without, as an Asio AsyncStream. OpenSSL works on the socket itself
// through async_wait: asio::ssl::stream holds 73 KiB a connection for its two buffers and BIO pair,
// this holds a third of that.
#pragma once

#include <algorithm>
#include <array>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/compose.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <memory>
#include <openssl/ssl.h>
#include <string>
#include <utility>

namespace lanrage::io {

class Stream {
 public:
  using executor_type = boost::asio::any_io_executor;
  using ErrorCode = boost::system::error_code;
  enum class Role { client, server };

  // Plain TCP with a null context, which must live as long as the stream.
  Stream(boost::asio::ip::tcp::socket socket, SSL_CTX* context, Role role);
  Stream(Stream&&) noexcept = default;
  Stream& operator=(Stream&&) noexcept = default;

  executor_type get_executor() { return socket_.get_executor(); }
  boost::asio::ip::tcp::socket& socket() { return socket_; }
  bool is_tls() const { return ssl_ != nullptr; }
  SSL* ssl() { return ssl_.get(); }  // null when plain

  // True when there is nothing to read and the peer hasn't closed: fit to send a request on.
  bool is_quiet();
  // close_notify and FIN, as far as they can be sent at once.
  void shutdown();
  // Ends operations under way with operation_aborted.
  void close();
  // Reason of the latest TLS failure, from OpenSSL; empty if it wasn't TLS.
  const std::string& tls_failure() const { return tls_failure_; }

  // ---- without waiting, for callers with a loop of their own ----
  enum class Wait { none, readable, writable };
  struct Attempt {
    Wait wait = Wait::none;  // none: over, with `error` or `bytes`
    ErrorCode error;
    std::size_t bytes = 0;
  };
  Attempt try_read(boost::asio::mutable_buffer buffer);
  // After Wait::writable the same bytes again, and perhaps more behind them.
  Attempt try_write(boost::asio::const_buffer buffer);
  // False: to read more, wait for the socket first. True says nothing about the socket.
  bool has_read_ahead() const { return ssl_ && SSL_has_pending(ssl_.get()) != 0; }

  // ---- with handlers ----
  // Signature void(error_code). Completes at once for plain TCP.
  template <class Token>
  auto async_handshake(Token&& token) {
    return async_attempts<void(ErrorCode)>([this] { return try_handshake(); },
                                           std::forward<Token>(token));
  }
  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    // The read before took all there was, so that another attempt would most often be in vain.
    auto attempt = [this, buffers] {
      if (std::exchange(likely_dry_, false)) return Attempt{Wait::readable, {}, 0};
      const boost::asio::mutable_buffer space = first_of(buffers);
      const Attempt result = try_read(space);
      likely_dry_ = result.bytes != 0 && (ssl_ ? !has_read_ahead() : result.bytes < space.size());
      return result;
    };
    return async_attempts<void(ErrorCode, std::size_t)>(attempt, std::forward<Token>(token));
  }
  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    auto attempt = [this, buffers] { return try_write_gathered(buffers); };
    return async_attempts<void(ErrorCode, std::size_t)>(attempt, std::forward<Token>(token));
  }

 private:
  Attempt try_handshake();
  Attempt outcome(int result);
  Attempt outcome_of_errno(bool writing);

  template <class Buffers>
  static boost::asio::mutable_buffer first_of(const Buffers& buffers) {
    for (auto it = boost::asio::buffer_sequence_begin(buffers);
         it != boost::asio::buffer_sequence_end(buffers); ++it) {
      boost::asio::mutable_buffer buffer = *it;
      if (buffer.size() != 0) return buffer;
    }
    return {};
  }

  // Small pieces (a header and its body) go out as one TLS record. A repeated attempt gathers the
  // same bytes again, as SSL_write demands.
  template <class Buffers>
  Attempt try_write_gathered(const Buffers& buffers) {
    boost::asio::const_buffer first;
    std::size_t count = 0;
    for (auto it = boost::asio::buffer_sequence_begin(buffers);
         it != boost::asio::buffer_sequence_end(buffers); ++it) {
      boost::asio::const_buffer buffer = *it;
      if (buffer.size() == 0) continue;
      if (count++ == 0) first = buffer;
    }
    std::array<unsigned char, 4096> joined;
    if (count < 2 || first.size() >= joined.size()) return try_write(first);
    std::size_t size = boost::asio::buffer_copy(boost::asio::buffer(joined), buffers);
    return try_write({joined.data(), size});
  }

  template <class Signature, class Try, class Token>
  auto async_attempts(Try attempt, Token&& token) {
    auto operation = [this, attempt = std::move(attempt), begun = false, over = false,
                      result = Attempt()](auto& self, ErrorCode error = {}) mutable {
      if (!over) {
        if (error)
          result = Attempt{Wait::none, error, 0};
        else
          result = attempt();
        if (result.wait != Wait::none) {
          begun = true;
          socket_.async_wait(result.wait == Wait::readable
                                 ? boost::asio::ip::tcp::socket::wait_read
                                 : boost::asio::ip::tcp::socket::wait_write,
                             std::move(self));
          return;
        }
        over = true;
        if (!begun) {  // a handler may not run inside the call that starts it
          boost::asio::post(get_executor(), std::move(self));
          return;
        }
      }
      if constexpr (std::is_same_v<Signature, void(ErrorCode)>)
        self.complete(result.error);
      else
        self.complete(result.error, result.bytes);
    };
    return boost::asio::async_compose<Token, Signature>(std::move(operation), token, socket_);
  }

  struct FreeSsl {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };
  boost::asio::ip::tcp::socket socket_;
  std::unique_ptr<SSL, FreeSsl> ssl_;
  std::string tls_failure_;
  bool likely_dry_ = false;
};

}  // namespace lanrage::io
