#include "server/port_mapper.hpp"

#include "crypto/keys.hpp"

namespace lanrage::server {
namespace {

// After a kill the old mappings can't be renewed by PCP for their hour; the other methods can.
portmap::NonceKey new_nonce_key() {
  crypto::SystemRandom random;
  return portmap::NonceKey(random.array<32>());
}

}  // namespace

PortMapper::PortMapper(const std::vector<ServerPort>& ports, const IpAddress& own,
                       std::function<void(const PortMapping::News&, const MappingRound&)> news)
    : mapping_(ports, own),
      news_(std::move(news)),
      router_(portmap::all_gateways(new_nonce_key())),
      thread_([this](const std::stop_token& stop) { return ask(stop); },
              [this] { router_.unmap_all(); }) {}

Duration PortMapper::ask(const std::stop_token& stop) {
  std::vector<portmap::Wish> wishes;
  wishes.reserve(mapping_.ports().size());
  // Invites and relays name our ports, so others don't help.
  for (const auto& port : mapping_.ports())
    wishes.push_back({port, port.port, false});
  const auto round = router_.map(wishes, PortMapping::kLifetime, stop);
  if (stop.stop_requested()) return {};
  const auto news = mapping_.on_round(round);
  news_(news, round);
  return news.ask_again_after;
}

}  // namespace lanrage::server
