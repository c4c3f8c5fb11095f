// The control server that runs inside an agent: the same one as lanrage-server's, without relay and
// STUN, for parties on a LAN. It lets only this device create parties.
#pragma once

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <memory>

#include "base/endpoint.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "io/log.hpp"
#include "io/tls.hpp"

namespace lanrage::agent {

enum class LocalServerErrc { no_network };
constexpr std::string_view name_of(LocalServerErrc) {
  return "no_network";
}

class LocalServer {
 public:
  // Certificate, database and port are kept in `directory`, made when absent. Listens on all
  // interfaces, at the port it had if that is still free; `lan` is what invites name. Errors:
  // store::Errc, io::ServerErrc, io::TlsErrc, StateErrc.
  static Result<std::shared_ptr<LocalServer>> start(boost::asio::io_context& io,
                                                    const std::filesystem::path& directory,
                                                    const PeerId& host, const IpAddress& lan,
                                                    io::Log& log);
  // Cuts every connection; what was accepted is on the disk.
  virtual ~LocalServer() = default;

  virtual std::uint16_t port() const = 0;
  virtual io::Pin pin() const = 0;
  virtual const IpAddress& lan_address() const = 0;
  // What invites name from now on.
  virtual void set_lan_address(const IpAddress& address) = 0;
  // Answers what is under way, then ends; the object lives until that is done.
  virtual void stop() = 0;

  std::string lan_url() const { return "https://" + Endpoint{lan_address(), port()}.to_string(); }
};

}  // namespace lanrage::agent
