// What a command costs as parties become many. Signatures are checked as ever; HTTP, TLS and JSON
// don't know how many parties there are, so the registry and its store are measured here, in this
// process: PartyRegistry with a store in memory, and with SQLite.
#include <stdexcept>
#include <thread>

#include "common/report.hpp"
#include "control/metrics.hpp"
#include "control/population.hpp"
#include "protocol/messages.hpp"
#include "server/party_registry.hpp"
#include "server/party_rows.hpp"
#include "support/memory_store.hpp"
#include "support/task_loop.hpp"

namespace lanrage::bench {
namespace {

constexpr std::size_t kFew = 100;
constexpr std::size_t kCommandsAtOnce = 64;

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error("growth: " + result.error().message());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

struct Busy {  // a party that is given commands
  PartyId party;
  party::Command come, go, change;
  store::Append created;
};

store::Append rows_of_creation(const PartyId& id, const PeerId& host, std::vector<Bytes> records,
                               std::uint64_t group) {
  party::Event event;
  event.seq = 1;
  event.type = party::EventType::created;
  event.subject = host;
  event.at = UnixTime(std::chrono::milliseconds(1'700'000'000'000));
  event.records = std::move(records);
  return must(server::rows_of(party::Party{id}, {event}, group));
}

Busy make_busy(const Group& group, std::uint64_t number) {
  const auto create = must(protocol::parse<protocol::CreatePartyRequest>(group.create));
  const auto join = must(protocol::parse<protocol::JoinRequest>(group.visits.front().first));
  const auto leave = must(protocol::parse<protocol::LeaveRequest>(group.visits.front().second));
  const PeerId host = group.people.front().id;
  const PeerId guest = group.people.back().id;
  party::Hints hints;
  hints.public_endpoint = Endpoint{IpAddress::v4(0xC6336401u), 51820};
  return {group.party,
          {guest, join.request_id, party::Join{join.admission, join.statement, {}}},
          {guest, leave.request_id, party::Depart{leave.record}},
          {host, "change", party::Update{{}, hints}},
          rows_of_creation(group.party, host, {create.charter, create.roster, create.statement},
                           number)};
}

// Of a party that is only there: its records are never checked again, but for their form.
store::Append make_quiet(Random& random, const party::DeviceKeys& host, std::uint64_t number) {
  const auto root = crypto::SigningKey::generate(random);
  const auto id = crypto::id_of<PartyId>(root.public_key().bytes);
  party::Charter charter;
  charter.root_key = root.public_key();
  charter.name = "quiet";
  charter.prefix = *Prefix::parse(party::kDefaultPrefix);
  charter.host = host.identity.public_key();
  const Bytes charter_record = party::sign_record(charter, id, {&root});
  const IpAddress vip = party::AddressPool(charter.prefix).lowest();
  party::Roster roster;
  roster.signer = root.public_key();
  roster.charter_hash = party::record_hash(charter_record);
  roster.key_epoch = 1;
  roster.log_head = party::next_head(party::first_head(id), charter_record);
  roster.members = {{charter.host, host.wireguard.public_key(), host.box.public_key(), vip}};
  const Bytes roster_record = party::sign_record(roster, id, {&root});
  const party::Statement statement{charter.host, 1, "host", vip, {}};
  const Bytes statement_record = party::sign_record(statement, id, {&host.identity});
  return rows_of_creation(id, host.peer_id(), {charter_record, roster_record, statement_record},
                          number);
}

std::vector<store::Append> make_quiet_ones(std::size_t count) {
  std::vector<store::Append> out(count);
  crypto::SystemRandom random;
  const party::DeviceKeys host{crypto::SigningKey::generate(random),
                               crypto::ExchangeSecret::generate(random),
                               crypto::ExchangeSecret::generate(random)};
  const auto work = [&](std::size_t begin, std::size_t step) {
    crypto::SystemRandom own;
    for (std::size_t i = begin; i < count; i += step)
      out[i] = make_quiet(own, host, 1'000'000 + i);
  };
  std::jthread other(work, 1, 2);
  work(0, 2);
  return out;
}

struct Cost {  // CPU us a command
  double join_or_leave = 0;
  double change = 0;
};

// A registry of these parties, on a store of its own.
class World {
 public:
  World(bool in_memory, std::span<const Busy> busy, std::span<const store::Append> quiet)
      : store_(open(in_memory)), busy_(busy) {
    std::size_t stored = 0;
    const auto put = [&](const store::Append& append) {
      store_->append(append, [&](const Result<void>& done) {
        must(done);
        ++stored;
      });
    };
    for (const auto& one : busy)
      put(one.created);
    for (const auto& one : quiet)
      put(one);
    turns_.run_until([&] { return stored == busy.size() + quiet.size(); });
    std::vector<store::StoredParty> parties;
    must(store_->for_each_party([&](store::StoredParty party) -> Result<void> {
      parties.push_back(std::move(party));
      return {};
    }));
    must(
        registry_.emplace(server::PartyRegistry::Parts{*store_, clock_, random_, metrics_}, limits_)
            .load(parties));
  }
  ~World() {
    registry_.reset();
    store_.reset();
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  double run(party::Command Busy::* command) {
    const auto before = own_cpu();
    std::size_t sent = 0;
    std::size_t answered = 0;
    turns_.run_until([&] {
      for (; sent < busy_.size() && sent < answered + kCommandsAtOnce; ++sent)
        registry_->execute(busy_[sent].party, busy_[sent].*command,
                           [&](const Result<party::Outcome>& outcome) {
                             must(outcome);
                             ++answered;
                           });
      return answered == busy_.size();
    });
    return std::chrono::duration<double, std::micro>(own_cpu() - before).count();
  }

 private:
  std::unique_ptr<store::Store> open(bool in_memory) {
    if (in_memory)
      return std::make_unique<store::MemoryStore>(std::make_shared<store::MemoryStorage>(),
                                                  turns_.executor());
    return must(
        store::open_store("sqlite:" + (folder_.path() / "server.db").string(), turns_.executor()));
  }

  TemporaryFolder folder_;
  store::test::TaskLoop turns_;  // where the store's answers arrive
  server::SystemClock clock_;
  crypto::SystemRandom random_;
  server::Metrics metrics_{"bench"};
  server::Limits limits_;
  std::unique_ptr<store::Store> store_;
  std::optional<server::PartyRegistry> registry_;
  std::span<const Busy> busy_;
};

// All busy parties get their commands, in worlds of `busy_a_world` and the quiet ones each.
Cost cost_of(bool in_memory, std::span<const Busy> busy, std::size_t busy_a_world,
             std::span<const store::Append> quiet) {
  Cost cost;
  for (std::size_t at = 0; at < busy.size(); at += busy_a_world) {
    World world(in_memory, busy.subspan(at, std::min(busy_a_world, busy.size() - at)), quiet);
    cost.join_or_leave += world.run(&Busy::come);
    cost.change += world.run(&Busy::change);
    cost.join_or_leave += world.run(&Busy::go);
  }
  cost.join_or_leave /= static_cast<double>(2 * busy.size());
  cost.change /= static_cast<double>(busy.size());
  return cost;
}

void measure(const char* metric, bool in_memory, const std::vector<Busy>& busy,
             const std::vector<store::Append>& quiet) {
  const Cost few = cost_of(in_memory, busy, kFew, {});
  const Cost many = cost_of(in_memory, busy, busy.size(), quiet);
  note("  %s: joins and leaves %.0f us of %zu parties, %.0f us of %zu; changes of hints %.1f, %.1f",
       metric, few.join_or_leave, kFew, many.join_or_leave, busy.size() + quiet.size(), few.change,
       many.change);
  report(metric, many.join_or_leave / few.join_or_leave, "times");
  report(std::string(metric) + "_unsigned", many.change / few.change, "times");
}

}  // namespace

void measure_growth(const Options& options) {
  const bool memory = options.wants("command_cost_growth");
  const bool sqlite = options.wants("command_cost_growth_sqlite");
  if (!memory && !sqlite) return;
  note("growth: the party registry and its store in this process, without the network");
  std::vector<Busy> busy;
  const std::size_t active = std::min(options.commands / 2, options.largest / 2);
  for (const auto& group : make_population({active, 1, 1}))
    busy.push_back(make_busy(group, busy.size() + 1));
  const auto quiet = make_quiet_ones(options.largest - active);
  if (memory) measure("command_cost_growth", true, busy, quiet);
  if (sqlite) measure("command_cost_growth_sqlite", false, busy, quiet);
}

}  // namespace lanrage::bench
