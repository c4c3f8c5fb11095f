#include "party/digest.hpp"
#include "unit/server/fixture.hpp"

namespace lanrage::server::test {

class Sessions : public ServerFixture {
 protected:
  void SetUp() override {
    start();
    host.emplace(*this);
    host->enroll();
    guest.emplace(*this);
    guest->enroll();
    ASSERT_EQ(host->create().status, 200);
  }
  crypto::Hash digest_of(const Device& device, std::uint64_t seq) {
    return party::digest(device.membership->ledger, seq);
  }

  std::optional<Device> host;
  std::optional<Device> guest;
};

TEST_F(Sessions, AMemberSeesOthersJoinChangeAndLeave) {
  const auto snapshot = host->subscribe();
  EXPECT_EQ(snapshot.party.log.size(), 3u);
  ASSERT_EQ(guest->join(*host).status, 200);
  const auto joined = host->next<ws::PeerJoined>();
  EXPECT_EQ(joined.party_id, *host->party);
  EXPECT_EQ(joined.seq, snapshot.party.seq + 1);
  EXPECT_EQ(joined.peer.peer_id, guest->id());
  EXPECT_EQ(joined.records.size(), 2u) << "admission and statement";

  const protocol::UpdatePeerRequest patch{"p", {}, protocol::NatType::open, {}};
  ASSERT_EQ(guest->call(io::Method::patch, guest->peer_path(), protocol::to_json(patch)).status,
            200);
  const auto updated = host->next<ws::PeerUpdated>();
  EXPECT_EQ(updated.seq, joined.seq + 1);
  EXPECT_EQ(updated.nat_type, protocol::NatType::open);

  ASSERT_EQ(guest->leave().status, 200);
  const auto left = host->next<ws::PeerLeft>();
  EXPECT_EQ(left.seq, updated.seq + 1);
  EXPECT_EQ(left.peer_id, guest->id());
  EXPECT_EQ(left.records.size(), 1u);
}

TEST_F(Sessions, ClosingAPartyReachesItsMembers) {
  ASSERT_EQ(guest->join(*host).status, 200);
  guest->subscribe();
  const auto body = protocol::to_json(protocol::ClosePartyRequest{"close"});
  ASSERT_EQ(host->call(io::Method::del, host->party_path(), body).status, 200);
  EXPECT_EQ(guest->next<ws::PartyClosed>().reason, "host_closed");
}

TEST_F(Sessions, PresenceFollowsTheConnection) {
  ASSERT_EQ(guest->join(*host).status, 200);
  host->subscribe();
  guest->subscribe();
  auto presence = host->next<ws::Presence>();
  EXPECT_EQ(presence.peer_id, guest->id());
  EXPECT_TRUE(presence.online) << "at once";

  guest->disconnect(true);
  presence = host->next<ws::Presence>();
  EXPECT_FALSE(presence.online) << "at once, as it said goodbye";

  guest->subscribe();
  EXPECT_TRUE(host->next<ws::Presence>().online);
  guest->disconnect(false);
  // The server learns of the cut connection through its socket.
  while (host->get("/").as<protocol::HealthAnswer>().connections != 1) {
  }
  EXPECT_TRUE(host->get(guest->peer_path()).as<protocol::Peer>().online) << "in the grace";
  clock.advance(std::chrono::seconds(10));
  server().tick();
  presence = host->next<ws::Presence>();
  EXPECT_EQ(presence.peer_id, guest->id());
  EXPECT_FALSE(presence.online);
  EXPECT_EQ(presence.last_seen, clock.unix_time() - std::chrono::seconds(10));
}

TEST_F(Sessions, AHeartbeatWithoutAConnectionCountsForFiveMinutes) {
  ASSERT_EQ(guest->join(*host).status, 200);
  host->subscribe();
  ASSERT_EQ(guest->call(io::Method::post, guest->peer_path() + "/heartbeat").status, 204);
  EXPECT_TRUE(host->next<ws::Presence>().online);
  clock.advance(std::chrono::minutes(5));
  server().tick();
  EXPECT_FALSE(host->next<ws::Presence>().online);
}

TEST_F(Sessions, HelloComesOnceAndNamesAPartyOnce) {
  const auto before = host->subscribe();
  host->disconnect(true);
  ASSERT_TRUE(host->connect());
  const ws::Resume known{*host->party, "another", before.party.seq};
  host->hello({known, known, known});
  host->next<ws::PartyUpdate>();
  host->next<ws::CaughtUp>();
  host->hello({known});
  // Nothing else in between: no second snapshot.
  EXPECT_EQ(std::get<ws::ErrorMessage>(host->receive()).code, "invalid_field");
  host->send(ws::SendSignal{*host->party, host->id(), {1}, "still open"});
  EXPECT_EQ(host->next<ws::ErrorMessage>().request_id, "still open");
}

TEST_F(Sessions, PresenceIsNoEvent) {
  const auto before = host->get(host->party_path()).as<protocol::GetPartyAnswer>().seq;
  host->subscribe();
  host->disconnect(true);
  ASSERT_EQ(host->call(io::Method::post, host->peer_path() + "/heartbeat").status, 204);
  EXPECT_EQ(host->get(host->party_path()).as<protocol::GetPartyAnswer>().seq, before);
}

TEST_F(Sessions, SignalsReachTheOtherAtOnceOrWaitForIt) {
  ASSERT_EQ(guest->join(*host).status, 200);
  host->subscribe();
  guest->subscribe();
  host->send(ws::SendSignal{*host->party, guest->id(), {1, 2, 3}, "s1"});
  EXPECT_EQ(host->next<ws::Ack>().request_id, "s1");
  const auto signal = guest->next<ws::Signal>();
  EXPECT_EQ(signal.from_peer_id, host->id());
  EXPECT_EQ(signal.signal_data, (Bytes{1, 2, 3}));

  guest->disconnect(true);
  host->send(ws::SendSignal{*host->party, guest->id(), {4}, "s2"});
  EXPECT_EQ(host->next<ws::Ack>().request_id, "s2");
  guest->subscribe();
  EXPECT_EQ(guest->next<ws::Signal>().signal_data, Bytes{4});
  EXPECT_TRUE(
      guest->get(guest->party_path() + "/signals").as<protocol::SignalsAnswer>().signals.empty());
}

TEST_F(Sessions, SignalsStayAmongMembersAndInTheirSize) {
  Device stranger(*this);
  stranger.enroll();
  ASSERT_TRUE(stranger.connect());
  stranger.hello();
  stranger.send(ws::SendSignal{*host->party, host->id(), {1}, "s"});
  const auto refused = stranger.next<ws::ErrorMessage>();
  EXPECT_EQ(refused.code, "unknown_party");
  EXPECT_EQ(refused.request_id, "s");
  stranger.send(ws::Subscribe{*host->party, "r"});
  EXPECT_EQ(stranger.next<ws::ErrorMessage>().code, "unknown_party");

  host->subscribe();
  host->send(ws::SendSignal{*host->party, stranger.id(), {1}, "s"});
  EXPECT_EQ(host->next<ws::ErrorMessage>().code, "unknown_peer");
  host->send(ws::SendSignal{*host->party, host->id(), {1}, "s"});
  EXPECT_EQ(host->next<ws::ErrorMessage>().field, "to_peer_id");
  host->send(ws::SendSignal{*host->party, stranger.id(), Bytes(protocol::kMaxSignalSize + 1), "s"});
  EXPECT_EQ(host->next<ws::ErrorMessage>().code, "invalid_field");
}

TEST_F(Sessions, SignalsThatComeTooFastAreRefused) {
  config.limits.signals_a_peer = {1, 2};
  restart();
  Device sender(*this);
  sender.enroll();
  ASSERT_EQ(sender.create().status, 200);
  Device target(*this);
  target.enroll();
  ASSERT_EQ(target.join(sender).status, 200);
  const auto path = sender.party_path() + "/signals";
  const protocol::PostSignalRequest signal{target.id(), {1}};
  EXPECT_EQ(sender.post(path, signal).status, 204);
  EXPECT_EQ(sender.post(path, signal).status, 204);
  EXPECT_EQ(sender.post(path, signal).code, "rate_limited");
}

TEST_F(Sessions, WhoMissedNothingGetsNoSnapshot) {
  const auto snapshot = host->subscribe();
  host->disconnect(true);
  ASSERT_TRUE(host->connect());
  host->hello({{*host->party, snapshot.incarnation, snapshot.party.seq}});
  EXPECT_EQ(std::get<ws::Welcome>(host->receive()).incarnation, snapshot.incarnation);
  EXPECT_TRUE(std::holds_alternative<ws::Presence>(host->receive()));
  const auto caught_up = std::get<ws::CaughtUp>(host->receive());
  EXPECT_EQ(caught_up.seq, snapshot.party.seq);
  EXPECT_EQ(caught_up.digest, snapshot.party.digest);
}

TEST_F(Sessions, WhoMissedSomethingOrComesFromAnotherStoreGetsTheWholeParty) {
  const auto snapshot = host->subscribe();
  for (const ws::Resume& resume : {ws::Resume{*host->party, snapshot.incarnation, 0},
                                   ws::Resume{*host->party, "another", snapshot.party.seq}}) {
    host->disconnect(true);
    ASSERT_TRUE(host->connect());
    host->hello({resume});
    EXPECT_TRUE(std::holds_alternative<ws::Welcome>(host->receive()));
    EXPECT_EQ(std::get<ws::PartyUpdate>(host->receive()).party.seq, snapshot.party.seq);
    EXPECT_TRUE(std::holds_alternative<ws::CaughtUp>(host->receive()));
  }
}

TEST_F(Sessions, AWrongDigestIsAnsweredByOneSnapshot) {
  const auto seq = host->subscribe().party.seq;
  const auto beat = [&](std::uint64_t at, const crypto::Hash& digest) {
    host->send(ws::Heartbeat{*host->party, host->id(), at, digest});
  };
  // Requests are answered in order: what comes before the ack is all that came.
  const auto snapshots_until_ack = [&] {
    int snapshots = 0;
    host->send(ws::RelayTokenRequest{*host->party, host->keys.identity.public_key(), "mark"});
    for (;;) {
      const auto message = host->receive();
      if (std::holds_alternative<ws::PartyUpdate>(message)) ++snapshots;
      if (std::holds_alternative<ws::RelayToken>(message)) return snapshots;
    }
  };
  beat(seq, digest_of(*host, seq));
  EXPECT_EQ(snapshots_until_ack(), 0);
  beat(seq, crypto::Hash{});
  EXPECT_EQ(snapshots_until_ack(), 1);
  beat(seq, crypto::Hash{});
  EXPECT_EQ(snapshots_until_ack(), 0) << "never in a loop";
  beat(seq - 1, crypto::Hash{});
  EXPECT_EQ(snapshots_until_ack(), 0) << "it hasn't read everything yet";
}

TEST_F(Sessions, NeedsATokenToConnectAndWhileItLasts) {
  Device nobody(*this);
  const auto refused = nobody.connect();
  ASSERT_FALSE(refused);
  EXPECT_TRUE(refused.error().is(io::ClientErrc::upgrade_refused));

  host->subscribe();
  clock.advance(std::chrono::hours(12));
  server().tick();
  Device fresh(*this);
  fresh.keys = host->keys;
  fresh.enroll();
  const auto token = protocol::BearerToken::from_header(fresh.authorization);
  host->send(ws::Auth{*token});
  host->send(ws::RelayTokenRequest{*host->party, host->keys.identity.public_key(), "mark"});
  host->next<ws::RelayToken>();
  clock.advance(std::chrono::hours(13));
  server().tick();
  host->send(ws::RelayTokenRequest{*host->party, host->keys.identity.public_key(), "mark"});
  host->next<ws::RelayToken>();
  clock.advance(std::chrono::hours(12));
  server().tick();
  EXPECT_EQ(host->next<ws::ErrorMessage>().code, "expired_token");
  EXPECT_EQ(std::get<ws::ErrorMessage>(host->receive()).code, "connection_ended");
}

TEST_F(Sessions, SaysWhatIsWrongWithAMessage) {
  ASSERT_TRUE(host->connect());
  host->send(ws::Subscribe{*host->party, {}});
  EXPECT_EQ(host->next<ws::ErrorMessage>().field, "type") << "hello comes first";
  EXPECT_EQ(std::get<ws::ErrorMessage>(host->receive()).code, "connection_ended");

  ASSERT_TRUE(host->connect());
  host->send(ws::Hello{99, "test", {}, {}});
  EXPECT_EQ(host->next<ws::ErrorMessage>().field, "version");

  ASSERT_TRUE(host->connect());
  clock.advance(std::chrono::seconds(11));
  server().tick();
  EXPECT_EQ(host->next<ws::ErrorMessage>().code, "request_timeout");
}

TEST_F(Sessions, AnOldConnectionMakesRoomForANewerOne) {
  config.limits.sessions_a_peer = 1;
  restart();
  Device device(*this);
  device.enroll();
  ASSERT_EQ(device.create().status, 200);
  device.subscribe();
  Device same(*this);
  same.keys = device.keys;
  same.authorization = device.authorization;
  same.party = device.party;
  same.subscribe();
  EXPECT_EQ(device.next<ws::ErrorMessage>().code, "limit_reached");
  EXPECT_TRUE(same.get(device.peer_path()).as<protocol::Peer>().online)
      << "the end of the old connection isn't the end of the new one";
}

TEST_F(Sessions, AStoppingServerMakesNobodyLookGone) {
  ASSERT_EQ(guest->join(*host).status, 200);
  host->subscribe();
  guest->subscribe();
  EXPECT_TRUE(host->next<ws::Presence>().online);
  bool stopped = false;
  server().stop([&] { stopped = true; });
  for (;;) {
    const auto message = host->receive();
    if (std::holds_alternative<ws::ErrorMessage>(message)) break;  // the connection's end
    EXPECT_FALSE(std::holds_alternative<ws::Presence>(message));
  }
  guest->receive();
  while (!stopped)
    ASSERT_NE(io().run_one(), 0u);
}

TEST_F(Sessions, AMemberThatLeftHearsNothingMore) {
  ASSERT_EQ(guest->join(*host).status, 200);
  guest->subscribe();
  ASSERT_EQ(guest->leave().status, 200);
  EXPECT_EQ(guest->next<ws::PeerLeft>().peer_id, guest->id());
  const protocol::UpdatePeerRequest patch{"p", {}, protocol::NatType::open, {}};
  ASSERT_EQ(host->call(io::Method::patch, host->peer_path(), protocol::to_json(patch)).status, 200);
  guest->send(ws::Subscribe{*host->party, {}});
  EXPECT_EQ(std::get<ws::ErrorMessage>(guest->receive()).code, "unknown_party");
}

TEST_F(Sessions, ComesBackAfterARestartWithItsOldToken) {
  const auto before = host->subscribe();
  restart();
  Device again(*this);
  again.keys = host->keys;
  again.authorization = host->authorization;
  again.party = host->party;
  const auto after = again.subscribe();
  EXPECT_EQ(after.incarnation, before.incarnation);
  EXPECT_EQ(after.party.digest, before.party.digest);
}

}  // namespace lanrage::server::test
