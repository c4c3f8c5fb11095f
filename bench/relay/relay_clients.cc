#include "relay/relay_clients.hpp"

#include <algorithm>
#include <stdexcept>

#include "../tests/unit/relay/handmade_packets.hpp"
#include "io/clock.hpp"

namespace lanrage::bench {
namespace {

constexpr std::size_t kAtOnce = 128;  // pairs whose requests are under way
// A request that full load drops is sent again after ever longer pauses.
constexpr auto kPatience = std::chrono::seconds(120);
constexpr int kPause = 20;  // ms
// What the relay loses under full load; it takes one a second of each pair.
constexpr auto kHandshakeRetry = std::chrono::seconds(2);

UnixTime unix_now() {
  return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

// Calls `step` until `done`.
template <class Done, class Step>
void repeat(const char* what, const Done& done, const Step& step) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!done()) {
    if (std::chrono::steady_clock::now() > deadline)
      throw std::runtime_error(std::string("lanrage-server: no end of ") + what);
    step();
  }
}

std::uint32_t read_u32_le(ByteView bytes, std::size_t at) {
  return bytes[at] | std::uint32_t{bytes[at + 1]} << 8 | std::uint32_t{bytes[at + 2]} << 16 |
         std::uint32_t{bytes[at + 3]} << 24;
}

}  // namespace

RelayClients::RelayClients(const ClientPorts& senders, const ClientPorts& receivers,
                           const relay::BindTarget& target, const crypto::SigningKey& token_key,
                           std::uint64_t first_group)
    : senders_(senders),
      receivers_(receivers),
      target_(target),
      token_key_(token_key),
      next_group_(first_group) {}

RelayClients::Client RelayClients::make_client(std::uint64_t group) {
  const auto key = crypto::SigningKey::generate(random_);
  Client client{random_.array<32>(), {}, false};
  Bytes token = relay::issue(
      {group, client.mac1_key, key.public_key(), unix_now() + relay::kTokenLifetime}, token_key_);
  client.bind = std::make_unique<relay::BindClient>(target_, std::move(token), key, random_);
  return client;
}

void RelayClients::send(const ClientPorts& ports, std::size_t number, stun::Datagrams& out) {
  for (const auto& datagram : out)
    ports.send(number, datagram.to, datagram.bytes);
  out.clear();
}

void RelayClients::take_binding_answers(const ClientPorts& ports, Crowd& crowd) {
  stun::Datagrams out;
  ports.receive([&](std::size_t number, const Endpoint& from, ByteView bytes) {
    const auto message = stun::MessageView::parse(bytes);
    if (!message || number >= crowd.size()) return;
    crowd[number].bind->on_datagram(io::monotonic_now(), from, *message, out);
    if (message->is(stun::Method::bind_relay, stun::Class::success)) crowd[number].bound = true;
    send(ports, number, out);
  });
}

void RelayClients::on_timeouts(std::size_t first, std::size_t last) {
  stun::Datagrams out;
  for (std::size_t i = first; i < last; ++i) {
    sending_[i].bind->on_timeout(io::monotonic_now(), out);
    send(senders_, i, out);
    receiving_[i].bind->on_timeout(io::monotonic_now(), out);
    send(receivers_, i, out);
  }
}

void RelayClients::bind(std::size_t pairs) {
  while (sending_.size() < pairs) {
    const std::uint64_t group = next_group_++;
    sending_.push_back(make_client(group));
    receiving_.push_back(make_client(group));
  }
  renew();
}

void RelayClients::replace(std::size_t first, std::size_t last) {
  for (std::size_t i = first; i < last; ++i) {
    const std::uint64_t group = next_group_++;
    sending_[i] = make_client(group);
    receiving_[i] = make_client(group);
  }
  bind(first, last);
  flows_.resize(sending_.size());
  for (std::size_t i = first; i < last; ++i)
    flows_[i] = {};
  shake_hands(first, last);
}

void RelayClients::renew() {
  for (std::size_t i = 0; i < sending_.size(); i += kAtOnce)
    bind(i, std::min(i + kAtOnce, sending_.size()));
  // Whoever has handshakes' sessions has one a pair.
  if (flows_.size() == sending_.size()) shake_hands();
}

void RelayClients::bind(std::size_t first, std::size_t last) {
  stun::Datagrams out;
  for (std::size_t i = first; i < last; ++i) {
    sending_[i].bound = receiving_[i].bound = false;
    sending_[i].bind->start(io::monotonic_now(), out);
    send(senders_, i, out);
    receiving_[i].bind->start(io::monotonic_now(), out);
    send(receivers_, i, out);
  }
  const auto all = [&](const Crowd& crowd) {
    return std::ranges::all_of(crowd.begin() + static_cast<std::ptrdiff_t>(first),
                               crowd.begin() + static_cast<std::ptrdiff_t>(last), &Client::bound);
  };
  repeat(
      "binds", [&] { return all(sending_) && all(receiving_); },
      [&] {
        wait_for_packets(senders_, receivers_, kPause);
        take_binding_answers(senders_, sending_);
        take_binding_answers(receivers_, receiving_);
        on_timeouts(first, last);
      });
}

void RelayClients::shake_hands() {
  flows_.clear();
  flows_.resize(sending_.size());
  for (std::size_t i = 0; i < sending_.size(); i += kAtOnce)
    shake_hands(i, std::min(i + kAtOnce, sending_.size()));
}

void RelayClients::shake_hands(std::size_t first, std::size_t last) {
  const std::uint32_t base = last_index_ + 1;  // initiator's index of pair `first`
  last_index_ += static_cast<std::uint32_t>(2 * (last - first));
  const auto count = static_cast<std::uint32_t>(last - first);
  std::size_t open = count;
  auto next_try = io::monotonic_now();
  const auto initiate = [&] {
    if (io::monotonic_now() < next_try) return;
    next_try += kHandshakeRetry;
    for (std::size_t i = first; i < last; ++i)
      if (flows_[i].head.bytes().empty())
        senders_.send(i, target_.endpoint,
                      relay::initiation(base + static_cast<std::uint32_t>(i - first),
                                        receiving_[i].mac1_key));
  };
  const auto respond = [&](std::size_t number, const Endpoint&, ByteView bytes) {
    if (bytes.size() != 148 || bytes[0] != 1 || number < first || number >= last) return;
    receivers_.send(number, target_.endpoint,
                    relay::response(base + count + static_cast<std::uint32_t>(number - first),
                                    read_u32_le(bytes, 4), sending_[number].mac1_key));
  };
  const auto finish = [&](std::size_t number, const Endpoint&, ByteView bytes) {
    if (bytes.size() != 92 || bytes[0] != 2 || number < first || number >= last) return;
    Flow& flow = flows_[number];
    if (flow.head.bytes().empty()) --open;
    flow = {number, target_.endpoint, {{}, read_u32_le(bytes, 4)}};
  };
  repeat(
      "handshakes", [&] { return open == 0; },
      [&] {
        initiate();
        wait_for_packets(senders_, receivers_, kPause);
        receivers_.receive(respond);
        senders_.receive(finish);
      });
}

void RelayClients::tell_routes(std::size_t sessions_a_pair) {
  flows_.clear();
  stun::Datagrams out;
  for (std::size_t begin = 0; begin < sending_.size(); begin += kAtOnce) {
    const std::size_t end = std::min(begin + kAtOnce, sending_.size());
    std::vector<std::vector<relay::Route>> wanted(end - begin);
    for (std::size_t i = begin; i < end; ++i) {
      for (std::size_t k = 0; k < sessions_a_pair; ++k) {
        const relay::Route route{receiving_[i].mac1_key, ++last_index_};
        wanted[i - begin].push_back(route);
        flows_.push_back({i, target_.endpoint, {{}, route.receiver_index}});
      }
      sending_[i].bind->set_routes(io::monotonic_now(), wanted[i - begin], out);
      send(senders_, i, out);
    }
    std::size_t told_pairs = 0;
    std::size_t told_routes = 0;  // of the next pair
    const auto told = [&] {
      for (; told_pairs < wanted.size(); ++told_pairs, told_routes = 0)
        for (; told_routes < sessions_a_pair; ++told_routes)
          if (!sending_[begin + told_pairs].bind->routed(wanted[told_pairs][told_routes]))
            return false;
      return true;
    };
    repeat("routes", told, [&] {
      wait_for_packets(senders_, receivers_, kPause);
      take_binding_answers(senders_, sending_);
      take_binding_answers(receivers_, receiving_);
      on_timeouts(begin, end);
    });
  }
}

}  // namespace lanrage::bench
