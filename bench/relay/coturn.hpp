// Debian's coturn and TURN clients (RFC 8656) of our own: allocations, channels, ChannelData.
#pragma once

#include <functional>
#include <memory>

#include "crypto/keys.hpp"
#include "relay/relay_under_test.hpp"
#include "relay/testbed.hpp"
#include "stun/message.hpp"
#include "support/process.hpp"
#include "support/temp_dir.hpp"

namespace lanrage::bench {

class Coturn final : public RelayUnderTest {
 public:
  // How a pair's receiver is reached.
  enum class Receiver {
    allocated,  // by an allocation of its own: neither client has to be reachable
    plain,      // directly: one allocation a pair, half of the work
  };

  static constexpr std::string_view kProgram = "turnserver";
  static bool installed() { return lab::have_program(std::string(kProgram)); }

  // Without clients at first. All of them must outlive it.
  Coturn(const Testbed& testbed, const ClientPorts& senders, const ClientPorts& receivers,
         Receiver receiver);
  ~Coturn() override;

  // For so many pairs in all.
  void allocate(std::size_t pairs);
  // Channels between the two of each pair; then there are flows.
  void bind_channels();

  std::string_view name() const override {
    return receiver_ == Receiver::allocated ? "coturn" : "coturn, one allocation";
  }
  pid_t pid() const override { return process_->pid(); }
  void renew() override { bind_channels(); }
  const std::vector<Flow>& flows() const override { return flows_; }

 private:
  // Builds the request of a client.
  using Ask = std::function<Bytes(std::size_t number, const stun::TransactionId& id)>;
  using Take = std::function<void(std::size_t number, const stun::MessageView& answer)>;
  // A request from each client of one side, from `first` on; returns when all were granted.
  void ask(const char* what, const ClientPorts& ports, std::size_t first, std::size_t clients,
           const Ask& ask, const Take& take);
  void allocate_on(const ClientPorts& ports, std::vector<Endpoint>& relays, std::size_t clients);
  void bind_channels_on(const ClientPorts& ports, const std::vector<Endpoint>& peers);

  const ClientPorts& senders_;
  const ClientPorts& receivers_;
  Receiver receiver_;
  lab::TempDir directory_;
  crypto::SystemRandom random_;
  Endpoint server_;
  std::unique_ptr<lab::Process> process_;
  std::vector<Endpoint> sender_relays_;    // addresses that coturn gave out
  std::vector<Endpoint> receiver_relays_;  // or the receivers' own
  std::vector<Flow> flows_;
};

}  // namespace lanrage::bench
