#include <gtest/gtest.h>

#include "party/root_box.hpp"
#include "path/check.hpp"
#include "path/signal.hpp"
#include "unit/vectors/example.hpp"
#include "wireguard/packet.hpp"

namespace lanrage::vectors {

void add_signals(Values& out) {
  const auto from = joiner();
  const auto to = host();
  path::Signal signal;
  signal.boot = 1'700'000'000'000;
  signal.counter = 7;
  signal.check_password = repeated<16>(0x91);
  signal.nat = stun::NatType::symmetric;
  signal.ready = true;
  signal.relays = {{"eu-1", std::chrono::milliseconds(23)}, {"us-1", std::nullopt}};
  signal.candidates = {
      {path::CandidateKind::host, {*IpAddress::parse("192.168.1.2"), 50'000}},
      {path::CandidateKind::server_reflexive, {*IpAddress::parse("2001:db8::1"), 9}}};
  const path::SignalRoute route{party(), peer_of(from.identity), peer_of(to.identity)};
  RepeatedByte random(0x92);
  const auto sealed =
      path::seal_signal(random, signal, route, from.identity, to.box.public_key()).value();
  EXPECT_EQ(path::open_signal(sealed, route, from.identity.public_key(), to.box).value(), signal);
  show(out, "signal", path::encode_signal(signal));
  show(out, "sealed signal", sealed);

  const party::RootRoute way{party(), peer_of(to.identity), peer_of(from.identity),
                             repeated<32>(0x94)};
  RepeatedByte more(0x95);
  const auto root = signing(0x01);
  const auto box = party::seal_root_key(more, root, way, from.box.public_key()).value();
  EXPECT_TRUE(party::open_root_key(from.box, way, root.public_key(), box));
  show(out, "box with the root key", box);

  const stun::TransactionId transaction{repeated<12>(0x93)};
  const auto check = path::make_check(transaction, peer_of(from.identity), peer_of(to.identity),
                                      path::PathState::relay, signal.check_password);
  show(out, "check", check);
  const auto parsed = stun::MessageView::parse(check).value();
  show(out, "check's answer",
       path::make_check_response(parsed, {*IpAddress::parse("198.51.100.7"), 50'000},
                                 path::PathState::direct, signal.check_password));
}

}  // namespace lanrage::vectors
