// The local API's transport: a Unix stream socket, one JSON object a line each way. Whatever the
// socket's mode, only root, our own user and members of one group are served.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/wiped.hpp"

namespace lanrage::io {

enum class LocalErrc {
  already_running,  // another process answers at that path
  cannot_listen,
  not_running,        // client: nothing answers
  permission_denied,  // client
  timeout,
  connection_lost,
  line_too_long,
};
constexpr std::string_view name_of(LocalErrc code) {
  switch (code) {
    case LocalErrc::already_running:
      return "already_running";
    case LocalErrc::cannot_listen:
      return "cannot_listen";
    case LocalErrc::not_running:
      return "not_running";
    case LocalErrc::permission_denied:
      return "permission_denied";
    case LocalErrc::timeout:
      return "timeout";
    case LocalErrc::connection_lost:
      return "connection_lost";
    case LocalErrc::line_too_long:
      return "line_too_long";
  }
  return "unknown";
}

inline constexpr std::size_t kMaxLocalLine = 64 * 1024;          // a request
inline constexpr std::size_t kMaxLocalAnswer = 4 * 1024 * 1024;  // an answer

// Several requests may come on one connection, one after the other; connections are independent.
class LocalServer {
 public:
  struct Options {
    std::filesystem::path path;     // its directory must exist; a stale socket is replaced
    std::string group = "lanrage";  // the socket's group where it exists
    unsigned mode = 0660;
    std::size_t connections = 64;
    std::chrono::milliseconds idle_time{60'000};
    // Hears of users who may not use it, though the socket's mode let them in; of one a second.
    std::function<void(unsigned uid, int pid)> on_stranger{};
  };
  // Request line in, answer line out (without newlines); either may hold a secret. Runs on the
  // io_context's thread.
  using Answer = std::function<boost::asio::awaitable<WipedString>(WipedString request)>;

  static Result<std::unique_ptr<LocalServer>> start(boost::asio::io_context& io, Options options,
                                                    Answer answer);
  virtual ~LocalServer() = default;  // closes all and removes the socket
};

// Root without CAP_CHOWN may still give its sockets to a group that it is in: leaves all others and
// joins this one, where it exists. False: the process may not change its groups.
bool join_only_group(const std::string& name);

// Blocking, for the CLI: one request, one answer.
Result<std::string> local_request(const std::filesystem::path& path, std::string_view request,
                                  std::chrono::milliseconds timeout);

}  // namespace lanrage::io
