// What a relay does with one packet, and what it counted.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "base/bytes.hpp"
#include "base/endpoint.hpp"

namespace lanrage::relay {

enum class DropReason : std::uint8_t {
  not_for_us,       // neither WireGuard nor a STUN message we serve
  unbound,          // source not bound (and its notice was sent less than a second ago)
  no_member,        // initiation that fits no other member of the group
  no_pending,       // response or cookie that answers no initiation
  wrong_mac1,       // response whose mac1 isn't the initiator's
  no_session,       // data for an index never learned or run out
  index_collision,  // an index in use toward somebody else; WireGuard retries
  rows_full,        // the client has as many sessions as it may
  pairs_full,
  receiver_gone,    // the session's other end is no longer bound
  initiation_rate,  // of the client, or of the pair
  address_initiation_rate,
  group_initiation_rate,
  client_rate,  // bytes
  address_rate,
  group_rate,
  client_packet_rate,
  address_packet_rate,
  group_packet_rate,
  stun_rate,
  stun_malformed,
  would_amplify,  // a Binding request smaller than its answer
  count,
};
constexpr std::string_view name_of(DropReason reason) {
  switch (reason) {
    case DropReason::not_for_us:
      return "not_for_us";
    case DropReason::unbound:
      return "unbound";
    case DropReason::no_member:
      return "no_member";
    case DropReason::no_pending:
      return "no_pending";
    case DropReason::wrong_mac1:
      return "wrong_mac1";
    case DropReason::no_session:
      return "no_session";
    case DropReason::index_collision:
      return "index_collision";
    case DropReason::rows_full:
      return "rows_full";
    case DropReason::pairs_full:
      return "pairs_full";
    case DropReason::receiver_gone:
      return "receiver_gone";
    case DropReason::initiation_rate:
      return "initiation_rate";
    case DropReason::address_initiation_rate:
      return "address_initiation_rate";
    case DropReason::group_initiation_rate:
      return "group_initiation_rate";
    case DropReason::client_rate:
      return "client_rate";
    case DropReason::address_rate:
      return "address_rate";
    case DropReason::group_rate:
      return "group_rate";
    case DropReason::client_packet_rate:
      return "client_packet_rate";
    case DropReason::address_packet_rate:
      return "address_packet_rate";
    case DropReason::group_packet_rate:
      return "group_packet_rate";
    case DropReason::stun_rate:
      return "stun_rate";
    case DropReason::stun_malformed:
      return "stun_malformed";
    case DropReason::would_amplify:
      return "would_amplify";
    case DropReason::count:
      break;
  }
  return "unknown";
}

struct Verdict {
  // elsewhere: another shard goes on with it, or there was nothing to judge.
  enum class Kind : std::uint8_t { drop, forward, reply, elsewhere };

  Kind kind = Kind::drop;
  DropReason reason = DropReason::not_for_us;  // drop
  Endpoint to;                                 // forward: the same bytes; reply: back to the source
  IpAddress local;  // send from this address of ours: the one that `to` knows
  ByteView reply;   // valid until the relay's next packet; never more bytes than came in

  static Verdict drop(DropReason why) { return {Kind::drop, why, {}, {}, {}}; }
  static Verdict forward(const Endpoint& to, const IpAddress& local) {
    return {Kind::forward, {}, to, local, {}};
  }
  static Verdict elsewhere() { return {Kind::elsewhere, {}, {}, {}, {}}; }
  static Verdict answer(const Endpoint& to, ByteView bytes) {
    return {Kind::reply, {}, to, {}, bytes};
  }
};

struct Counters {
  std::uint64_t forwarded_packets = 0;
  std::uint64_t forwarded_bytes = 0;
  std::uint64_t replies = 0;
  std::uint64_t notices = 0;  // also counted in replies
  std::uint64_t binds = 0;    // accepted
  std::uint64_t challenges = 0;
  std::uint64_t bind_refusals = 0;
  std::uint64_t routes = 0;          // taken
  std::uint64_t route_refusals = 0;  // single routes, and requests as a whole
  std::array<std::uint64_t, static_cast<std::size_t>(DropReason::count)> drops{};
  std::uint64_t dropped(DropReason reason) const { return drops[static_cast<std::size_t>(reason)]; }

  Counters& operator+=(const Counters& other) {
    for (const auto each :
         {&Counters::forwarded_packets, &Counters::forwarded_bytes, &Counters::replies,
          &Counters::notices, &Counters::binds, &Counters::challenges, &Counters::bind_refusals,
          &Counters::routes, &Counters::route_refusals})
      this->*each += other.*each;
    for (std::size_t i = 0; i < drops.size(); ++i)
      drops[i] += other.drops[i];
    return *this;
  }
};

}  // namespace lanrage::relay
