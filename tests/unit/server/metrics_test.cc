#include "server/metrics.hpp"

#include <gtest/gtest.h>

#include "server/metrics_sources.hpp"
#include "unit/server/exposition_reader.hpp"

namespace lanrage::server {
namespace {

using test::ExpositionReader;

TEST(Metrics, ExpositionFollowsTheFormatFromTheFirstScrapeOn) {
  Metrics metrics("1.2.3");
  EXPECT_EQ(ExpositionReader(metrics.text()).complaint(), "");

  const auto route = metrics.add_route("GET", "/parties/{id}");
  metrics.answered(route, 200);
  metrics.answered(route, 200);
  metrics.answered(route, 404);
  metrics.answered(Metrics::kNoRoute, 404);
  metrics.resumed(Resumed::snapshot);
  metrics.removed(Removed::offline, 3);
  metrics.rate_limited(RateLimit::updates);
  metrics.signal(SignalFate::refused);
  metrics.refused("unknown_party");
  metrics.refused("unknown_party");
  metrics.websocket_messages["heartbeat"].add();
  metrics.divergences.add();

  const ExpositionReader read(metrics.text());
  EXPECT_EQ(read.complaint(), "");
  const auto requests = [&](const std::string& labels) {
    return read.value("lanrage_http_requests_total{" + labels + "}");
  };
  EXPECT_EQ(requests(R"(method="GET",route="/parties/{id}",code="200")"), 2);
  EXPECT_EQ(requests(R"(method="GET",route="/parties/{id}",code="404")"), 1);
  EXPECT_EQ(requests(R"(method="",route="none",code="404")"), 1);
  EXPECT_EQ(read.value(R"(lanrage_resumes_total{how="snapshot"})"), 1);
  EXPECT_EQ(read.value(R"(lanrage_resumes_total{how="journal"})"), 0);
  EXPECT_EQ(read.value(R"(lanrage_cleanup_removed_total{what="offline"})"), 3);
  EXPECT_EQ(read.value(R"(lanrage_rate_limited_total{limit="updates"})"), 1);
  EXPECT_EQ(read.value(R"(lanrage_signals_total{fate="refused"})"), 1);
  EXPECT_EQ(read.value(R"(lanrage_refused_total{reason="unknown_party"})"), 2);
  EXPECT_EQ(read.value(R"(lanrage_websocket_messages_total{type="heartbeat"})"), 1);
  EXPECT_EQ(read.value("lanrage_divergence_total"), 1);
  EXPECT_EQ(read.type_of("lanrage_build_info"), "gauge");
}

TEST(Metrics, TellWhatTheRelayAddsAndWhatItsThreadsUse) {
  RelayServer::Counters relay;
  relay.passed = 7;
  relay.cpu_seconds = {1.5, 0.25};
  relay.latency.add(900, 2);  // two below a microsecond
  relay.latency.add(3'000);   // of 2 to 4
  relay.latency.add(70'000);  // of 64 to 128
  relay.latency.add(5'000'000'000);
  Exposition out;
  write(out, relay);
  const ExpositionReader read(out.take());
  ASSERT_EQ(read.complaint(), "");
  const auto within = [&](const std::string& le) {
    return read.value("lanrage_relay_latency_seconds_bucket{le=\"" + le + "\"}");
  };
  EXPECT_EQ(within("1e-06"), 2);
  EXPECT_EQ(within("2e-06"), 2);
  EXPECT_EQ(within("4e-06"), 3);
  EXPECT_EQ(within("0.000128"), 4);
  EXPECT_EQ(within("1.048576"), 4);
  EXPECT_EQ(within("+Inf"), 5);
  EXPECT_EQ(read.value("lanrage_relay_latency_seconds_count"), 5);
  EXPECT_EQ(read.value(R"(lanrage_relay_thread_cpu_seconds_total{thread="1"})"), 0.25);
  EXPECT_EQ(read.value("lanrage_relay_passed_packets_total"), 7);
}

TEST(Metrics, AHistogramCountsUpToAndWithItsBounds) {
  Metrics metrics("1");
  auto& seconds = metrics.command_seconds["join"];
  seconds.observe(std::chrono::microseconds(50));
  seconds.observe(std::chrono::microseconds(51));
  seconds.observe(std::chrono::seconds(11));

  const ExpositionReader read(metrics.text());
  ASSERT_EQ(read.complaint(), "");
  const auto joins = [&](const std::string& le) {
    return read.value("lanrage_command_seconds_bucket{command=\"join\",le=\"" + le + "\"}");
  };
  EXPECT_EQ(joins("5e-05"), 1);
  EXPECT_EQ(joins("1e-04"), 2);
  EXPECT_EQ(joins("10"), 2);
  EXPECT_EQ(joins("+Inf"), 3);
  EXPECT_EQ(read.value(R"(lanrage_command_seconds_count{command="join"})"), 3);
  EXPECT_NEAR(*read.value(R"(lanrage_command_seconds_sum{command="join"})"), 11.000101, 1e-9);
}

TEST(Metrics, NamesBeyondTheBoundCountAsOther) {
  std::deque<std::string> names;  // as literals: they stay where they are
  ByName<Counter> counters;
  for (int i = 0; i < 1'000; ++i)
    counters[names.emplace_back("name" + std::to_string(i))].add();
  EXPECT_EQ(std::distance(counters.begin(), counters.end()), 65);
  EXPECT_EQ(counters["name7"].value(), 1u);
  EXPECT_EQ(counters["other"].value(), 1'000u - 64);
}

TEST(Metrics, SourcesAreAskedAtEachScrapeAndTheirTextIsEscaped) {
  Metrics metrics("a \"quoted\\version\"\n");
  double asked = 0;
  metrics.add_source([&](Exposition& out) { out.gauge("asked", "Line\nand \\.", ++asked); });
  EXPECT_EQ(ExpositionReader(metrics.text()).value("lanrage_asked"), 1);
  const auto text = metrics.text();
  const ExpositionReader read(text);
  EXPECT_EQ(read.complaint(), "");
  EXPECT_EQ(read.value("lanrage_asked"), 2);
  EXPECT_NE(text.find(R"(version="a \"quoted\\version\"\n")"), std::string::npos);
  EXPECT_NE(text.find("# HELP lanrage_asked Line\\nand \\\\.\n"), std::string::npos);
}

TEST(Metrics, WhatTheLimitsOfConnectionsStoppedIsShownByCause) {
  io::ServerCounters counters;
  counters.refused_by_cap = 1;
  counters.refused_by_address = 2;
  counters.refused_by_rate = 3;
  counters.failed_handshakes = 4;
  counters.of(io::TimedOut::handshake) = 5;
  counters.of(io::TimedOut::header) = 6;
  counters.of(io::TimedOut::body) = 7;
  counters.of(io::TimedOut::idle) = 8;
  counters.of(io::TimedOut::answer) = 9;
  counters.of(io::Rejected::header_size) = 10;
  counters.of(io::Rejected::body_size) = 11;
  counters.of(io::Rejected::malformed) = 12;
  counters.of(io::Rejected::media_type) = 13;
  counters.of(io::Rejected::unanswered) = 14;
  counters.websocket_faults = {15, 16, 17, 18};
  Exposition out;
  write(out, counters);
  const ExpositionReader read(out.take());
  EXPECT_EQ(read.complaint(), "");
  const auto value = [&](const std::string& series) { return read.value("lanrage_" + series); };
  double expected = 0;
  for (const char* cause : {"cap", "address_cap", "address_rate", "handshake"})
    EXPECT_EQ(value(std::string("http_connections_lost_total{cause=\"") + cause + "\"}"),
              ++expected);
  for (const char* during : {"handshake", "header", "body", "idle", "answer"})
    EXPECT_EQ(value(std::string("http_timeouts_total{during=\"") + during + "\"}"), ++expected);
  for (const char* reason : {"header_size", "body_size", "malformed", "media_type", "unanswered"})
    EXPECT_EQ(value(std::string("http_rejected_total{reason=\"") + reason + "\"}"), ++expected);
  for (const char* fault : {"too_big", "protocol", "dead", "slow_close"})
    EXPECT_EQ(value(std::string("websocket_faults_total{fault=\"") + fault + "\"}"), ++expected);
}

}  // namespace
}  // namespace lanrage::server
