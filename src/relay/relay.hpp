// The relay's core: one verdict for each packet. Raw WireGuard packets travel through without any
// framing; a client's WireGuard simply has the relay as its peer's endpoint.
//
// What holds for every packet, whoever sent it: it goes to a bound client of the same group or
// nowhere, as the same bytes, once; an answer goes to its source and is no larger than the
// question.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "base/random.hpp"
#include "base/time.hpp"
#include "relay/bind_server.hpp"
#include "relay/client_table.hpp"
#include "relay/leases.hpp"
#include "relay/limits.hpp"
#include "relay/notice_gate.hpp"
#include "relay/rates.hpp"
#include "relay/session_table.hpp"
#include "relay/shard.hpp"
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
  // One relay in so many shards, each for a thread of its own. All packets of one source come to
  // the same shard.
  static std::vector<std::unique_ptr<Relay>> shards(const RelayConfig& config, Random& random,
                                                    std::uint32_t count);

  // `unix_now` judges tokens, `now` everything else. Doesn't allocate for data packets.
  // `local` is the address of ours that the packet came to (unspecified: there is only one).
  Verdict on_packet(Instant now, UnixTime unix_now, const Endpoint& from, ByteView packet,
                    const IpAddress& local = {});
  // What another shard posted to this one, in the order of its posts. A forward or drop is of the
  // packet that the message carries.
  Verdict on_message(Instant now, UnixTime unix_now, const ShardMessage& message);
  // What is to be taken to other shards. Whatever was posted comes before the packets that this
  // shard sends afterwards: their answers count on it.
  bool has_posted() const { return !posted_.empty(); }
  std::vector<Posted> take_posted() { return std::exchange(posted_, {}); }
  // Forgets what ran out; call about once a second. Nothing goes wrong when it is late.
  void on_timeout(Instant now);

  // Sessions in use are leased to it from now on; it outlives the relay. What it forwards isn't
  // counted here.
  void set_fast_path(FastPath& path) { fast_path_ = &path; }

  // Tokens are the control server's with this key from now on; who is bound stays. The admitting
  // shard's business.
  void set_token_key(const crypto::VerifyKey& key) { binds_.set_token_key(key); }

  const Counters& counters() const { return counters_; }
  std::size_t clients() const { return clients_.size(); }    // of all shards
  std::size_t sessions() const { return sessions_.size(); }  // rows: two a session
  // Of the clients whose packets come to this shard; takes a look at each client of the relay.
  std::vector<ClientTraffic> traffic() const { return clients_.traffic_of(shard_.number); }
  std::uint64_t boot_id() const { return binds_.boot_id(); }

 private:
  struct Common;  // what shards share
  Relay(const RelayConfig& config, const Common& common, Shard shard);

  static DropReason reason_of(Learned learned);
  Verdict count(Verdict verdict, std::size_t size, const IpAddress& local);
  Verdict judge(Instant now, UnixTime unix_now, const Endpoint& from, ByteView packet,
                const IpAddress& local);
  Verdict on_stun(Instant now, UnixTime unix_now, const Endpoint& from, ByteView packet,
                  const IpAddress& local);
  Verdict on_route(Instant now, const Endpoint& from, const stun::MessageView& request);
  // A bit for each route that holds from now on.
  std::uint32_t take_routes(Instant now, ClientRef source, ByteView routes);
  Verdict on_bind(Instant now, UnixTime unix_now, const Endpoint& from, const IpAddress& local,
                  std::uint32_t home, const stun::MessageView& request);
  Verdict on_initiation(Instant now, ClientRef source, ByteView packet, std::uint32_t index);
  Verdict on_response(Instant now, ClientRef source, ByteView packet,
                      const wireguard::Packet& header);
  Verdict on_cookie(Instant now, ClientRef source, std::uint32_t index, std::size_t size);
  Verdict on_data(Instant now, ClientRef source, std::uint32_t index, std::size_t size);
  Verdict on_unbound(Instant now, const Endpoint& from);
  // A data packet was forwarded: the next ones may go without us.
  void lease(Instant now, ClientRef source, std::uint32_t index, std::size_t size,
             const SessionTable::Route& route);
  // Clients left, came or moved: leases go, other shards are told.
  void follow_moves();
  void follow_move(std::uint32_t slot);
  Verdict deliver(Instant now, const PassedInitiation& passed, ByteView packet);
  Verdict deliver(Instant now, const PassedResponse& passed, ByteView packet);
  void on_answered(Instant now, const Answered& answered);
  void on_moved(const MovedClient& moved);
  bool is_home(const Client& client) const { return client.home == shard_.number; }
  void post(std::uint32_t to, ShardMessage message) { posted_.push_back({to, std::move(message)}); }
  Verdict forward(Instant now, Client& source, ClientRef target, std::size_t size);
  std::optional<ClientRef> addressee(const Client& source, std::uint32_t source_slot,
                                     ByteView packet);

  Shard shard_;
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
  std::vector<Posted> posted_;
};

}  // namespace lanrage::relay
