#include "trust/key_ring.hpp"

#include <algorithm>

#include "party/membership.hpp"

namespace lanrage::trust {
namespace {

KeyId named(std::uint32_t epoch, const crypto::Hash& commitment) {
  KeyId out{epoch, {}};
  std::copy_n(commitment.begin(), out.commitment.size(), out.commitment.begin());
  return out;
}

}  // namespace

KeyId key_id(const PartyId& party, const party::PartyKey& key) {
  return named(key.epoch(), key.commitment(party));
}

KeyId key_id(const party::Roster& roster) {
  return named(roster.key_epoch, roster.key_commitment);
}

KeyRing::KeyRing(const PartyId& party, party::PartyKey newest, std::vector<party::PartyKey> older)
    : party_(party) {
  for (auto& key : older)
    keys_.push_back({key_id(party, key), std::move(key)});
  keys_.push_back({key_id(party, newest), std::move(newest)});
}

std::vector<party::PartyKey> KeyRing::older() const {
  std::vector<party::PartyKey> out;
  out.reserve(keys_.size());
  for (auto it = keys_.begin(); it + 1 != keys_.end(); ++it)
    out.push_back(it->key);
  return out;
}

const party::PartyKey* KeyRing::find(const KeyId& id) const {
  const auto found = std::ranges::find(keys_, id, &Entry::id);
  return found == keys_.end() ? nullptr : &found->key;
}

std::vector<KeyId> KeyRing::ids() const {
  std::vector<KeyId> out;
  out.reserve(keys_.size());
  for (const auto& entry : keys_)
    out.push_back(entry.id);
  return out;
}

KeyRing::Followed KeyRing::follow(const party::Ledger& ledger,
                                  const crypto::ExchangeSecret& box_secret,
                                  const std::optional<Bytes>& box) {
  if (box) box_ = box;
  if (is_current(ledger)) {
    // Of the key that is here: it would only pass for a wrong one at the next change.
    if (box && party::recover_party_key(ledger, box_secret, *box)) box_.reset();
    return {Outcome::current, std::nullopt};
  }
  // Another history may go back to a key of before.
  const auto known = std::ranges::find(keys_, key_id(ledger.roster()), &Entry::id);
  if (known != keys_.end()) {
    std::rotate(known, known + 1, keys_.end());
    return {Outcome::taken, std::nullopt};
  }
  if (!box_) return {Outcome::missing, std::nullopt};
  auto key = party::recover_party_key(ledger, box_secret, *box_);
  if (!key) return {Outcome::missing, key.error()};
  box_.reset();
  keys_.push_back({key_id(party_, *key), std::move(*key)});
  if (keys_.size() > kMaxOlder + 1) keys_.erase(keys_.begin());
  return {Outcome::taken, std::nullopt};
}

bool KeyRing::retain(const std::set<KeyId>& in_use) {
  const auto newest = newest_id();
  return std::erase_if(keys_, [&](const Entry& entry) {
           return entry.id != newest && !in_use.contains(entry.id);
         }) > 0;
}

}  // namespace lanrage::trust
