#include "stun/nat_behaviour.hpp"

#include <algorithm>
#include <iterator>

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
  for (const bool v6 : {false, true})
    ask_filtering(now, v6, out);
  for (const auto& server : config_.servers)
    send_binding(now, server.primary, out);
  for (const auto& relay : config_.relays)
    send_binding(now, relay, out);
}

void NatProbe::ask_filtering(Instant now, bool v6, Datagrams& out) {
  const auto has_alternate = [v6](const auto& server) {
    return server.alternate.has_value() && server.primary.address.is_v6() == v6;
  };
  const auto tested = std::ranges::find_if(config_.servers, [&](const auto& server) {
    return has_alternate(server) && !server.alternate_contacted;
  });
  if (tested == config_.servers.end()) {
    filtering_[v6] = config_.known_filtering[v6];
    // Left alone, they can tell again some time.
    if (!has_two_targets(v6)) ask_alternates(now, v6, out);
    return;
  }
  const auto id = TransactionId::generate(*random_);
  filtering_test_[v6] = id;
  Bytes request = MessageBuilder(Method::binding, Class::request, id)
                      .attribute_u32(Attribute::change_request, kChangePort)
                      .fingerprint();
  transactions_.start(now, id, std::move(request), tested->primary, out);
}

bool NatProbe::on_datagram(Instant now, const Endpoint& from, const MessageView& message,
                           Datagrams& out) {
  if (message.method() != Method::binding) return false;
  auto completed = transactions_.on_response(now, message);
  if (!completed) return false;

  for (const bool v6 : {false, true}) {
    if (filtering_test_[v6] != completed->id) continue;
    // An answer from the port asked is a server that ignores the request: nothing is learned.
    bool moved = message.message_class() == Class::success && from != completed->sent_to;
    if (moved) report_.udp = true;
    filtering_known(now, v6, moved ? Filtering::port_open : Filtering::unknown, out);
    return true;
  }
  auto mapped = message.mapped_address();
  if (message.message_class() != Class::success || !mapped || from != completed->sent_to) {
    return true;
  }
  report_.udp = true;
  auto& outside = report_.public_endpoint;
  if (!outside || (outside->address.is_v6() && mapped->address.is_v4())) outside = mapped;
  report_.answers.push_back({completed->sent_to, *mapped, completed->rtt});
  classify();
  return true;
}

bool NatProbe::primary_answered(bool v6) const {
  return std::ranges::any_of(report_.answers, [&](const auto& answer) {
    return std::ranges::any_of(config_.servers, [&](const auto& server) {
      return server.alternate && server.primary == answer.server &&
             answer.server.address.is_v6() == v6;
    });
  });
}

bool NatProbe::has_two_targets(bool v6) const {
  const auto is_of_family = [v6](const Endpoint& to) { return to.address.is_v6() == v6; };
  return std::ranges::count_if(config_.servers, is_of_family, &NatProbeConfig::Server::primary) +
             std::ranges::count_if(config_.relays, is_of_family) >=
         2;
}

void NatProbe::on_timeout(Instant now, Datagrams& out) {
  for (const TransactionId& id : transactions_.on_timeout(now, out))
    for (const bool v6 : {false, true})
      // Silence says something only where the server is known to live.
      if (filtering_test_[v6] == id)
        filtering_known(now, v6,
                        primary_answered(v6) ? Filtering::port_dependent : Filtering::unknown, out);
}

void NatProbe::send_binding(Instant now, const Endpoint& to, Datagrams& out) {
  auto id = TransactionId::generate(*random_);
  transactions_.start(now, id, binding_request(id), to, out);
}

void NatProbe::filtering_known(Instant now, bool v6, Filtering result, Datagrams& out) {
  filtering_[v6] = result;
  filtering_test_[v6].reset();
  // Where nobody answers, another look comes, which is to find the second ports untouched.
  const bool heard = std::ranges::any_of(report_.answers, [v6](const ServerAnswer& answer) {
    return answer.server.address.is_v6() == v6;
  });
  if (heard || result != Filtering::unknown) ask_alternates(now, v6, out);
  classify();
}

void NatProbe::ask_alternates(Instant now, bool v6, Datagrams& out) {
  for (const auto& server : config_.servers)
    if (server.alternate && server.alternate->address.is_v6() == v6)
      send_binding(now, *server.alternate, out);
}

void NatProbe::classify() {
  const bool v6 = std::ranges::none_of(
      report_.answers, [](const ServerAnswer& answer) { return answer.server.address.is_v4(); });
  report_.filtering = filtering_[v6];
  report_.mapping = Mapping::unknown;
  std::vector<ServerAnswer> answers;
  std::ranges::copy_if(report_.answers, std::back_inserter(answers),
                       [v6](const auto& answer) { return answer.server.address.is_v6() == v6; });
  if (answers.empty()) return;
  bool differs = false;
  bool differs_on_one_address = false;
  bool compared = false;
  bool compared_on_one_address = false;
  for (std::size_t i = 0; i < answers.size(); ++i) {
    for (std::size_t j = i + 1; j < answers.size(); ++j) {
      const ServerAnswer& a = answers[i];
      const ServerAnswer& b = answers[j];
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

  bool no_nat = std::ranges::any_of(answers, [&](const ServerAnswer& answer) {
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

Endpoint newsworthy(NatType nat, Endpoint seen) {
  if (nat == NatType::symmetric && seen.address.is_v4()) seen.port = 0;
  return seen;
}

bool is_news(const NatReport& told, const NatReport& present) {
  NatReport before = told;
  NatReport now = present;
  for (NatReport* report : {&before, &now})
    if (report->public_endpoint)
      report->public_endpoint = newsworthy(report->type, *report->public_endpoint);
  return !(before == now);
}

}  // namespace lanrage::stun
