// One accepted connection of HttpServer, and what the server's connections share. Private to io/.
#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "base/bucket_table.hpp"
#include "io/http_server.hpp"

namespace lanrage::io {

class ServerConnection {
 public:
  virtual ~ServerConnection() = default;
  // Ends when what is under way is answered; a WebSocket with a 1001 close.
  virtual void finish() = 0;
  // Cuts it. No callback follows if `silent`.
  virtual void abort(bool silent) = 0;
};

struct ServerState {
  explicit ServerState(HttpServer::Options with)
      : options(std::move(with)), new_by_address(options.limits.new_connections_per_address) {}

  HttpServer::Options options;
  ServerEvents events;
  ServerCounters counters;
  bool stopping = false;  // no new connections, none kept alive
  bool gone = false;      // the HttpServer was destroyed: no more callbacks
  std::map<std::string, std::size_t> open_by_address;  // by rate_key()
  TokenBuckets new_by_address;
  std::list<std::weak_ptr<ServerConnection>> connections;
  std::function<void()> on_last_closed;
};

// Counts a connection while it lives.
class ConnectionSlot {
 public:
  // Null, and counted, when one of the caps is reached.
  static std::unique_ptr<ConnectionSlot> take(std::shared_ptr<ServerState> state,
                                              const IpAddress& remote, Instant now);
  ~ConnectionSlot();
  ConnectionSlot(const ConnectionSlot&) = delete;
  ConnectionSlot& operator=(const ConnectionSlot&) = delete;

  void register_connection(const std::shared_ptr<ServerConnection>& connection);

 private:
  ConnectionSlot(std::shared_ptr<ServerState> state, std::string key)
      : state_(std::move(state)), key_(std::move(key)) {}
  std::shared_ptr<ServerState> state_;
  std::string key_;
  std::list<std::weak_ptr<ServerConnection>>::iterator place_;
  bool registered_ = false;
};

// Serves the connection until it ends, which nobody need wait for.
void serve_connection(std::shared_ptr<ServerState> state, boost::asio::ip::tcp::socket socket,
                      std::unique_ptr<ConnectionSlot> slot);

}  // namespace lanrage::io
