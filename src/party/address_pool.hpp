// Virtual addresses of one party: each bound to an identity for the party's lifetime, lowest free
// first. The network and broadcast addresses are reserved. Only when no address is free may that
// of somebody who left go to another.
#pragma once

#include <map>
#include <optional>
#include <set>

#include "base/endpoint.hpp"
#include "base/ids.hpp"
#include "party/errc.hpp"

namespace lanrage::party {

class AddressPool {
 public:
  AddressPool() = default;
  explicit AddressPool(const Prefix& prefix) : prefix_(prefix) {}

  IpAddress lowest() const;      // the host's
  std::size_t capacity() const;  // addresses that can be given out

  // May this peer state this address? invalid_vip, vip_taken or vip_bound if not.
  Result<void> check(const PeerId& peer, const IpAddress& vip) const;
  // Binds; check() must have allowed it.
  void bind(const PeerId& peer, const IpAddress& vip);
  void mark_left(const PeerId& peer) { left_.insert(peer); }
  void mark_present(const PeerId& peer) { left_.erase(peer); }

  std::optional<IpAddress> of(const PeerId& peer) const;
  // The peer's own, else the lowest free, else the lowest of those who left; no_vip_free.
  Result<IpAddress> suggest(const PeerId& peer) const;

 private:
  Prefix prefix_;
  std::map<std::uint32_t, PeerId> owners_;
  std::map<PeerId, std::uint32_t> addresses_;
  std::set<PeerId> left_;
};

}  // namespace lanrage::party
