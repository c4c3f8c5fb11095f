#include "relay/client_table.hpp"

#include <algorithm>

namespace lanrage::relay {

ClientTable::ClientTable(const Limits& limits, std::uint64_t seed,
                         const AddressPools& address_pools)
    : limits_(limits), seed_(seed), sources_(seed) {
  address_budgets_.reserve(address_pools->size());
  for (BudgetPools& pools : *address_pools)
    address_budgets_.push_back({.pools = {address_pools, &pools}});
}

std::optional<ClientRef> ClientTable::find(const Endpoint& source) const {
  const std::uint32_t* slot = sources_.find(source);
  if (!slot) return std::nullopt;
  return ref(*slot);
}

Client* ClientTable::get(ClientRef wanted) {
  if (wanted.slot >= slots_.size()) return nullptr;
  Client& client = slots_[wanted.slot];
  if (client.generation == 0 || client.generation != wanted.generation) return nullptr;
  return &client;
}

std::optional<ClientRef> ClientTable::find_member(std::uint64_t group,
                                                  const ByteArray<32>& mac1_key) const {
  auto found = groups_.find(group);
  if (found == groups_.end()) return std::nullopt;
  for (std::uint32_t slot : found->second.members) {
    if (slots_[slot].token.mac1_key == mac1_key) return ref(slot);
  }
  return std::nullopt;
}

std::optional<ClientRef> ClientTable::admit(const Token& token) {
  if (auto existing = find_member(token.group, token.mac1_key)) return existing;
  if (size_ >= limits_.clients) return std::nullopt;
  auto found = groups_.find(token.group);
  if (found != groups_.end() && found->second.members.size() >= limits_.clients_a_group) {
    return std::nullopt;
  }

  if (free_.empty()) free_.push_back(static_cast<std::uint32_t>(slots_.size()));
  const ClientRef made{free_.back(), next_generation_++};
  free_.pop_back();
  if (next_generation_ == 0) next_generation_ = 1;
  make(made, token.group, nullptr).token = token;
  return made;
}

Client& ClientTable::make(ClientRef wanted, std::uint64_t group_id,
                          std::shared_ptr<BudgetPools> group_pools) {
  if (wanted.slot >= slots_.size()) slots_.resize(wanted.slot + 1);
  Group& group = groups_[group_id];
  group.id = group_id;
  if (!group.budget.pools)
    group.budget.pools = group_pools ? std::move(group_pools) : std::make_shared<BudgetPools>();
  group.members.push_back(wanted.slot);
  Client& client = slots_[wanted.slot];
  client = Client{};
  client.generation = wanted.generation;
  client.group = &group;
  client.group_pools = group.budget.pools.get();
  client.last_destination = wanted.slot;
  ++group.budget.clients;
  ++size_;
  return client;
}

void ClientTable::set_token(ClientRef wanted, const Token& token, const ByteArray<32>& hash) {
  Client* client = get(wanted);
  if (!client) return;
  if (!(client->token.bind_key == token.bind_key)) moved_.push_back(wanted.slot);
  client->token = token;
  client->token_hash = hash;
}

void ClientTable::set_address(ClientRef wanted, const Endpoint& address, const IpAddress& local,
                              std::uint32_t home) {
  Client* client = get(wanted);
  if (!client) return;
  const bool same = client->has_address && client->address == address;
  if (!same || client->local != local || client->home != home) moved_.push_back(wanted.slot);
  client->local = local;
  client->home = static_cast<std::uint16_t>(home);
  if (same) return;
  leave_address(*client);
  // Whoever had it before proved it earlier; the newer proof counts.
  if (const std::uint32_t* other = sources_.find(address)) {
    moved_.push_back(*other);
    ++slots_[*other].nonce_time;  // its last bind, replayed, doesn't bring it back
    leave_address(slots_[*other]);
  }
  client->address = address;
  client->has_address = true;
  client->address_budget =
      &address_budgets_[address_cell(address.address, seed_, address_budgets_.size())];
  client->address_pools = client->address_budget->pools.get();
  ++client->address_budget->clients;
  sources_.put(address, wanted.slot);
}

void ClientTable::leave_address(Client& client) {
  if (!client.has_address) return;
  sources_.erase(client.address);
  --client.address_budget->clients;
  client.has_address = false;
}

ClientUpdate ClientTable::update_of(std::uint32_t slot) const {
  const Client& client = slots_[slot];
  ClientUpdate gone;
  gone.client = {slot, 0};
  if (client.generation == 0) return gone;
  return {.client = ref(slot),
          .group = client.group->id,
          .group_pools = client.group->budget.pools,
          .mac1_key = client.token.mac1_key,
          .bind_key = client.token.bind_key,
          .has_address = client.has_address,
          .address = client.address,
          .local = client.local,
          .home = client.home};
}

void ClientTable::apply(const ClientUpdate& update) {
  const auto [slot, generation] = update.client;
  const std::uint32_t present = slot < slots_.size() ? slots_[slot].generation : 0;
  if (present != 0 && present != generation) remove(slot);
  if (generation == 0) return;
  if (present != generation) {
    Client& client = make(update.client, update.group, update.group_pools);
    client.token.group = update.group;
    client.token.mac1_key = update.mac1_key;
  }
  slots_[slot].token.bind_key = update.bind_key;
  if (update.has_address)
    set_address(update.client, update.address, update.local, update.home);
  else if (slots_[slot].has_address) {
    leave_address(slots_[slot]);
    moved_.push_back(slot);
  }
}

std::vector<ClientTraffic> ClientTable::traffic_of(std::uint32_t home) const {
  std::vector<ClientTraffic> out;
  out.reserve(size_);
  for (std::uint32_t slot = 0; slot < slots_.size(); ++slot) {
    const Client& client = slots_[slot];
    if (client.generation != 0 && client.has_address && client.home == home)
      out.push_back({ref(slot), client.group->id, client.address, client.carried});
  }
  return out;
}

void ClientTable::expire(Instant now) {
  for (std::uint32_t slot = 0; slot < slots_.size(); ++slot) {
    const Client& client = slots_[slot];
    if (client.generation != 0 && now - client.last_bind > limits_.client_lifetime) {
      remove(slot);
      free_.push_back(slot);
    }
  }
}

void ClientTable::remove(std::uint32_t slot) {
  Client& client = slots_[slot];
  leave_address(client);
  Group& group = *client.group;
  std::erase(group.members, slot);
  --group.budget.clients;
  if (group.members.empty()) groups_.erase(group.id);
  client = Client{};
  moved_.push_back(slot);
  --size_;
}

}  // namespace lanrage::relay
