// Waiting as an interface, so that tests of retries and of reconnecting need no real time.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <memory>

namespace lanrage::agent {

class Pauses {
 public:
  virtual ~Pauses() = default;
  virtual boost::asio::awaitable<void> pause(std::chrono::milliseconds time) = 0;
  // Ends the pauses under way; later ones last as long as they should.
  virtual void skip() = 0;
  // Ends the pauses under way; later ones last no time.
  virtual void end() = 0;

  // By the machine's clock.
  static std::shared_ptr<Pauses> make(boost::asio::io_context& io);
};

}  // namespace lanrage::agent
