// One device's requests to one control server, as the server's client sees them: registration, a
// token that is kept fresh, and single requests that are repeated when they fail in passing.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "agent/device_keys.hpp"
#include "agent/pauses.hpp"
#include "base/backoff.hpp"
#include "crypto/keys.hpp"
#include "io/http_client.hpp"
#include "io/log.hpp"
#include "protocol/types.hpp"

namespace lanrage::agent {

// A request is repeated after a cut or refused connection, a timeout, and the statuses 429, 502,
// 503 and 504. Changes of a party carry a request_id in their body, and the body stays the same: a
// server that did the first one answers the second with the first's result.
struct RetryRules {
  std::chrono::milliseconds request_time{10'000};  // of one attempt
  int attempts = 4;
  Backoff::Range pause{std::chrono::milliseconds(250), std::chrono::milliseconds(4'000)};
  // A server that asks for a longer wait (Retry-After) gets no second attempt.
  std::chrono::milliseconds longest_retry_after{10'000};
  std::chrono::milliseconds budget{15'000};  // no further attempt begins after it
};

class ServerSession : public std::enable_shared_from_this<ServerSession> {
 public:
  template <class T>
  using Answer = boost::asio::awaitable<Result<T>>;

  struct Options {
    RetryRules rules{};
    std::function<std::shared_ptr<Pauses>()> make_pauses{};  // default: by the machine's clock
  };

  // `keys` and `log` outlive it.
  ServerSession(boost::asio::io_context& io, io::Origin origin, const DeviceKeys& keys,
                io::Log& log)
      : ServerSession(io, std::move(origin), keys, log, Options{}) {}
  ServerSession(boost::asio::io_context& io, io::Origin origin, const DeviceKeys& keys,
                io::Log& log, Options options);

  // The answer's body; registers first where there is no token. Errors: io::ClientErrc where the
  // server can't be reached or trusted, else protocol::Errc with what it refused.
  Answer<std::string> call(io::Method method, std::string target, std::string body = {});
  // The same without a token.
  Answer<std::string> call_openly(io::Method method, std::string target);

  Answer<protocol::BearerToken> token();
  // The server doesn't take it any more.
  void drop_token() { token_.reset(); }
  // What proofs are made for; once a token is there.
  crypto::Hash binding() const;
  // What the server's clock shows, within a second or the way there, by its latest answer and the
  // time since, whatever is done to our clock; ours until it has given one. What it judges by its
  // clock is to be made by it: a player's may be a day off.
  UnixTime server_time() const;

  // Registers anew at each token's half-life until close(); once a session.
  boost::asio::awaitable<void> keep_token_fresh();
  std::function<void(const protocol::BearerToken&)> on_renewed;

  // The network is another one: requests under way are repeated at once.
  void on_network_change();
  // Requests under way end with an error; none is repeated any more.
  void close();

  boost::asio::io_context& io() { return io_; }
  const io::Origin& origin() const { return origin_; }
  const DeviceKeys& keys() const { return keys_; }
  io::Log& log() { return log_; }
  Random& random() { return random_; }
  std::shared_ptr<Pauses> make_pauses() const { return options_.make_pauses(); }

 private:
  struct Reply {
    Result<std::string> body;
    bool passing = false;  // the failure may be over in a moment
    std::optional<std::chrono::seconds> retry_after{};
  };

  boost::asio::awaitable<Reply> exchange(io::Method method, std::string target, io::Headers headers,
                                         std::string body);
  Answer<std::string> repeat(std::function<boost::asio::awaitable<Reply>()> attempt);
  // Before attempt number `attempt` + 1; nothing when there shall be none.
  std::optional<std::chrono::milliseconds> pause_after(const Reply& reply, int attempt,
                                                       Duration spent, Backoff& backoff);
  boost::asio::awaitable<Result<void>> ensure_token();
  boost::asio::awaitable<Result<void>> register_device();
  boost::asio::awaitable<Reply> register_once();

  boost::asio::io_context& io_;
  io::Origin origin_;
  const DeviceKeys& keys_;
  io::Log& log_;
  Options options_;
  crypto::SystemRandom random_;
  std::unique_ptr<io::HttpClient> http_;
  std::shared_ptr<Pauses> pauses_;
  std::optional<protocol::BearerToken> token_;
  Instant token_renewal_{};
  struct ServerClock {
    UnixTime shown;
    Instant at;
  };
  std::optional<ServerClock> server_clock_;
  boost::asio::steady_timer registered_;  // cancelled when a registration has ended
  bool registering_ = false;
  std::optional<Error> not_registered_;  // why the latest registration failed
  bool closed_ = false;
};

}  // namespace lanrage::agent
