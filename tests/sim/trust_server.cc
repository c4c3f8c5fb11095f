#include "sim/trust_server.hpp"

namespace lanrage::trust_sim {

using Outcome = trust::VerifiedLog::Outcome;

Server::Server(party::Ledger ledger, std::vector<Bytes> log,
               const std::vector<party::SealedBox>& boxes) {
  views_.push_back({trust::VerifiedLog(std::move(ledger), std::move(log)), 1, {}, false});
  for (const auto& box : boxes)
    views_[0].boxes[box.recipient] = box.box;
  back_up();
}

std::optional<std::string> Server::commit(View& view, const Commit& commit) {
  if (view.frozen) return "unavailable";
  const auto& ledger = view.log.ledger();
  const auto judged = commit.records.size() == 2
                          ? ledger.judge_join(commit.records[0], commit.records[1])
                          : ledger.judge(commit.records[0]);
  if (!judged) {
    auto whole = commit.history;
    whole.push_back(commit.records[0]);
    changed_history_ = !commit.history.empty() && take_back(view, whole);
    if (!changed_history_) return std::string(judged.error().code());
    for (const auto& box : commit.boxes)
      view.boxes[box.recipient] = box.box;
    return std::nullopt;
  }
  const auto merge = view.log.merge_branch(view.log.length(), commit.records);
  if (merge.outcome != Outcome::adopted) return std::string(merge.why->code());
  for (const auto& box : commit.boxes)
    view.boxes[box.recipient] = box.box;
  ++view.seq;
  return std::nullopt;
}

bool Server::take_back(View& view, const std::vector<Bytes>& log) {
  const auto merge = view.log.merge_branch(0, log);
  const bool changed = merge.outcome == Outcome::adopted || merge.outcome == Outcome::replaced;
  if (changed) ++view.seq;
  return changed;
}

std::size_t Server::fork(bool frozen) {
  views_.push_back(views_[0]);
  views_.back().frozen = frozen;
  return views_.size() - 1;
}

void Server::restore() {
  auto lost = views_[0].seq;
  views_[0] = *backup_;
  views_[0].seq = lost + 10;
  ++incarnation;
}

}  // namespace lanrage::trust_sim
