#include "server/refusal.hpp"

namespace lanrage::server {

protocol::Problem refusal_of(const Error& error, Random& random) {
  auto problem = protocol::problem_of(error);
  // Seconds; the slowest bucket of ours refills one in five.
  if (problem.status == 429 || problem.status == 503)
    problem.retry_after_s = 2 + static_cast<int>(random.below(4));
  return problem;
}

bool is_denial(const protocol::Problem& problem) {
  return problem.status == 401 || problem.status == 403 || problem.status == 429;
}

}  // namespace lanrage::server
