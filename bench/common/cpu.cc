#include "common/cpu.hpp"

#include <ctime>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace lanrage::bench {
namespace {

Nanoseconds first_number_of(const std::filesystem::path& schedstat) {
  std::ifstream file(schedstat);
  std::int64_t on_cpu = 0;
  file >> on_cpu;
  return Nanoseconds(on_cpu);
}

std::vector<std::filesystem::path> find_softirq_threads() {
  std::vector<std::filesystem::path> out;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::string name;
    std::ifstream(entry.path() / "comm") >> name;
    if (name.starts_with("ksoftirqd/") || name.starts_with("napi/"))
      out.push_back(entry.path() / "schedstat");
  }
  return out;
}

}  // namespace

Nanoseconds cpu_of(pid_t process) {
  Nanoseconds sum{0};
  const auto tasks = "/proc/" + std::to_string(process) + "/task";
  for (const auto& task : std::filesystem::directory_iterator(tasks))
    sum += first_number_of(task.path() / "schedstat");
  return sum;
}

Nanoseconds own_cpu() {
  timespec used{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
  return std::chrono::seconds(used.tv_sec) + Nanoseconds(used.tv_nsec);
}

Nanoseconds softirq_threads_cpu() {
  const auto threads = find_softirq_threads();
  Nanoseconds sum{0};
  for (const auto& thread : threads)
    sum += first_number_of(thread);
  return sum;
}

std::size_t resident_bytes(pid_t process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/status");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("VmRSS:")) return std::stoull(line.substr(6)) * 1024;
  throw std::runtime_error("no VmRSS: the program has ended");
}

}  // namespace lanrage::bench
