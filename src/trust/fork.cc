#include "trust/fork.hpp"

#include <algorithm>
#include <tuple>

namespace lanrage::trust {
namespace {

struct Weight {
  int authority = 0;  // 2: root key, 1: a deputy
  std::uint32_t key_epoch = 0;
  crypto::Hash first_roster{};
};

Weight weigh(std::span<const Bytes> history, const party::VerifyKey& root_key) {
  Weight out;
  bool any_roster = false;
  for (const auto& record : history) {
    const auto roster = party::read_record<party::Roster>(record);
    if (!roster) continue;
    if (!any_roster) out.first_roster = party::record_hash(record);
    any_roster = true;
    out.authority = std::max(out.authority, roster->signer == root_key ? 2 : 1);
    out.key_epoch = roster->key_epoch;
  }
  return out;
}

}  // namespace

Choice choose(std::span<const Bytes> ours, std::span<const Bytes> theirs,
              const party::VerifyKey& root_key) {
  const auto mine = weigh(ours, root_key);
  const auto other = weigh(theirs, root_key);
  if (mine.authority == 0 && other.authority == 0) return Choice::undecided;
  // Smaller wins, so that order is turned round for the hash alone.
  const bool theirs_first = std::tie(other.authority, other.key_epoch, mine.first_roster) >
                            std::tie(mine.authority, mine.key_epoch, other.first_roster);
  return theirs_first ? Choice::theirs : Choice::ours;
}

void Overruled::merge(Overruled other) {
  outcasts.merge(other.outcasts);
  invites.merge(other.invites);
}

Overruled overruled(const party::Ledger& past, std::span<const Bytes> not_followed,
                    std::span<const Bytes> followed_since, const party::Ledger& followed) {
  Overruled out;
  if (weigh(followed_since, followed.charter().root_key).authority == 2) return out;
  auto ledger = past;
  for (const auto& record : not_followed) {
    const auto invites = ledger.invites();
    auto effect = ledger.append_trusted(record);
    if (!effect) break;
    out.outcasts.insert(effect->removed.begin(), effect->removed.end());
    for (const auto& [id, invite] : invites)
      if (ledger.invite(id) == nullptr) out.invites.insert(id);
  }
  std::erase_if(out.invites, [&](const auto& id) { return followed.invite(id) == nullptr; });
  std::erase_if(out.outcasts, [&](const PeerId& peer) {
    const auto* member = followed.member(peer);
    return member == nullptr || followed.charter().host == member->identity;
  });
  return out;
}

}  // namespace lanrage::trust
