#include "path/port_prediction.hpp"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace lanrage::path {
namespace {

// Of what two flows that begin together are apart at most. Random ports are so near each other once
// in 1,000 times, and then a dozen checks are wasted.
constexpr int kFarthest = 32;
constexpr int kOutside = 3;       // guesses not between the two
constexpr std::size_t kKept = 4;  // of the guesses before: the mapping may not be new after all
constexpr std::size_t kMostAsked = 4;  // pairs of questions under way
constexpr std::size_t kMostEndpoints = 32;

void add(std::vector<std::uint16_t>& ports, int port) {
  if (port >= 1 && port <= 0xFFFF && ports.size() < kMostGuesses)
    ports.push_back(static_cast<std::uint16_t>(port));
}

}  // namespace

std::vector<std::uint16_t> ports_between(std::uint16_t before, std::uint16_t after) {
  const int distance = after - before;
  const int width = std::abs(distance);
  if (width == 0 || width > kFarthest) return {};
  const int step = distance / width;  // some count down
  // Whatever the NAT's own step, the port is in the middle, but for what other devices began.
  std::vector<int> inner;
  for (int i = 1; i < width; ++i)
    inner.push_back(i);
  std::ranges::sort(inner, {}, [&](int i) { return std::pair(std::abs(2 * i - width), i); });
  inner.resize(std::min(inner.size(), kMostGuesses - kOutside));
  std::vector<std::uint16_t> out;
  for (const int i : inner)
    add(out, before + i * step);
  // The packet was lost on its way to the NAT, and the next made the mapping; or it was overtaken.
  for (const int beyond : {1, 2})
    add(out, after + beyond * step);
  add(out, before - step);
  return out;
}

std::vector<Candidate> with_guesses(std::vector<Candidate> candidates,
                                    std::span<const Endpoint> guesses) {
  if (guesses.empty()) return candidates;
  const auto to_a_server = [](const Candidate& candidate) {
    return candidate.kind == CandidateKind::server_reflexive && candidate.endpoint.address.is_v4();
  };
  while (candidates.size() + guesses.size() > kMaxCandidates &&
         std::ranges::count_if(candidates, to_a_server) > 1) {
    const auto last = std::find_if(candidates.rbegin(), candidates.rend(), to_a_server);
    candidates.erase(std::next(last).base());
  }
  const std::size_t room = kMaxCandidates - std::min(candidates.size(), kMaxCandidates);
  for (const Endpoint& guess : guesses.first(std::min(guesses.size(), room)))
    candidates.push_back({CandidateKind::guessed, guess});
  return tidy(std::move(candidates));
}

std::optional<PortPrediction::Questions> PortPrediction::on_send(Instant now, const Endpoint& to,
                                                                 bool worthwhile) {
  std::erase_if(sent_,
                [&](const auto& entry) { return now - entry.second >= tuning_.mapping_doubt; });
  const bool mapped = sent_.contains(to);
  if (mapped || sent_.size() < kMostEndpoints) sent_[to] = now;
  if (mapped || !worthwhile) return std::nullopt;
  const Duration pace = tuning_.prediction_every;
  const Instant paid = std::max(paid_, now - pace * kMostPredictions);
  if (paid + pace > now) return std::nullopt;
  paid_ = paid + pace;
  if (asked_.size() == kMostAsked) asked_.erase(asked_.begin());
  const Questions numbers{last_number_ + 1, last_number_ + 2};
  last_number_ = numbers.after;
  asked_.push_back({numbers, std::nullopt, std::nullopt});
  return numbers;
}

void PortPrediction::on_answer(Instant now, std::uint32_t number, const Endpoint& seen) {
  const auto asked = std::ranges::find_if(asked_, [&](const Asked& each) {
    return each.numbers.before == number || each.numbers.after == number;
  });
  if (asked == asked_.end()) return;
  (asked->numbers.before == number ? asked->before : asked->after) = seen;
  if (!asked->before || !asked->after) return;
  const Asked done = *asked;
  asked_.erase(asked);
  conclude(now, *done.before, *done.after);
}

void PortPrediction::conclude(Instant now, const Endpoint& before, const Endpoint& after) {
  // A carrier with several addresses may give each flow another one.
  if (before.address != after.address || !is_usable(before)) return;
  const auto ports = ports_between(before.port, after.port);
  if (ports.empty()) return;
  std::vector<Endpoint> likely;
  likely.reserve(ports.size());
  for (const std::uint16_t port : ports)
    likely.push_back({before.address, port});
  const std::size_t kept = std::min(likely_.size(), kKept);
  likely.resize(std::min(likely.size(), kMostGuesses - kept));
  for (const Endpoint& earlier : std::span(likely_).first(kept))
    if (std::ranges::find(likely, earlier) == likely.end()) likely.push_back(earlier);
  likely_ = std::move(likely);
  tell_again(now);
}

void PortPrediction::on_link_change() {
  sent_.clear();
  asked_.clear();
  likely_.clear();
}

void PortPrediction::tell_again(Instant now) {
  until_ = now + tuning_.guesses_told_for;
}

bool PortPrediction::update(Instant now, bool wanted) {
  const bool tell = wanted && now < until_;
  if (tell ? told_ == likely_ : told_.empty()) return false;
  told_ = tell ? likely_ : std::vector<Endpoint>{};
  return true;
}

std::optional<Instant> PortPrediction::next_timeout() const {
  return told_.empty() ? std::nullopt : std::optional(until_);
}

}  // namespace lanrage::path
