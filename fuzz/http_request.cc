// The input is a script of HTTP requests: every route with the body that belongs there, another, a
// damaged or an arbitrary one; paths and headers likewise. Each is answered once, errors by a
// problem document with a code.
#include "control_harness.hpp"

namespace {

using namespace lanrage;
using namespace lanrage::fuzzing;

constexpr int kMostRequests = 32;

std::string text(ByteReader& script) {
  return std::string(as_text(script.take(std::min<std::size_t>(script.u8(), script.remaining()))));
}

struct Route {
  io::Method method;
  std::string target;
  std::string body;
};

// With what an honest device would send there.
const std::vector<Route>& routes() {
  using enum io::Method;
  const auto& made = Material::get();
  const std::string party = "/parties/" + made.party.to_string();
  const std::string guest = party + "/peers/" + Harness::peer(1).to_string();
  const std::string invite = party + "/invites/" + made.invite.to_string();
  const auto& keys = control_sim::Pool::get().devices[1].keys;
  static const std::vector<Route> kRoutes{
      {post, "/parties", protocol::to_json(made.create)},
      {post, invite + "/open", protocol::to_json(made.open)},
      {post, party + "/join", protocol::to_json(made.join[1])},
      {post, party + "/join", protocol::to_json(made.join[2])},
      {patch, guest, protocol::to_json(made.rename)},
      {post, party + "/invites", protocol::to_json(made.add_invite)},
      {post, party + "/charter", protocol::to_json(made.charter)},
      {post, party + "/rotate", protocol::to_json(made.kick)},
      {post, party + "/log", protocol::to_json(made.hand_back)},
      {del, party + "/peers/" + Harness::peer(2).to_string(), protocol::to_json(made.kick)},
      {del, invite, protocol::to_json(made.kick)},
      {del, guest, protocol::to_json(made.leave)},
      {del, party, protocol::to_json(protocol::ClosePartyRequest{"close"})},
      {get, party, {}},
      {get, party + "?log_from=2", {}},
      {get, party + "/peers", {}},
      {get, guest, {}},
      {post, guest + "/heartbeat", protocol::to_json(protocol::HeartbeatRequest{})},
      {post, party + "/relay-token",
       protocol::to_json(protocol::RelayTokenRequest{keys.identity.public_key()})},
      {post, party + "/signals",
       protocol::to_json(protocol::PostSignalRequest{Harness::peer(1), {1, 2, 3}})},
      {get, party + "/signals?after=0", {}},
      {post, "/auth/challenge",
       protocol::to_json(protocol::ChallengeRequest{keys.identity.public_key()})},
      {post, "/auth/register?peer_id=" + Harness::peer(1).to_string(),
       protocol::to_json(protocol::RegisterRequest{keys.identity.public_key(), Bytes(56), {}})},
      {del, "/auth/token", {}},
      {get, "/relays", {}},
      {post, "/relays", R"({"relay_id":"r","region":"eu","endpoints":[],"stun":[]})"},
      {get, "/", {}},
      {get, "/info", {}},
      {get, "/openapi.json", {}},
      {get, "/health/ready", {}},
  };
  return kRoutes;
}

void add_headers(io::HttpRequest& request, ByteReader& script) {
  const auto who = script.u8();
  if (who % 8 < kDevices)
    request.headers.add("Authorization", Harness::token(who % 8).header());
  else if (who % 8 == 3)
    request.headers.add("authorization", text(script));
  else if (who % 8 == 4)
    request.headers.add("Authorization", "Bearer " + text(script));
  const auto type = script.u8();
  if (type % 8 == 0)
    request.headers.add("Content-Type", text(script));
  else if (type % 8 > 1)
    request.headers.add("Content-Type", "application/json; charset=utf-8");
}

io::HttpRequest next_request(ByteReader& script) {
  const auto& all = routes();
  const auto& route = all[script.u8() % all.size()];
  io::HttpRequest request;
  request.method = route.method;
  request.target = route.target;
  request.body = route.body;
  request.remote = {IpAddress::v4(0x0a000000u + script.u8() % 4), 40'000};
  add_headers(request, script);
  const auto change = script.u8();
  if (change % 8 == 1) damage(request.body, script);
  if (change % 8 == 2) request.body = text(script);
  if (change % 8 == 3) request.body = all[script.u8() % all.size()].body;
  if (change % 8 == 4) damage(request.target, script);
  if (change % 8 == 5) request.target = text(script);
  if (change % 8 == 6) request.method = static_cast<io::Method>(script.u8() % 8);
  return request;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteReader script({data, size});
  Harness harness;
  for (int n = 0; n < kMostRequests && script.remaining() > 0; ++n) {
    harness.request(next_request(script));
    const auto then = script.u8();
    if (then % 4 != 0) harness.run_store(then % 4);
    if (then / 4 % 16 == 1) harness.restart(then % 2 == 0);
  }
  harness.finish();
  return 0;
}
