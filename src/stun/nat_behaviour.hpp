// What kind of NAT is between us and the internet, as far as Bindings can tell (after RFC 5780).
// The type is a hint for display and ordering; nothing may be left untried because of it.
#pragma once

#include <array>
#include <optional>
#include <string_view>
#include <vector>

#include "base/endpoint.hpp"
#include "base/random.hpp"
#include "base/time.hpp"
#include "stun/transaction.hpp"

namespace lanrage::stun {

// Ordered from the easiest to the hardest to reach. full_cone can't be told from restricted_cone
// with servers of a single address each; the more careful name is reported then.
enum class NatType {
  open,
  full_cone,
  restricted_cone,
  port_restricted_cone,
  symmetric,
  unknown,
};
constexpr std::string_view name_of(NatType type) {
  switch (type) {
    case NatType::open:
      return "open";
    case NatType::full_cone:
      return "full_cone";
    case NatType::restricted_cone:
      return "restricted_cone";
    case NatType::port_restricted_cone:
      return "port_restricted_cone";
    case NatType::symmetric:
      return "symmetric";
    case NatType::unknown:
      return "unknown";
  }
  return "unknown";
}
std::optional<NatType> parse_nat_type(std::string_view name);

// RFC 4787 section 4.1: on what the public port chosen for our socket depends.
enum class Mapping {
  unknown,
  endpoint_independent,
  address_dependent,
  address_and_port_dependent,
};
constexpr std::string_view name_of(Mapping mapping) {
  switch (mapping) {
    case Mapping::unknown:
      return "unknown";
    case Mapping::endpoint_independent:
      return "endpoint_independent";
    case Mapping::address_dependent:
      return "address_dependent";
    case Mapping::address_and_port_dependent:
      return "address_and_port_dependent";
  }
  return "unknown";
}

// RFC 4787 section 5: who may answer. `port_open`: any port of a contacted address gets in.
enum class Filtering { unknown, port_open, port_dependent };

struct ServerAnswer {
  Endpoint server;
  Endpoint mapped;
  std::optional<Duration> rtt;  // nothing when it took more than one sending
};

struct NatReport {
  NatType type = NatType::unknown;
  Mapping mapping = Mapping::unknown;
  Filtering filtering = Filtering::unknown;
  bool udp = false;  // any answer came
  // As the first server that answered by IPv4 saw us, else the first one.
  std::optional<Endpoint> public_endpoint;
  std::vector<ServerAnswer> answers;  // one a server or relay, in order of arrival

  friend bool operator==(const NatReport& a, const NatReport& b) {
    return a.type == b.type && a.mapping == b.mapping && a.filtering == b.filtering &&
           a.udp == b.udp && a.public_endpoint == b.public_endpoint;
  }
};

// What of our port as others see it is worth telling: a symmetric NAT has another port for
// everybody, so the address is; such a port comes as 0.
Endpoint newsworthy(NatType nat, Endpoint seen);
// `present` says something that `told` didn't.
bool is_news(const NatReport& told, const NatReport& present);

struct NatProbeConfig {
  struct Server {
    Endpoint primary;                   // :3478
    std::optional<Endpoint> alternate;  // :3479 of the same address
    // We sent to `alternate` lately: that an answer comes in from there shows nothing.
    bool alternate_contacted = false;
  };
  std::vector<Server> servers;
  std::vector<Endpoint> relays;  // answer plain Bindings too
  std::vector<Endpoint> local;   // the probing socket's own addresses: equal to mapped means no NAT
  RetryPolicy retries{std::chrono::milliseconds(250), 4, 4};  // given up after 2.75 s
  // By IPv4 and by IPv6, from an earlier look: taken over where this one can't tell.
  std::array<Filtering, 2> known_filtering{};
};

// One run. It is IPv4's translation that has a type; IPv6's, a firewall as a rule, has it where
// IPv4 isn't answered. Answers are folded into report() as they come; make a new probe to check
// again.
class NatProbe {
 public:
  NatProbe(NatProbeConfig config, Random& random);  // `random` must outlive it

  void start(Instant now, Datagrams& out);
  // True when the message answered one of this probe's requests.
  bool on_datagram(Instant now, const Endpoint& from, const MessageView& message, Datagrams& out);
  void on_timeout(Instant now, Datagrams& out);
  std::optional<Instant> next_timeout() const { return transactions_.next_timeout(); }

  const NatReport& report() const { return report_; }
  // Of one family; report() has that of the family whose type it tells.
  Filtering filtering(bool v6) const { return filtering_[v6]; }
  bool finished() const { return started_ && transactions_.size() == 0; }

 private:
  void send_binding(Instant now, const Endpoint& to, Datagrams& out);
  void ask_filtering(Instant now, bool v6, Datagrams& out);
  void filtering_known(Instant now, bool v6, Filtering result, Datagrams& out);
  bool primary_answered(bool v6) const;
  // Whether mappings can be compared without the second ports.
  bool has_two_targets(bool v6) const;
  void ask_alternates(Instant now, bool v6, Datagrams& out);
  void classify();

  NatProbeConfig config_;
  Random* random_;
  Transactions transactions_;
  // By IPv4 and by IPv6.
  std::array<std::optional<TransactionId>, 2> filtering_test_;
  std::array<Filtering, 2> filtering_{};
  bool started_ = false;
  NatReport report_;
};

}  // namespace lanrage::stun
