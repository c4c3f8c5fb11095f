// The relay's core: one verdict for each packet. Raw WireGuard packets travel through without any
// framing; a client's WireGuard simply has the relay as its peer's endpoint.
//
// What holds for every packet, whoever sent it: it goes to a bound client of the same group or
// nowhere, as the same bytes, once; an answer goes to its source and is no larger than the
// question.
#pragma once

#include <cstdint>
#include <optional>

#include "base/random.hpp"
#include "base/time.hpp"
#include "relay/bind_server.hpp"
#include "relay/client_table.hpp"
#include "relay/leases.hpp"
#include "relay/limits.hpp"
#include "relay/notice_gate.hpp"
#include "relay/rates.hpp"
#include "relay/session_table.hpp"
#include "relay/verdict.hpp"
#include "wireguard/packet.hpp"

namespace lanrage::relay {

struct RelayConfig {
  RelayId id;
  crypto::VerifyKey token_key;  // the control server's, for tokens
  Limits limits;
};

class Relay {
 public:
  // Draws boot id, nonce key and hash seed. `random` is used here only.
  Relay(const RelayConfig& config, Random& random);

  // `unix_now` judges tokens, `now` everything else. Doesn't allocate for data packets.
  // `local` is the address of ours that the packet came to (unspecified: there is only one).
  Verdict on_packet(Instant now, UnixTime unix_now, const Endpoint& from, ByteView packet,
                    const IpAddress& local = {});
  // Forgets what ran out; call about once a second. Nothing goes wrong when it is late.
  void on_timeout(Instant now);

  // Sessions in use are leased to it from now on; it outlives the relay. What it forwards isn't
  // counted here.
  void set_fast_path(FastPath& path) { fast_path_ = &path; }

  // Tokens are the control server's with this key from now on; who is bound stays.
  void set_token_key(const crypto::VerifyKey& key) { binds_.set_token_key(key); }

  const Counters& counters() const { return counters_; }
  std::size_t clients() const { return clients_.size(); }
  std::size_t sessions() const { return sessions_.size(); }  // rows: two a session
  std::uint64_t boot_id() const { return binds_.boot_id(); }

 private:
  Verdict judge(Instant now, UnixTime unix_now, const Endpoint& from, ByteView packet,
                const IpAddress& local);
  Verdict on_stun(Instant now, UnixTime unix_now, const Endpoint& from, ByteView packet,
                  const IpAddress& local);
  Verdict on_route(Instant now, const Endpoint& from, const stun::MessageView& request);
  // A bit for each route that holds from now on.
  std::uint32_t take_routes(Instant now, ClientRef source, ByteView routes);
  Verdict on_initiation(Instant now, ClientRef source, ByteView packet, std::uint32_t index);
  Verdict on_response(Instant now, ClientRef source, ByteView packet,
                      const wireguard::Packet& header);
  Verdict on_cookie(Instant now, ClientRef source, std::uint32_t index, std::size_t size);
  Verdict on_data(Instant now, ClientRef source, std::uint32_t index, std::size_t size);
  Verdict on_unbound(Instant now, const Endpoint& from);
  // A data packet was forwarded: the next ones may go without us.
  void lease(Instant now, ClientRef source, std::uint32_t index, std::size_t size,
             const SessionTable::Route& route);
  void revoke_leases();
  Verdict forward(Instant now, Client& source, ClientRef target, std::size_t size);
  std::optional<ClientRef> addressee(const Client& source, std::uint32_t source_slot,
                                     ByteView packet);

  Limits limits_;
  Counters counters_;
  std::uint64_t seed_;
  ClientTable clients_;
  SessionTable sessions_;
  BindServer binds_;
  Rates rates_;
  PacerRate route_rate_;
  AddressPacer stun_requests_;
  AddressPacer signatures_;
  NoticeGate notices_;
  FastPath* fast_path_ = nullptr;
  Leases leases_;
  Bytes notice_;  // the same for everybody
  Bytes reply_;
};

}  // namespace lanrage::relay
