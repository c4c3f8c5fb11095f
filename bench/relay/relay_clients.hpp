// Clients of a lanrage relay, as agents are: bound, with sessions between the two of each pair.
// Their tokens are signed here.
#pragma once

#include <memory>
#include <vector>

#include "crypto/keys.hpp"
#include "relay/bind_client.hpp"
#include "relay/client_ports.hpp"
#include "relay/load.hpp"

namespace lanrage::bench {

class RelayClients {
 public:
  // Without clients at first. The ports must outlive it. Groups are numbered from `first_group`.
  RelayClients(const ClientPorts& senders, const ClientPorts& receivers,
               const relay::BindTarget& target, const crypto::SigningKey& token_key,
               std::uint64_t first_group = 1);

  // Pair i: client i of the senders, client i of the receivers, in a group of their own.
  void bind(std::size_t pairs);
  // Handshakes of all pairs; each is a session from then on, and so a flow.
  void shake_hands();
  // In place of handshakes: so many sessions each, told to the relay by the sender.
  void tell_routes(std::size_t sessions_a_pair);
  // Renews what would run out during the next minutes.
  void renew();
  // Others come, from the same addresses, and shake hands; these pairs never say another word.
  void replace(std::size_t first, std::size_t last);

  const std::vector<Flow>& flows() const { return flows_; }

 private:
  struct Client {
    ByteArray<32> mac1_key{};
    std::unique_ptr<relay::BindClient> bind;
    bool bound = false;  // by the bind begun last
  };
  using Crowd = std::vector<Client>;

  Client make_client(std::uint64_t group);
  // Binds, or binds again, clients of these numbers on both sides.
  void bind(std::size_t first, std::size_t last);
  void send(const ClientPorts& ports, std::size_t number, stun::Datagrams& out);
  void take_binding_answers(const ClientPorts& ports, Crowd& crowd);
  void on_timeouts(std::size_t first, std::size_t last);
  // Handshakes of these pairs; returns when all have come through.
  void shake_hands(std::size_t first, std::size_t last);

  const ClientPorts& senders_;
  const ClientPorts& receivers_;
  crypto::SystemRandom random_;
  relay::BindTarget target_;
  crypto::SigningKey token_key_;
  std::uint64_t next_group_;
  Crowd sending_;
  Crowd receiving_;
  std::uint32_t last_index_ = 0;
  std::vector<Flow> flows_;
};

}  // namespace lanrage::bench
