// A control server as members see it: it verifies like they do, keeps the order, and tells
// everybody what was committed. It may be down, restored from a backup, hold records back from some
// members, or keep two histories and show each to some.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "party/party_key.hpp"
#include "sim/trust_clock.hpp"
#include "trust/verified_log.hpp"

namespace lanrage::trust_sim {

class Server {
 public:
  using Boxes = std::map<crypto::ExchangeKey, Bytes>;
  struct View {
    trust::VerifiedLog log;
    std::uint64_t seq = 1;
    Boxes boxes;
    bool frozen = false;  // told nothing new, and nothing is taken from it
  };
  struct Commit {
    std::vector<Bytes> records;
    std::vector<party::SealedBox> boxes;
    std::vector<Bytes> history;  // of a roster: what stands before it
  };

  Server(party::Ledger ledger, std::vector<Bytes> log, const std::vector<party::SealedBox>& boxes);

  View& view(std::size_t number) { return views_[number]; }
  std::size_t views() const { return views_.size(); }
  // The code of a refusal, else nothing, and the event's seq is view.seq. A roster that decides
  // between two histories takes its own with it; then there is no event, and all need a snapshot.
  std::optional<std::string> commit(View& view, const Commit& commit);
  bool changed_history() { return std::exchange(changed_history_, false); }
  // A member hands back what this server lacks. True when that changed anything.
  bool take_back(View& view, const std::vector<Bytes>& log);

  // A second history that begins as the first is.
  std::size_t fork(bool frozen);
  void back_up() { backup_ = views_[0]; }
  // As of the backup.
  void restore();
  void forget_forks() { views_.erase(views_.begin() + 1, views_.end()); }

  bool down = false;
  int incarnation = 1;

 private:
  std::vector<View> views_;
  std::optional<View> backup_;
  bool changed_history_ = false;
};

}  // namespace lanrage::trust_sim
