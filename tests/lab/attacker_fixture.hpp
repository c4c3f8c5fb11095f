// Friends in a party whose control server has gone bad, and what must hold whatever it does.
#pragma once

#include <boost/json/array.hpp>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "attacker_server.hpp"
#include "device_watch.hpp"
#include "lab_fixture.hpp"
#include "party/invite_link.hpp"
#include "party/membership.hpp"
#include "support/https.hpp"
#include "support/two_way_traffic.hpp"

namespace lanrage::lab {

inline constexpr Millis kTold{20'000};  // two slow cores run several of these at once

using Records = std::vector<Bytes>;

boost::json::array as_json(const Records& records);
std::string as_json(ByteView bytes);

// Somebody whom no member ever invited, with keys of its own: for whoever the server wants in.
struct Stranger {
  Stranger();
  party::DeviceKeys device;
  crypto::SigningKey signing;  // as a root key, or an invite's
  party::InviteSecret invite;

  crypto::ExchangeKey wireguard() const { return device.wireguard.public_key(); }
};

// Alice hosts; her friends join by way of the attacker, which behaves until a test says otherwise.
class AttackerTest : public LabTest {
 protected:
  struct Friend {
    Player* player;
    Membership membership{};

    const std::string& id() const { return membership.peer_id; }
  };

  AttackerTest();
  // Joins by alice's first invite, unless another is given, and talks with her.
  Friend& befriend(const std::string& nick, const std::string& invite = {});
  // Two of them exchange packets from now on.
  void start_traffic(const Friend& a, const Friend& b);

  // ---- what the genuine server has
  PartyId party_id() const;
  Records log() const;
  party::Ledger ledger() const;
  crypto::ExchangeKey wireguard_of(const Friend& who) const;
  boost::json::object shown(const Friend& who) const;  // as a peer
  // A record of the log: the newest of its type that `who` signed.
  template <class Body>
  Bytes record_of(const Friend& who) const;
  // A new roster by alice's root key, as her agent would make it.
  party::Rotation rotate(const party::RotationOptions& options = {});

  // ---- what the attacker does
  // A message about the party, with `records`.
  boost::json::object message(const std::string& type, const Records& records = {},
                              boost::json::object more = {}) const;
  boost::json::object snapshot_for(const Friend& who, const Records& log) const;
  // The same to everybody given, as the next event.
  void forge(const std::vector<const Friend*>& to, const boost::json::object& message);

  // ---- what must hold
  // Status as JSON and text, and the log, tell it: a sentence with `part`.
  ::testing::AssertionResult told(const Friend& who, const std::string& code,
                                  const std::string& part = {}, Millis limit = kTold) const;
  // It is over, and still shown.
  ::testing::AssertionResult told_as_past(const Friend& who, const std::string& code) const;
  ::testing::AssertionResult told_nothing(const Friend& who) const;
  // No device ever had another peer than members, nor other addresses for them than theirs, and
  // those who exchange packets still do.
  void expect_all_is_well();

  Server& server_ = add_server();
  AttackerServer attacker_{server_};
  Friend alice_{&add_player("alice", NatKind::open)};
  std::vector<std::unique_ptr<Friend>> friends_;
  std::unique_ptr<DeviceWatch> watch_;

 private:
  HttpsReply ask(const std::string& method, const std::string& path,
                 const boost::json::value& body = nullptr) const;
  std::optional<boost::json::object> alert(const Friend& who, const std::string& code) const;

  // Of members, former ones too: what their keys may be used for.
  std::map<crypto::ExchangeKey, DeviceWatch::Allowed> known_;
  std::unique_ptr<TwoWayTraffic> traffic_;
};

template <class Body>
Bytes AttackerTest::record_of(const Friend& who) const {
  Bytes found;
  for (const auto& record : log())
    if (const auto body = party::read_record<Body>(record))
      if (party::peer_id(body->identity).to_string() == who.id()) found = record;
  if (found.empty()) throw LabError("no such record of " + who.player->nick());
  return found;
}

}  // namespace lanrage::lab
