#include "trust/hand_back.hpp"

namespace lanrage::trust {
namespace {

bool is_admission(const Bytes& record) {
  const auto envelope = party::Envelope::parse(record);
  return envelope && envelope->type == party::RecordType::admission;
}

// Of our records, as many as we can hand back. Who lacks the key can't seal the newest roster's
// boxes: another member hands it in with them.
std::uint64_t end_of(const VerifiedLog& log, const KeyRing& keys) {
  return keys.is_current(log.ledger()) ? log.length() : log.roster_length() - 1;
}

// Who gets the key of the present roster with these records: those whom it names, where it is among
// them, and invites made after it.
std::vector<crypto::ExchangeKey> recipients(const VerifiedLog& log, const party::HandBack& back) {
  std::vector<crypto::ExchangeKey> out;
  for (std::size_t n = 0; n < back.records.size(); ++n) {
    const auto place = back.after + n + 1;
    if (place == log.roster_length()) {
      for (const auto& member : log.ledger().roster().members)
        out.push_back(member.box);
      for (const auto& terms : log.ledger().roster().invites)
        out.push_back(terms.invite_box);
    } else if (place > log.roster_length()) {
      if (const auto invite = party::read_record<party::Invite>(back.records[n]))
        out.push_back(invite->terms.invite_box);
    }
  }
  // Who gets none is handed the key by a member.
  if (out.size() > kHandBackBoxes) out.resize(kHandBackBoxes);
  return out;
}

}  // namespace

bool can_hand_back(const VerifiedLog& log, const KeyRing& keys, std::uint64_t after) {
  return after < end_of(log, keys);
}

std::optional<party::HandBack> next_hand_back(Random& random, const VerifiedLog& log,
                                              const KeyRing& keys, std::uint64_t after) {
  if (!can_hand_back(log, keys, after)) return std::nullopt;
  const auto end = end_of(log, keys);
  party::HandBack out{after, log.head_at(after).head, {}, {}};
  std::size_t bytes = 0;
  for (auto n = after; n < end; ++n) {
    const auto& record = log.records()[n];
    const bool completes = n > after && is_admission(log.records()[n - 1]);
    const bool full = bytes + record.size() > kHandBackBytes ||
                      out.records.size() + 1 >= kHandBackRecords;  // room for what completes
    if (full && !completes && !out.records.empty()) break;
    bytes += record.size();
    out.records.push_back(record);
  }
  if (!keys.is_current(log.ledger())) return out;
  const party::BoxContents contents{keys.newest(), log.ledger().charter().root_key,
                                    log.ledger().roster_hash()};
  for (const auto& recipient : recipients(log, out))
    if (auto box = party::seal_party_key(random, contents, recipient))
      out.boxes.push_back(std::move(*box));
  return out;
}

}  // namespace lanrage::trust
