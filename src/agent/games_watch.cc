#include "agent/games_watch.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <cstring>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <map>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <tuple>

#include "agent/clock.hpp"
#include "base/udp_datagram.hpp"
#include "games/round.hpp"
#include "io/discovery_filter.hpp"
#include "io/sockaddr.hpp"
#include "io/unique_fd.hpp"

namespace lanrage::agent {
namespace {

namespace asio = boost::asio;

// Questions go out in pieces, which neither fill a queue nor show in a game.
constexpr std::size_t kBurst = 64;
constexpr int kPacketsPerWake = 64;  // then other work of the loop has its turn
constexpr std::chrono::milliseconds kBetweenBursts{5};

std::unexpected<Error> unavailable(const std::string& what) {
  return fail(GamesWatchErrc::unavailable,
              what + ": " + std::strerror(errno) + "; the agent needs CAP_NET_RAW");
}

asio::awaitable<void> wait(asio::steady_timer& timer, std::chrono::milliseconds time) {
  timer.expires_after(time);
  boost::system::error_code cancelled;
  auto token = asio::redirect_error(asio::use_awaitable, cancelled);
  co_await timer.async_wait(token);
}

std::vector<sock_filter> filter_of(const games::Traffic& traffic) {
  std::map<std::set<games::Start>, io::DiscoveryTraffic> kinds;
  for (const auto& [port, starts] : traffic.from)
    kinds[starts].from.push_back(port);
  for (const auto& [port, starts] : traffic.to)
    kinds[starts].to.push_back(port);
  std::vector<io::DiscoveryTraffic> out;
  for (auto& [starts, kind] : kinds) {
    for (const auto& [value, mask] : starts)
      kind.starts.push_back({value, mask});
    out.push_back(std::move(kind));
  }
  return io::discovery_filter(out);
}

}  // namespace

// One round of questions. What goes to this machine's own address never leaves by a device, so a
// socket that is bound to one gets no answer to it: hence two.
class GamesWatch::Inquiry : public std::enable_shared_from_this<Inquiry> {
 public:
  Inquiry(GamesWatch& owner, std::vector<IpAddress> peers)
      : owner_(owner),
        here_(open_socket(owner, owner.interface_)),
        elsewhere_(open_socket(owner, "")),
        timer_(owner.io_),
        done_(owner.io_, asio::steady_timer::time_point::max()),
        round_(owner.table_, peers) {}

  asio::awaitable<void> run() {
    const auto self = shared_from_this();
    for (auto* socket : {&here_, &elsewhere_})
      if (socket->is_open()) wait_readable(*socket);
    std::size_t sent = 0;
    while (const auto question = round_.next(monotonic_now())) {
      send(*question);
      if (++sent % kBurst == 0) co_await wait(timer_, kBetweenBursts);
      if (closed_) co_return;
    }
    co_await wait(timer_, kAnswerTime);
    close();
  }
  // For the others who wait for it.
  asio::awaitable<void> finished() {
    const auto self = shared_from_this();
    boost::system::error_code cancelled;
    auto token = asio::redirect_error(asio::use_awaitable, cancelled);
    if (!closed_) co_await done_.async_wait(token);
  }
  void close() {
    closed_ = true;
    owner_.inquiry_.reset();
    boost::system::error_code ignored;
    here_.close(ignored);
    elsewhere_.close(ignored);
    timer_.cancel();
    done_.cancel();
  }

 private:
  // Closed where there is none to be had: then those aren't asked.
  static asio::posix::stream_descriptor open_socket(GamesWatch& owner,
                                                    const std::string& interface) {
    asio::posix::stream_descriptor out(owner.io_);
    io::UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!interface.empty() && ::setsockopt(fd.get(), SOL_SOCKET, SO_BINDTODEVICE, interface.c_str(),
                                           static_cast<socklen_t>(interface.size())) != 0)
      return out;
    const auto local = io::to_socket_address({owner.vip_, 0});
    if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&local.storage), local.size) == 0)
      out.assign(fd.release());
    return out;
  }

  void send(const games::Question& question) {
    auto& socket = owner_.here_.contains(question.to.address) ? here_ : elsewhere_;
    if (!socket.is_open()) return;
    const auto to = io::to_socket_address(question.to);
    // Who can't be reached now isn't asked.
    std::ignore = ::sendto(socket.native_handle(), question.payload.data(), question.payload.size(),
                           0, reinterpret_cast<const sockaddr*>(&to.storage), to.size);
  }

  void wait_readable(asio::posix::stream_descriptor& socket) {
    socket.async_wait(asio::posix::stream_descriptor::wait_read,
                      [self = shared_from_this(), &socket](const boost::system::error_code& error) {
                        if (error || self->closed_) return;
                        self->read_answers(socket);
                        self->wait_readable(socket);
                      });
  }

  void read_answers(asio::posix::stream_descriptor& socket) {
    std::array<std::uint8_t, 2048> buffer;
    for (int i = 0; i < kPacketsPerWake; ++i) {
      sockaddr_storage from{};
      socklen_t from_size = sizeof from;
      const auto size = ::recvfrom(socket.native_handle(), buffer.data(), buffer.size(), 0,
                                   reinterpret_cast<sockaddr*>(&from), &from_size);
      if (size < 0) return;
      const games::Datagram datagram{io::from_socket_address(from),
                                     {owner_.vip_, 0},
                                     ByteView(buffer).first(static_cast<std::size_t>(size))};
      const auto now = monotonic_now();
      const auto heard = round_.hear(now, datagram.from, datagram.payload);
      if (heard.again) send(*heard.again);
      if (heard.rtt) owner_.catalogue_.observe_answer(now, datagram, *heard.rtt);
    }
  }

  GamesWatch& owner_;  // closes this before it goes
  asio::posix::stream_descriptor here_;
  asio::posix::stream_descriptor elsewhere_;
  asio::steady_timer timer_;
  asio::steady_timer done_;  // never expires
  games::Round round_;
  bool closed_ = false;
};

Result<std::shared_ptr<GamesWatch>> GamesWatch::open(asio::io_context& io,
                                                     const games::Table& table,
                                                     const std::string& interface,
                                                     const IpAddress& vip) {
  // Deaf until it is filtered.
  io::UniqueFd fd(::socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return unavailable("cannot watch for games");
  auto program = filter_of(table.traffic());
  const sock_fprog filter{static_cast<unsigned short>(program.size()), program.data()};
  sockaddr_ll device{};
  device.sll_family = AF_PACKET;
  device.sll_protocol = htons(ETH_P_ALL);  // ETH_P_IP alone doesn't show what leaves
  device.sll_ifindex = static_cast<int>(::if_nametoindex(interface.c_str()));
  if (device.sll_ifindex == 0)
    return fail(GamesWatchErrc::unavailable, "cannot find the device " + interface);
  if (::setsockopt(fd.get(), SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) != 0 ||
      ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&device), sizeof device) != 0)
    return unavailable("cannot watch for games");
  std::shared_ptr<GamesWatch> out(new GamesWatch(io, fd.release(), table, interface, vip));
  out->wait_readable();
  return out;
}

GamesWatch::GamesWatch(asio::io_context& io, int fd, const games::Table& table,
                       const std::string& interface, const IpAddress& vip)
    : io_(io), socket_(io, fd), table_(table), interface_(interface), vip_(vip), catalogue_(table) {
  set_members({});
}

void GamesWatch::close() {
  closed_ = true;
  boost::system::error_code ignored;
  socket_.close(ignored);
  if (const auto inquiry = inquiry_.lock()) inquiry->close();
}

void GamesWatch::set_members(std::vector<IpAddress> here, std::span<const IpAddress> elsewhere) {
  here_ = {here.begin(), here.end()};
  members_ = std::move(here);
  members_.insert(members_.end(), elsewhere.begin(), elsewhere.end());
  std::set<IpAddress> peers(members_.begin(), members_.end());
  peers.insert(vip_);
  catalogue_.set_peers(std::move(peers));
}

asio::awaitable<void> GamesWatch::ask() {
  const auto self = shared_from_this();
  if (closed_) co_return;
  if (const auto under_way = inquiry_.lock()) co_return co_await under_way->finished();
  auto peers = members_;
  peers.push_back(vip_);
  const auto inquiry = std::make_shared<Inquiry>(*this, std::move(peers));
  inquiry_ = inquiry;
  co_await inquiry->run();
}

std::vector<games::Hosted> GamesWatch::hosted() {
  return catalogue_.hosted(monotonic_now());
}

void GamesWatch::wait_readable() {
  socket_.async_wait(asio::posix::stream_descriptor::wait_read,
                     [self = shared_from_this()](const boost::system::error_code& error) {
                       if (error || self->closed_) return;
                       self->read_packets();
                       self->wait_readable();
                     });
}

void GamesWatch::read_packets() {
  for (int i = 0; i < kPacketsPerWake; ++i) {
    const auto size = ::recv(socket_.native_handle(), buffer_.data(), buffer_.size(), 0);
    if (size < 0) return;  // nothing left; a device that went down says so here, too
    ++looked_at_;
    const auto packet = parse_ipv4_udp(ByteView(buffer_).first(static_cast<std::size_t>(size)));
    if (!packet) continue;
    catalogue_.observe(monotonic_now(), {{packet->source, packet->udp.source_port},
                                         {packet->destination, packet->udp.destination_port},
                                         packet->udp.payload});
  }
}

}  // namespace lanrage::agent
