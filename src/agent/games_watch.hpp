// Looks for games that are hosted in a party: watches on its device what passes of their discovery,
// and asks everybody.
//
// On one io_context thread, in the network namespace of that thread. Needs CAP_NET_RAW.
#pragma once

#include <array>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "games/catalogue.hpp"

namespace lanrage::agent {

enum class GamesWatchErrc { unavailable };
constexpr std::string_view name_of(GamesWatchErrc) {
  return "games_watch_unavailable";
}

class GamesWatch : public std::enable_shared_from_this<GamesWatch> {
 public:
  // `interface` has `vip`; `table` outlives this. unavailable: no such device, or not allowed.
  static Result<std::shared_ptr<GamesWatch>> open(boost::asio::io_context& io,
                                                  const games::Table& table,
                                                  const std::string& interface,
                                                  const IpAddress& vip);
  void close();

  // The others' virtual IPs, of those on the device, and of those whom another one reaches: they
  // are asked, but nothing of theirs passes here.
  void set_members(std::vector<IpAddress> here, std::span<const IpAddress> elsewhere = {});

  // Asks the members, and this machine's own servers; done when kAnswerTime has passed. Where it is
  // under way, waits for its end.
  boost::asio::awaitable<void> ask();
  std::vector<games::Hosted> hosted();
  // How many passing datagrams it had a look at.
  std::uint64_t looked_at() const { return looked_at_; }

  static constexpr std::chrono::milliseconds kAnswerTime{700};  // after the last question

 private:
  class Inquiry;

  GamesWatch(boost::asio::io_context& io, int fd, const games::Table& table,
             const std::string& interface, const IpAddress& vip);
  void wait_readable();
  void read_packets();

  boost::asio::io_context& io_;
  boost::asio::posix::stream_descriptor socket_;
  const games::Table& table_;
  std::string interface_;
  IpAddress vip_;
  std::vector<IpAddress> members_;  // all of them
  std::set<IpAddress> here_;        // of these, on the device
  games::Catalogue catalogue_;
  std::weak_ptr<Inquiry> inquiry_;  // under way
  std::array<std::uint8_t, 2048> buffer_{};
  std::uint64_t looked_at_ = 0;
  bool closed_ = false;
};

}  // namespace lanrage::agent
