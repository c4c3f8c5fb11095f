#include <gtest/gtest.h>

#include "relay/bind_messages.hpp"
#include "relay/bind_server.hpp"
#include "relay/route_messages.hpp"
#include "relay/token.hpp"
#include "unit/vectors/example.hpp"
#include "wireguard/packet.hpp"

namespace lanrage::vectors {

void add_relay(Values& out) {
  const auto mac1_key = wireguard::mac1_key(joiner().wireguard.public_key());
  Bytes initiation(wireguard::kInitiationSize);
  initiation[0] = 1;
  const std::size_t covered = initiation.size() - 32;
  std::fill(initiation.begin() + 4, initiation.begin() + static_cast<std::ptrdiff_t>(covered),
            0xa0);
  const auto mac1 = crypto::blake2s_128_keyed(mac1_key, ByteView(initiation).first(covered));
  std::ranges::copy(mac1, initiation.begin() + static_cast<std::ptrdiff_t>(covered));
  EXPECT_TRUE(wireguard::mac1_matches(initiation, mac1_key));
  show(out, "mac1 key", mac1_key);
  show(out, "mac1", mac1);

  const auto server = signing(0xa1);
  const auto bind_key = signing(0xa2);
  const auto token = relay::issue({0x0102030405060708, mac1_key, bind_key.public_key(),
                                   UnixTime(std::chrono::milliseconds(1'700'000'600'000))},
                                  server);
  show(out, "relay token", token);

  // A request without a nonce is answered with one.
  const RelayId id{repeated<16>(0xa3)};
  const Endpoint from{*IpAddress::parse("198.51.100.7"), 50'000};
  RepeatedByte random(0xa4);
  const relay::BindServer bind(id, server.public_key(), {}, random);
  const Bytes request = stun::MessageBuilder(stun::Method::bind_relay, stun::Class::request,
                                             stun::TransactionId{repeated<12>(0xa5)})
                            .fingerprint();
  const auto challenge = bind.error(Instant(std::chrono::seconds(1)), from,
                                    stun::MessageView::parse(request).value(), relay::kChallenge);
  const auto parsed = stun::MessageView::parse(challenge).value();
  const auto nonce = parsed.find(stun::Attribute::nonce).value();
  show(out, "relay nonce", nonce);
  show(out, "bind", bind_key.sign(relay::bind_statement(token, id, bind.boot_id(), nonce, from)));
  const relay::Route route{wireguard::mac1_key(host().wireguard.public_key()), 0x11223344};
  const auto routes = relay::encode_routes({&route, 1});
  show(out, "routes", routes);
  show(out, "route",
       bind_key.sign(relay::route_statement(routes, id, bind.boot_id(), nonce, from)));
}

}  // namespace lanrage::vectors
