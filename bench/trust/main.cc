// What members pay for not having to trust their server: the whole log of a party of 64 checked
// from nothing, one change checked when it comes, a rotation made and taken in, and what follows
// for WireGuard.
#include <CLI/CLI.hpp>
#include <chrono>
#include <functional>

#include "agent/log_proofs.hpp"
#include "common/cpu.hpp"
#include "common/report.hpp"
#include "trust/grown_party.hpp"
#include "trust/party_trust.hpp"

namespace lanrage::bench {
namespace {

using Clock = std::chrono::steady_clock;

double ms(std::chrono::nanoseconds time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

struct Options {
  std::size_t members = 64;
  std::size_t rounds = 50;
};

// Wall-clock milliseconds of a round, the median of all; `prepare` makes what `run` uses up,
// unmeasured.
template <class Prepare, class Run>
double timed(const Options& options, Prepare&& prepare, Run&& run) {
  std::vector<double> times;
  for (std::size_t i = 0; i < options.rounds; ++i) {
    auto prepared = prepare();
    const auto start = Clock::now();
    run(prepared);
    times.push_back(ms(Clock::now() - start));
  }
  return median(std::move(times));
}
template <class Run>
double timed(const Options& options, Run&& run) {
  return timed(options, [] { return 0; }, [&](int) { run(); });
}

std::string name(const Options& options, const char* what) {
  return "verify_" + std::to_string(options.members) + "_" + what;
}

void measure_cold(const Options& options, const GrownParty& grown) {
  const auto cold = [&](const char* what, const char* cpu_what, const party::LogProver& prover) {
    const auto before = own_cpu();
    const auto wall =
        timed(options, [&] { must(party::Ledger::replay(grown.made.id, grown.log, prover)); });
    report(name(options, what), wall, "ms");
    report(name(options, cpu_what), ms(own_cpu() - before) / static_cast<double>(options.rounds),
           "ms");
  };
  cold("cold_ms", "cold_cpu_ms", agent::prove_on_threads);
  cold("cold_one_thread_ms", "cold_one_thread_cpu_ms", {});
  report(name(options, "rules_only_ms"),
         timed(options,
               [&] {
                 party::Ledger ledger(grown.made.id);
                 for (const auto& record : grown.log)
                   must(ledger.append_trusted(record));
               }),
         "ms");
}

// The records of one event, appended to the ledger of all before.
double append_ms(const Options& options, const party::Ledger& before,
                 const std::vector<const Bytes*>& records) {
  return timed(
      options, [&] { return before; },
      [&](party::Ledger& ledger) {
        for (const auto* record : records)
          must(ledger.append(*record));
      });
}

void measure_changes(const Options& options, GrownParty& grown) {
  const auto newcomer = grown.device();
  const auto [admission, statement] = grown.join_of(newcomer);
  const auto& member = grown.members.back();
  const auto vip = grown.ledger.member(member.peer_id())->vip;
  const auto renamed =
      must(party::build_statement(grown.ledger, member.identity, "another nick", vip));
  const auto leave = party::build_leave(grown.ledger, member.identity);
  const auto invite = must(party::build_invite(grown.random, grown.ledger, grown.made.key,
                                               grown.made.root, {}, kFounded));
  const auto rotation =
      must(party::build_rotation(grown.random, grown.ledger, grown.made.root, {}, kFounded));
  const auto kick = must(party::build_rotation(grown.random, grown.ledger, grown.made.root,
                                               {{member.peer_id()}, {}}, kFounded));
  const auto charter =
      must(party::build_charter(grown.ledger, grown.made.root, {{}, std::set{member.peer_id()}}));
  const std::pair<const char*, std::vector<const Bytes*>> kinds[] = {
      {"join", {&admission, &statement}},
      {"statement", {&renamed}},
      {"leave", {&leave}},
      {"invite", {&invite.record}},
      {"rotation", {&rotation.roster}},
      {"kick", {&kick.roster}},
      {"charter", {&charter}}};
  double worst = 0;
  for (const auto& [kind, records] : kinds) {
    const auto took = append_ms(options, grown.ledger, records);
    worst = std::max(worst, took);
    report("verify_" + std::string(kind) + "_ms", took, "ms");
  }
  report("verify_change_ms", worst, "ms");
}

void measure_boxes(const Options& options, GrownParty& grown) {
  const auto build = [&] {
    return must(party::build_rotation(grown.random, grown.ledger, grown.made.root, {}, kFounded));
  };
  report("build_rotation_ms", timed(options, [&] { build(); }), "ms");
  const auto rotation = build();
  auto after = grown.ledger;
  must(after.append(rotation.roster));
  const auto& member = grown.members.back();
  const auto box =
      std::ranges::find(rotation.boxes, member.box.public_key(), &party::SealedBox::recipient);
  report("open_box_ms",
         timed(options, [&] { must(party::recover_party_key(after, member.box, box->box)); }),
         "ms");
  report("preshared_keys_ms",
         timed(options,
               [&] {
                 for (const auto& other : grown.members)
                   rotation.key.preshared_key(grown.made.id, member.wireguard.public_key(),
                                              other.wireguard.public_key());
               }),
         "ms");
}

// Whom WireGuard may know and by which keys: asked for at each change.
void measure_access(const Options& options, GrownParty& grown) {
  const auto& self = grown.members.front();
  const trust::PartyTrust party({}, {self.peer_id(), self.box, self.wireguard.public_key()},
                                grown.ledger, grown.log,
                                trust::KeyRing(grown.made.id, grown.made.key), true, grown.random);
  report("access_us", 1000 * timed(options, [&] { party.access(); }), "us");
}

}  // namespace
}  // namespace lanrage::bench

int main(int argc, char** argv) {
  using namespace lanrage::bench;
  Options options;
  CLI::App app("Checking a party's records, and rotating its key");
  app.add_option("--members", options.members, "of the party")->check(CLI::Range(2, 999));
  app.add_option("--rounds", options.rounds, "of each measurement; the median counts")
      ->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);
  GrownParty grown(options.members);
  note("%zu members, %zu records", options.members, grown.log.size());
  measure_cold(options, grown);
  measure_changes(options, grown);
  measure_boxes(options, grown);
  measure_access(options, grown);
}
