// Checks signatures on a thread of its own, one command after the other.
#pragma once

#include <cstddef>
#include <memory>
#include <thread>

#include "server/signature_prover.hpp"

namespace lanrage::server {

class ProverThread final : public SignatureProver {
 public:
  // Runs a task on the thread that asks for proofs. Called from any thread.
  using Executor = std::function<void(std::move_only_function<void()>)>;

  // No more than `most_waiting` commands wait for it.
  ProverThread(std::size_t most_waiting, Executor executor);
  ProverThread(const ProverThread&) = delete;
  ProverThread& operator=(const ProverThread&) = delete;
  // What it hasn't answered yet is dropped; what the executor has of it does nothing any more.
  ~ProverThread() override;

  bool prove(const PartyId& id, const party::Action& action, Done done) override;

 private:
  struct Shared;

  const std::size_t most_waiting_;
  const std::shared_ptr<Shared> shared_;
  std::thread thread_;
};

}  // namespace lanrage::server
