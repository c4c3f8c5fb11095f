#include "attacker_fixture.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fstream>
#include <sstream>

#include "base/encoding.hpp"
#include "trust/tunnel_address.hpp"

namespace lanrage::lab {
namespace {

namespace json = boost::json;
using ::testing::AssertionFailure;
using ::testing::AssertionResult;
using ::testing::AssertionSuccess;

constexpr int kRate = 50;           // packets a second each way
constexpr Millis kOneMore{10'000};  // for packets sent after an attack to arrive

template <class T>
T must(Result<T> result, const char* what) {
  if (!result) throw LabError(std::string(what) + ": " + result.error().message());
  return *std::move(result);
}

crypto::SystemRandom& any() {
  static crypto::SystemRandom random;
  return random;
}

Records records_in(const json::value& array) {
  Records out;
  for (const auto& record : array.as_array())
    out.push_back(from_base64(std::string_view(record.as_string())).value_or(Bytes{}));
  return out;
}

json::value file(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return json::parse(text.str());
}

}  // namespace

std::string as_json(ByteView bytes) {
  return to_base64(bytes);
}

json::array as_json(const Records& records) {
  json::array out;
  for (const auto& record : records)
    out.emplace_back(as_json(record));
  return out;
}

Stranger::Stranger()
    : device{crypto::SigningKey::generate(any()), crypto::ExchangeSecret::generate(any()),
             crypto::ExchangeSecret::generate(any())},
      signing(crypto::SigningKey::generate(any())),
      invite(any().array<16>()) {}

AttackerTest::AttackerTest() {
  alice_.membership = alice_.player->create(server_, "game night");
}

AttackerTest::Friend& AttackerTest::befriend(const std::string& nick, const std::string& invite) {
  auto& player = add_player(nick, NatKind::open);
  auto& made = *friends_.emplace_back(std::make_unique<Friend>(&player));
  made.membership = player.join(invite.empty() ? alice_.membership.invite : invite);
  if (!pings(player, alice_.membership.vip)) throw LabError(nick + " doesn't reach alice");
  for (const auto& [id, member] : ledger().members())
    known_[member.wireguard] = {
        Prefix{member.vip, 32}.to_string(),
        Prefix{trust::tunnel_address(party_id(), member.wireguard), 128}.to_string()};
  std::vector<const Player*> watched{alice_.player};
  for (const auto& other : friends_)
    watched.push_back(other->player);
  watch_ = std::make_unique<DeviceWatch>(std::move(watched));
  return made;
}

void AttackerTest::start_traffic(const Friend& a, const Friend& b) {
  ASSERT_TRUE(pings(*a.player, b.membership.vip));
  traffic_ = std::make_unique<TwoWayTraffic>(
      TwoWayTraffic::Side{a.player->host().netns(), a.membership.vip},
      TwoWayTraffic::Side{b.player->host().netns(), b.membership.vip}, kRate);
}

// ---- what the genuine server has

HttpsReply AttackerTest::ask(const std::string& method, const std::string& path,
                             const json::value& body) const {
  const HttpsClient client(server_.host().netns(), {server_.host().address(), 8667});
  auto reply = client.send({.method = method,
                            .target = "/parties/" + alice_.membership.party_id + path,
                            .token = attacker_.token(alice_.id()),
                            .body = body.is_null() ? "" : json::serialize(body)});
  if (reply.status != 200) throw LabError(method + ' ' + path + ": " + reply.body);
  return reply;
}

PartyId AttackerTest::party_id() const {
  return *PartyId::parse(alice_.membership.party_id);
}

Records AttackerTest::log() const {
  return records_in(ask("GET", "").json.at("party").at("log"));
}

party::Ledger AttackerTest::ledger() const {
  return must(party::Ledger::replay(party_id(), log()), "the genuine log");
}

json::object AttackerTest::shown(const Friend& who) const {
  return ask("GET", "/peers/" + who.id()).json.as_object();
}

crypto::ExchangeKey AttackerTest::wireguard_of(const Friend& who) const {
  const auto admission = party::read_record<party::Admission>(record_of<party::Admission>(who));
  return admission->wireguard;
}

party::Rotation AttackerTest::rotate(const party::RotationOptions& options) {
  const auto state = file(alice_.player->state_dir() / "state.json");
  const auto seed = from_base64(
      std::string_view(state.at("parties").as_array().at(0).at("root_seed").as_string()));
  Secret<32> secret;
  std::ranges::copy(*seed, secret.expose_mutable().begin());
  const auto root = crypto::SigningKey::from_seed(secret);
  auto rotation =
      must(party::build_rotation(
               any(), ledger(), root, options,
               std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now())),
           "the rotation");
  json::array boxes;
  for (const auto& box : rotation.boxes)
    boxes.emplace_back(
        json::object{{"recipient", as_json(box.recipient.bytes)}, {"box", as_json(box.box)}});
  ask("POST", "/rotate",
      json::object{{"request_id", to_base32(any().array<16>())},
                   {"roster", as_json(rotation.roster)},
                   {"boxes", std::move(boxes)}});
  return rotation;
}

// ---- what the attacker does

json::object AttackerTest::message(const std::string& type, const Records& records,
                                   json::object more) const {
  json::object out{{"type", type}, {"party_id", alice_.membership.party_id}, {"seq", 0}};
  out["records"] = as_json(records);
  for (auto& [key, value] : more)
    out[key] = std::move(value);
  return out;
}

json::object AttackerTest::snapshot_for(const Friend& who, const Records& log) const {
  const HttpsClient client(server_.host().netns(), {server_.host().address(), 8667});
  const auto answer = client
                          .send({.target = "/parties/" + alice_.membership.party_id,
                                 .token = attacker_.token(who.id())})
                          .json;
  json::object out{{"type", "party_update"},
                   {"party", answer.at("party")},
                   {"incarnation", answer.at("incarnation")}};
  if (const auto* box = answer.as_object().if_contains("box")) out["box"] = *box;
  out["party"].as_object()["log"] = as_json(log);
  return out;
}

void AttackerTest::forge(const std::vector<const Friend*>& to, const json::object& message) {
  for (const auto* who : to)
    ASSERT_TRUE(eventually(kTold, [&] { return attacker_.send_event(who->id(), message); }))
        << who->player->nick() << "'s agent has no connection";
}

// ---- what must hold

std::optional<json::object> AttackerTest::alert(const Friend& who, const std::string& code) const {
  const auto party = who.player->party();
  if (!party) return std::nullopt;
  for (const auto& alert : party->at("alerts").as_array())
    if (alert.at("code").as_string() == code) return alert.as_object();
  return std::nullopt;
}

AssertionResult AttackerTest::told(const Friend& who, const std::string& code,
                                   const std::string& part, Millis limit) const {
  std::string message;
  const auto shown = [&] {
    const auto found = alert(who, code);
    if (found) message = found->at("message").as_string();
    return found && message.find(part) != std::string::npos;
  };
  const auto& nick = who.player->nick();
  if (!eventually(limit, shown, Millis(100)))
    return AssertionFailure() << nick << " isn't told " << code << " with \"" << part
                              << "\"; last: " << message;
  if (const auto text = who.player->cli_text({"status"}).out;
      text.find(message + ".\n") == std::string::npos)
    return AssertionFailure() << nick << " doesn't read that in its status:\n" << text;
  if (who.player->log().find("event=" + code) == std::string::npos)
    return AssertionFailure() << nick << "'s log doesn't have " << code;
  return AssertionSuccess();
}

AssertionResult AttackerTest::told_as_past(const Friend& who, const std::string& code) const {
  const auto over = [&] {
    const auto found = alert(who, code);
    return found && !found->at("until").is_null();
  };
  if (eventually(kTold, over, Millis(100))) return AssertionSuccess();
  return AssertionFailure() << code << " isn't over for " << who.player->nick();
}

AssertionResult AttackerTest::told_nothing(const Friend& who) const {
  const auto party = who.player->party();
  if (party && party->at("alerts").as_array().empty()) return AssertionSuccess();
  return AssertionFailure() << who.player->nick() << " is told "
                            << (party ? json::serialize(party->at("alerts")) : "nothing at all");
}

void AttackerTest::expect_all_is_well() {
  for (const auto* player : watch_->players())
    for (const auto& [key, allowed] : watch_->ever(*player)) {
      const auto member = known_.find(key);
      if (member == known_.end()) {
        ADD_FAILURE() << player->nick() << "'s device had a peer that is no member";
        continue;
      }
      EXPECT_TRUE(std::ranges::includes(member->second, allowed))
          << "addresses that aren't the member's, on " << player->nick();
    }
  if (!traffic_) return;
  EXPECT_TRUE(traffic_->recovery(kOneMore)) << "no traffic any more";
  const auto report = traffic_->stop();
  traffic_.reset();
  EXPECT_LE(report.lost * 20, report.sent) << "traffic among true members suffered";
}

}  // namespace lanrage::lab
