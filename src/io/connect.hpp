// Opens a client's connection: resolve, connect, TLS handshake, and the check of whom we reached.
// Private to io/.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <vector>

#include "io/http_client.hpp"
#include "io/stream.hpp"

namespace lanrage::io {

// The TLS context for a policy; null for plain HTTP.
std::shared_ptr<SSL_CTX> make_client_context(const Origin& origin);

class Connector : public std::enable_shared_from_this<Connector> {
 public:
  using Clock = std::chrono::steady_clock;
  Connector(boost::asio::io_context& io, const Origin& origin, const ClientLimits& limits,
            std::shared_ptr<SSL_CTX> context);

  // Once. Nothing has been sent to a server that isn't the one asked for.
  boost::asio::awaitable<Result<Stream>> run(Clock::time_point deadline);
  // run() ends with connection_lost.
  void cancel();
  // After run(): of the certificate the server showed, even if it was refused.
  const std::optional<crypto::Hash>& spki() const { return spki_; }

 private:
  using Tcp = boost::asio::ip::tcp;

  boost::asio::awaitable<Result<std::vector<Tcp::endpoint>>> resolve(Clock::time_point deadline);
  boost::asio::awaitable<Result<void>> reach(const std::vector<Tcp::endpoint>& endpoints,
                                             Clock::time_point deadline);
  boost::asio::awaitable<Result<void>> secure(Clock::time_point deadline);
  Result<void> check_certificate();
  Result<void> prepare_verification();
  Error handshake_error(boost::system::error_code error) const;
  // Closes the socket when the phase takes too long.
  void arm(Clock::time_point deadline);
  std::unexpected<Error> gave_up(const char* doing) const;

  boost::asio::io_context& io_;
  Origin origin_;
  ClientLimits limits_;
  std::shared_ptr<SSL_CTX> context_;
  boost::asio::steady_timer timer_;
  std::optional<Tcp::socket> socket_;
  std::optional<Stream> stream_;
  std::optional<crypto::Hash> spki_;
  bool timed_out_ = false;
  bool cancelled_ = false;
};

}  // namespace lanrage::io
