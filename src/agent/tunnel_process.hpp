// A wireguard-go child process and its control socket.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <sys/types.h>

#include "agent/tunnel.hpp"
#include "base/wiped.hpp"
#include "io/unique_fd.hpp"

namespace lanrage::agent {

// What wireguard-go uses; one directory for all network namespaces.
std::string control_socket_path(const std::string& interface_name);

// True when a process answers on the control socket of that name.
bool control_socket_answers(const std::string& interface_name);

std::string find_wireguard_go();  // in PATH; empty: it isn't there
bool have_wireguard_go();
// The folder of the control sockets, for who may not make folders in /run later.
void make_control_socket_folder();

class WireguardProcess {
 public:
  // Starts `wireguard-go --foreground NAME` in the calling thread's network namespace and waits
  // until its control socket answers. It ends with the calling thread, if not before.
  static Result<WireguardProcess> start(const std::string& interface_name);
  WireguardProcess(WireguardProcess&&) noexcept = default;
  WireguardProcess& operator=(WireguardProcess&&) = delete;
  ~WireguardProcess();  // ends it and waits: its interface and socket are gone then

  // One request on the control socket, and the whole reply. device_gone, with the process's last
  // words, when it has ended.
  Result<WipedString> exchange(std::string_view request);

  // Waits up to `limit`; an Error when the process ended meanwhile.
  Result<void> pause(std::chrono::milliseconds limit);

 private:
  WireguardProcess(std::string interface_name, pid_t pid, io::UniqueFd pid_fd, io::UniqueFd log)
      : interface_name_(std::move(interface_name)),
        pid_(pid),
        pid_fd_(std::move(pid_fd)),
        log_(std::move(log)) {}

  Result<void> wait_until_ready();
  std::unexpected<Error> ended() const;
  std::string last_words() const;
  void bound_log() const;

  std::string interface_name_;
  pid_t pid_;
  io::UniqueFd pid_fd_;
  io::UniqueFd log_;
};

}  // namespace lanrage::agent
