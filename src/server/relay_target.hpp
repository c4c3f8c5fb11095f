// What the admin socket's requests of a relay look at.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <functional>
#include <utility>

#include "server/relay_server.hpp"

namespace lanrage::server {

// On the loop's thread.
class RelayTarget {
 public:
  virtual ~RelayTarget() = default;
  virtual void look(std::move_only_function<void(RelayServer::Look)> done) = 0;
};

// The relay has threads of its own: brings their answers to the loop's.
class LoopRelayTarget final : public RelayTarget {
 public:
  LoopRelayTarget(boost::asio::io_context& loop, RelayServer& relay) : loop_(loop), relay_(relay) {}

  void look(std::move_only_function<void(RelayServer::Look)> done) override {
    relay_.look([&loop = loop_, done = std::move(done)](RelayServer::Look look) mutable {
      boost::asio::post(loop, [done = std::move(done), look = std::move(look)]() mutable {
        done(std::move(look));
      });
    });
  }

 private:
  boost::asio::io_context& loop_;
  RelayServer& relay_;
};

}  // namespace lanrage::server
