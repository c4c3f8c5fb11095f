// Who is bound, from where, and in which group. A client keeps its slot when its address changes,
// so that only one field changes and its sessions live on.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/endpoint.hpp"
#include "base/time.hpp"
#include "relay/budget.hpp"
#include "relay/flat_table.hpp"
#include "relay/limits.hpp"
#include "relay/pacer.hpp"
#include "relay/token.hpp"

namespace lanrage::relay {

// A slot is used again after its client left; the generation tells its tenants apart.
struct ClientRef {
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;
  friend bool operator==(const ClientRef&, const ClientRef&) = default;
};

struct Group {
  std::uint64_t id = 0;
  SharedBudget budget;
  std::vector<std::uint32_t> members;  // slots
};

// A data packet looks at the first cache line of its receiver, and at two of its sender.
struct alignas(64) Client {
  std::uint32_t generation = 0;  // 0: the slot is free
  bool has_address = false;      // false when somebody else was bound from it since
  bool held = false;             // its sessions and buckets are in this shard
  std::uint16_t home = 0;        // the shard that its packets come to
  Endpoint address;
  IpAddress local;  // our address that this client bound to
  TrafficPacer traffic;
  BudgetPools* group_pools = nullptr;
  BudgetPools* address_pools = nullptr;  // this and its budget: set for whoever has had an address
  Traffic carried;                       // what it sent and was charged for; leases in whole
  Group* group = nullptr;
  SharedBudget* address_budget = nullptr;
  Shares of_group;
  Shares of_address;
  Pacer initiations;
  Pacer routes;
  std::uint32_t last_destination = 0;  // a guess for the next initiation, any slot
  Instant last_bind;
  std::uint64_t nonce_time = 0;  // of the nonce last bound with: one from before is a replay
  Token token;
  ByteArray<32> token_hash{};
};

// What a client has sent to others since it is there: what it was charged for. A lease counts when
// it is granted, and in whole: what the kernel forwards is no packet of ours, and a session in use
// has little left of one. So this runs ahead by a lease a session.
struct ClientTraffic {
  ClientRef client;
  std::uint64_t group = 0;
  Endpoint address;
  Traffic sent;
};

// What shards that don't admit clients know of one: see docs/adr/0017.
struct ClientUpdate {
  ClientRef client;  // generation 0: the slot is free
  std::uint64_t group = 0;
  std::shared_ptr<BudgetPools> group_pools;
  ByteArray<32> mac1_key{};
  crypto::VerifyKey bind_key;
  bool has_address = false;
  Endpoint address;
  IpAddress local;
  std::uint16_t home = 0;
};

class ClientTable {
 public:
  ClientTable(const Limits& limits, std::uint64_t seed, const AddressPools& address_pools);

  std::size_t size() const { return size_; }
  std::size_t capacity() const { return slots_.size(); }

  std::optional<ClientRef> find(const Endpoint& source) const;
  // Nothing when that client has left.
  Client* get(ClientRef wanted);
  std::optional<ClientRef> find_member(std::uint64_t group, const ByteArray<32>& mac1_key) const;
  std::span<const std::uint32_t> members(const Client& client) const {
    return client.group->members;
  }
  ClientRef ref(std::uint32_t slot) const { return {slot, slots_[slot].generation}; }
  Client& at(std::uint32_t slot) { return slots_[slot]; }

  // A slot for the token's owner: the one it has, or a new one. Nothing when relay or group is
  // full.
  std::optional<ClientRef> admit(const Token& token);
  void set_address(ClientRef wanted, const Endpoint& address, const IpAddress& local,
                   std::uint32_t home);
  void set_token(ClientRef wanted, const Token& token, const ByteArray<32>& hash);
  // Slots whose client left, came, or changed its address, ours that it uses, its home or its bind
  // key since the last call.
  std::vector<std::uint32_t> take_moved() { return std::exchange(moved_, {}); }
  // The same client in another shard's table, which admits none itself. Updates come in the order
  // in which they were made.
  ClientUpdate update_of(std::uint32_t slot) const;
  void apply(const ClientUpdate& update);
  // Of the clients whose home is that shard and who have an address.
  std::vector<ClientTraffic> traffic_of(std::uint32_t home) const;
  // Removes clients whose last bind is older than the limit.
  void expire(Instant now);

 private:
  // `group_pools`: the party's, where another shard has them already.
  Client& make(ClientRef wanted, std::uint64_t group, std::shared_ptr<BudgetPools> group_pools);
  void remove(std::uint32_t slot);
  void leave_address(Client& client);

  Limits limits_;
  std::uint64_t seed_;
  std::vector<Client> slots_;  // grows up to limits_.clients
  std::vector<std::uint32_t> free_;
  std::vector<std::uint32_t> moved_;
  std::uint32_t next_generation_ = 1;
  std::size_t size_ = 0;
  FlatTable<Endpoint, std::uint32_t> sources_;
  std::unordered_map<std::uint64_t, Group> groups_;  // nodes stay put: clients point at theirs
  std::vector<SharedBudget> address_budgets_;
};

}  // namespace lanrage::relay
