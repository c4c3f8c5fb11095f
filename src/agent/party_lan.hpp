// A party's LAN on this machine: the segment with our virtual IP, and the copies of what programs
// here say by other interfaces. Where this machine can't have a segment the virtual IP is on the
// WireGuard device, which reaches every member, but carries no broadcasts.
//
// On one io_context thread, in the network namespace of that thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "agent/lan_copier.hpp"
#include "agent/lan_segment.hpp"
#include "io/log.hpp"
#include "io/network_watch.hpp"

namespace lanrage::agent {

class PartyLan : public std::enable_shared_from_this<PartyLan> {
 public:
  // After an error the members are set again.
  static constexpr std::chrono::seconds kRetry{5};

  struct Options {
    PartyId party;
    Prefix prefix;  // of the virtual IPs
    lan::Member self;
    std::string wireguard;          // the party's WireGuard device, up, with self.underlay
    std::uint16_t listen_port = 0;  // of that WireGuard
    bool segment = true;            // else the player wants none
    // LanOptions' for the segment's device.
    std::string interface_name{};
    bool or_numbered = false;
    lan::Access access{};
    bool copy_discovery = true;  // what programs here say by other interfaces
  };

  // `on_lost`: the device is gone; no callback of its own follows. Errors: of giving the WireGuard
  // device the virtual IP; LanErrc::interface_taken where another agent has the party's LAN. `log`
  // outlives it, or its close().
  static Result<std::shared_ptr<PartyLan>> open(boost::asio::io_context& io, Options options,
                                                std::function<void(const Error&)> on_lost,
                                                io::Log& log);
  ~PartyLan();
  // Removes the device; no callback comes after it.
  void close();

  // Which has our virtual IP.
  const std::string& interface_name() const { return interface_; }
  bool has_segment() const { return segment_ != nullptr; }
  // Why not.
  const std::optional<Error>& no_segment() const { return no_segment_; }
  // Whether a filter of ours is between the members and this machine.
  bool is_guarded() const { return segment_ != nullptr || filter_ != nullptr; }
  // Why there is no segment, or what it lacks; a sentence without full stop.
  const std::optional<std::string>& note() const { return note_; }

  // Those who may talk to us.
  void set_members(std::span<const lan::Member> members);
  // Where it fails, all stays as it was. Errors: LanErrc.
  Result<void> set_access(lan::Access access);

 private:
  PartyLan(boost::asio::io_context& io, Options options, std::function<void(const Error&)> on_lost,
           io::Log& log);
  Result<void> open_segment();
  Result<void> open_beside(const Error& why);
  void open_copier();
  void open_watches();
  void look();
  lan::Interfaces beside() const { return {interface_, "", options_.listen_port}; }
  Result<void> apply();
  void check(const Result<void>& applied);

  boost::asio::io_context& io_;
  boost::asio::steady_timer retry_;
  Options options_;
  std::function<void(const Error&)> on_lost_;
  io::Log& log_;
  std::string interface_;
  lan::Segment wanted_;
  std::unique_ptr<LanSegment> segment_;
  std::unique_ptr<LanFilter> filter_;  // without a segment, where there is nftables
  std::shared_ptr<LanCopier> copier_;
  std::vector<std::unique_ptr<io::NetworkWatch>> watches_;
  std::optional<Error> no_segment_;
  std::optional<std::string> note_;
  bool closed_ = false;
};

}  // namespace lanrage::agent
