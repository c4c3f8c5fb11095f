// A relay of the simulated network, with a bind of its own in place of the real protocol, which the
// relay module's tests cover: a letter, and numbers.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "crypto/keys.hpp"
#include "sim/path_network.hpp"

namespace lanrage::sim {

inline constexpr std::uint8_t kBind = 'B';
inline constexpr std::uint8_t kBound = 'b';
inline constexpr std::uint8_t kRoutes = 'R';
inline constexpr std::uint8_t kTaken = 'r';
inline constexpr std::uint8_t kUnbound = 'u';

class SimRelay {
 public:
  SimRelay(Network& network, std::string id, const Endpoint& endpoint);
  SimRelay(const SimRelay&) = delete;
  SimRelay& operator=(const SimRelay&) = delete;

  // Who the handshake packets to a key are for; a real relay finds him by mac1.
  void knows(const crypto::ExchangeKey& key, std::uint64_t client) { clients_[key] = client; }
  void kill() { alive_ = false; }
  void restart();  // also after kill(): everything is forgotten

  bool alive() const { return alive_; }

  const std::string& id() const { return id_; }
  const Endpoint& endpoint() const { return endpoint_; }
  std::uint64_t forwarded() const { return forwarded_; }

 private:
  void receive(const Datagram& datagram);
  void handshake_or_data(std::uint64_t source, const Datagram& datagram);
  void answer(const Datagram& question, Bytes bytes);
  void forward(std::uint64_t to, const Bytes& bytes);
  std::optional<std::uint64_t> client_at(const Endpoint& source) const;

  Network* network_;
  std::string id_;
  Endpoint endpoint_;
  bool alive_ = true;
  std::uint64_t boot_ = 1;
  std::uint64_t forwarded_ = 0;
  std::map<crypto::ExchangeKey, std::uint64_t> clients_;
  std::map<std::uint64_t, Endpoint> bound_;
  // (responder, initiator's index) -> initiator; (sender, receiver index) -> receiver.
  std::map<std::pair<std::uint64_t, std::uint32_t>, std::uint64_t> pending_;
  std::map<std::pair<std::uint64_t, std::uint32_t>, std::uint64_t> sessions_;
};

// What an agent's shell keeps of one relay.
class SimBind {
 public:
  SimBind(SimRelay& relay, std::uint64_t client) : relay_(&relay), client_(client) {}

  using Send = std::function<void(const Endpoint& to, Bytes)>;
  // Call every 250 ms. True when what listed() says has changed.
  bool on_tick(Instant now, const Send& send);
  // A datagram from this relay that is no WireGuard packet. True as above.
  bool on_datagram(Instant now, const Datagram& datagram, const Send& send);
  void set_routes(std::vector<std::pair<std::uint64_t, std::uint32_t>> routes, const Send& send);

  // Bound, and the last bind wasn't left without an answer for long.
  bool listed() const { return listed_; }
  const SimRelay& relay() const { return *relay_; }
  Duration rtt() const { return rtt_; }
  std::uint64_t generation() const { return boot_; }
  const std::optional<Endpoint>& observed() const { return observed_; }

 private:
  void ask(Instant now, const Send& send);
  void tell(const Send& send);

  SimRelay* relay_;
  std::uint64_t client_;
  std::optional<Endpoint> observed_;
  std::uint64_t boot_ = 0;
  Duration rtt_{};
  Instant asked_{};
  std::optional<Instant> unanswered_since_;
  int asks_ = 0;  // since the last answer
  Instant noticed_{};
  Instant bound_at_{};
  bool listed_ = false;
  std::vector<std::pair<std::uint64_t, std::uint32_t>> routes_;
  bool told_ = true;
};

}  // namespace lanrage::sim
