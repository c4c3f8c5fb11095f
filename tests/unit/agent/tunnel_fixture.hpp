// Two namespaces joined by a veth pair, and tunnels in them through either backend. The kernel's is
// skipped where there is none (the guest's kernel has it).
#pragma once

#include <gtest/gtest.h>

#include "agent/tunnel.hpp"
#include "support/process.hpp"
#include "support/udp_socket.hpp"

namespace lanrage::agent::test {

inline constexpr lab::Millis kSoon{10'000};

Endpoint endpoint(std::string_view text);

class TunnelTest : public testing::TestWithParam<Backend> {
 protected:
  TunnelTest();
  void SetUp() override;

  TunnelOptions options(int host, const std::string& name = lab::unique_interface_name()) const;
  static Result<std::unique_ptr<Tunnel>> open(const lab::NetNamespace& netns,
                                              const TunnelOptions& options);
  // Fails the test when it can't be opened.
  std::unique_ptr<Tunnel> open_a(const std::string& name = lab::unique_interface_name());
  std::unique_ptr<Tunnel> open_b(const std::string& name = lab::unique_interface_name());

  // The other side as a peer: A is 10.66.0.1 on 203.0.113.1, B .2 on .2; one preshared key.
  wireguard::PeerConfig peer_a(const Tunnel& a) const;
  wireguard::PeerConfig peer_b(const Tunnel& b) const;
  wireguard::PeerStatus only_peer(Tunnel& tunnel) const;
  // Adds each to the other, A initiating, and pings until it works.
  void connect(Tunnel& a, Tunnel& b);
  bool ping_from_a() const;

  static bool has_interface(const lab::NetNamespace& netns, const std::string& name);
  static bool has_socket(const std::string& name);
  // Of the running wireguard-go for that interface; 0: none.
  static pid_t userspace_pid(const std::string& name);

  SeededRandom random_{1};
  crypto::ExchangeSecret key_a_ = crypto::ExchangeSecret::generate(random_);
  crypto::ExchangeSecret key_b_ = crypto::ExchangeSecret::generate(random_);
  Secret<32> preshared_{random_.array<32>()};
  lab::NetNamespace a_{"a"};
  lab::NetNamespace b_{"b"};
};

}  // namespace lanrage::agent::test
