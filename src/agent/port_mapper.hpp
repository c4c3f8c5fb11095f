// Has the agent's ports forwarded by a home's router, all parties' by one thread: asking blocks.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <map>
#include <memory>
#include <mutex>

#include "agent/port_leases.hpp"
#include "io/log.hpp"
#include "portmap/round_thread.hpp"
#include "portmap/router.hpp"

namespace lanrage::agent {

class PortMapper {
 public:
  using Listener = std::function<void(const std::optional<PortMapping>&)>;
  // A port is wanted while this lives; it mustn't outlive its mapper.
  class Lease {
   public:
    Lease(PortMapper& mapper, std::uint16_t port) : mapper_(mapper), port_(port) {}
    ~Lease() { mapper_.release(port_); }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;

   private:
    PortMapper& mapper_;
    std::uint16_t port_;
  };

  struct Options {
    std::vector<std::unique_ptr<portmap::Gateway>> gateways;
    // Whether there is a router to ask; called on the mapper's thread, before each round.
    std::function<bool()> is_behind_router;
  };
  // As above, for the machine as it is.
  static Options defaults(const portmap::NonceKey& key);

  PortMapper(boost::asio::io_context& io, Options options, io::Log& log);
  // Takes all mappings back; some seconds at most.
  ~PortMapper();

  // From the loop's thread alone. `listener` is called there, when the mapping of this UDP port has
  // changed, and not after the lease's end.
  std::unique_ptr<Lease> map(std::uint16_t port, Listener listener);
  // The machine's network has changed, or seems to have.
  void ask_anew();

 private:
  struct News {
    std::vector<PortLeases::Change> changes;
    std::string reason;  // of what isn't mapped
    bool router_restarted = false;
  };
  using Listeners = std::map<std::uint16_t, Listener>;

  void release(std::uint16_t port);
  Duration work(const std::stop_token& stop);
  void post(News news);
  void tell(const News& news);

  boost::asio::io_context& io_;
  io::Log& log_;
  std::function<bool()> is_behind_router_;
  std::shared_ptr<Listeners> listeners_ = std::make_shared<Listeners>();  // the loop's
  std::string last_reason_;                                               // the loop's
  std::mutex mutex_;
  PortLeases leases_;       // under the mutex
  portmap::Router router_;  // the thread's
  portmap::RoundThread thread_;
};

}  // namespace lanrage::agent
