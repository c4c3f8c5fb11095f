#include "relay/client_table.hpp"

#include <algorithm>

namespace lanrage::relay {

ClientTable::ClientTable(const Limits& limits, std::uint64_t seed)
    : limits_(limits), seed_(seed), sources_(seed), address_budgets_(limits.address_cells) {}

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

  Group& group = groups_[token.group];
  group.id = token.group;
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(slots_.size()));
    slots_.emplace_back();
  }
  std::uint32_t slot = free_.back();
  free_.pop_back();
  Client& client = slots_[slot];
  client = Client{};
  client.generation = next_generation_++;
  if (next_generation_ == 0) next_generation_ = 1;
  client.group = &group;
  client.last_destination = slot;
  client.token = token;
  group.members.push_back(slot);
  ++group.budget.clients;
  ++size_;
  return ref(slot);
}

void ClientTable::set_address(ClientRef wanted, const Endpoint& address, const IpAddress& local) {
  Client* client = get(wanted);
  if (!client) return;
  const bool same = client->has_address && client->address == address;
  if (!same || client->local != local) moved_.push_back(wanted.slot);
  client->local = local;
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
  ++client->address_budget->clients;
  sources_.put(address, wanted.slot);
}

void ClientTable::leave_address(Client& client) {
  if (!client.has_address) return;
  sources_.erase(client.address);
  --client.address_budget->clients;
  client.has_address = false;
}

void ClientTable::expire(Instant now) {
  for (std::uint32_t slot = 0; slot < slots_.size(); ++slot) {
    const Client& client = slots_[slot];
    if (client.generation != 0 && now - client.last_bind > limits_.client_lifetime) remove(slot);
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
  free_.push_back(slot);
  moved_.push_back(slot);
  --size_;
}

}  // namespace lanrage::relay
