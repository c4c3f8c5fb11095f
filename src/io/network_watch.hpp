// Hears from the kernel when links, addresses or routes of this machine change (rtnetlink), or its
// packet filter does (nftables).
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>

#include "base/result.hpp"

namespace lanrage::io {

enum class NetworkWatchErrc { open_failed };
constexpr std::string_view name_of(NetworkWatchErrc) {
  return "open_failed";
}

enum class Watched { network, links, packet_filter };

// Of the network namespace that it was made in. Says that something changed, not what.
class NetworkWatch {
 public:
  static Result<std::unique_ptr<NetworkWatch>> open(boost::asio::io_context& io,
                                                    std::function<void()> on_change,
                                                    Watched what = Watched::network);
  ~NetworkWatch();  // no callback comes after it

 private:
  class Impl;
  explicit NetworkWatch(std::shared_ptr<Impl> impl);

  std::shared_ptr<Impl> impl_;
};

}  // namespace lanrage::io
