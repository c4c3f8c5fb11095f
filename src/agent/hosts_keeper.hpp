// A process of its own that changes the hosts file, and nothing else, for an agent that may not:
// access to a file by its name, which others replace, is access to its whole folder
// (docs/adr/0027). When the agent has ended, however that came, it takes out what it had put in.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <sys/types.h>

#include "base/result.hpp"
#include "io/unique_fd.hpp"
#include "lan/names.hpp"

namespace lanrage::agent {

class HostsKeeper {
 public:
  struct Options {
    std::filesystem::path hosts = "/etc/hosts";
    std::filesystem::path folder;  // for its journal; is made, readable by us alone
    bool sandbox = true;
  };
  enum class Errc { not_started };
  friend constexpr std::string_view name_of(Errc) { return "hosts_keeper"; }

  // Before there are threads, and before the agent gives up its powers. Errors: not_started.
  static Result<std::unique_ptr<HostsKeeper>> start(const Options& options);
  ~HostsKeeper();

  // `on_answer` gets what went wrong with each set(), or nothing; it may not destroy the keeper.
  void attach(boost::asio::io_context& io, std::string id,
              std::function<void(const std::string& trouble)> on_answer);
  // The names from now on. Of those that come while it writes, the last ones count.
  void set(const lan::NameTable& names);

 private:
  HostsKeeper(pid_t child, io::UniqueFd socket) : child_(child), socket_(std::move(socket)) {}
  void send();
  void receive();

  pid_t child_;
  io::UniqueFd socket_;
  std::string id_;
  std::function<void(const std::string&)> on_answer_;
  std::optional<boost::asio::posix::stream_descriptor> readable_;
  std::optional<std::string> next_;  // to be sent
  bool waiting_ = false;             // for an answer
};

// One request as the process reads it: its agent's id, and the names. Public for tests.
struct HostsRequest {
  std::string id;
  lan::NameTable names;
};
std::string encode_hosts_request(const HostsRequest& request);
// Nothing: no agent of ours wrote that.
std::optional<HostsRequest> parse_hosts_request(std::string_view text);

}  // namespace lanrage::agent
