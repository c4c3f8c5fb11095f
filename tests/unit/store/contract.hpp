// What every Store must do. A backend's test instantiates StoreContract with a factory, and
// SharedStoreContract too where several servers may use one storage at a time.
#pragma once

#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <vector>

#include "base/random.hpp"
#include "store/store.hpp"
#include "support/task_loop.hpp"

namespace lanrage::store::test {

class Loop : public TaskLoop {
 public:
  // Hands out a completion and waits until it was called.
  Result<void> wait(const std::function<void(Completion)>& start) {
    std::optional<Result<void>> result;
    start([&](Result<void> r) { result = std::move(r); });
    run_until([&] { return result.has_value(); });
    return std::move(*result);
  }
};

template <class IdType>
IdType make_id(std::uint8_t n) {
  IdType id;
  id.bytes.fill(n);
  return id;
}
inline UnixTime at(std::int64_t ms) {
  return UnixTime(std::chrono::milliseconds(ms));
}

inline PeerRow make_peer(std::uint8_t n) {
  PeerRow row;
  row.id = make_id<PeerId>(n);
  row.wireguard_key.fill(n);
  row.vip = IpAddress::v4(0x0a420000u + n);
  row.nick = "peer " + std::to_string(n);
  row.public_endpoint = "203.0.113.9:51820";
  row.nat_type = "symmetric";
  row.last_seen = at(1000 + n);
  return row;
}

inline Append make_append(std::uint8_t party, std::uint64_t expected, std::size_t events = 1) {
  Append append;
  append.party = {make_id<PartyId>(party), "LAN night", make_id<PeerId>(1), 77u + party, at(500)};
  append.expected_seq = expected;
  for (std::uint64_t i = 1; i <= events; ++i)
    append.events.push_back({expected + i, "peer_updated",
                             Bytes{party, static_cast<std::uint8_t>(expected + i), 0},
                             at(600 + static_cast<std::int64_t>(expected + i))});
  return append;
}

inline TokenRow make_token(std::uint8_t n, std::int64_t expires_ms) {
  TokenRow row;
  row.token_hash.fill(n);
  row.nonce_hash.fill(n);
  row.peer = make_id<PeerId>(n);
  row.created_at = at(10);
  row.expires_at = at(expires_ms);
  return row;
}

inline RelayRow make_relay(std::string id) {
  RelayRow row{std::move(id), IpAddress::v4(0xcb007109u), 51820, "eu", at(100), at(100)};
  row.capacity = 5000;
  row.load = 0.25;
  row.endpoints = {*Endpoint::parse("203.0.113.9:51820"), *Endpoint::parse("[2001:db8::9]:51820")};
  row.stun = {*Endpoint::parse("203.0.113.9:3478")};
  return row;
}

// Opens the same storage again and again; destroyed, it removes it.
class Backend {
 public:
  virtual ~Backend() = default;
  virtual Result<std::unique_ptr<Store>> open(Executor executor) = 0;
  // For Store::backup, and to open what it wrote.
  virtual std::string backup_path() = 0;
  virtual Result<std::unique_ptr<Store>> open_backup(Executor executor) = 0;
};

using BackendFactory = std::function<std::unique_ptr<Backend>()>;

class StoreContract : public ::testing::TestWithParam<BackendFactory> {
 protected:
  void SetUp() override {
    backend_ = GetParam()();
    reopen();
  }
  void reopen() {
    store_.reset();
    auto opened = backend_->open(loop_.executor());
    ASSERT_TRUE(opened) << opened.error().message();
    store_ = std::move(*opened);
  }
  Result<void> append(Append append) {
    return loop_.wait([&](Completion done) { store_->append(append, std::move(done)); });
  }
  Result<void> add_token(const TokenRow& row) {
    return loop_.wait([&](Completion done) { store_->add_token(row, std::move(done)); });
  }
  Result<void> put_snapshot(std::uint8_t party, SnapshotRow snapshot, std::uint64_t keep_after) {
    return loop_.wait([&](Completion done) {
      store_->put_snapshot(make_id<PartyId>(party), snapshot.seq, snapshot.body, keep_after,
                           std::move(done));
    });
  }
  Result<void> touch(std::vector<Lease> leases) {
    return loop_.wait([&](Completion done) { store_->touch(leases, std::move(done)); });
  }
  Result<void> put_relay(const RelayRow& row) {
    return loop_.wait([&](Completion done) { store_->put_relay(row, std::move(done)); });
  }
  Result<void> backup() {
    return loop_.wait(
        [&](Completion done) { store_->backup(backend_->backup_path(), std::move(done)); });
  }
  StoredParty party(std::uint8_t n) {
    auto found = store_->party(make_id<PartyId>(n));
    EXPECT_TRUE(found && *found);
    return found && *found ? std::move(**found) : StoredParty{};
  }
  std::vector<EventRow> events(std::uint8_t party, std::uint64_t since = 0) {
    auto rows = store_->events_since(make_id<PartyId>(party), since);
    EXPECT_TRUE(rows);
    return rows ? *rows : std::vector<EventRow>{};
  }

  Loop loop_;
  std::unique_ptr<Backend> backend_;
  std::unique_ptr<Store> store_;
};

class SharedStoreContract : public StoreContract {
 protected:
  void SetUp() override {
    StoreContract::SetUp();
    auto opened = backend_->open(loop_.executor());
    ASSERT_TRUE(opened) << opened.error().message();
    other_ = std::move(*opened);
  }
  Result<void> append_there(const Append& append) {
    return loop_.wait([&](Completion done) { other_->append(append, std::move(done)); });
  }

  std::unique_ptr<Store> other_;
};

}  // namespace lanrage::store::test
