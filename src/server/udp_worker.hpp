// A thread that waits for datagrams on some sockets, and once a second for nothing, until it is
// destroyed. Everything it calls runs on that thread.
#pragma once

#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "base/time.hpp"
#include "server/udp_socket.hpp"

namespace lanrage::server {

struct UdpTimes {
  Instant now;
  UnixTime unix_now;
};

class UdpWorker {
 public:
  struct Callbacks {
    // There is something to read from the socket of that number.
    std::function<void(std::size_t socket, const UdpTimes& times)> readable;
    std::function<void(const UdpTimes& times)> every_second;
    // The other descriptor, where there is one, is readable.
    std::function<void(const UdpTimes& times)> nudged{};
  };

  // The sockets, and the other descriptor, must outlive it. Signals stay with the other threads.
  static Result<std::unique_ptr<UdpWorker>> start(std::vector<const UdpSocket*> sockets,
                                                  Callbacks callbacks, int nudge_fd = -1);
  ~UdpWorker();  // returns when the thread has ended
  UdpWorker(const UdpWorker&) = delete;
  UdpWorker& operator=(const UdpWorker&) = delete;

 private:
  UdpWorker(FileDescriptor wake, std::vector<const UdpSocket*> sockets, Callbacks callbacks,
            int nudge_fd);
  void run();

  FileDescriptor wake_;
  std::vector<const UdpSocket*> sockets_;
  Callbacks callbacks_;
  int nudge_fd_;
  std::thread thread_;
};

}  // namespace lanrage::server
