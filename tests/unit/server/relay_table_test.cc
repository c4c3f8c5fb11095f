// Relays elsewhere in virtual time: who is listed, until when, and what the store gets of it.
#include <deque>
#include <gtest/gtest.h>
#include <set>

#include "relay/token.hpp"
#include "server/relay_directory.hpp"
#include "server/relay_registrar.hpp"
#include "support/memory_store.hpp"
#include "unit/server/manual_clock.hpp"

namespace lanrage::server::test {
namespace {

using protocol::Errc;
using namespace std::chrono_literals;

const IpAddress kHere = *IpAddress::parse("198.51.100.7");
const IpAddress kThere = *IpAddress::parse("198.51.100.8");
constexpr std::string_view kKey = "the-enrolment-key-of-this-server";

std::string id(std::uint8_t n) {
  return RelayId{{n}}.to_string();
}

protocol::EnrollRelayRequest relay(std::uint8_t n, const std::string& region = "eu") {
  return {id(n),
          region,
          {*Endpoint::parse("0.0.0.0:51820")},
          {*Endpoint::parse("0.0.0.0:3478"), *Endpoint::parse("0.0.0.0:3479")},
          100,
          0};
}

class Relays : public ::testing::Test {
 protected:
  // One run of the server on the same store.
  struct Server {
    explicit Server(Relays& world)
        : store(world.storage,
                [&tasks = world.tasks](std::move_only_function<void()> task) {
                  tasks.push_back(std::move(task));
                }),
          table(world.limits, id(200)),
          registrar({table, store, world.clock, world.metrics, world.audit, world.log},
                    world.limits, SecretText(std::string(kKey)), world.token_key.public_key()) {}
    store::MemoryStore store;
    RelayTable table;
    RelayRegistrar registrar;
  };

  Relays() { restart(); }
  void restart() {
    tasks.clear();
    server.emplace(*this);
    ASSERT_TRUE(server->registrar.load(own_relay));
  }
  void run() {
    while (!tasks.empty()) {
      auto task = std::move(tasks.front());
      tasks.pop_front();
      task();
    }
  }
  Result<protocol::EnrollRelayAnswer> enroll(const protocol::EnrollRelayRequest& request,
                                             const IpAddress& from = kHere) {
    std::optional<Result<protocol::EnrollRelayAnswer>> out;
    server->registrar.enroll(request, from, [&](auto answer) { out = std::move(answer); });
    run();
    EXPECT_TRUE(out);
    return std::move(*out);
  }
  Result<void> remove(const std::string& which) {
    std::optional<Result<void>> out;
    server->registrar.remove(which, kHere, [&](auto answer) { out = std::move(answer); });
    run();
    EXPECT_TRUE(out);
    return std::move(*out);
  }
  void clean_up() {
    server->registrar.clean_up();
    run();
  }
  std::set<std::string> listed() const {
    std::set<std::string> out;
    for (const auto& [relay, entry] : server->table.relays())
      out.insert(relay);
    return out;
  }
  // The field that an announcement is refused for.
  std::string refused_field(const protocol::EnrollRelayRequest& request) {
    const auto answer = enroll(request);
    EXPECT_FALSE(answer);
    if (answer) return "accepted";
    EXPECT_TRUE(answer.error().is(Errc::invalid_field)) << answer.error().code();
    return std::string(answer.error().field());
  }
  std::size_t stored() const { return storage->tables.relays.size(); }

  ManualClock clock;
  crypto::SystemRandom random;
  io::Log log{stderr, io::LogLevel::error};
  Metrics metrics{"test"};
  AuditLog audit{log, clock, {}};
  Limits limits;
  crypto::SigningKey token_key = crypto::SigningKey::generate(random);
  std::shared_ptr<store::MemoryStorage> storage = std::make_shared<store::MemoryStorage>();
  std::deque<std::move_only_function<void()>> tasks;
  bool own_relay = true;
  std::optional<Server> server;
};

TEST_F(Relays, AnUnspecifiedAddressIsTheOneThatTheRequestCameFrom) {
  auto request = relay(1);
  request.endpoints.push_back(*Endpoint::parse("203.0.113.5:51820"));
  request.endpoints.push_back(*Endpoint::parse("198.51.100.7:51820"));
  const auto answer = enroll(request);
  ASSERT_TRUE(answer) << answer.error().message();
  EXPECT_EQ(answer->relay_id, id(1));
  EXPECT_EQ(answer->token_key, token_key.public_key());
  EXPECT_EQ(answer->heartbeat_interval_s, 30u);
  EXPECT_EQ(answer->endpoints, (std::vector{*Endpoint::parse("198.51.100.7:51820"),
                                            *Endpoint::parse("203.0.113.5:51820")}));
  const auto& shown = server->table.relays().at(id(1)).shown;
  EXPECT_EQ(shown.stun, (std::vector{*Endpoint::parse("198.51.100.7:3478"),
                                     *Endpoint::parse("198.51.100.7:3479")}));
  EXPECT_EQ(shown.capacity, 100u);
}

TEST_F(Relays, WhatIsWrongIsNamedByItsField) {
  const auto with = [](auto change) {
    auto request = relay(1);
    change(request);
    return request;
  };
  EXPECT_EQ(refused_field(with([](auto& r) { r.relay_id = "relay"; })), "relay_id");
  EXPECT_EQ(refused_field(with([](auto& r) { r.region = "EU west"; })), "region");
  EXPECT_EQ(refused_field(with([](auto& r) { r.region.clear(); })), "region");
  EXPECT_EQ(refused_field(with([](auto& r) { r.region = std::string(33, 'e'); })), "region");
  EXPECT_EQ(refused_field(with([](auto& r) { r.endpoints.clear(); })), "endpoints");
  EXPECT_EQ(refused_field(with([](auto& r) { r.endpoints.push_back({kThere, 0}); })),
            "endpoints[1]");
  EXPECT_EQ(refused_field(with([](auto& r) { r.stun[1].port = 0; })), "stun[1]");
  for (const char* nobody : {"224.0.0.1:1", "255.255.255.255:1", "[ff02::1]:1"})
    EXPECT_EQ(refused_field(with([&](auto& r) { r.endpoints[0] = *Endpoint::parse(nobody); })),
              "endpoints[0]")
        << nobody;
  EXPECT_EQ(refused_field(with([](auto& r) { r.capacity = 1'000'001; })), "capacity");
  EXPECT_EQ(refused_field(with([](auto& r) { r.load = 1'000'001; })), "load");
  EXPECT_EQ(stored(), 0u);
  EXPECT_TRUE(enroll(with([](auto& r) { r.region = std::string(32, 'e'); })));
}

TEST_F(Relays, AreNoMoreThanTheLimit) {
  for (std::uint8_t n = 0; n < limits.relays; ++n)
    ASSERT_TRUE(enroll(relay(n)));
  const auto refused = enroll(relay(100));
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(Errc::limit_reached));
  EXPECT_TRUE(enroll(relay(5))) << "those that are in stay in";
  EXPECT_EQ(listed().size(), 32u);
  ASSERT_TRUE(remove(id(7)));
  EXPECT_TRUE(enroll(relay(100)));
}

TEST_F(Relays, NobodyTakesTheOwnRelaysIdNorRemovesIt) {
  const auto taken = enroll(relay(200));
  ASSERT_FALSE(taken);
  EXPECT_TRUE(taken.error().is(Errc::forbidden));
  EXPECT_EQ(taken.error().field(), "relay_id");
  EXPECT_TRUE(remove(id(200)).error().is(Errc::forbidden));
  EXPECT_TRUE(remove(id(1)).error().is(Errc::not_found));
}

TEST_F(Relays, AnotherAddressTakesAnIdOnlyOverWhenItFellSilent) {
  ASSERT_TRUE(enroll(relay(1)));
  clock.advance(60s);
  const auto copy = enroll(relay(1), kThere);
  ASSERT_FALSE(copy) << "of a copied data directory, say";
  EXPECT_TRUE(copy.error().is(Errc::forbidden));
  EXPECT_NE(copy.error().message().find(kHere.to_string()), std::string::npos);
  EXPECT_EQ(server->table.relays().at(id(1)).shown.endpoints[0].address, kHere);
  ASSERT_TRUE(enroll(relay(1)));
  clock.advance(60s + 1ms);
  ASSERT_TRUE(enroll(relay(1), kThere)) << "it moved";
  EXPECT_EQ(server->table.relays().at(id(1)).shown.endpoints[0].address, kThere);
  EXPECT_EQ(storage->tables.relays.at(id(1)).public_ip, kThere);
}

TEST_F(Relays, ThatAreSilentTooLongAreForgotten) {
  ASSERT_TRUE(enroll(relay(1)));
  clock.advance(5min);
  ASSERT_TRUE(enroll(relay(2)));
  clock.advance(5min - 1ms);
  clean_up();
  EXPECT_EQ(listed(), (std::set{id(1), id(2)}));
  clock.advance(1ms);
  clean_up();
  EXPECT_EQ(listed(), std::set{id(2)});
  EXPECT_EQ(stored(), 1u);
  EXPECT_NE(metrics.text().find("cleanup_removed_total{what=\"relays\"} 1"), std::string::npos);
}

TEST_F(Relays, AnnouncementsThatSayNothingNewAreSeldomWritten) {
  ASSERT_TRUE(enroll(relay(1)));
  EXPECT_EQ(server->store.counters().works, 1u);
  auto busier = relay(1);
  busier.load = 50;
  clock.advance(30s);
  ASSERT_TRUE(enroll(busier));
  EXPECT_EQ(server->store.counters().works, 1u);
  EXPECT_EQ(server->table.relays().at(id(1)).shown.load, 50u) << "though known at once";
  clock.advance(30s);
  ASSERT_TRUE(enroll(busier));
  EXPECT_EQ(server->store.counters().works, 2u) << "when it was last seen, once a minute";
  EXPECT_EQ(storage->tables.relays.at(id(1)).last_seen, clock.unix_time());
  EXPECT_DOUBLE_EQ(storage->tables.relays.at(id(1)).load, 0.5);
  ASSERT_TRUE(enroll(relay(1, "us")));
  EXPECT_EQ(server->store.counters().works, 3u) << "a change at once";
}

TEST_F(Relays, SurviveARestartHoweverLongItTook) {
  auto request = relay(1);
  request.load = 25;
  ASSERT_TRUE(enroll(request));
  const auto before = server->table.relays().at(id(1));
  clock.advance(8h);
  restart();
  clean_up();
  ASSERT_EQ(listed(), std::set{id(1)});
  const auto& after = server->table.relays().at(id(1));
  EXPECT_EQ(after.shown, before.shown);
  EXPECT_EQ(after.registered_at, before.registered_at);
  EXPECT_EQ(after.last_seen, before.last_seen);
  clock.advance(limits.restart_grace - 1ms);
  clean_up();
  EXPECT_EQ(listed().size(), 1u);
  clock.advance(1ms);
  clean_up();
  EXPECT_TRUE(listed().empty());
}

TEST_F(Relays, AfterARestartARelayMayComeFromAnywhere) {
  ASSERT_TRUE(enroll(relay(1)));
  restart();
  EXPECT_TRUE(enroll(relay(1), kThere));
}

TEST_F(Relays, ARelayThatNoLongerRunsHereLeavesTheStore) {
  store::RelayRow own;
  own.id = id(200);
  own.endpoints = {{kHere, 51820}};
  server->store.put_relay(own, [](const Result<void>&) {});
  run();
  restart();
  run();
  EXPECT_TRUE(listed().empty()) << "the directory knows of it by itself";
  EXPECT_EQ(stored(), 1u);
  own_relay = false;
  restart();
  run();
  EXPECT_EQ(stored(), 0u);
}

TEST_F(Relays, WhatCouldNotBeStoredIsNotAcknowledgedButServes) {
  server->store.fail_next(1, store::InjectedFailure::refused);
  const auto answer = enroll(relay(1));
  ASSERT_FALSE(answer);
  EXPECT_TRUE(answer.error().is(Errc::unavailable));
  EXPECT_EQ(listed(), std::set{id(1)});
  ASSERT_TRUE(enroll(relay(1))) << "the same again is stored now";
  EXPECT_EQ(stored(), 1u);
  server->store.fail_next(1, store::InjectedFailure::refused);
  EXPECT_TRUE(remove(id(1)).error().is(Errc::unavailable));
}

TEST_F(Relays, TheKeyIsAskedForAndGuessesAreSlowedDown) {
  const auto admit = [&](const std::string& header, const IpAddress& from = kHere) {
    const auto admitted = server->registrar.admit(header, from);
    return admitted ? std::string("admitted") : std::string(admitted.error().code());
  };
  const std::string good = "Bearer " + std::string(kKey);
  EXPECT_EQ(server->registrar.admit({}, kHere).error().code(), "missing_token");
  EXPECT_EQ(admit("Basic abc"), "malformed_token");
  EXPECT_EQ(admit(good), "admitted");
  for (int guess = 0; guess < 10; ++guess)
    EXPECT_EQ(admit("Bearer " + std::string(kKey) + std::to_string(guess)), "unknown_token");
  EXPECT_EQ(admit("Bearer wrong-wrong-wrong-wrong"), "rate_limited");
  EXPECT_EQ(admit(good), "rate_limited") << "a right guess can't be told from a wrong one";
  EXPECT_EQ(admit(good, kThere), "admitted") << "others aren't held up";
  clock.advance(5s);
  EXPECT_EQ(admit(good), "admitted");
  EXPECT_NE(metrics.text().find("rate_limited_total{limit=\"keys\"} 2"), std::string::npos);
}

// ---- what members are told

class Directory : public Relays {
 protected:
  RelayDirectory directory(bool own = true) {
    BuiltInServices services;
    services.relay_id = id(200);
    services.region = "home";
    if (own) services.relay = Endpoint{IpAddress{}, 51820};
    services.capacity = 10;
    services.clients = [] { return 3u; };
    return {services, kThere, token_key, server->table, limits.relays_a_grant};
  }
  static std::vector<std::string> ids(const std::vector<protocol::Relay>& relays) {
    std::vector<std::string> out;
    out.reserve(relays.size());
    for (const auto& each : relays)
      out.push_back(each.id);
    return out;
  }
  std::vector<protocol::Relay> grant(std::uint64_t group, bool own = true) {
    RelayDirectory::Client client;
    client.group = group;
    client.wireguard = crypto::ExchangeSecret::generate(random).public_key();
    client.bind_key = crypto::SigningKey::generate(random).public_key();
    client.reached = kThere;
    return directory(own).grant(client, clock.unix_time()).relays;
  }
  std::vector<std::string> granted(std::uint64_t group, bool own = true) {
    return ids(grant(group, own));
  }
};

TEST_F(Directory, ListsTheOwnRelayFirstThenByRegionAndLoad) {
  const auto with_load = [](std::uint8_t n, const std::string& region, std::uint64_t load) {
    auto request = relay(n, region);
    request.load = load;
    return request;
  };
  ASSERT_TRUE(enroll(with_load(1, "us", 0)));
  ASSERT_TRUE(enroll(with_load(2, "eu", 90)));
  ASSERT_TRUE(enroll(with_load(3, "eu", 10)));
  const auto all = directory().relays(kThere);
  EXPECT_EQ(ids(all), (std::vector{id(200), id(3), id(2), id(1)}));
  EXPECT_EQ(all[0].capacity, 10u);
  EXPECT_EQ(all[0].load, 3u);
  EXPECT_EQ(all[2].load, 90u);
  EXPECT_EQ(ids(directory().relays_of("eu", kThere)), (std::vector{id(3), id(2)}));
  EXPECT_EQ(ids(directory().relays_of("home", kThere)), std::vector{id(200)});
  EXPECT_TRUE(directory().relays_of("mars", kThere).empty());
  EXPECT_EQ(directory().size(), 4u);
  EXPECT_EQ(directory(false).size(), 3u);
  const auto shown = directory().listed(clock.unix_time());
  ASSERT_EQ(shown.size(), 4u);
  EXPECT_TRUE(shown[0].built_in);
  EXPECT_FALSE(shown[2].built_in);
  EXPECT_DOUBLE_EQ(shown[2].load, 0.9);
}

TEST_F(Directory, AGroupsMembersGetTheSameRelaysAndGroupsSpreadOverThem) {
  for (std::uint8_t n = 0; n < 24; ++n)
    ASSERT_TRUE(enroll(relay(n)));
  std::set<std::string> firsts;
  for (std::uint64_t group = 0; group < 400; ++group) {
    const auto one = granted(group);
    EXPECT_EQ(one, granted(group));
    ASSERT_EQ(one.size(), limits.relays_a_grant);
    EXPECT_EQ(one[0], id(200));
    firsts.insert(one[1]);
  }
  EXPECT_EQ(firsts.size(), 24u);
  EXPECT_EQ(granted(1, false).size(), limits.relays_a_grant);
}

TEST_F(Directory, EachRegionComesBeforeTheSecondOfAny) {
  for (std::uint8_t n = 0; n < 12; ++n)
    ASSERT_TRUE(enroll(relay(n, n < 8 ? "eu" : n < 11 ? "us" : "asia")));
  for (std::uint64_t group = 0; group < 50; ++group) {
    const auto order = grant(group);
    const auto regions = [&](std::size_t first, std::size_t count) {
      std::multiset<std::string> out;
      for (std::size_t i = first; i < first + count; ++i)
        out.insert(order[i].region);
      return out;
    };
    EXPECT_EQ(order[0].id, id(200));
    EXPECT_EQ(regions(1, 3), (std::multiset<std::string>{"asia", "eu", "us"}));
    EXPECT_EQ(regions(4, 4), (std::multiset<std::string>{"eu", "eu", "us", "us"}));
  }
}

TEST_F(Directory, ALoadedRelayComesLastFromNineTenthsOfItsCapacity) {
  const auto with_load = [](std::uint8_t n, std::uint64_t load) {
    auto request = relay(n, n == 1 ? "us" : "eu");
    request.load = load;
    return request;
  };
  ASSERT_TRUE(enroll(with_load(2, 0)));
  ASSERT_TRUE(enroll(with_load(3, 0)));
  ASSERT_TRUE(enroll(with_load(1, 89)));
  EXPECT_NE(granted(1).back(), id(1)) << "the only one of its region";
  ASSERT_TRUE(enroll(with_load(1, 90)));
  EXPECT_EQ(granted(1).back(), id(1));
}

TEST_F(Directory, ARelayThatGoesLeavesTheOthersOrderAndAFullOneComesLast) {
  for (std::uint8_t n = 0; n < 8; ++n)
    ASSERT_TRUE(enroll(relay(n)));
  auto order = granted(7);
  const auto position = [&](const std::string& which) {
    return std::ranges::find(order, which) - order.begin();
  };
  for (std::uint8_t n = 0; n < 8; ++n) {
    if (position(id(n)) != 1) continue;
    auto full = relay(n);
    full.load = full.capacity;
    ASSERT_TRUE(enroll(full));
    break;
  }
  auto expected = order;
  std::rotate(expected.begin() + 1, expected.begin() + 2, expected.end());
  EXPECT_EQ(granted(7), expected);
  ASSERT_TRUE(remove(expected[3]));
  expected.erase(expected.begin() + 3);
  EXPECT_EQ(granted(7), expected);
}

}  // namespace
}  // namespace lanrage::server::test
