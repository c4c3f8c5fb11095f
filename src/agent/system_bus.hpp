// A connection to D-Bus's system bus for a few calls.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <string>

#include "base/result.hpp"
#include "lan/dbus.hpp"

namespace lanrage::agent {

// Where it listens: $DBUS_SYSTEM_BUS_ADDRESS, where that names a socket's path, or the usual place.
std::string system_bus_path();

class SystemBus {
 public:
  enum class Errc { unreachable, refused };
  friend constexpr std::string_view name_of(Errc code) {
    return code == Errc::unreachable ? "bus_unreachable" : "bus_refused";
  }

  // All together may take `limit`; what is under way then ends as unreachable.
  SystemBus(boost::asio::io_context& io, std::chrono::milliseconds limit);
  ~SystemBus();
  boost::asio::awaitable<Result<void>> connect();
  // Waits for the answer. Errors: unreachable; refused, with what the other side said.
  boost::asio::awaitable<Result<void>> call(lan::DbusCall call);

 private:
  using Socket = boost::asio::local::stream_protocol::socket;
  boost::asio::awaitable<Result<void>> authenticate();
  boost::asio::awaitable<Result<lan::DbusMessage>> read_message();

  std::shared_ptr<Socket> socket_;
  boost::asio::steady_timer deadline_;
  std::uint32_t serial_ = 0;
};

}  // namespace lanrage::agent
