#include "agent/hosts_keeper.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/hosts_file.hpp"
#include "base/lines.hpp"
#include "io/sandbox.hpp"

namespace lanrage::agent {
namespace {

namespace fs = std::filesystem;

constexpr int kSeconds = 10;                      // for its start, and for its end
constexpr std::size_t kMostRequest = 200 * 1024;  // one datagram: eight full parties have 100 KiB
constexpr std::string_view kDone = "done";
constexpr int kSocketOfChild = 3;

std::unexpected<Error> not_started(const std::string& why) {
  return fail(HostsKeeper::Errc::not_started, why);
}

bool is_one_of(std::string_view text, std::string_view allowed) {
  return !text.empty() && text.find_first_not_of(allowed) == text.npos;
}

Result<void> shut_in(const HostsKeeper::Options& options, io::Log& log) {
  io::Sandbox sandbox;
  sandbox.files.writable = {options.folder, "/dev/null"};
  std::error_code gone;
  const auto real = fs::weakly_canonical(options.hosts, gone);  // a link leads elsewhere
  sandbox.files.rewritable = {options.hosts.parent_path(), real.parent_path()};
  return io::enter_sandbox(std::move(sandbox), log);
}

void say(std::string_view text) {
  ::send(kSocketOfChild, text.data(), text.size(), MSG_NOSIGNAL);
}

// The process. It ends when nobody has the other end of its socket any more.
[[noreturn]] void keep_hosts(const HostsKeeper::Options& options) {
  ::setpgid(0, 0);  // Ctrl-C is for the agent, and so is the service manager's word
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGPIPE})
    ::signal(number, SIG_IGN);
  io::Log log(stderr, io::LogLevel::warning);
  const auto shut = options.sandbox ? shut_in(options, log) : Result<void>();
  say(shut ? kDone : std::string_view(shut.error().message()));
  if (!shut) ::_exit(1);

  HostsFile file(options.hosts, options.folder / "hosts.journal");
  std::string id;
  std::string buffer(kMostRequest, '\0');
  for (;;) {
    const auto got = ::recv(kSocketOfChild, buffer.data(), buffer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    const auto request =
        parse_hosts_request(std::string_view(buffer).substr(0, static_cast<std::size_t>(got)));
    if (!request) {
      say("not understood");
      continue;
    }
    id = request->id;
    const auto done = file.set(request->id, request->names);
    say(done ? kDone : std::string_view(done.error().message()));
  }
  if (!id.empty()) (void)file.set(id, {});
  ::_exit(0);
}

// The other side has closed the socket, after answers that nobody wants any more.
bool ends_within(int socket, std::chrono::milliseconds limit) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd wait{.fd = socket, .events = POLLIN, .revents = 0};
    const int ready = ::poll(&wait, 1, static_cast<int>(std::max<long>(left.count(), 0)));
    if (ready == 0) return false;
    char answer[4096];
    const auto got = ready < 0 ? -1 : ::recv(socket, answer, sizeof answer, MSG_DONTWAIT);
    if (got == 0) return true;
    if (got < 0 && errno != EINTR && errno != EAGAIN) return true;
  }
}

}  // namespace

std::string encode_hosts_request(const HostsRequest& request) {
  std::string out = request.id + "\n";
  for (const auto& [name, address] : request.names)
    out += address.to_string() + " " + name + "\n";
  return out;
}

std::optional<HostsRequest> parse_hosts_request(std::string_view text) {
  static constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789";
  static constexpr std::string_view kNameLetters = "abcdefghijklmnopqrstuvwxyz0123456789-.";
  HostsRequest out;
  bool first = true;
  bool good = true;
  for_each_line(text, [&](std::string_view line) {
    if (std::exchange(first, false)) {
      out.id = line;
      return;
    }
    const auto space = line.find(' ');
    const auto address = IpAddress::parse(line.substr(0, space));
    const auto name = space == line.npos ? std::string_view() : line.substr(space + 1);
    good = good && address && is_one_of(name, kNameLetters) && name.front() != '.' &&
           name.ends_with("." + std::string(lan::kZone));
    if (good) out.names.emplace(name, *address);
  });
  return good && is_one_of(out.id, kLetters) ? std::optional(std::move(out)) : std::nullopt;
}

Result<std::unique_ptr<HostsKeeper>> HostsKeeper::start(const Options& options) {
  std::error_code failed;
  if (fs::create_directories(options.folder, failed)) ::chmod(options.folder.c_str(), 0700);
  if (failed)
    return not_started("cannot make " + options.folder.string() + ": " + failed.message());
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
    return not_started(std::strerror(errno));
  io::UniqueFd ours(ends[0]);
  io::UniqueFd theirs(ends[1]);
  const pid_t child = ::fork();
  if (child < 0) return not_started(std::strerror(errno));
  if (child == 0) {
    // Nothing of the agent's stays open here, least of all the other end.
    if (theirs.get() == kSocketOfChild)
      (void)theirs.release();
    else if (::dup2(theirs.get(), kSocketOfChild) < 0)
      ::_exit(1);
    ::close_range(kSocketOfChild + 1, ~0u, 0);
    keep_hosts(options);
  }
  const timeval limit{.tv_sec = kSeconds, .tv_usec = 0};
  ::setsockopt(ours.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  std::unique_ptr<HostsKeeper> keeper(new HostsKeeper(child, std::move(ours)));
  std::string said(4096, '\0');
  const auto got = ::recv(keeper->socket_.get(), said.data(), said.size(), 0);
  said.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  if (said != kDone) return not_started(said.empty() ? "the process doesn't answer" : said);
  return keeper;
}

HostsKeeper::~HostsKeeper() {
  if (readable_) {
    readable_->cancel();
    readable_->release();
  }
  // It finishes what it is at, takes its names out and ends, which ends the socket.
  ::shutdown(socket_.get(), SHUT_WR);
  if (!ends_within(socket_.get(), std::chrono::seconds(kSeconds))) ::kill(child_, SIGKILL);
  int status = 0;
  while (::waitpid(child_, &status, 0) < 0 && errno == EINTR) {
  }
}

void HostsKeeper::attach(boost::asio::io_context& io, std::string id,
                         std::function<void(const std::string&)> on_answer) {
  id_ = std::move(id);
  on_answer_ = std::move(on_answer);
  readable_.emplace(io, socket_.get());
  receive();
}

void HostsKeeper::set(const lan::NameTable& names) {
  next_ = encode_hosts_request({id_, names});
  if (!waiting_) send();
}

void HostsKeeper::send() {
  const auto request = std::exchange(next_, std::nullopt);
  if (!request) return;
  waiting_ = ::send(socket_.get(), request->data(), request->size(), MSG_NOSIGNAL | MSG_DONTWAIT) ==
             static_cast<ssize_t>(request->size());
  if (!waiting_) on_answer_(std::string("the process that writes it: ") + std::strerror(errno));
}

void HostsKeeper::receive() {
  readable_->async_wait(boost::asio::posix::stream_descriptor::wait_read,
                        [this](const boost::system::error_code& ended) {
                          if (ended) return;
                          char answer[4096];
                          const auto got =
                              ::recv(socket_.get(), answer, sizeof answer, MSG_DONTWAIT);
                          if (got < 0 && (errno == EAGAIN || errno == EINTR)) return receive();
                          if (got <= 0)
                            return on_answer_(
                                "the process that writes it has ended; restart the "
                                "agent");
                          waiting_ = false;
                          const std::string_view said(answer, static_cast<std::size_t>(got));
                          on_answer_(said == kDone ? "" : std::string(said));
                          send();
                          receive();
                        });
}

}  // namespace lanrage::agent
