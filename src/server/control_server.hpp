// The control server: its parts wired together, listening.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>

#include "base/random.hpp"
#include "io/http_server.hpp"
#include "io/log.hpp"
#include "io/tls.hpp"
#include "server/control_core.hpp"

namespace lanrage::server {

struct ControlConfig {
  std::string version;
  Endpoint listen;                      // port 0: any free one
  std::shared_ptr<io::TlsContext> tls;  // null: plain HTTP
  IpAddress advertised;                 // for url()
  CreationPolicy creation;
  BuiltInServices services;
  std::optional<IpAddress> public_address;
  ServerKeys keys;
  Limits limits;
};

// Outlived by everything it is given. All on the io_context's thread.
class ControlServer {
 public:
  struct Surroundings {
    boost::asio::io_context& io;
    store::Store& store;  // completes on this io_context
    const Clock& clock;
    Random& random;
    io::Log& log;
    Metrics& metrics;
    AuditLog& audit;
  };
  static Result<std::unique_ptr<ControlServer>> start(const Surroundings& surroundings,
                                                      ControlConfig config);
  virtual ~ControlServer() = default;

  virtual Endpoint endpoint() const = 0;
  virtual std::string url() const = 0;
  virtual ControlCore& core() = 0;
  virtual const io::ServerCounters& counters() const = 0;
  // ControlCore::tick(). Called several times a second by a timer of its own; tests that move the
  // clock call it themselves.
  virtual void tick() = 0;
  // From now on what players and invites are told.
  virtual void set_public_address(const IpAddress& address) = 0;
  // For connections that begin from now on; of a server that was started with TLS.
  virtual void set_tls(std::shared_ptr<io::TlsContext> tls) = 0;
  // Answers what is under way, closes the rest; `done` when all is stored and sent.
  virtual void stop(std::function<void()> done) = 0;
};

}  // namespace lanrage::server
