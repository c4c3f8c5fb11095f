// Any bytes as a control-plane message. What is accepted must survive being written and read again.
// The first byte picks the reader, the rest is the text.
#include <cstdlib>

#include "protocol/messages.hpp"

namespace {

using namespace lanrage;
using namespace lanrage::protocol;

void require(bool held) {
  if (!held) std::abort();
}

template <class Message>
void body(std::string_view text) {
  auto message = parse<Message>(text);
  if (!message) {
    require(!message.error().message().empty());
    require(problem_of(message.error()).status == 400);
    return;
  }
  auto again = parse<Message>(to_json(*message));
  require(again.has_value() && *again == *message);
}

template <class Parse>
void frame(std::string_view text, Parse parse_one) {
  auto message = parse_one(text);
  if (!message) return;
  auto again = parse_one(ws::to_json(*message));
  require(again.has_value() && *again == *message);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::string_view text = as_text(ByteView(data + 1, size - 1));
  switch (data[0] % 12) {
    case 0:
      body<ChallengeRequest>(text);
      break;
    case 1:
      body<RegisterRequest>(text);
      break;
    case 2:
      body<CreatePartyRequest>(text);
      break;
    case 3:
      body<OpenInviteRequest>(text);
      break;
    case 4:
      body<JoinRequest>(text);
      break;
    case 5:
      body<UpdatePeerRequest>(text);
      break;
    case 6:
      body<AddInviteRequest>(text);
      break;
    case 7:
      body<PostSignalRequest>(text);
      break;
    case 8:
      body<PartyAnswer>(text);
      break;
    case 9:
      body<InfoAnswer>(text);
      break;
    case 10:
      frame(text, ws::parse_client_message);
      break;
    case 11:
      frame(text, ws::parse_server_message);
      break;
  }
  read_problem(400, text);
  return 0;
}
