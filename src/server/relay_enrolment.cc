#include "server/relay_enrolment.hpp"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "protocol/messages.hpp"

namespace lanrage::server {
namespace {

namespace asio = boost::asio;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kShortestInterval{1};
constexpr seconds kLongestInterval{600};

struct Outcome {
  Result<protocol::EnrollRelayAnswer> answer;
  bool hopeless = false;
};

// Nobody there, or nobody who has time: may be otherwise in a moment.
bool is_passing(const Error& error) {
  using enum io::ClientErrc;
  return error.is(cannot_resolve) || error.is(server_unreachable) || error.is(timeout) ||
         error.is(connection_lost);
}

bool is_passing(int status) {
  return status == 408 || status == 429 || status >= 500;
}

class Enrolment final : public std::enable_shared_from_this<Enrolment> {
 public:
  Enrolment(asio::io_context& io, RelayEnrolment::Settings settings, RelayEnrolment::Events events,
            Random& random)
      : io_(io),
        settings_(std::move(settings)),
        events_(std::move(events)),
        random_(random),
        http_(io::HttpClient::make(io, settings_.server)),
        pause_(io) {}

  void start() {
    asio::co_spawn(
        io_, [self = shared_from_this()] { return self->announce_for_ever(); }, asio::detached);
  }

  void end() {
    ended_ = true;
    events_ = {};
    pause_.cancel();
    http_->disconnect();
  }

  void stop(std::function<void()> done) {
    end();
    asio::co_spawn(
        io_,
        [self = shared_from_this(), done = std::move(done)] { return self->say_goodbye(done); },
        asio::detached);
  }

 private:
  asio::awaitable<void> announce_for_ever() {
    Backoff backoff(settings_.retry, random_);
    while (!ended_) {
      const Outcome outcome = co_await announce();
      if (ended_) co_return;
      milliseconds wait = backoff.next();
      if (outcome.answer) {
        backoff.reset();
        wait = until_next(outcome.answer->heartbeat_interval_s);
        const auto enrolled = events_.enrolled;  // it may end us
        enrolled(*outcome.answer);
      } else {
        const auto failed = events_.failed;
        failed(outcome.answer.error(), outcome.hopeless);
      }
      if (ended_) co_return;
      pause_.expires_after(wait);
      boost::system::error_code cancelled;
      auto token = asio::redirect_error(asio::use_awaitable, cancelled);
      co_await pause_.async_wait(token);
    }
  }

  // Within the interval, not all relays at the same moment.
  milliseconds until_next(std::uint64_t interval_s) {
    const auto longest = static_cast<std::uint64_t>(kLongestInterval.count());
    const milliseconds interval = std::max(
        kShortestInterval, seconds(static_cast<std::int64_t>(std::min(interval_s, longest))));
    const auto jitter = static_cast<std::uint64_t>(interval.count() / 5);
    return interval - milliseconds(static_cast<std::int64_t>(random_.below(jitter + 1)));
  }

  io::Headers headers() const {
    io::Headers headers;
    headers.add("Authorization", "Bearer " + std::string(settings_.key.expose()));
    headers.add("Content-Type", "application/json");
    return headers;
  }

  asio::awaitable<Outcome> announce() {
    auto request = settings_.relay;
    request.load = events_.clients();
    auto body = protocol::to_json(request);
    const auto response = co_await http_->request(io::Method::post, "/relays", headers(),
                                                  std::move(body), settings_.answer_time);
    if (!response)
      co_return Outcome{std::unexpected(response.error()), !is_passing(response.error())};
    if (response->status >= 400) {
      const auto problem = protocol::read_problem(response->status, response->body);
      co_return Outcome{std::unexpected(protocol::error_of(problem)),
                        !is_passing(response->status)};
    }
    auto answer = protocol::parse<protocol::EnrollRelayAnswer>(response->body);
    const bool hopeless = !answer;
    co_return Outcome{std::move(answer), hopeless};
  }

  asio::awaitable<void> say_goodbye(std::function<void()> done) {
    const std::string target = "/relays/" + settings_.relay.relay_id;
    // Whether it arrives or not: a server that isn't told forgets us by itself.
    (void)co_await http_->request(io::Method::del, target, headers(), std::string(),
                                  settings_.goodbye_time);
    done();
  }

  asio::io_context& io_;
  RelayEnrolment::Settings settings_;
  RelayEnrolment::Events events_;
  Random& random_;
  std::unique_ptr<io::HttpClient> http_;
  asio::steady_timer pause_;
  bool ended_ = false;
};

class Owner final : public RelayEnrolment {
 public:
  explicit Owner(std::shared_ptr<Enrolment> enrolment) : enrolment_(std::move(enrolment)) {
    enrolment_->start();
  }
  ~Owner() override { enrolment_->end(); }
  void stop(std::function<void()> done) override { enrolment_->stop(std::move(done)); }

 private:
  std::shared_ptr<Enrolment> enrolment_;
};

}  // namespace

std::unique_ptr<RelayEnrolment> RelayEnrolment::start(asio::io_context& io, Settings settings,
                                                      Events events, Random& random) {
  return std::make_unique<Owner>(
      std::make_shared<Enrolment>(io, std::move(settings), std::move(events), random));
}

}  // namespace lanrage::server
