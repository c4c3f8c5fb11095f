#include "io/connect.hpp"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <charconv>
#include <new>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "io/address.hpp"
#include "io/tls_settings.hpp"

namespace lanrage::io {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

}  // namespace

std::string Origin::to_string() const {
  bool v6 = host.find(':') != std::string::npos;
  return (tls ? "https://" : "http://") + (v6 ? "[" + host + "]" : host) + ":" +
         std::to_string(port);
}

std::optional<Origin> Origin::parse(std::string_view url) {
  Origin origin;
  constexpr std::string_view kSecure = "https://";
  constexpr std::string_view kPlain = "http://";
  if (url.starts_with(kSecure)) {
    url.remove_prefix(kSecure.size());
  } else if (url.starts_with(kPlain)) {
    origin.tls = false;
    url.remove_prefix(kPlain.size());
  } else {
    return std::nullopt;
  }
  if (url.ends_with('/')) url.remove_suffix(1);
  std::string_view port;
  if (url.starts_with('[')) {
    std::size_t end = url.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    origin.host = url.substr(1, end - 1);
    auto address = IpAddress::parse(origin.host);
    if (!address || !address->is_v6()) return std::nullopt;
    url.remove_prefix(end + 1);
    if (!url.empty() && url.front() != ':') return std::nullopt;
    if (!url.empty()) port = url.substr(1);
    if (!url.empty() && port.empty()) return std::nullopt;
  } else {
    std::size_t colon = url.find(':');
    origin.host = url.substr(0, colon);
    if (colon != std::string_view::npos) {
      port = url.substr(colon + 1);
      if (port.empty()) return std::nullopt;
    }
    if (origin.host.empty() || origin.host.size() > 253 ||
        origin.host.find_first_of(" \t/?#@[]\\%") != std::string::npos)
      return std::nullopt;
  }
  if (!port.empty()) {
    auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), origin.port);
    if (error != std::errc() || end != port.data() + port.size() || origin.port == 0)
      return std::nullopt;
  }
  return origin;
}

std::shared_ptr<SSL_CTX> make_client_context(const Origin& origin) {
  if (!origin.tls) return nullptr;
  std::shared_ptr<SSL_CTX> context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  if (!context) throw std::bad_alloc();
  apply_common_settings(context.get());
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  if (origin.policy.pin) {
    // The certificate is judged by its key, after the handshake and before a byte is sent.
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
  } else {
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_default_verify_paths(context.get());
  }
  return context;
}

Connector::Connector(asio::io_context& io, const Origin& origin, const ClientLimits& limits,
                     std::shared_ptr<SSL_CTX> context)
    : io_(io), origin_(origin), limits_(limits), context_(std::move(context)), timer_(io) {}

void Connector::cancel() {
  cancelled_ = true;
  timer_.cancel();
  if (socket_) {
    error_code ignored;
    socket_->close(ignored);
  }
  if (stream_) stream_->close();
}

void Connector::arm(Clock::time_point deadline) {
  timed_out_ = false;
  timer_.expires_at(std::min(deadline, Clock::now() + limits_.connect_time));
  timer_.async_wait([weak = weak_from_this()](error_code error) {
    auto self = weak.lock();
    if (error || !self || self->timer_.expiry() > Clock::now()) return;
    self->timed_out_ = true;
    error_code ignored;
    if (self->socket_) self->socket_->close(ignored);
    if (self->stream_) self->stream_->close();
  });
}

std::unexpected<Error> Connector::gave_up(const char* doing) const {
  if (cancelled_) return fail(ClientErrc::connection_lost, "given up");
  return fail(ClientErrc::timeout, std::string(doing) + " " + origin_.to_string() +
                                       " took too long. Is the server running, and is TCP port " +
                                       std::to_string(origin_.port) +
                                       " forwarded to it and open in its firewall?");
}

asio::awaitable<Result<Stream>> Connector::run(Clock::time_point deadline) {
  auto self = shared_from_this();
  auto endpoints = co_await resolve(deadline);
  if (!endpoints) co_return std::unexpected(std::move(endpoints.error()));
  auto reached = co_await reach(*endpoints, deadline);
  if (!reached) co_return std::unexpected(std::move(reached.error()));
  auto secured = co_await secure(deadline);
  timer_.cancel();
  if (!secured) {
    stream_.reset();
    co_return std::unexpected(std::move(secured.error()));
  }
  Result<Stream> out(std::move(*stream_));
  stream_.reset();
  co_return out;
}

asio::awaitable<Result<std::vector<asio::ip::tcp::endpoint>>> Connector::resolve(
    Clock::time_point deadline) {
  std::vector<Tcp::endpoint> endpoints;
  error_code error;
  auto literal = asio::ip::make_address(origin_.host, error);
  if (!error) {
    endpoints.emplace_back(literal, origin_.port);
    co_return endpoints;
  }
  // getaddrinfo can't be interrupted: we wait for a timer, which its completion cancels.
  struct Lookup {
    bool done = false;
    error_code error;
    Tcp::resolver::results_type found;
  };
  auto lookup = std::make_shared<Lookup>();
  auto resolver = std::make_shared<Tcp::resolver>(io_);
  auto port = std::to_string(origin_.port);
  timer_.expires_at(std::min(deadline, Clock::now() + limits_.connect_time));
  resolver->async_resolve(
      origin_.host, port, Tcp::resolver::numeric_service,
      [lookup, resolver, weak = weak_from_this()](error_code failure, auto found) {
        lookup->done = true;
        lookup->error = failure;
        lookup->found = std::move(found);
        if (auto self = weak.lock()) self->timer_.cancel();
      });
  auto token = asio::redirect_error(asio::use_awaitable, error);
  co_await timer_.async_wait(token);
  if (cancelled_ || !lookup->done) co_return gave_up("looking up the address of");
  if (lookup->error || lookup->found.empty())
    co_return fail(ClientErrc::cannot_resolve, "there is no address for \"" + origin_.host +
                                                   "\" (" + lookup->error.message() +
                                                   "). Is the name right, and are you online?");
  for (const auto& entry : lookup->found)
    endpoints.push_back(entry.endpoint());
  co_return endpoints;
}

asio::awaitable<Result<void>> Connector::reach(const std::vector<Tcp::endpoint>& endpoints,
                                               Clock::time_point deadline) {
  error_code error;
  for (const auto& endpoint : endpoints) {
    if (cancelled_) break;
    socket_.emplace(io_);
    arm(deadline);
    auto token = asio::redirect_error(asio::use_awaitable, error);
    co_await socket_->async_connect(endpoint, token);
    if (error || cancelled_ || timed_out_) continue;
    stream_.emplace(std::move(*socket_), context_.get(), Stream::Role::client);
    socket_.reset();
    co_return Result<void>();
  }
  socket_.reset();
  timer_.cancel();
  if (timed_out_ || cancelled_) co_return gave_up("connecting to");
  co_return fail(ClientErrc::server_unreachable,
                 "can't reach " + origin_.to_string() + " (" + error.message() +
                     "). Is the server running, and is TCP port " + std::to_string(origin_.port) +
                     " forwarded to it and open in its firewall?");
}

asio::awaitable<Result<void>> Connector::secure(Clock::time_point deadline) {
  if (!stream_->is_tls()) {
    spki_ = crypto::Hash{};
    co_return Result<void>();
  }
  if (auto prepared = prepare_verification(); !prepared) co_return prepared;
  arm(deadline);
  error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  co_await stream_->async_handshake(token);
  if (timed_out_ || cancelled_) co_return gave_up("the TLS handshake with");
  if (error) co_return std::unexpected(handshake_error(error));
  co_return check_certificate();
}

Result<void> Connector::prepare_verification() {
  SSL* ssl = stream_->ssl();
  bool literal = IpAddress::parse(origin_.host).has_value();
  bool ok = true;
  if (!literal) ok = SSL_set_tlsext_host_name(ssl, origin_.host.c_str()) == 1;
  if (!origin_.policy.pin)
    ok = ok && (literal ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), origin_.host.c_str())
                        : SSL_set1_host(ssl, origin_.host.c_str())) == 1;
  if (!ok) return fail(ClientErrc::cannot_resolve, "\"" + origin_.host + "\" isn't a host name");
  return {};
}

Error Connector::handshake_error(error_code error) const {
  long verdict = SSL_get_verify_result(const_cast<Stream&>(*stream_).ssl());
  if (!origin_.policy.pin && verdict != X509_V_OK)
    return Error(ClientErrc::certificate_untrusted,
                 "the certificate of " + origin_.to_string() + " isn't vouched for (" +
                     X509_verify_cert_error_string(verdict) +
                     "). A self-hosted server shows its pin in its ready line and at GET /info: "
                     "give that pin, or an invite that contains it");
  if (!stream_->tls_failure().empty())
    return Error(ClientErrc::not_tls, origin_.to_string() + " doesn't speak TLS as we do (" +
                                          stream_->tls_failure() +
                                          "). Is it a lanrage server, and is the port right?");
  return Error(ClientErrc::connection_lost, origin_.to_string() +
                                                " closed the connection in the TLS handshake (" +
                                                error.message() + ")");
}

Result<void> Connector::check_certificate() {
  std::unique_ptr<X509, decltype(&X509_free)> shown(SSL_get1_peer_certificate(stream_->ssl()),
                                                    X509_free);
  if (!shown) return fail(ClientErrc::not_tls, origin_.to_string() + " shows no certificate");
  spki_ = spki_hash(shown.get());
  if (!origin_.policy.pin || *origin_.policy.pin == pin_of(*spki_)) return {};
  return fail(ClientErrc::pin_mismatch,
              origin_.to_string() + " shows the pin " + to_text(pin_of(*spki_)) + ", expected " +
                  to_text(*origin_.policy.pin) +
                  ": it isn't the server that was meant, or it got a new key. Nothing was sent. "
                  "Ask the host for a new invite");
}

}  // namespace lanrage::io
