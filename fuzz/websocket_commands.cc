// The input is a script of three devices' messages, valid, damaged and in any order, between which
// connections break, the store fails and the server is killed.
#include "control_harness.hpp"

namespace {

using namespace lanrage;
using namespace lanrage::fuzzing;
namespace ws = lanrage::protocol::ws;

constexpr int kMostSteps = 96;

std::string message(const Harness& harness, std::size_t device, ByteReader& script) {
  const auto& made = Material::get();
  const std::size_t other = script.u8() % kDevices;
  switch (script.u8() % 14) {
    case 0:
      return ws::to_json(ws::Hello{protocol::kVersion, "fuzz", {}, {}});
    case 1:
      return ws::to_json(ws::Hello{protocol::kVersion,
                                   "fuzz",
                                   {},
                                   {{made.party, harness.incarnation(), script.u8() % 16u}}});
    case 2:
      return ws::to_json(ws::Auth{Harness::token(other)});
    case 3:
      return ws::to_json(ws::Subscribe{made.party, "subscribe"});
    case 4:
      return ws::to_json(ws::RegisterParty{made.create});
    case 5:
      return ws::to_json(ws::JoinParty{made.party, made.join[other == 0 ? device : other]});
    case 6:
      return ws::to_json(ws::LeaveParty{made.party, made.leave});
    case 7:
      return ws::to_json(ws::UpdatePeer{made.party, made.rename});
    case 8: {
      const auto number = script.u8();
      protocol::UpdatePeerRequest request;
      request.request_id = "hints-" + std::to_string(number);
      request.public_endpoint =
          Endpoint{IpAddress::v4(0xcb007101u), static_cast<std::uint16_t>(1'000 + number)};
      return ws::to_json(ws::UpdatePeer{made.party, request});
    }
    case 9:
    case 10: {
      ws::Heartbeat heartbeat{made.party, Harness::peer(device), script.u8() % 16u, {}};
      heartbeat.digest = harness.digest();
      if (script.u8() % 2 != 0) (*heartbeat.digest)[0] ^= 1;
      return ws::to_json(heartbeat);
    }
    case 11: {
      Bytes data(script.u8() % 2 == 0 ? 16 : protocol::kMaxSignalSize);
      return ws::to_json(
          ws::SendSignal{made.party, Harness::peer(other), std::move(data), "signal"});
    }
    case 12:
      return ws::to_json(ws::RelayTokenRequest{made.party, {}, "relay"});
    default:
      return std::string(
          as_text(script.take(std::min<std::size_t>(script.u8(), script.remaining()))));
  }
}

// What only hosts do, and only over HTTP.
void govern(Harness& harness, ByteReader& script) {
  const auto& made = Material::get();
  const std::string path = "/parties/" + made.party.to_string();
  io::HttpRequest request;
  request.method = io::Method::post;
  request.headers.add("Authorization", Harness::token(0).header());
  request.headers.add("Content-Type", "application/json");
  switch (script.u8() % 4) {
    case 0:
      request.target = path + "/invites";
      request.body = protocol::to_json(made.add_invite);
      break;
    case 1:
      request.target = path + "/charter";
      request.body = protocol::to_json(made.charter);
      break;
    case 2:
      request.target = path + "/rotate";
      request.body = protocol::to_json(made.kick);
      break;
    default:
      request.method = io::Method::del;
      request.target = path;
      request.body = protocol::to_json(protocol::ClosePartyRequest{"close"});
      break;
  }
  harness.request(std::move(request));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteReader script({data, size});
  Harness harness;
  for (int step = 0; step < kMostSteps && script.remaining() > 0; ++step) {
    const auto op = script.u8();
    const std::size_t device = (op >> 4) % kDevices;
    switch (op % 16) {
      case 0:
        harness.connect(device);
        break;
      case 1:
        harness.close(device, script.u8() % 2 == 0);
        break;
      case 2:
        harness.read(device, script.u8());
        break;
      case 3:
      case 4:
        harness.run_store(script.u8() % 8);
        break;
      case 5:
        harness.wait(std::chrono::milliseconds(script.u8() * 100));
        break;
      case 6:
        harness.fail_store(static_cast<store::InjectedFailure>(script.u8() % 3));
        break;
      case 7:
        harness.restart(script.u8() % 2 == 0);
        break;
      case 8:
        govern(harness, script);
        break;
      case 9:
        if (script.u8() % 4 == 0)
          harness.bar(device);
        else
          harness.set_wall_clock(std::chrono::hours(script.u8() % 16 - 8));
        break;
      case 10: {
        std::string text = message(harness, device, script);
        damage(text, script);
        harness.say(device, text);
        break;
      }
      default:
        harness.say(device, message(harness, device, script));
    }
  }
  harness.finish();
  return 0;
}
