// Rotations, kicks, charters and the operator's door, as those see it whom they concern.
#include "unit/server/fixture.hpp"

namespace lanrage::server::test {

namespace {

class Governing : public ServerFixture {
 protected:
  Governing() {
    start();
    for (auto* device : {&host, &guest, &third}) {
      device->emplace(*this);
      (*device)->enroll();
    }
    EXPECT_EQ(host->create().status, 200);
    EXPECT_EQ(guest->join(*host).status, 200);
    EXPECT_EQ(third->join(*host).status, 200);
    catch_up();
  }
  // The host's replica of the log, to sign against.
  void catch_up() {
    const auto log = host->get(host->party_path()).as<protocol::GetPartyAnswer>().party.log;
    ledger.emplace(*party::Ledger::replay(*host->party, log));
  }
  protocol::RotateRequest rotation(const party::RotationOptions& options, const std::string& id) {
    auto built =
        party::build_rotation(random, *ledger, host->made->root, options, clock.unix_time());
    EXPECT_TRUE(built) << built.error().message();
    protocol::RotateRequest request{id, built->roster, {}};
    for (const auto& box : built->boxes)
      request.boxes.push_back({box.recipient, box.box});
    key.emplace(built->key);
    return request;
  }
  Answer kick(const Device& device, const std::string& id = "k") {
    return host->call(io::Method::del, host->party_path() + "/peers/" + device.id().to_string(),
                      protocol::to_json(rotation({{device.id()}, {}}, id)));
  }

  std::optional<Device> host, guest, third;
  std::optional<party::Ledger> ledger;
  std::optional<party::PartyKey> key;
};

}  // namespace

TEST_F(Governing, AKickEndsServiceToThePeerInTheSameStep) {
  host->subscribe();
  guest->subscribe();
  third->subscribe();
  // A signal that waits for the one to be kicked, and one from it.
  guest->disconnect(true);
  const protocol::PostSignalRequest signal{guest->id(), {1}};
  ASSERT_EQ(host->post(host->party_path() + "/signals", signal).status, 204);
  guest->subscribe();

  ASSERT_EQ(kick(*guest).status, 200);
  const auto kicked = guest->next<ws::Kicked>();
  EXPECT_EQ(kicked.peer_id, guest->id());
  EXPECT_EQ(kicked.reason, "kicked");
  EXPECT_EQ(kicked.records.size(), 1u) << "the roster says so, not the server";
  const auto rotated = third->next<ws::KeyRotated>();
  EXPECT_EQ(rotated.removed, std::vector{guest->id()});
  EXPECT_EQ(rotated.key_epoch, 2u);
  ASSERT_TRUE(rotated.box);
  catch_up();
  const auto opened = party::recover_party_key(*ledger, third->keys.box, *rotated.box);
  ASSERT_TRUE(opened) << opened.error().message();
  EXPECT_EQ(opened->commitment(*host->party), key->commitment(*host->party));
  host->next<ws::KeyRotated>();

  // From then on it is a stranger, on the open connection too.
  EXPECT_EQ(guest->get(guest->party_path()).code, "unknown_party");
  guest->send(ws::SendSignal{*guest->party, host->id(), {2}, "s"});
  EXPECT_EQ(guest->next<ws::ErrorMessage>().code, "unknown_party");
  guest->send(ws::Subscribe{*guest->party, "again"});
  EXPECT_EQ(guest->next<ws::ErrorMessage>().code, "unknown_party");
  EXPECT_EQ(host->get(host->party_path()).as<protocol::GetPartyAnswer>().party.peers.size(), 2u);
  // It hears of nothing that happens later.
  ASSERT_EQ(third->leave().status, 200);
  host->next<ws::PeerLeft>();
  guest->send(ws::SendSignal{*guest->party, host->id(), {2}, "fence"});
  EXPECT_EQ(std::get<ws::ErrorMessage>(guest->receive()).request_id, "fence");
}

TEST_F(Governing, WhoWasKickedWhileAwayIsShownTheRosterThatSaysSo) {
  const auto before = guest->subscribe();
  guest->disconnect(true);
  ASSERT_EQ(third->leave().status, 200);
  catch_up();
  ASSERT_EQ(kick(*guest).status, 200);
  catch_up();
  const auto removal = ledger->length();
  ASSERT_EQ(host->post(host->party_path() + "/rotate", rotation({}, "later")).status, 200);

  for (const bool resumes : {true, false}) {
    ASSERT_TRUE(guest->connect());
    std::vector<ws::Resume> known;
    if (resumes) known.push_back({*guest->party, before.incarnation, before.party.seq});
    guest->hello(known);
    guest->next<ws::Welcome>();
    if (!resumes) guest->send(ws::Subscribe{*guest->party, "s"});
    const auto kicked = std::get<ws::Kicked>(guest->receive());
    EXPECT_EQ(kicked.peer_id, guest->id());
    EXPECT_EQ(kicked.seq, before.party.seq + 2);
    EXPECT_EQ(kicked.records.size(), 1u);
    ASSERT_TRUE(kicked.log);
    EXPECT_EQ(kicked.log->size(), removal) << "nothing of what came after";
    EXPECT_EQ(kicked.log->back(), kicked.records[0]);
    const auto shown = party::Ledger::replay(*host->party, *kicked.log);
    ASSERT_TRUE(shown);
    EXPECT_EQ(shown->member(guest->id()), nullptr);
    if (!resumes) EXPECT_EQ(guest->next<ws::ErrorMessage>().code, "unknown_party");
    guest->disconnect(true);
  }
}

TEST_F(Governing, AStrangerIsShownNoRemoval) {
  ASSERT_EQ(kick(*guest).status, 200);
  Device stranger(*this);
  stranger.enroll();
  ASSERT_TRUE(stranger.connect());
  stranger.hello({{*host->party, "guessed", 1}});
  stranger.next<ws::Welcome>();
  EXPECT_EQ(std::get<ws::ErrorMessage>(stranger.receive()).code, "unknown_party");
}

TEST_F(Governing, ARosterThatStillNamesThePeerIsNoKick) {
  auto request = rotation({}, "r");
  const auto answer =
      host->call(io::Method::del, host->party_path() + "/peers/" + guest->id().to_string(),
                 protocol::to_json(request));
  EXPECT_EQ(answer.code, "invalid_field");
  EXPECT_EQ(host->post(host->party_path() + "/rotate", request).status, 200);
}

TEST_F(Governing, AnotherSignatureThanHostsOrDeputysRotatesNothing) {
  auto built = party::build_rotation(random, *ledger, host->made->root, {}, clock.unix_time());
  ASSERT_TRUE(built);
  protocol::RotateRequest request{"r", built->roster, {}};
  request.roster.back() ^= 1;
  EXPECT_EQ(host->post(host->party_path() + "/rotate", request).status, 403);
}

TEST_F(Governing, TwoRotationsAtOnceLetTheSecondRebase) {
  const auto first = rotation({}, "first");
  const auto second = rotation({}, "second");
  ASSERT_EQ(host->post(host->party_path() + "/rotate", first).status, 200);
  EXPECT_EQ(host->post(host->party_path() + "/rotate", second).code, "stale_epoch");
  EXPECT_EQ(host->post(host->party_path() + "/rotate", first).status, 200) << "a repetition";
  catch_up();
  const auto rebased = host->post(host->party_path() + "/rotate", rotation({}, "second-again"));
  EXPECT_EQ(rebased.status, 200) << rebased.body;
}

TEST_F(Governing, ARevokedInviteAdmitsNobody) {
  const auto invite = party::invite_keys(host->made->invite, *host->party).id();
  const std::string path = host->party_path() + "/invites/" + invite.to_string();
  EXPECT_EQ(host->call(io::Method::del, path, protocol::to_json(rotation({}, "x"))).code,
            "invalid_field");
  ASSERT_EQ(
      host->call(io::Method::del, path, protocol::to_json(rotation({{}, {invite}}, "y"))).status,
      200);
  Device late(*this);
  late.enroll();
  EXPECT_EQ(late.open(*host->party, host->made->invite).code, "invite_revoked");
  // Told to its holders alone: another party's looks like any that never was.
  EXPECT_EQ(late.open(PartyId{random.array<16>()}, host->made->invite).code, "unknown_invite");
}

TEST_F(Governing, AnotherCharterMakesDeputiesAndHosts) {
  third->subscribe();
  const auto change = [&](const party::CharterChange& wanted, const std::string& id) {
    auto charter = party::build_charter(*ledger, host->made->root, wanted);
    EXPECT_TRUE(charter) << charter.error().message();
    const auto status =
        host->post(host->party_path() + "/charter", protocol::ChangeCharterRequest{id, *charter})
            .status;
    catch_up();
    return status;
  };
  ASSERT_EQ(change({{}, std::set{guest->id()}}, "deputy"), 200);
  third->next<ws::CharterChanged>();
  // The deputy kicks, with its own signature.
  auto built = party::build_rotation(random, *ledger, guest->keys.identity, {{third->id()}, {}},
                                     clock.unix_time());
  ASSERT_TRUE(built) << built.error().message();
  protocol::RotateRequest request{"k", built->roster, {}};
  for (const auto& box : built->boxes)
    request.boxes.push_back({box.recipient, box.box});
  ASSERT_EQ(guest->post(guest->party_path() + "/rotate", request).status, 200);
  third->next<ws::Kicked>();
  catch_up();
  guest->subscribe();
  ASSERT_EQ(change({guest->id(), std::set<PeerId>{}}, "host"), 200);
  EXPECT_EQ(guest->next<ws::HostChanged>().host_id, guest->id());
  EXPECT_EQ(guest->get(guest->party_path()).as<protocol::GetPartyAnswer>().party.host_id,
            guest->id());
}

TEST_F(Governing, TheOperatorsKickBarsThePeerButItsRecordsStay) {
  host->subscribe();
  guest->subscribe();
  std::optional<Result<void>> barred;
  server().core().kick(*host->party, guest->id(), [&](Result<void> done) { barred = done; });
  while (!barred)
    io().run_one();
  ASSERT_TRUE(*barred) << barred->error().message();
  for (auto* device : {&*host, &*guest}) {
    const auto told = device->next<ws::Kicked>();
    EXPECT_EQ(told.peer_id, guest->id());
    EXPECT_EQ(told.reason, "barred");
    EXPECT_TRUE(told.records.empty());
  }
  EXPECT_EQ(guest->get(guest->party_path()).code, "unknown_party");
  catch_up();
  EXPECT_TRUE(ledger->member(guest->id())) << "no member said that it must go";
  restart();
  EXPECT_EQ(guest->get(guest->party_path()).code, "unknown_party");
  const auto shown = server().core().parties();
  ASSERT_EQ(shown.size(), 1u);
  EXPECT_EQ(std::ranges::count_if(shown[0].peers, [](const auto& peer) { return peer.barred; }), 1);

  std::optional<Result<void>> refused;
  server().core().kick(*host->party, PeerId{{7}}, [&](Result<void> done) { refused = done; });
  while (!refused)
    io().run_one();
  EXPECT_FALSE(*refused);
}

TEST_F(Governing, TheCommandsOfTheWebSocketAreThoseOfRest) {
  Device late(*this);
  late.enroll();
  const auto opened = late.open(*host->party, host->made->invite).as<protocol::OpenInviteAnswer>();
  auto material =
      party::verify_joining_material(*host->party, host->made->invite, opened.log, opened.box);
  ASSERT_TRUE(material);
  ASSERT_TRUE(late.connect());
  late.hello();
  const auto join = late.join_request(*material, host->made->invite, opened.vip, "j");
  late.send(ws::JoinParty{*host->party, join});
  const auto snapshot = late.next<ws::PartyUpdate>();
  EXPECT_EQ(snapshot.party.peers.size(), 4u);
  EXPECT_EQ(late.next<ws::Ack>().request_id, "j");
  // The same request over the other transport is a repetition, not a second join.
  EXPECT_EQ(late.post(host->party_path() + "/join", join).as<protocol::PartyAnswer>().seq,
            snapshot.party.seq);

  late.send(ws::UpdatePeer{*host->party, {"u", {}, protocol::NatType::symmetric, {}}});
  EXPECT_EQ(late.next<ws::PeerUpdated>().nat_type, protocol::NatType::symmetric);
  EXPECT_EQ(late.next<ws::Ack>().seq, snapshot.party.seq + 1);

  late.party = host->party;
  const auto now = late.get(late.party_path()).as<protocol::GetPartyAnswer>().party;
  const auto replica = *party::Ledger::replay(*host->party, now.log);
  late.send(ws::LeaveParty{*host->party, {"l", party::build_leave(replica, late.keys.identity)}});
  EXPECT_EQ(late.next<ws::PeerLeft>().peer_id, late.id());
  EXPECT_EQ(late.next<ws::Ack>().request_id, "l");
  late.send(ws::LeaveParty{*host->party, {"l2", party::build_leave(replica, late.keys.identity)}});
  EXPECT_EQ(late.next<ws::ErrorMessage>().request_id, "l2");

  Device founder(*this);
  founder.enroll();
  ASSERT_TRUE(founder.connect());
  founder.hello();
  founder.send(ws::RegisterParty{founder.create_request("c")});
  EXPECT_EQ(founder.next<ws::PartyUpdate>().party.id, *founder.party);
  EXPECT_EQ(founder.next<ws::Ack>().seq, 1u);
}

TEST_F(Governing, ARevokedTokenEndsItsConnectionAtOnce) {
  guest->subscribe();
  ASSERT_EQ(guest->call(io::Method::del, "/auth/token").status, 204);
  EXPECT_EQ(guest->next<ws::ErrorMessage>().code, "expired_token");
}

TEST_F(Governing, APartyThatNobodyUsesExpires) {
  host->subscribe();
  clock.advance(config.limits.party_unused_for + std::chrono::hours(1));
  server().tick();
  EXPECT_EQ(server().core().parties().size(), 1u) << "somebody is there";
  host->disconnect(true);
  while (host->get("/").as<protocol::HealthAnswer>().connections != 0) {
  }
  clock.advance(config.limits.party_unused_for + std::chrono::hours(1));
  server().tick();
  while (!server().core().parties().empty())
    io().run_one();
}

TEST_F(Governing, NeitherAWrongClockNorAnAbsentServerEndsAParty) {
  const auto ahead = config.limits.party_unused_for + std::chrono::hours(1);
  const auto parties_after_cleanup = [&] {
    clock.advance(config.limits.cleanup_interval);
    server().tick();
    EXPECT_EQ(host->get("/health/live").status, 200);  // whatever was begun is done
    return server().core().parties().size();
  };
  clock.advance(config.limits.party_expiry_wait);  // started long ago
  EXPECT_EQ(parties_after_cleanup(), 1u);
  clock.set_by(ahead);
  EXPECT_EQ(parties_after_cleanup(), 1u);
  restart();
  EXPECT_EQ(parties_after_cleanup(), 1u);
  clock.advance(config.limits.party_expiry_wait);
  server().tick();
  while (!server().core().parties().empty())
    io().run_one();
}

}  // namespace lanrage::server::test
