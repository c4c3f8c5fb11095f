// Watches what this machine's programs broadcast and multicast, has lan::Copier decide, and sends
// the copies on a party's LAN device; joins there the groups that they joined elsewhere.
//
// On one io_context thread, in the network namespace of that thread. Needs CAP_NET_RAW.
#pragma once

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "io/unique_fd.hpp"
#include "lan/copier.hpp"

namespace lanrage::agent {

enum class LanCopierErrc { unavailable };
constexpr std::string_view name_of(LanCopierErrc) {
  return "lan_copier_unavailable";
}

class LanCopier : public std::enable_shared_from_this<LanCopier> {
 public:
  // `interface`: the LAN device, up. unavailable: without CAP_NET_RAW, or the device.
  static Result<std::shared_ptr<LanCopier>> open(boost::asio::io_context& io,
                                                 const lan::Segment& segment,
                                                 const std::string& interface);
  void close();

  // How often each verdict fell.
  const std::map<lan::Verdict, std::uint64_t>& verdicts() const { return verdicts_; }
  std::set<IpAddress> joined() const;

  // Groups and addresses are looked at this often, as the kernel tells nobody when they change; and
  // groups whenever somebody sends to one that isn't joined.
  static constexpr std::chrono::seconds kRefresh{2};

 private:
  LanCopier(boost::asio::io_context& io, int fd, const lan::Segment& segment, unsigned index);
  void wait_readable();
  void read_packets();
  void send(ByteView frame);
  void refresh();
  void join_groups();
  void join(const IpAddress& group);

  boost::asio::posix::stream_descriptor socket_;
  boost::asio::steady_timer timer_;
  lan::Copier copier_;
  unsigned index_;                 // of the LAN device
  std::set<std::string> parties_;  // their devices, on which joins are agents'
  std::map<lan::Verdict, std::uint64_t> verdicts_;
  // One each, as the kernel allows 20 a socket; closing it leaves.
  std::map<IpAddress, io::UniqueFd> memberships_;
  std::array<std::uint8_t, 65536> buffer_{};
  bool closed_ = false;
};

}  // namespace lanrage::agent
