#include "io/unix_socket.hpp"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <grp.h>
#include <list>
#include <optional>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <vector>

#include "io/unique_fd.hpp"

namespace lanrage::io {
namespace {

namespace asio = boost::asio;
using asio::local::stream_protocol;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;

std::optional<gid_t> group_named(const std::string& name) {
  std::vector<char> space(16 * 1024);
  group entry{};
  group* found = nullptr;
  if (getgrnam_r(name.c_str(), &entry, space.data(), space.size(), &found) != 0 || found == nullptr)
    return std::nullopt;
  return found->gr_gid;
}

// As the kernel recorded them when the peer connected.
ucred credentials_of(int fd) {
  ucred peer{.pid = 0, .uid = static_cast<uid_t>(-1), .gid = static_cast<gid_t>(-1)};
  socklen_t size = sizeof peer;
  ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size);
  return peer;
}

bool may_use(int fd, const ucred& peer, std::optional<gid_t> group) {
  if (peer.uid == 0 || peer.uid == ::geteuid()) return true;
  if (!group) return false;
  if (peer.gid == *group) return true;
  std::vector<gid_t> groups(64);
  for (;;) {
    auto bytes = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
    if (::getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &bytes) == 0) {
      groups.resize(bytes / sizeof(gid_t));
      return std::ranges::find(groups, *group) != groups.end();
    }
    if (errno != ERANGE) return false;
    groups.resize(std::max<std::size_t>(bytes / sizeof(gid_t), groups.size() * 2));
  }
}

constexpr std::chrono::seconds kQuiet{1};

struct Session {
  explicit Session(stream_protocol::socket connected)
      : socket(std::move(connected)), deadline(socket.get_executor()) {}
  stream_protocol::socket socket;
  asio::steady_timer deadline;
  WipedString inbound;
};

class State : public std::enable_shared_from_this<State> {
 public:
  State(asio::io_context& io, LocalServer::Options options, LocalServer::Answer answer)
      : options_(std::move(options)),
        answer_(std::move(answer)),
        group_(group_named(options_.group)),
        acceptor_(io),
        pause_(io) {}

  Result<void> listen() {
    const std::string path = options_.path.string();
    if (path.size() >= sizeof(sockaddr_un::sun_path))
      return cannot("the path is too long for a socket");
    if (auto cleared = remove_stale(path); !cleared) return cleared;
    error_code error;
    acceptor_.open(stream_protocol(), error);
    mode_t old_mask = ::umask(0177);  // nobody else may connect before the mode is set below
    if (!error) acceptor_.bind(stream_protocol::endpoint(path), error);
    ::umask(old_mask);
    if (error) return cannot(error.message());
    bound_ = true;
    if (group_ && ::chown(path.c_str(), static_cast<uid_t>(-1), *group_) != 0 && ::geteuid() == 0)
      return cannot(std::strerror(errno));
    if (::chmod(path.c_str(), options_.mode) != 0) return cannot(std::strerror(errno));
    acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (error) return cannot(error.message());
    accept_next();
    return {};
  }

  void shut_down() {
    gone_ = true;
    error_code ignored;
    acceptor_.close(ignored);
    pause_.cancel();
    for (auto& session : sessions_)
      session->socket.close(ignored);
    if (bound_) ::unlink(options_.path.c_str());
  }

 private:
  std::unexpected<Error> cannot(const std::string& why) const {
    return fail(LocalErrc::cannot_listen, "can't listen on " + options_.path.string() + ": " + why);
  }

  // A socket that nothing answers at is what a killed process left behind.
  Result<void> remove_stale(const std::string& path) {
    struct stat status{};
    if (::lstat(path.c_str(), &status) != 0) return {};
    if (!S_ISSOCK(status.st_mode)) return cannot("something that isn't a socket is there");
    stream_protocol::socket probe(acceptor_.get_executor());
    error_code error;
    probe.connect(stream_protocol::endpoint(path), error);
    if (!error)
      return fail(LocalErrc::already_running,
                  "another process already answers at " + path + "; stop it first");
    ::unlink(path.c_str());
    return {};
  }

  void accept_next() {
    acceptor_.async_accept(
        [self = shared_from_this()](error_code error, stream_protocol::socket socket) {
          if (self->gone_) return;
          if (error) return self->pause_accepting();
          self->admit(std::move(socket));
          self->accept_next();
        });
  }

  void admit(stream_protocol::socket socket) {
    if (sessions_.size() >= options_.connections) return;
    const auto peer = credentials_of(socket.native_handle());
    if (may_use(socket.native_handle(), peer, group_)) return begin(std::move(socket));
    const auto now = Clock::now();
    if (!options_.on_stranger || now < quiet_until_) return;
    quiet_until_ = now + kQuiet;
    options_.on_stranger(peer.uid, peer.pid);
  }

  void pause_accepting() {  // out of descriptors
    pause_.expires_after(std::chrono::milliseconds(100));
    pause_.async_wait([self = shared_from_this()](error_code error) {
      if (!error && !self->gone_) self->accept_next();
    });
  }

  void begin(stream_protocol::socket socket) {
    auto session = std::make_shared<Session>(std::move(socket));
    sessions_.push_back(session);
    asio::co_spawn(session->socket.get_executor(), serve(shared_from_this(), session),
                   [](std::exception_ptr failure) {
                     if (failure) std::rethrow_exception(failure);
                   });
  }

  void arm(const std::shared_ptr<Session>& session) {
    session->deadline.expires_after(options_.idle_time);
    session->deadline.async_wait([weak = std::weak_ptr(session)](error_code error) {
      auto late = weak.lock();
      if (error || !late || late->deadline.expiry() > Clock::now()) return;
      error_code ignored;
      late->socket.close(ignored);
    });
  }

  static asio::awaitable<void> serve(std::shared_ptr<State> self,
                                     std::shared_ptr<Session> session) {
    error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    while (!self->gone_) {
      self->arm(session);
      auto space = asio::dynamic_buffer(session->inbound, kMaxLocalLine);
      std::size_t size = co_await asio::async_read_until(session->socket, space, '\n', token);
      if (error) break;  // also a line that is too long: its sender broke the protocol
      session->deadline.cancel();
      // Its memory goes with the request.
      WipedString request = std::exchange(session->inbound, session->inbound.substr(size));
      request.resize(size - 1);
      WipedString answer = co_await self->answer_(std::move(request));
      if (self->gone_) break;
      answer += '\n';
      self->arm(session);
      auto bytes = asio::buffer(answer);
      co_await asio::async_write(session->socket, bytes, token);
      if (error) break;
    }
    session->deadline.cancel();
    session->socket.close(error);
    self->sessions_.remove(session);
  }

  LocalServer::Options options_;
  LocalServer::Answer answer_;
  std::optional<gid_t> group_;
  stream_protocol::acceptor acceptor_;
  asio::steady_timer pause_;
  std::list<std::shared_ptr<Session>> sessions_;
  Clock::time_point quiet_until_;  // nothing is said of strangers
  bool bound_ = false;
  bool gone_ = false;
};

class Server final : public LocalServer {
 public:
  explicit Server(std::shared_ptr<State> state) : state_(std::move(state)) {}
  ~Server() override { state_->shut_down(); }

 private:
  std::shared_ptr<State> state_;
};

// Waits until `fd` is ready; false when the time is over.
bool wait_for(int fd, short events, Clock::time_point deadline) {
  for (;;) {
    auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    if (left.count() <= 0) return false;
    pollfd entry{fd, events, 0};
    int ready = ::poll(&entry, 1, static_cast<int>(std::min<std::int64_t>(left.count(), 60'000)));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

std::unexpected<Error> timed_out() {
  return fail(LocalErrc::timeout, "the lanrage daemon didn't answer in time");
}
std::unexpected<Error> lost() {
  return fail(LocalErrc::connection_lost, "the lanrage daemon closed the connection");
}

}  // namespace

Result<std::unique_ptr<LocalServer>> LocalServer::start(asio::io_context& io, Options options,
                                                        Answer answer) {
  auto state = std::make_shared<State>(io, std::move(options), std::move(answer));
  if (auto listening = state->listen(); !listening) {
    if (!listening.error().is(LocalErrc::already_running)) state->shut_down();
    return std::unexpected(std::move(listening.error()));
  }
  return std::make_unique<Server>(std::move(state));
}

bool join_only_group(const std::string& name) {
  const auto group = group_named(name);
  return ::setgroups(group ? 1 : 0, group ? &*group : nullptr) == 0;
}

Result<std::string> local_request(const std::filesystem::path& path, std::string_view request,
                                  std::chrono::milliseconds timeout) {
  auto deadline = Clock::now() + timeout;
  if (request.size() >= kMaxLocalLine || request.find('\n') != std::string_view::npos)
    return fail(LocalErrc::line_too_long, "the request must be one line of less than 64 KiB");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.native().size() >= sizeof address.sun_path)
    return fail(LocalErrc::not_running, path.string() + " is too long for a socket's path");
  std::memcpy(address.sun_path, path.c_str(), path.native().size());
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    if (errno == EACCES || errno == EPERM)
      return fail(LocalErrc::permission_denied,
                  "you may not use " + path.string() +
                      ": be root, or a member of the group lanrage (then log in again)");
    return fail(LocalErrc::not_running, "no lanrage daemon answers at " + path.string() + " (" +
                                            std::strerror(errno) +
                                            "): start it with `lanrage daemon` as root");
  }
  std::string line(request);
  line += '\n';
  for (std::size_t sent = 0; sent < line.size();) {
    auto now = ::send(fd.get(), line.data() + sent, line.size() - sent, MSG_NOSIGNAL);
    if (now >= 0)
      sent += static_cast<std::size_t>(now);
    else if (errno != EAGAIN && errno != EINTR)
      return lost();
    else if (!wait_for(fd.get(), POLLOUT, deadline))
      return timed_out();
  }
  std::string answer;
  std::vector<char> part(16 * 1024);
  for (;;) {
    if (!wait_for(fd.get(), POLLIN, deadline)) return timed_out();
    auto got = ::recv(fd.get(), part.data(), part.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (got <= 0) return lost();
    answer.append(part.data(), static_cast<std::size_t>(got));
    if (answer.back() == '\n') break;
    if (answer.size() > kMaxLocalAnswer)
      return fail(LocalErrc::line_too_long, "the daemon's answer is longer than 4 MiB");
  }
  answer.pop_back();
  return answer;
}

}  // namespace lanrage::io
