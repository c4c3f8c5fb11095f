#include "trust/verified_log.hpp"

#include <algorithm>
#include <iterator>

namespace lanrage::trust {

VerifiedLog::VerifiedLog(party::Ledger ledger, std::vector<Bytes> records, Overruled overruled,
                         party::LogProver prover)
    : ledger_(std::move(ledger)),
      records_(std::move(records)),
      heads_{party::first_head(ledger_.party_id())},
      overruled_(std::move(overruled)),
      server_length_(records_.size()),
      server_most_(records_.size()),
      prover_(std::move(prover)) {
  heads_.reserve(records_.size() + 1);
  for (const auto& record : records_) {
    heads_.push_back(party::next_head(heads_.back(), record));
    if (party::read_record<party::Roster>(record)) roster_length_ = heads_.size() - 1;
  }
}

VerifiedLog::Merge VerifiedLog::merge(std::span<const Bytes> log, std::uint64_t seq,
                                      std::string incarnation) {
  seq_ = seq;
  incarnation_ = std::move(incarnation);
  auto merged = merge_branch(0, log);
  follow_server(merged, log.size());
  if (merged.outcome != Outcome::refused) asked_ = false;
  return merged;
}

VerifiedLog::Merge VerifiedLog::append(std::uint64_t seq, std::span<const Bytes> records) {
  if (seq <= seq_) return {Outcome::known, std::nullopt, {}};
  if (seq != seq_ + 1 || !in_step_) return {Outcome::gap, std::nullopt, {}};
  seq_ = seq;
  auto merged = merge_branch(server_length_, records);
  follow_server(merged, server_length_ + records.size());
  if (merged.outcome == Outcome::behind) merged.outcome = Outcome::known;  // more is on its way
  return merged;
}

// A server that shows something else sends events that don't follow what we have.
void VerifiedLog::follow_server(const Merge& merge, std::uint64_t length) {
  in_step_ = !merge.why && merge.outcome != Outcome::split;
  server_length_ = length;
  if (in_step_) server_most_ = std::max(server_most_, length);
}

VerifiedLog::Merge VerifiedLog::merge_branch(std::uint64_t common, std::span<const Bytes> branch) {
  const auto rest = std::span(records_).subspan(common);
  const auto parting = std::ranges::mismatch(rest, branch);
  const auto shared = static_cast<std::size_t>(parting.in1 - rest.begin());
  const auto added = branch.subspan(shared);
  if (shared == rest.size()) return adopt(added);
  if (added.empty()) return {Outcome::behind, std::nullopt, {}};
  return merge_after(common + shared, added);
}

bool VerifiedLog::has(const HeadAt& point) const {
  return point.length < heads_.size() && heads_[point.length] == point.head;
}

std::set<PeerId> VerifiedLog::waiting() const {
  std::set<PeerId> out;
  if (!overruled_.any()) return out;
  for (const auto& record : std::span(records_).subspan(roster_length_))
    if (const auto admission = party::read_record<party::Admission>(record))
      out.insert(party::peer_id(admission->identity));
  return out;
}

VerifiedLog::Merge VerifiedLog::adopt(std::span<const Bytes> records) {
  Merge merge{records.empty() ? Outcome::known : Outcome::adopted, std::nullopt, {}};
  party::ProofsAhead proofs(ledger_.party_id(), records, prover_);
  for (std::size_t i = 0; i < records.size(); ++i) {
    const auto& record = records[i];
    // Without a clock: an invite's date is judged when it is used, and by the server.
    auto effect = ledger_.append(record, std::nullopt, &proofs.at(i));
    if (!effect) {
      merge.outcome = Outcome::refused;
      merge.why = effect.error();
      return merge;
    }
    records_.push_back(record);
    heads_.push_back(ledger_.head());
    if (effect->kind == party::Effect::Kind::rostered) {
      roster_length_ = length();
      overruled_ = {};
    }
    std::ranges::move(effect->removed, std::back_inserter(merge.removed));
  }
  return merge;
}

// Both histories go on after `common`, and differently.
VerifiedLog::Merge VerifiedLog::merge_after(std::uint64_t common, std::span<const Bytes> branch) {
  party::Ledger past(ledger_.party_id());
  for (const auto& record : std::span(records_).first(common))
    if (auto known = past.append_trusted(record); !known)
      return {Outcome::refused, known.error(), {}};  // can't be: it was appended before
  VerifiedLog theirs(past,
                     {records_.begin(), records_.begin() + static_cast<std::ptrdiff_t>(common)}, {},
                     prover_);
  const auto taken = theirs.adopt(branch);
  const auto ours_after = std::span(records_).subspan(common);
  const auto theirs_after = std::span(theirs.records_).subspan(common);
  if (theirs_after.empty()) return {Outcome::refused, taken.why, {}};

  const auto choice = choose(ours_after, theirs_after, ledger_.charter().root_key);
  const bool switching = choice == Choice::theirs;
  const auto& kept = switching ? theirs : *this;
  const auto& dropped = switching ? ledger_ : theirs.ledger_;
  auto lost = choice == Choice::undecided
                  ? Overruled{}
                  : trust::overruled(past, switching ? ours_after : theirs_after,
                                     switching ? theirs_after : ours_after, kept.ledger_);
  if (!switching) {
    overruled_.merge(std::move(lost));
    return {Outcome::split, std::nullopt, {}};
  }
  Merge merge{Outcome::replaced, taken.why, {}};
  in_step_ &= server_length_ <= common;
  server_most_ = std::min(server_most_, common);
  for (const auto& [id, member] : dropped.members())
    if (kept.ledger_.member(id) == nullptr) merge.removed.push_back(id);
  ledger_ = std::move(theirs.ledger_);
  records_ = std::move(theirs.records_);
  heads_ = std::move(theirs.heads_);
  roster_length_ = theirs.roster_length_;
  overruled_ = std::move(lost);
  return merge;
}

}  // namespace lanrage::trust
