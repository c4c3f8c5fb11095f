#include "agent/log_proofs.hpp"

#include <algorithm>
#include <system_error>
#include <thread>

namespace lanrage::agent {
namespace {

// False: no thread is to be had.
template <class Work>
bool start(std::vector<std::jthread>& threads, Work work) {
  try {
    threads.emplace_back(std::move(work));
    return true;
  } catch (const std::system_error&) {
    return false;
  }
}

}  // namespace

party::ProvenSignatures prove_on_threads(const PartyId& party, std::span<const Bytes> records) {
  constexpr unsigned kMostThreads = 4;
  const std::size_t workers = std::clamp(std::thread::hardware_concurrency(), 1u, kMostThreads);
  const std::size_t share = (records.size() + workers - 1) / workers;
  std::vector<party::ProvenSignatures> parts(workers);
  const auto prove_part = [&](std::size_t i) {
    const auto rest = records.subspan(i * share);
    parts[i] = party::prove(party, rest.first(std::min(share, rest.size())));
  };
  {
    std::vector<std::jthread> others;
    // What no thread is there for is checked when it is judged.
    for (std::size_t i = 1; i < workers && i * share < records.size(); ++i)
      if (!start(others, [&prove_part, i] { prove_part(i); })) break;
    prove_part(0);
  }
  for (std::size_t i = 1; i < workers; ++i)
    parts[0].merge(std::move(parts[i]));
  return std::move(parts[0]);
}

}  // namespace lanrage::agent
