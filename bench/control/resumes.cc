#include "common/report.hpp"
#include "control/crowd.hpp"
#include "control/metrics.hpp"

namespace lanrage::bench {
namespace {

constexpr std::size_t kMembers = 8;
constexpr std::size_t kHandshakesAtOnce = 64;
constexpr std::size_t kStorm = 1000;  // handshakes at once when all come back

}  // namespace

void measure_resumes(const Options& options) {
  if (!options.wants("resume_10k_s") && !options.wants("resume_10k_snapshots")) return;
  const auto context = client_context();
  EventLoop loop;
  auto groups =
      make_population({std::max<std::size_t>(1, options.resumers / kMembers), kMembers, 0});
  Server server(options);
  server.start();
  enroll(loop, context.get(), server.port(), groups);
  Crowd crowd(loop, context.get(), server.port(), groups, kMembers);
  crowd.connect(kHandshakesAtOnce);
  note("resumes: %zu clients, %llu snapshots at first", crowd.size(),
       static_cast<unsigned long long>(crowd.heard().snapshots));
  Meter meter(server.process());
  crowd.drop();
  crowd.connect(kStorm);
  meter.stop();
  note("  resumed: %.0f/s, %.0f us CPU each; processors: server %.2f, load %.2f",
       static_cast<double>(crowd.size()) / meter.seconds(),
       meter.cpu_us() / static_cast<double>(crowd.size()), meter.server_share(), meter.own_share());
  report("resume_10k_s", meter.seconds(), "s");
  report("resume_10k_snapshots", static_cast<double>(crowd.heard().snapshots), "snapshots");
  server.stop();
}

}  // namespace lanrage::bench
