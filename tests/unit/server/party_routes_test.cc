#include "party/digest.hpp"
#include "unit/server/fixture.hpp"

namespace lanrage::server::test {

class PartyRoutes : public ServerFixture {
 protected:
  void SetUp() override {
    start();
    host.emplace(*this);
    host->nick = "host";
    host->enroll();
    guest.emplace(*this);
    guest->nick = "guest";
    guest->enroll();
  }
  // The members as the server tells them.
  std::size_t members() {
    return host->get(host->party_path() + "/peers").as<protocol::PeersAnswer>().peers.size();
  }

  std::optional<Device> host;
  std::optional<Device> guest;
};

TEST_F(PartyRoutes, CreatesOpensJoinsAndShowsAParty) {
  auto request = host->create_request("create-1");
  request.bind_key = crypto::SigningKey::generate(random).public_key();
  request.hints = protocol::Hints{protocol::NatType::symmetric, {}};
  const auto created = host->post("/parties", request).as<protocol::PartyAnswer>();
  EXPECT_EQ(created.party_id, *host->party);
  EXPECT_EQ(created.public_url, server().url());
  ASSERT_TRUE(created.relay);
  EXPECT_EQ(created.relay->expires_at, clock.unix_time() + std::chrono::minutes(10));
  ASSERT_EQ(created.relay->relays.size(), 1u);
  EXPECT_EQ(created.relay->relays[0].endpoints, (std::vector{*Endpoint::parse("203.0.113.10:51820"),
                                                             *Endpoint::parse("127.0.0.1:51820")}));
  ASSERT_EQ(created.party.peers.size(), 1u);
  EXPECT_EQ(created.party.peers[0].nat_type, protocol::NatType::symmetric);

  const auto joined = guest->join(*host).as<protocol::PartyAnswer>();
  EXPECT_EQ(joined.party.name, "LAN night");
  EXPECT_EQ(joined.party.host_id, host->id());
  EXPECT_EQ(joined.party.peers.size(), 2u);
  EXPECT_EQ(joined.seq, created.seq + 1);
  EXPECT_EQ(joined.party.digest, party::digest(guest->membership->ledger, joined.seq));
  EXPECT_FALSE(joined.relay);

  const auto shown = host->get(host->party_path()).as<protocol::GetPartyAnswer>();
  EXPECT_EQ(shown.party, joined.party);
  EXPECT_EQ(shown.incarnation, joined.incarnation);
  const auto peer =
      host->get(host->party_path() + "/peers/" + guest->id().to_string()).as<protocol::Peer>();
  EXPECT_EQ(peer.nick, "guest");
  EXPECT_EQ(peer.wireguard_key, guest->keys.wireguard.public_key());
  EXPECT_EQ(host->get(host->party_path() + "/peers/" + Device(*this).id().to_string()).code,
            "unknown_peer");
}

TEST_F(PartyRoutes, ARepeatedRequestGetsItsFirstAnswerAndChangesNothing) {
  const auto first = host->create("same").as<protocol::PartyAnswer>();
  const auto again = host->create("same").as<protocol::PartyAnswer>();
  EXPECT_EQ(again.seq, first.seq);
  EXPECT_EQ(again.party, first.party);

  protocol::UpdatePeerRequest patch{"patch", {}, protocol::NatType::open, {}};
  const auto seq = host->call(io::Method::patch, host->peer_path(), protocol::to_json(patch))
                       .as<protocol::SeqAnswer>()
                       .seq;
  EXPECT_EQ(seq, first.seq + 1);
  EXPECT_EQ(host->call(io::Method::patch, host->peer_path(), protocol::to_json(patch))
                .as<protocol::SeqAnswer>()
                .seq,
            seq);
  patch.nat_type = protocol::NatType::symmetric;
  const auto reused = host->call(io::Method::patch, host->peer_path(), protocol::to_json(patch));
  EXPECT_EQ(reused.status, 409);
  EXPECT_EQ(reused.code, "request_id_reused");
  EXPECT_EQ(host->get(host->party_path()).as<protocol::GetPartyAnswer>().seq, seq);
}

TEST_F(PartyRoutes, HintsThatChangeTooOftenAreRefused) {
  config.limits.updates_a_peer = {0.1, 1};
  restart();
  Device device(*this);
  device.enroll();
  ASSERT_EQ(device.create().status, 200);
  protocol::UpdatePeerRequest patch{"one", {}, protocol::NatType::open, {}};
  const auto send = [&] {
    return device.call(io::Method::patch, device.peer_path(), protocol::to_json(patch));
  };
  EXPECT_EQ(send().status, 200);
  patch.request_id = "two";
  patch.nat_type = protocol::NatType::symmetric;
  EXPECT_EQ(send().code, "rate_limited");
  clock.advance(std::chrono::seconds(10));
  EXPECT_EQ(send().status, 200);
}

TEST_F(PartyRoutes, ManyCommandsAtOnceGetSeqsWithoutGaps) {
  ASSERT_EQ(host->create().status, 200);
  constexpr int kDevices = 8;
  std::vector<std::unique_ptr<Device>> devices;
  const auto opened =
      guest->open(*host->party, host->made->invite).as<protocol::OpenInviteAnswer>();
  const auto material =
      party::verify_joining_material(*host->party, host->made->invite, opened.log, opened.box);
  ASSERT_TRUE(material);
  // All sign against the same log and send before any is answered: each has its own connection.
  std::vector<std::unique_ptr<io::HttpClient>> clients;
  std::vector<std::optional<Result<io::HttpResponse>>> answers(kDevices);
  for (int i = 0; i < kDevices; ++i) {
    auto& device = *devices.emplace_back(std::make_unique<Device>(*this));
    device.enroll();
    const auto vip = IpAddress::v4(opened.vip.v4_value() + static_cast<std::uint32_t>(i));
    const auto request = device.join_request(*material, host->made->invite, vip, "join");
    auto& client = *clients.emplace_back(io::HttpClient::make(io(), origin()));
    io::Headers headers;
    headers.add("Authorization", device.authorization);
    headers.add("Content-Type", "application/json");
    boost::asio::co_spawn(io(),
                          client.request(io::Method::post, host->party_path() + "/join", headers,
                                         protocol::to_json(request), std::chrono::seconds(20)),
                          [&answers, i](std::exception_ptr, Result<io::HttpResponse> r) {
                            answers[static_cast<std::size_t>(i)] = std::move(r);
                          });
  }
  std::set<std::uint64_t> seqs;
  for (auto& answer : answers) {
    while (!answer)
      ASSERT_NE(io().run_one(), 0u);
    ASSERT_TRUE(*answer);
    ASSERT_EQ((*answer)->status, 200) << (*answer)->body;
    seqs.insert(protocol::parse<protocol::PartyAnswer>((*answer)->body)->seq);
  }
  EXPECT_EQ(seqs.size(), static_cast<std::size_t>(kDevices));
  EXPECT_EQ(*seqs.rbegin() - *seqs.begin(), static_cast<std::uint64_t>(kDevices - 1));
  EXPECT_EQ(members(), kDevices + 1u);
}

TEST_F(PartyRoutes, AWrongInviteOpensNothing) {
  ASSERT_EQ(host->create().status, 200);
  const auto unknown = guest->open(*host->party, party::InviteSecret(random.array<16>()));
  EXPECT_EQ(unknown.status, 404);
  EXPECT_EQ(unknown.code, "unknown_invite");
  // An unknown party looks the same.
  const auto elsewhere = guest->open(PartyId{random.array<16>()}, host->made->invite);
  EXPECT_EQ(elsewhere.body, unknown.body);

  // The right invite's id, but not its key.
  const auto invite = party::invite_keys(host->made->invite, *host->party);
  protocol::OpenInviteRequest request;
  request.nonce = protocol::open_nonce(random.array<16>(), clock.unix_time());
  request.signature = party::prove_invite(guest->keys.identity,
                                          {*host->party, binding(), guest->id(), request.nonce});
  const auto path = host->party_path() + "/invites/" + invite.id().to_string() + "/open";
  EXPECT_EQ(guest->post(path, request).code, "bad_signature");
  // A proof that another device made.
  request.signature =
      party::prove_invite(invite.signing, {*host->party, binding(), host->id(), request.nonce});
  EXPECT_EQ(guest->post(path, request).code, "bad_signature");
  // A proof of long ago.
  request.nonce =
      protocol::open_nonce(random.array<16>(), clock.unix_time() - std::chrono::minutes(11));
  request.signature =
      party::prove_invite(invite.signing, {*host->party, binding(), guest->id(), request.nonce});
  EXPECT_EQ(guest->post(path, request).code, "expired_nonce");
  EXPECT_EQ(members(), 1u);
}

TEST_F(PartyRoutes, AnAdmissionForAnotherRosterIsStale) {
  ASSERT_EQ(host->create().status, 200);
  const auto opened =
      guest->open(*host->party, host->made->invite).as<protocol::OpenInviteAnswer>();
  const auto material =
      party::verify_joining_material(*host->party, host->made->invite, opened.log, opened.box);
  ASSERT_TRUE(material);
  auto request = guest->join_request(*material, host->made->invite, opened.vip, "join");
  auto admission = party::read_record<party::Admission>(request.admission);
  ASSERT_TRUE(admission);
  admission->roster_hash[0] ^= 1;
  const auto invite = party::invite_keys(host->made->invite, *host->party);
  request.admission =
      party::sign_record(*admission, *host->party, {&invite.signing, &guest->keys.identity});
  const auto refused = guest->post(host->party_path() + "/join", request);
  EXPECT_EQ(refused.status, 409);
  EXPECT_EQ(refused.code, "stale_epoch");
  EXPECT_EQ(members(), 1u);
}

TEST_F(PartyRoutes, SomebodyElsesAdmissionIsRefused) {
  ASSERT_EQ(host->create().status, 200);
  const auto opened =
      guest->open(*host->party, host->made->invite).as<protocol::OpenInviteAnswer>();
  const auto material =
      party::verify_joining_material(*host->party, host->made->invite, opened.log, opened.box);
  ASSERT_TRUE(material);
  Device third(*this);
  third.enroll();
  const auto request = guest->join_request(*material, host->made->invite, opened.vip, "join");
  EXPECT_EQ(third.post(host->party_path() + "/join", request).code, "wrong_actor");
  EXPECT_EQ(members(), 1u);
}

TEST_F(PartyRoutes, WhoIsNoMemberSeesNoDifferenceToAnUnknownParty) {
  ASSERT_EQ(host->create().status, 200);
  const std::string unknown = "/parties/" + PartyId{random.array<16>()}.to_string();
  const auto bind_key = crypto::SigningKey::generate(random).public_key();
  const auto own = "/peers/" + guest->id().to_string();
  const auto ask = [&](const std::string& party) {
    return std::vector<std::string>{
        guest->get(party).body,
        guest->get(party + "/peers").body,
        guest->get(party + "/peers/" + host->id().to_string()).body,
        guest->get(party + "/signals").body,
        guest->post(party + "/relay-token", protocol::RelayTokenRequest{bind_key}).body,
        guest->post(party + "/signals", protocol::PostSignalRequest{host->id(), {1}}).body,
        guest->call(io::Method::post, party + own + "/heartbeat").body,
        guest
            ->call(io::Method::patch, party + own,
                   protocol::to_json(
                       protocol::UpdatePeerRequest{"p", {}, protocol::NatType::open, {}}))
            .body,
        guest->call(io::Method::del, party, protocol::to_json(protocol::ClosePartyRequest{"close"}))
            .body,
    };
  };
  const auto foreign = ask(host->party_path());
  EXPECT_EQ(foreign, ask(unknown));
  for (const auto& body : foreign)
    EXPECT_EQ(protocol::read_problem(404, body).code, "unknown_party") << body;
}

TEST_F(PartyRoutes, ATokenActsForItsOwnPeerOnly) {
  ASSERT_EQ(host->create().status, 200);
  ASSERT_EQ(guest->join(*host).status, 200);
  const auto heartbeat = guest->call(io::Method::post, host->peer_path() + "/heartbeat");
  EXPECT_EQ(heartbeat.status, 403);
  EXPECT_EQ(heartbeat.code, "peer_id_mismatch");
  const protocol::UpdatePeerRequest patch{"p", {}, protocol::NatType::open, {}};
  EXPECT_EQ(guest->call(io::Method::patch, host->peer_path(), protocol::to_json(patch)).code,
            "peer_id_mismatch");
  const protocol::LeaveRequest leave{
      "l", party::build_leave(guest->membership->ledger, guest->keys.identity)};
  EXPECT_EQ(guest->call(io::Method::del, host->peer_path(), protocol::to_json(leave)).code,
            "missing_field")
      << "taking another out needs a roster";
  EXPECT_EQ(members(), 2u);
}

TEST_F(PartyRoutes, LeavingEndsTheMembershipAndCanBeRepeated) {
  ASSERT_EQ(host->create().status, 200);
  ASSERT_EQ(guest->join(*host).status, 200);
  const auto record = party::build_leave(guest->membership->ledger, guest->keys.identity);
  const auto body = protocol::to_json(protocol::LeaveRequest{"leave", record});
  const auto first = guest->call(io::Method::del, guest->peer_path(), body);
  const auto again = guest->call(io::Method::del, guest->peer_path(), body);
  EXPECT_EQ(again.as<protocol::SeqAnswer>(), first.as<protocol::SeqAnswer>());
  EXPECT_EQ(members(), 1u);
  EXPECT_EQ(guest->get(guest->party_path()).code, "unknown_party");
}

TEST_F(PartyRoutes, ADeviceThatComesBackGetsItsAddressAgain) {
  ASSERT_EQ(host->create().status, 200);
  ASSERT_EQ(guest->join(*host).status, 200);
  const auto vip = guest->membership->ledger.member(guest->id())->vip;
  ASSERT_EQ(guest->leave().status, 200);
  Device third(*this);
  third.enroll();
  ASSERT_EQ(third.join(*host).status, 200);
  EXPECT_NE(third.membership->ledger.member(third.id())->vip, vip);
  const auto opened =
      guest->open(*host->party, host->made->invite).as<protocol::OpenInviteAnswer>();
  EXPECT_EQ(opened.vip, vip);
}

TEST_F(PartyRoutes, FurtherInvitesAdmitToo) {
  ASSERT_EQ(host->create().status, 200);
  const auto invite = party::build_invite(random, host->membership->ledger, host->made->key,
                                          host->made->root, {}, clock.unix_time());
  ASSERT_TRUE(invite);
  const protocol::AddInviteRequest request{"invite", invite->record, invite->box.box};
  const auto added = host->post(host->party_path() + "/invites", request);
  EXPECT_EQ(added.as<protocol::AddInviteAnswer>().invite_id, invite->id);
  host->made->invite = invite->secret;
  EXPECT_EQ(guest->join(*host).status, 200);

  // Members without the right to invite can't.
  auto forged = party::read_record<party::Invite>(invite->record);
  ASSERT_TRUE(forged);
  forged->signer = guest->keys.identity.public_key();
  forged->terms.invite_key = crypto::SigningKey::generate(random).public_key();
  forged->terms.invite_box = crypto::ExchangeSecret::generate(random).public_key();
  const protocol::AddInviteRequest theirs{
      "i", party::sign_record(*forged, *host->party, {&guest->keys.identity}), invite->box.box};
  EXPECT_EQ(guest->post(guest->party_path() + "/invites", theirs).code, "wrong_signer");
}

TEST_F(PartyRoutes, OnlyTheHostClosesAParty) {
  ASSERT_EQ(host->create().status, 200);
  ASSERT_EQ(guest->join(*host).status, 200);
  const auto body = protocol::to_json(protocol::ClosePartyRequest{"close"});
  EXPECT_EQ(guest->call(io::Method::del, guest->party_path(), body).code, "not_host");
  EXPECT_EQ(host->call(io::Method::del, host->party_path(), body).status, 200);
  EXPECT_EQ(guest->get(guest->party_path()).code, "unknown_party");
  restart();
  Device after(*this);
  after.authorization = guest->authorization;
  EXPECT_EQ(after.get(host->party_path()).code, "unknown_party");
}

TEST_F(PartyRoutes, EverythingIsBackAfterARestart) {
  ASSERT_EQ(host->create().status, 200);
  const auto before = guest->join(*host).as<protocol::PartyAnswer>();
  ASSERT_EQ(guest->call(io::Method::post, guest->peer_path() + "/heartbeat").status, 204);
  restart();
  Device again(*this);
  again.keys = guest->keys;
  again.authorization = guest->authorization;
  const auto after = again.get(guest->party_path()).as<protocol::GetPartyAnswer>();
  EXPECT_EQ(after.seq, before.seq);
  EXPECT_EQ(after.incarnation, before.incarnation);
  EXPECT_EQ(after.party.log, before.party.log);
  EXPECT_EQ(after.party.digest, before.party.digest);
  EXPECT_EQ(after.party.created_at, before.party.created_at);
  for (const auto& peer : after.party.peers)
    EXPECT_TRUE(peer.online) << "nobody counts as gone because the server was";
  // Idempotence holds over the restart.
  Device host_again(*this);
  host_again.keys = host->keys;
  host_again.authorization = host->authorization;
  EXPECT_EQ(
      host_again.post("/parties", host->create_request("create-1")).as<protocol::PartyAnswer>().seq,
      1u);
}

TEST_F(PartyRoutes, SignalsOverRestWaitAndStayUntilTheyExpire) {
  ASSERT_EQ(host->create().status, 200);
  ASSERT_EQ(guest->join(*host).status, 200);
  const auto path = host->party_path() + "/signals";
  for (std::uint8_t i = 0; i < 10; ++i)
    ASSERT_EQ(host->post(path, protocol::PostSignalRequest{guest->id(), {i}}).status, 204);
  const auto all = guest->get(path).as<protocol::SignalsAnswer>().signals;
  ASSERT_EQ(all.size(), 8u) << "the oldest of one sender go first";
  EXPECT_EQ(all.front().signal_data, Bytes{2});
  EXPECT_EQ(all.front().from_peer_id, host->id());
  const auto later =
      guest->get(path + "?after=" + std::to_string(all[5].n)).as<protocol::SignalsAnswer>().signals;
  EXPECT_EQ(later.size(), 2u);
  EXPECT_EQ(guest->get(path).as<protocol::SignalsAnswer>().signals, all)
      << "reading clears nothing";
  EXPECT_TRUE(host->get(path).as<protocol::SignalsAnswer>().signals.empty());
  EXPECT_EQ(guest->get(path + "?after=x").code, "invalid_field");
  EXPECT_EQ(host->post(path, protocol::PostSignalRequest{Device(*this).id(), {1}}).code,
            "unknown_peer");
  clock.advance(std::chrono::seconds(60));
  EXPECT_TRUE(guest->get(path).as<protocol::SignalsAnswer>().signals.empty());
}

TEST_F(PartyRoutes, AHostMayHaveSoManyParties) {
  config.limits.parties_a_host = 1;
  restart();
  Device device(*this);
  device.enroll();
  ASSERT_EQ(device.create().status, 200);
  device.made.reset();
  EXPECT_EQ(device.create().code, "limit_reached");
}

class CreatePolicy : public ServerFixture {};

TEST_F(CreatePolicy, WithAWordOnlyWhoKnowsItCreates) {
  config.creation.kind = protocol::CreatePolicy::word;
  start();
  Device device(*this);
  device.enroll();
  auto request = device.create_request("create");
  EXPECT_EQ(device.post("/parties", request).code, "wrong_word");
  request.word = "guess";
  for (int i = 0; i < 10; ++i)
    EXPECT_EQ(device.post("/parties", request).code, "wrong_word");
  request.word = config.creation.word;
  EXPECT_EQ(device.post("/parties", request).code, "rate_limited") << "guessing is slow";
  clock.advance(std::chrono::seconds(5));
  EXPECT_EQ(device.post("/parties", request).status, 200);
  EXPECT_EQ(device.get("/info").as<protocol::InfoAnswer>().create_policy,
            protocol::CreatePolicy::word);
}

TEST_F(CreatePolicy, ListedOnlyTheListedCreate) {
  config.creation.kind = protocol::CreatePolicy::listed;
  start();
  Device device(*this);
  device.enroll();
  const auto refused = device.create();
  EXPECT_EQ(refused.code, "forbidden");
  EXPECT_NE(refused.body.find(device.id().to_string()), std::string::npos);
  config.creation.creators = {device.id()};
  restart();
  Device listed(*this);
  listed.keys = device.keys;
  listed.authorization = device.authorization;
  EXPECT_EQ(listed.create().status, 200);
}

}  // namespace lanrage::server::test
