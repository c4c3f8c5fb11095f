#include "stun/nat_behaviour.hpp"

#include <algorithm>

namespace lanrage::stun {

std::optional<NatType> parse_nat_type(std::string_view name) {
  for (NatType type : {NatType::open, NatType::full_cone, NatType::restricted_cone,
                       NatType::port_restricted_cone, NatType::symmetric, NatType::unknown}) {
    if (name == name_of(type)) return type;
  }
  return std::nullopt;
}

NatProbe::NatProbe(NatProbeConfig config, Random& random)
    : config_(std::move(config)), random_(&random), transactions_(config_.retries) {}

void NatProbe::start(Instant now, Datagrams& out) {
  started_ = true;
  // The question must be out before any packet of ours opens a filter for the second port, so
  // Bindings to that one wait for its outcome.
  auto tested = std::ranges::find_if(
      config_.servers, [](const auto& server) { return server.alternate.has_value(); });
  if (tested != config_.servers.end()) {
    filtering_test_ = TransactionId::generate(*random_);
    Bytes request = MessageBuilder(Method::binding, Class::request, *filtering_test_)
                        .attribute_u32(Attribute::change_request, kChangePort)
                        .fingerprint();
    transactions_.start(now, *filtering_test_, std::move(request), tested->primary, out);
  }
  for (const auto& server : config_.servers)
    send_binding(now, server.primary, out);
  for (const auto& relay : config_.relays)
    send_binding(now, relay, out);
}

bool NatProbe::on_datagram(Instant now, const Endpoint& from, const MessageView& message,
                           Datagrams& out) {
  if (message.method() != Method::binding) return false;
  auto completed = transactions_.on_response(now, message);
  if (!completed) return false;

  if (filtering_test_ == completed->id) {
    // An answer from the port asked is a server that ignores the request: nothing is learned.
    bool moved = message.message_class() == Class::success && from != completed->sent_to;
    if (moved) report_.udp = true;
    filtering_known(now, moved ? Filtering::port_open : Filtering::unknown, out);
    return true;
  }
  auto mapped = message.mapped_address();
  if (message.message_class() != Class::success || !mapped || from != completed->sent_to) {
    return true;
  }
  report_.udp = true;
  if (!report_.public_endpoint) report_.public_endpoint = mapped;
  report_.answers.push_back({completed->sent_to, *mapped, completed->rtt});
  classify();
  return true;
}

void NatProbe::on_timeout(Instant now, Datagrams& out) {
  for (const TransactionId& id : transactions_.on_timeout(now, out)) {
    if (filtering_test_ != id) continue;
    auto primary_answered = std::ranges::any_of(report_.answers, [&](const auto& answer) {
      return std::ranges::any_of(config_.servers, [&](const auto& server) {
        return server.alternate && server.primary == answer.server;
      });
    });
    // Silence says something only where the server is known to live.
    filtering_known(now, primary_answered ? Filtering::port_dependent : Filtering::unknown, out);
  }
}

void NatProbe::send_binding(Instant now, const Endpoint& to, Datagrams& out) {
  auto id = TransactionId::generate(*random_);
  transactions_.start(now, id, binding_request(id), to, out);
}

void NatProbe::filtering_known(Instant now, Filtering result, Datagrams& out) {
  report_.filtering = result;
  filtering_test_.reset();
  for (const auto& server : config_.servers) {
    if (server.alternate) send_binding(now, *server.alternate, out);
  }
  classify();
}

void NatProbe::classify() {
  if (report_.answers.empty()) return;
  bool differs = false;
  bool differs_on_one_address = false;
  bool compared = false;
  bool compared_on_one_address = false;
  for (std::size_t i = 0; i < report_.answers.size(); ++i) {
    for (std::size_t j = i + 1; j < report_.answers.size(); ++j) {
      const ServerAnswer& a = report_.answers[i];
      const ServerAnswer& b = report_.answers[j];
      if (a.mapped.address.is_v6() != b.mapped.address.is_v6()) continue;
      bool same_address = a.server.address == b.server.address;
      compared = true;
      compared_on_one_address |= same_address;
      differs |= a.mapped != b.mapped;
      differs_on_one_address |= same_address && a.mapped != b.mapped;
    }
  }
  if (differs) {
    // Not told apart without two ports of one address: assume the harder.
    report_.mapping = compared_on_one_address && !differs_on_one_address
                          ? Mapping::address_dependent
                          : Mapping::address_and_port_dependent;
  } else if (compared) {
    report_.mapping = Mapping::endpoint_independent;
  }

  bool no_nat = std::ranges::any_of(report_.answers, [&](const ServerAnswer& answer) {
    return std::ranges::find(config_.local, answer.mapped) != config_.local.end();
  });
  if (report_.mapping == Mapping::address_dependent ||
      report_.mapping == Mapping::address_and_port_dependent) {
    report_.type = NatType::symmetric;
  } else if (!no_nat && report_.mapping == Mapping::unknown) {
    report_.type = NatType::unknown;  // a single mapping compares with nothing
  } else if (report_.filtering == Filtering::port_open) {
    report_.type = no_nat ? NatType::open : NatType::restricted_cone;
  } else if (report_.filtering == Filtering::port_dependent) {
    report_.type = NatType::port_restricted_cone;  // without NAT: a firewall that acts like one
  } else {
    report_.type = NatType::unknown;
  }
}

}  // namespace lanrage::stun
