#include "agent/verified_log.hpp"

#include <algorithm>
#include <iterator>

namespace lanrage::agent {

VerifiedLog::Merge VerifiedLog::merge(std::span<const Bytes> log, std::uint64_t seq,
                                      std::string incarnation) {
  seq_ = seq;
  incarnation_ = std::move(incarnation);
  const auto common = std::min(records_.size(), log.size());
  if (!std::ranges::equal(std::span(records_).first(common), log.first(common)))
    return {Outcome::split, std::nullopt, {}};
  if (log.size() < records_.size()) return {Outcome::behind, std::nullopt, {}};
  auto merged = adopt(log.subspan(common));
  if (merged.outcome != Outcome::refused) asked_ = false;
  return merged;
}

VerifiedLog::Merge VerifiedLog::append(std::uint64_t seq, std::span<const Bytes> records) {
  if (seq <= seq_) return {Outcome::known, std::nullopt, {}};
  if (seq != seq_ + 1) return {Outcome::gap, std::nullopt, {}};
  seq_ = seq;
  return adopt(records);
}

VerifiedLog::Merge VerifiedLog::adopt(std::span<const Bytes> records) {
  Merge merge{records.empty() ? Outcome::known : Outcome::adopted, std::nullopt, {}};
  for (const auto& record : records) {
    // Without a clock: an invite's date is judged when it is used, and by the server.
    auto effect = ledger_.append(record);
    if (!effect) {
      merge.outcome = Outcome::refused;
      merge.why = effect.error();
      return merge;
    }
    records_.push_back(record);
    std::ranges::move(effect->removed, std::back_inserter(merge.removed));
  }
  return merge;
}

}  // namespace lanrage::agent
