// lanrage-server with a relay, as its users run it, and clients that are bound to it. The bench
// signs their tokens itself, as it knows the server's key.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "relay/relay_clients.hpp"
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

  RelayClients& clients() { return *clients_; }
  // More clients, on other ports.
  RelayClients more_clients(const ClientPorts& senders, const ClientPorts& receivers,
                            std::uint64_t first_group) const {
    return {senders, receivers, target_, *token_key_, first_group};
  }

  std::string_view name() const override { return name_; }
  pid_t pid() const override { return process_->pid(); }
  void renew() override { clients_->renew(); }
  std::uint64_t forwarded_in_kernel() const override;
  const std::vector<Flow>& flows() const override { return clients_->flows(); }

 private:
  std::string name_;
  bool in_kernel_;
  const Testbed& testbed_;
  lab::TempDir directory_;
  std::unique_ptr<lab::Process> process_;
  relay::BindTarget target_;
  std::optional<crypto::SigningKey> token_key_;
  std::optional<RelayClients> clients_;
};

}  // namespace lanrage::bench
