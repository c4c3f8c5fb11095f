#include "server/prover_thread.hpp"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <vector>

namespace lanrage::server {

// Shared with the tasks that carry answers over, so that a late one finds it gone.
struct ProverThread::Shared {
  struct Job {
    PartyId id;
    party::Action action;
    Done done;
  };
  struct Answer {
    Done done;
    party::ProvenSignatures proven;
  };

  explicit Shared(Executor to_loop) : executor(std::move(to_loop)) {}
  void run(const std::weak_ptr<Shared>& self);
  void tell_all();

  const Executor executor;
  std::mutex mutex;
  std::condition_variable wake;
  std::deque<Job> waiting;
  std::vector<Answer> answers;
  bool stopping = false;
};

void ProverThread::Shared::run(const std::weak_ptr<Shared>& self) {
  std::unique_lock lock(mutex);
  for (;;) {
    wake.wait(lock, [this] { return stopping || !waiting.empty(); });
    if (stopping) return;
    Job job = std::move(waiting.front());
    waiting.pop_front();
    lock.unlock();
    auto proven = party::prove(job.id, job.action);
    lock.lock();
    // A task that is still on its way takes what is added meanwhile, too.
    const bool must_tell = answers.empty() && !stopping;
    answers.push_back({std::move(job.done), std::move(proven)});
    if (!must_tell) continue;
    lock.unlock();
    executor([self] {
      if (const auto shared = self.lock()) shared->tell_all();
    });
    lock.lock();
  }
}

void ProverThread::Shared::tell_all() {
  std::vector<Answer> ready;
  {
    const std::lock_guard lock(mutex);
    ready.swap(answers);
  }
  for (Answer& answer : ready)
    answer.done(std::move(answer.proven));
}

ProverThread::ProverThread(std::size_t most_waiting, Executor executor)
    : most_waiting_(most_waiting),
      shared_(std::make_shared<Shared>(std::move(executor))),
      thread_([shared = shared_.get(), self = std::weak_ptr(shared_)] { shared->run(self); }) {}

ProverThread::~ProverThread() {
  {
    const std::lock_guard lock(shared_->mutex);
    shared_->stopping = true;
  }
  shared_->wake.notify_one();
  thread_.join();
}

bool ProverThread::prove(const PartyId& id, const party::Action& action, Done done) {
  {
    const std::lock_guard lock(shared_->mutex);
    if (shared_->waiting.size() >= most_waiting_) return false;
    shared_->waiting.push_back({id, action, std::move(done)});
  }
  shared_->wake.notify_one();
  return true;
}

}  // namespace lanrage::server
