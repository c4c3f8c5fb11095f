// Network namespaces that clean up after themselves, however the program ends.
//
// Names are lr<pid>-<number>-<role>. Three things remove them: the destructor; a janitor process
// that outlives the program by a moment (so SIGINT, SIGKILL and crashes leave nothing behind); and
// a sweep, before the first namespace is made, of names whose pid is dead.
#pragma once

#include <string>
#include <utility>

namespace lanrage::lab {

// Throws LabError saying what is missing: root, namespaces, or a tool.
void require_lab();

class NetNamespace {
 public:
  explicit NetNamespace(const std::string& role);  // loopback is up
  ~NetNamespace();  // kills what still runs inside, by pid, and removes the name
  NetNamespace(const NetNamespace&) = delete;
  NetNamespace& operator=(const NetNamespace&) = delete;

  const std::string& name() const { return name_; }
  int fd() const { return fd_; }

  // Runs `body` with the calling thread inside the namespace. Sockets it makes stay there.
  template <class Body>
  auto inside(Body&& body) const {
    const Visit visit(fd_);
    return std::forward<Body>(body)();
  }

  // `ip` subcommands, one a line, in one process (ip -batch). Throws LabError.
  void ip(const std::string& batch) const;
  void nft(const std::string& ruleset) const;
  // Writes a file below /proc/sys as seen from inside; absent files are ignored.
  void sysctl(const std::string& path, const std::string& value) const;

 private:
  class Visit {
   public:
    explicit Visit(int fd);
    ~Visit();
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;

   private:
    int home_;
  };

  std::string name_;
  int fd_ = -1;
};

// Removes namespaces of our pattern whose creator is dead, with what runs inside them.
void sweep_stale_namespaces();

// A name unique on this machine for a WireGuard interface, at most 15 characters: sockets of
// wireguard-go live in one directory for all namespaces.
std::string unique_interface_name();

// This program's namespaces that exist now; for tests of the clean-up.
int count_own_namespaces();

}  // namespace lanrage::lab
