// The fields of `lanrage status --json` are a promise to scripts.
#include "agent/status_json.hpp"

#include <algorithm>
#include <boost/json/value.hpp>
#include <gtest/gtest.h>

#include "agent/finding_text.hpp"

namespace lanrage::agent {
namespace {

using namespace std::chrono_literals;

PeerRow relayed_peer() {
  PeerReport report;
  report.path.path = path::PathKind::relay;
  report.path.state = path::State::connected;
  report.path.endpoint = Endpoint::parse("203.0.113.10:51820");
  report.path.relay = "home";
  report.path.why_relayed = "both sides are behind symmetric NATs";
  report.path.rtt = 12'345us;
  report.wireguard.rx_bytes = 7;
  report.wireguard.latest_handshake = UnixTime(10s);
  return {PeerId{}, "bob", *IpAddress::parse("10.66.0.2"), true, report};
}

std::vector<std::string> keys_of(const boost::json::object& object) {
  std::vector<std::string> out;
  for (const auto& entry : object)
    out.emplace_back(entry.key());
  std::ranges::sort(out);
  return out;
}

TEST(StatusJson, APeerHasEveryPromisedField) {
  const auto json = peer_json(relayed_peer(), LinkState::connected, UnixTime(12s));
  EXPECT_EQ(keys_of(json),
            (std::vector<std::string>{"endpoint", "jitter_ms", "last_handshake_s", "loss", "nick",
                                      "online", "path", "peer_id", "relay", "rtt_ms", "rx_bytes",
                                      "state", "tx_bytes", "vip", "why_relayed"}));
  EXPECT_EQ(json.at("path"), "relay");
  EXPECT_EQ(json.at("why_relayed"), "both sides are behind symmetric NATs");
  EXPECT_DOUBLE_EQ(json.at("rtt_ms").as_double(), 12.345);
  EXPECT_DOUBLE_EQ(json.at("last_handshake_s").as_double(), 2);
  EXPECT_TRUE(json.at("jitter_ms").is_null());
}

TEST(StatusJson, LossIsKnownOfThoseWhoAreReachedOnly) {
  auto peer = relayed_peer();
  peer.report->path.loss = 0.25;
  EXPECT_DOUBLE_EQ(peer_json(peer, LinkState::connected, UnixTime(0s)).at("loss").as_double(),
                   0.25);
  peer.report->path.loss = 0;
  EXPECT_DOUBLE_EQ(peer_json(peer, LinkState::connected, UnixTime(0s)).at("loss").as_double(), 0);
  peer.report->path.path = path::PathKind::connecting;
  EXPECT_TRUE(peer_json(peer, LinkState::connected, UnixTime(0s)).at("loss").is_null());
  peer.report.reset();
  EXPECT_TRUE(peer_json(peer, LinkState::connected, UnixTime(0s)).at("loss").is_null());
}

TEST(StatusJson, OfflineNeedsAServerThatSaysSo) {
  PeerRow absent{PeerId{}, "bob", *IpAddress::parse("10.66.0.2"), false, std::nullopt};
  EXPECT_EQ(peer_json(absent, LinkState::connected, UnixTime(0s)).at("path"), "offline");
  EXPECT_EQ(peer_json(absent, LinkState::reconnecting, UnixTime(0s)).at("path"), "connecting");
  auto reached = relayed_peer();
  reached.online = false;
  EXPECT_EQ(peer_json(reached, LinkState::connected, UnixTime(0s)).at("path"), "relay");
}

TEST(StatusJson, APartyHasEveryPromisedField) {
  PartyRow party;
  party.name = "fun";
  party.peers.push_back(relayed_peer());
  const auto json = status_json(party, UnixTime(12s));
  EXPECT_EQ(keys_of(json), (std::vector<std::string>{"alerts", "host", "id", "interface",
                                                     "key_epoch", "lan_interface", "name", "peers",
                                                     "portmap", "self", "seq", "server"}));
  EXPECT_EQ(keys_of(json.at("server").as_object()), (std::vector<std::string>{"state", "url"}));
  EXPECT_EQ(keys_of(json.at("self").as_object()),
            (std::vector<std::string>{"nick", "note", "udp", "vip"}));
  EXPECT_TRUE(json.at("portmap").is_null());
}

// Also to who is alone in the party.
TEST(StatusJson, SaysWhetherUdpWorks) {
  PartyRow party;
  auto self = status_json(party, UnixTime(0s)).at("self");
  EXPECT_TRUE(self.at("udp").is_null()) << "not known yet";
  EXPECT_TRUE(self.at("note").is_null());
  party.udp = true;
  EXPECT_EQ(status_json(party, UnixTime(0s)).at("self").at("udp"), true);
  party.udp = false;
  party.udp_note = "no answer over UDP from anywhere";
  self = status_json(party, UnixTime(0s)).at("self");
  EXPECT_EQ(self.at("udp"), false);
  EXPECT_EQ(self.at("note"), "no answer over UDP from anywhere");
}

TEST(StatusJson, SaysWhatNobodyWhoTalksToUsCanTell) {
  PartyRow party;
  party.trust_note = waiting_sentence(false, std::nullopt);
  const auto note = [&] { return status_json(party, UnixTime(0s)).at("self").at("note"); };
  EXPECT_EQ(note().as_string(), *party.trust_note);
  party.udp_note = "no answer over UDP from anywhere";
  EXPECT_EQ(note().as_string(), "no answer over UDP from anywhere; " + *party.trust_note);
}

TEST(StatusJson, SaysWhichInterfaceHasTheVirtualIp) {
  PartyRow party;
  party.interface = "lanrage0";
  party.lan_note = "games find nobody by themselves";
  auto json = status_json(party, UnixTime(0s));
  EXPECT_TRUE(json.at("lan_interface").is_null());
  EXPECT_EQ(json.at("self").at("note"), "games find nobody by themselves");
  party.lan_interface = "lan0";
  EXPECT_EQ(status_json(party, UnixTime(0s)).at("lan_interface"), "lan0");
}

TEST(WaitingSentence, SaysWhatItWaitsForAndWhatToDo) {
  const auto has = [](const std::optional<std::string>& sentence, std::string_view words) {
    return sentence && sentence->find(words) != std::string::npos;
  };
  EXPECT_FALSE(waiting_sentence(true, std::nullopt));
  EXPECT_TRUE(has(waiting_sentence(false, std::nullopt), "from the server or another member"));
  for (const bool confirmed : {false, true}) {
    const auto sentence = waiting_sentence(confirmed, "no such address");
    EXPECT_TRUE(has(sentence, "(no such address)"));
    EXPECT_TRUE(has(sentence, "allow IPv6"));
    EXPECT_EQ(has(sentence, "wait until this device has heard from the server who"), !confirmed);
    EXPECT_FALSE(has(sentence, "another member"));
  }
}

TEST(StatusJson, TellsWhatTheServerTried) {
  PartyRow party;
  EXPECT_TRUE(status_json(party, UnixTime(0s)).at("alerts").as_array().empty());
  party.alerts = {{AlertCode::split_view, "another history", UnixTime(10s)},
                  {AlertCode::record_refused, "a false record", UnixTime(11s), UnixTime(12s)}};
  const auto alerts = status_json(party, UnixTime(0s)).at("alerts").as_array();
  ASSERT_EQ(alerts.size(), 2u);
  EXPECT_EQ(keys_of(alerts[0].as_object()),
            (std::vector<std::string>{"code", "message", "since", "until"}));
  EXPECT_EQ(alerts[0].at("code"), "split_view");
  EXPECT_EQ(alerts[0].at("message"), "another history");
  EXPECT_EQ(alerts[0].at("since"), "1970-01-01T00:00:10.000Z");
  EXPECT_TRUE(alerts[0].at("until").is_null());
  EXPECT_EQ(alerts[1].at("until"), "1970-01-01T00:00:12.000Z");
}

TEST(StatusJson, SaysHowARouterForwardsThePort) {
  PartyRow party;
  party.mapping = PortMapping{portmap::Method::nat_pmp, IpAddress::parse("192.168.0.2"), 41'641};
  auto json = portmap_json(party);
  EXPECT_EQ(json.at("method"), "nat_pmp");
  EXPECT_TRUE(json.at("endpoint").is_null()) << "of no use to others";
  party.mapped_endpoint = Endpoint::parse("11.22.33.44:41641");
  EXPECT_EQ(portmap_json(party).at("endpoint"), "11.22.33.44:41641");
}

}  // namespace
}  // namespace lanrage::agent
