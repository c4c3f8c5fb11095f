// lanrage-server with a relay, as its users run it, and clients that are bound to it. The bench
// signs their tokens itself, as it knows the server's key.
#pragma once

#include <memory>
#include <string>

#include "crypto/keys.hpp"
#include "relay/bind_client.hpp"
#include "relay/relay_under_test.hpp"
#include "relay/testbed.hpp"
#include "support/process.hpp"
#include "support/temp_dir.hpp"

namespace lanrage::bench {

struct LanrageSettings {
  std::filesystem::path program;
  // Added to the command line: what a variant of the relay is chosen by.
  std::vector<std::string> arguments{};
  std::string name = "lanrage";
  std::uint16_t relay_port = 51820;
  bool in_kernel = false;  // sessions in use are forwarded there (XDP)
};

class LanrageRelay final : public RelayUnderTest {
 public:
  // Without clients at first. All of them must outlive it.
  LanrageRelay(const Testbed& testbed, const ClientPorts& senders, const ClientPorts& receivers,
               const LanrageSettings& settings);
  ~LanrageRelay() override;

  // Pair i: client i of the senders, client i of the receivers, in a group of their own.
  void bind(std::size_t pairs);
  // Handshakes of all pairs; each is a session from then on, and so a flow.
  void shake_hands();
  // In place of handshakes: so many sessions each, told to the relay by the sender.
  void tell_routes(std::size_t sessions_a_pair);

  std::string_view name() const override { return name_; }
  pid_t pid() const override { return process_->pid(); }
  void renew() override;
  std::uint64_t forwarded_in_kernel() const override;
  const std::vector<Flow>& flows() const override { return flows_; }

 private:
  struct Client {
    ByteArray<32> mac1_key{};
    std::unique_ptr<relay::BindClient> bind;
    bool bound = false;  // by the bind begun last
  };
  using Crowd = std::vector<Client>;

  void add_client(Crowd& crowd, std::uint64_t group);
  // Binds, or binds again, clients of these numbers on both sides.
  void bind(std::size_t first, std::size_t last);
  void send(const ClientPorts& ports, std::size_t number, stun::Datagrams& out);
  void take_binding_answers(const ClientPorts& ports, Crowd& crowd);
  void on_timeouts(std::size_t first, std::size_t last);
  // Handshakes of these pairs; returns when all have come through.
  void shake_hands(std::size_t first, std::size_t last);

  std::string name_;
  bool in_kernel_;
  const Testbed& testbed_;
  const ClientPorts& senders_;
  const ClientPorts& receivers_;
  lab::TempDir directory_;
  crypto::SystemRandom random_;
  crypto::SigningKey token_key_;
  relay::BindTarget target_;
  std::unique_ptr<lab::Process> process_;
  Crowd sending_;
  Crowd receiving_;
  std::uint32_t last_index_ = 0;
  std::vector<Flow> flows_;
};

}  // namespace lanrage::bench
