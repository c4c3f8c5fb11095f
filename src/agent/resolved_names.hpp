// The parties' names by way of systemd-resolved: it is told over D-Bus which names it finds by
// which device, and asks them of a name server of ours on the loopback device. What it was told
// goes with the device, so that a crash leaves nothing behind.
#pragma once

#include <array>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/udp.hpp>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "base/result.hpp"
#include "lan/names.hpp"

namespace lanrage::agent {

enum class ResolvedErrc { not_in_use, no_socket, no_bus, refused };
constexpr std::string_view name_of(ResolvedErrc code) {
  switch (code) {
    case ResolvedErrc::not_in_use:
      return "resolved_not_in_use";
    case ResolvedErrc::no_socket:
      return "resolved_no_socket";
    case ResolvedErrc::no_bus:
      return "resolved_no_bus";
    case ResolvedErrc::refused:
      return "resolved_refused";
  }
  return "resolved";
}

// Whether it runs in our network namespace, and this machine's programs ask it. The error says what
// is missing: not_in_use.
Result<void> resolved_in_use();

class ResolvedNames : public std::enable_shared_from_this<ResolvedNames> {
 public:
  using Domains = std::map<unsigned, std::set<std::string>>;  // by the device's index
  // With nothing, or what kept systemd-resolved from being told.
  using OnTold = std::function<void(const Result<void>&)>;

  // Errors: no_socket.
  static Result<std::shared_ptr<ResolvedNames>> open(boost::asio::io_context& io, OnTold on_told);
  // The names from now on; of those that come while it is told, the last ones count.
  void set(lan::NameTable names, Domains domains);
  void close();  // no callback comes after it

 private:
  ResolvedNames(boost::asio::io_context& io, OnTold on_told);
  void receive();
  void tell();
  boost::asio::awaitable<Result<void>> tell_all();

  boost::asio::io_context& io_;
  OnTold on_told_;
  boost::asio::ip::udp::socket socket_;
  boost::asio::ip::udp::endpoint asker_;
  std::array<std::uint8_t, 1500> query_{};
  lan::NameTable names_;
  Domains domains_;
  bool changed_ = false;
  bool telling_ = false;
};

}  // namespace lanrage::agent
