// A Store in memory. Several openings share one MemoryStorage, as server processes share a
// database: appends conflict, watchers hear of each other's commits. Each write is applied and
// answered by one task on the opening's executor, so that a simulation decides when; failures and
// kills are injected. All on one thread.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "store/store.hpp"

namespace lanrage::store {

struct MemoryTables {
  struct Party {
    PartyRow row;
    std::uint64_t seq = 0;
    std::map<std::string, PeerRow> peers;  // by their ids' text, as stores hand them out
    std::optional<SnapshotRow> snapshot;
    std::deque<EventRow> events;
  };
  std::map<std::string, Party> parties;  // by their ids' text
  std::set<std::uint64_t> relay_groups;  // of all parties
  std::vector<TokenRow> tokens;
  std::map<std::string, RelayRow> relays;
  std::map<std::string, Bytes, std::less<>> settings;
};

struct MemoryOpening;

// What outlives every opening.
struct MemoryStorage {
  MemoryTables tables;
  std::map<std::string, std::shared_ptr<MemoryStorage>> backups;  // by the path given
  std::vector<std::weak_ptr<MemoryOpening>> openings;
};

enum class InjectedFailure {
  refused,  // storage_failed, nothing is written
  lost,     // outcome_unknown, nothing is written
  written,  // outcome_unknown, all is written
};

class MemoryStore final : public Store {
 public:
  MemoryStore(std::shared_ptr<MemoryStorage> storage, Executor executor);
  MemoryStore(const MemoryStore&) = delete;
  MemoryStore& operator=(const MemoryStore&) = delete;
  ~MemoryStore() override;

  // The next `count` writes, of those given and not applied yet too.
  void fail_next(std::size_t count, InjectedFailure kind);
  // As a killed process: writes that weren't applied never are, nothing is answered any more.
  void kill();
  std::size_t waiting() const;  // writes given and not answered

  void append(Append append, Completion done) override;
  void put_snapshot(const PartyId& party, std::uint64_t seq, Bytes body,
                    std::uint64_t keep_events_after, Completion done) override;
  void add_token(TokenRow token, Completion done) override;
  void revoke_token(const ByteArray<32>& token_hash, UnixTime at, Completion done) override;
  void remove_tokens_expired_before(UnixTime limit, Completion done) override;
  void touch(std::vector<Lease> leases, Completion done) override;
  void put_relay(RelayRow relay, Completion done) override;
  void remove_relay(std::string id, Completion done) override;
  void backup(std::string path, Completion done) override;
  Result<void> for_each_party(const PartyVisitor& visit) override;
  Result<std::optional<StoredParty>> party(const PartyId& id) override;
  Result<std::vector<EventRow>> events_since(const PartyId& party, std::uint64_t seq) override;
  Result<std::vector<TokenRow>> tokens() override;
  Result<std::vector<RelayRow>> relays() override;
  Result<Bytes> setting(std::string_view name, ByteView initial) override;
  void watch(std::function<void(const PartyId&)> changed) override;
  StoreCounters counters() const override;
  std::string notice() const override { return {}; }

 private:
  using Work = std::move_only_function<Result<void>(MemoryTables&)>;
  // `party`: whose watchers hear of it.
  void submit(Work work, Completion done, const PartyId* party = nullptr);

  std::shared_ptr<MemoryStorage> storage_;
  std::shared_ptr<MemoryOpening> opening_;
};

}  // namespace lanrage::store
