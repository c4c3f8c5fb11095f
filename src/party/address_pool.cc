#include "party/address_pool.hpp"

#include <string>

namespace lanrage::party {

IpAddress AddressPool::lowest() const {
  return IpAddress::v4(prefix_.address.v4_value() + 1);
}

std::size_t AddressPool::capacity() const {
  return (std::size_t{1} << (32 - prefix_.length)) - 2;  // without network and broadcast
}

Result<void> AddressPool::check(const PeerId& peer, const IpAddress& vip) const {
  const auto first = prefix_.address.v4_value();
  if (!vip.is_v4() || vip.v4_value() <= first || vip.v4_value() - first > capacity())
    return fail(
        Errc::invalid_vip,
        vip.to_string() + " isn't a host address of the party's prefix " + prefix_.to_string(),
        "vip");
  if (auto own = of(peer); own && *own != vip)
    return fail(Errc::vip_bound,
                "this identity's virtual address in the party is " + own->to_string() +
                    " for good; state that one instead of " + vip.to_string(),
                "vip");
  auto owner = owners_.find(vip.v4_value());
  if (owner == owners_.end() || owner->second == peer) return {};
  if (owners_.size() >= capacity() && left_.contains(owner->second)) return {};
  return fail(Errc::vip_taken,
              vip.to_string() + " belongs to another peer; ask for a new suggestion", "vip");
}

void AddressPool::bind(const PeerId& peer, const IpAddress& vip) {
  auto [entry, fresh] = owners_.try_emplace(vip.v4_value(), peer);
  if (!fresh && entry->second != peer) {
    addresses_.erase(entry->second);
    entry->second = peer;
  }
  addresses_[peer] = vip.v4_value();
}

std::optional<IpAddress> AddressPool::of(const PeerId& peer) const {
  auto found = addresses_.find(peer);
  if (found == addresses_.end()) return std::nullopt;
  return IpAddress::v4(found->second);
}

Result<IpAddress> AddressPool::suggest(const PeerId& peer) const {
  if (auto own = of(peer)) return *own;
  if (owners_.size() < capacity()) {
    auto candidate = lowest().v4_value();
    for (const auto& [taken, owner] : owners_) {  // ascending: the first gap is the lowest free
      if (taken != candidate) break;
      ++candidate;
    }
    return IpAddress::v4(candidate);
  }
  for (const auto& [address, owner] : owners_)
    if (left_.contains(owner)) return IpAddress::v4(address);
  return fail(Errc::no_vip_free,
              "all " + std::to_string(capacity()) + " addresses of " + prefix_.to_string() +
                  " are in use; a party with a larger prefix has room for more",
              "vip");
}

}  // namespace lanrage::party
