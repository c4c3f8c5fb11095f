// What a client that comes back is told, and what happens when the two sides' digests differ.
#include "unit/server/fixture.hpp"

namespace lanrage::server::test {

namespace {

class Resume : public ServerFixture {
 protected:
  Resume() {
    start();
    host.emplace(*this);
    guest.emplace(*this);
    host->enroll();
    guest->enroll();
    EXPECT_EQ(host->create().status, 200);
  }
  // What the host gets after saying what it knows, up to caught_up.
  std::vector<ws::ServerMessage> resume(std::uint64_t seq, const std::string& incarnation) {
    EXPECT_TRUE(host->connect());
    host->hello({{*host->party, incarnation, seq}});
    std::vector<ws::ServerMessage> out;
    for (;;) {
      auto message = host->receive();
      const bool last = std::holds_alternative<ws::CaughtUp>(message) ||
                        std::holds_alternative<ws::ErrorMessage>(message);
      if (!std::holds_alternative<ws::Welcome>(message)) out.push_back(std::move(message));
      if (last) return out;
    }
  }
  double resumed(const std::string& how) {
    const std::string label = "how=\"" + how + "\"} ";
    const std::string text = metrics.text();
    const auto at = text.find(label);
    return at == std::string::npos ? -1 : std::stod(text.substr(at + label.size()));
  }

  std::optional<Device> host;
  std::optional<Device> guest;
};

template <class T>
std::size_t count(const std::vector<ws::ServerMessage>& messages) {
  std::size_t n = 0;
  for (const auto& message : messages)
    n += std::holds_alternative<T>(message) ? 1 : 0;
  return n;
}

}  // namespace

TEST_F(Resume, WhoMissedEventsGetsThemInOrderAndNoSnapshot) {
  const auto before = host->subscribe();
  host->disconnect(true);
  ASSERT_EQ(guest->join(*host).status, 200);
  const protocol::UpdatePeerRequest patch{"p", {}, protocol::NatType::open, {}};
  ASSERT_EQ(guest->call(io::Method::patch, guest->peer_path(), protocol::to_json(patch)).status,
            200);
  ASSERT_EQ(guest->leave().status, 200);

  const auto messages = resume(before.party.seq, before.incarnation);
  ASSERT_EQ(count<ws::PartyUpdate>(messages), 0u);
  ASSERT_GE(messages.size(), 4u);
  const auto& joined = std::get<ws::PeerJoined>(messages[0]);
  EXPECT_EQ(joined.seq, before.party.seq + 1);
  EXPECT_EQ(joined.peer.peer_id, guest->id());
  EXPECT_EQ(joined.peer.wireguard_key, guest->keys.wireguard.public_key())
      << "told though it has left since";
  EXPECT_EQ(joined.records.size(), 2u);
  const auto& updated = std::get<ws::PeerUpdated>(messages[1]);
  EXPECT_EQ(updated.seq, before.party.seq + 2);
  EXPECT_EQ(updated.nat_type, protocol::NatType::open);
  EXPECT_FALSE(updated.nick) << "a patch names what changed";
  EXPECT_EQ(std::get<ws::PeerLeft>(messages[2]).seq, before.party.seq + 3);
  EXPECT_EQ(std::get<ws::CaughtUp>(messages.back()).seq, before.party.seq + 3);
  EXPECT_EQ(resumed("journal"), 1);
  EXPECT_EQ(resumed("snapshot"), 0);
}

TEST_F(Resume, ARestartedServerStillKnowsWhatWasMissed) {
  const auto before = host->subscribe();
  host->disconnect(true);
  ASSERT_EQ(guest->join(*host).status, 200);
  restart();
  const auto messages = resume(before.party.seq, before.incarnation);
  EXPECT_EQ(count<ws::PartyUpdate>(messages), 0u);
  EXPECT_EQ(count<ws::PeerJoined>(messages), 1u);
}

TEST_F(Resume, APartyIsRestoredFromItsSnapshotAndTheEventsBehindIt) {
  kill();
  config.limits.events_a_snapshot = 2;
  config.limits.party.journal_events = 3;
  start();
  const auto before = host->subscribe();
  host->disconnect(true);
  ASSERT_EQ(guest->join(*host).status, 200);
  for (int n = 0; n < 3; ++n) {
    const protocol::UpdatePeerRequest patch{
        "p" + std::to_string(n),
        {},
        {},
        Endpoint{IpAddress::v4(0x08080808u), static_cast<std::uint16_t>(1000 + n)}};
    ASSERT_EQ(guest->call(io::Method::patch, guest->peer_path(), protocol::to_json(patch)).status,
              200);
  }
  const auto as_it_was = host->get(host->party_path()).as<protocol::GetPartyAnswer>();
  restart();
  auto as_it_is = host->get(host->party_path()).as<protocol::GetPartyAnswer>();
  as_it_is.party.peers = as_it_was.party.peers;  // presence differs
  EXPECT_EQ(as_it_is, as_it_was);
  EXPECT_EQ(host->get(guest->peer_path()).as<protocol::Peer>().public_endpoint->port, 1002);

  EXPECT_EQ(count<ws::PartyUpdate>(resume(before.party.seq, before.incarnation)), 1u)
      << "the journal no longer reaches so far";
  host->disconnect(true);
  const auto recent = resume(as_it_was.seq - 2, before.incarnation);
  EXPECT_EQ(count<ws::PartyUpdate>(recent), 0u);
  EXPECT_EQ(count<ws::PeerUpdated>(recent), 2u);
  // And it goes on from there.
  ASSERT_EQ(guest->leave().status, 200);
}

TEST_F(Resume, ADifferentDigestIsAnsweredOnceReportedOnceAndThenLeftAlone) {
  const auto snapshot = host->subscribe();
  const auto heartbeat = [&](const crypto::Hash& digest) {
    host->send(ws::Heartbeat{*host->party, host->id(), snapshot.party.seq, digest});
  };
  const auto divergences = [&] { return metrics.divergences.value(); };
  const crypto::Hash wrong{1, 2, 3};
  heartbeat(wrong);
  EXPECT_EQ(host->next<ws::PartyUpdate>().party.seq, snapshot.party.seq);
  EXPECT_EQ(divergences(), 1u);
  for (int n = 0; n < 3; ++n)
    heartbeat(wrong);
  host->send(ws::SendSignal{*host->party, guest->id(), {1}, "fence"});
  for (bool fenced = false; !fenced;) {
    const auto message = host->receive();
    EXPECT_FALSE(std::holds_alternative<ws::PartyUpdate>(message)) << "it didn't help before";
    fenced = std::holds_alternative<ws::ErrorMessage>(message);
  }
  heartbeat(snapshot.party.digest);
  heartbeat(wrong);
  EXPECT_EQ(host->next<ws::PartyUpdate>().party.seq, snapshot.party.seq)
      << "it agreed meanwhile, so this is a new divergence";
}

TEST_F(Resume, AnOlderDigestIsJudgedByTheJournal) {
  const auto snapshot = host->subscribe();
  ASSERT_EQ(guest->join(*host).status, 200);
  host->next<ws::PeerJoined>();
  host->send(ws::Heartbeat{*host->party, host->id(), snapshot.party.seq, snapshot.party.digest});
  host->send(ws::SendSignal{*host->party, host->id(), {1}, "fence"});
  EXPECT_EQ(host->next<ws::ErrorMessage>().request_id, "fence");
  EXPECT_EQ(metrics.divergences.value(), 0u) << "merely behind";
  host->send(ws::Heartbeat{*host->party, host->id(), snapshot.party.seq, crypto::Hash{9}});
  EXPECT_EQ(host->next<ws::PartyUpdate>().party.seq, snapshot.party.seq + 1);
  EXPECT_EQ(metrics.divergences.value(), 1u);
}

TEST_F(Resume, AJoinersAnswerLeavesOutTheRecordsThatItHas) {
  const auto opened =
      guest->open(*host->party, host->made->invite).as<protocol::OpenInviteAnswer>();
  auto material =
      party::verify_joining_material(*host->party, host->made->invite, opened.log, opened.box);
  ASSERT_TRUE(material);
  auto request = guest->join_request(*material, host->made->invite, opened.vip, "j");
  request.known_records = opened.log.size();
  const auto answer =
      guest->post(host->party_path() + "/join", request).as<protocol::PartyAnswer>();
  EXPECT_EQ(answer.party.log_from, opened.log.size());
  EXPECT_EQ(answer.party.log, (std::vector<Bytes>{request.admission, request.statement}));
  const auto party =
      host->get(host->party_path() + "?log_from=4").as<protocol::GetPartyAnswer>().party;
  EXPECT_EQ(party.log_from, 4u);
  EXPECT_EQ(party.log, (std::vector<Bytes>{request.statement}));
  EXPECT_EQ(host->get(host->party_path() + "?log_from=x").code, "invalid_field");
}

}  // namespace lanrage::server::test
