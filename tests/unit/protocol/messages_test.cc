#include "protocol/messages.hpp"

#include <gmock/gmock.h>
#include <set>

#include "base/encoding.hpp"
#include "protocol/json_reader.hpp"

namespace lanrage::protocol {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string key_text(std::uint8_t fill = 7) {
  return to_base64(Bytes(32, fill));
}

// The message of the error that reading yields.
template <class Message>
std::string refused(const std::string& json) {
  auto result = parse<Message>(json);
  return result ? "accepted" : result.error().message();
}

std::string peer(const std::string& vip) {
  return R"({"peer_id":")" + PeerId{}.to_string() + R"(","identity":")" + key_text() +
         R"(","nick":"n","vip":)" + vip + R"(,"wireguard_key":")" + key_text() +
         R"(","box_key":")" + key_text() + R"(","joined_seq":1,"online":true})";
}

TEST(Messages, ErrorsNameFieldExpectationAndValue) {
  EXPECT_EQ(
      refused<PeersAnswer>("{\"peers\":[" + peer("\"10.66.0.1\"") + "," + peer("\"x\"") + "]}"),
      "peers[1].vip: expected an IPv4 address, got \"x\"");
  EXPECT_THAT(refused<PeersAnswer>("{\"peers\":[" + peer("\"2001:db8::1\"") + "]}"),
              HasSubstr("peers[0].vip: expected an IPv4 address"));
  EXPECT_EQ(refused<SeqAnswer>("{}"), "seq is missing");
  EXPECT_EQ(refused<SeqAnswer>("[]"), "the document: expected an object, got an array");
  EXPECT_THAT(refused<SeqAnswer>("{\"seq\":\"1\"}"),
              HasSubstr("seq: expected an integer from 0 to 9007199254740991, got \"1\""));
  EXPECT_THAT(refused<HeartbeatRequest>("{\"seq\":null}"), HasSubstr("seq: expected an integer"));
  EXPECT_THAT(refused<UpdatePeerRequest>(R"({"request_id":"r","nat_type":"cone"})"),
              HasSubstr("nat_type: expected one of unknown, open,"));
  EXPECT_THAT(refused<UpdatePeerRequest>(R"({"request_id":"r","public_endpoint":"1.2.3.4"})"),
              HasSubstr("public_endpoint: expected an endpoint such as 203.0.113.9:51820"));
  EXPECT_THAT(refused<ChallengeRequest>(R"({"identity":"AAAA"})"),
              HasSubstr("identity: expected an Ed25519 public key (base64 of 32 bytes)"));
  EXPECT_THAT(refused<ChallengeRequest>("{\"identity\":\"" + std::string(5000, 'A') + "\"}"),
              Not(HasSubstr(std::string(60, 'A'))));  // values are cut
}

TEST(Messages, NumbersAreWholeAndExact) {
  EXPECT_EQ(parse<SeqAnswer>("{\"seq\":9007199254740991}")->seq, 9007199254740991u);
  for (auto bad : {"9007199254740992", "18446744073709551615", "-1", "1.0", "1e2", "true", "\"1\""})
    EXPECT_FALSE(parse<SeqAnswer>("{\"seq\":" + std::string(bad) + "}")) << bad;
}

TEST(Messages, LimitsHold) {
  auto with_record = [](std::size_t size) {
    return R"({"request_id":"r","record":")" + to_base64(Bytes(size, 1)) + "\"}";
  };
  EXPECT_TRUE(parse<LeaveRequest>(with_record(kMaxRecordSize)));
  EXPECT_THAT(refused<LeaveRequest>(with_record(kMaxRecordSize + 1)),
              HasSubstr("record: expected base64 of at most 16384 bytes"));
  EXPECT_FALSE(parse<LeaveRequest>(with_record(0)));
  auto with_id = [](std::size_t size) {
    return "{\"request_id\":\"" + std::string(size, 'r') + "\"}";
  };
  EXPECT_TRUE(parse<ClosePartyRequest>(with_id(64)));
  EXPECT_FALSE(parse<ClosePartyRequest>(with_id(65)));
  EXPECT_FALSE(parse<ClosePartyRequest>(with_id(0)));
  auto resumes = [](std::size_t count) {
    std::string list;
    for (std::size_t i = 0; i < count; ++i)
      list += std::string(i ? "," : "") + R"({"party_id":")" + PartyId{}.to_string() +
              R"(","incarnation":"i","seq":0})";
    return R"({"type":"hello","version":1,"client":"c","resume":[)" + list + "]}";
  };
  EXPECT_TRUE(ws::parse_client_message(resumes(kMaxResumes)));
  auto many = ws::parse_client_message(resumes(kMaxResumes + 1));
  ASSERT_FALSE(many);
  EXPECT_EQ(many.error().message(), "resume: expected at most 64 elements, got 65");
}

TEST(Messages, TextsHaveNoControlCharacters) {
  for (auto bad : {R"("a\nb")", R"("\u0000")", R"("\u001b[31m")"})
    EXPECT_FALSE(parse<ClosePartyRequest>("{\"request_id\":" + std::string(bad) + "}")) << bad;
  EXPECT_TRUE(parse<ClosePartyRequest>(R"({"request_id":"\u00e9\ud83c\udfae"})"));
}

TEST(Messages, SecretsShowInNoMessage) {
  EXPECT_THAT(refused<RegisterAnswer>(R"({"token":"hush hush","peer_id":"x","expires_at":"y"})"),
              Not(HasSubstr("hush")));
  EXPECT_THAT(refused<CreatePartyRequest>(
                  R"({"request_id":"r","charter":"AA==","roster":"AA==","statement":"AA==",)"
                  R"("boxes":[],"word":"hush\u0007"})"),
              testing::AllOf(HasSubstr("word: expected"), Not(HasSubstr("hush"))));
}

TEST(Document, RefusesWhatJsonLeavesOpen) {
  auto message = [](std::string_view text) {
    auto document = parse_document(text);
    return document ? std::string("accepted") : document.error().message();
  };
  EXPECT_THAT(message(R"({"a":1,"b":{"a":2},"a":3})"), HasSubstr("\"a\" stands twice"));
  EXPECT_THAT(message(R"({"a":1,"\u0061":3})"), HasSubstr("stands twice"));
  EXPECT_EQ(message(R"({"a":1,"b":{"a":2}})"), "accepted");
  EXPECT_EQ(message(" {} \n"), "accepted");
  EXPECT_THAT(message("{} {}"), HasSubstr("more text after"));
  EXPECT_THAT(message("{\"a\":\"\xC0\x80\"}"), HasSubstr("UTF-8"));
  EXPECT_THAT(message("{\"a\":\"\xED\xA0\x80\"}"), HasSubstr("UTF-8"));
  EXPECT_THAT(message(R"({"a":"\ud83c"})"), HasSubstr("not JSON"));
  EXPECT_THAT(message("{\"a\":1"), HasSubstr("too early"));
  EXPECT_THAT(message(""), HasSubstr("too early"));
  EXPECT_THAT(message("{'a':1}"), HasSubstr("not JSON"));
  EXPECT_THAT(message("{\"a\":1,}"), HasSubstr("not JSON"));
  EXPECT_THAT(message("// c\n{}"), HasSubstr("not JSON"));
  EXPECT_THAT(message("NaN"), HasSubstr("not JSON"));
  EXPECT_EQ(message(std::string(16, '[') + std::string(16, ']')), "accepted");
  EXPECT_THAT(message(std::string(17, '[') + std::string(17, ']')), HasSubstr("deeper than 16"));
  EXPECT_THAT(message(std::string(100'000, '[')), HasSubstr("deeper than 16"));
}

TEST(WebSocketMessages, UnknownTypesAreToldApart) {
  auto unknown = ws::parse_server_message(R"({"type":"of_tomorrow","why":1})");
  ASSERT_FALSE(unknown);
  EXPECT_TRUE(unknown.error().is(Errc::unknown_type));
  EXPECT_TRUE(ws::parse_client_message(R"({"type":"welcome"})").error().is(Errc::unknown_type));
  EXPECT_TRUE(ws::parse_client_message(R"({"seq":1})").error().is(Errc::missing_field));
  EXPECT_TRUE(ws::parse_client_message(R"([1])").error().is(Errc::invalid_field));
  const auto about = ws::mentioned_in(R"({"type":"x","request_id":"r1","party_id":"nonsense"})");
  EXPECT_EQ(about.request_id, "r1");
  EXPECT_FALSE(about.party_id);
  EXPECT_FALSE(ws::mentioned_in("[1").request_id);
  auto bare = ws::parse_client_message(R"({"type":"hello","version":1,"client":"c"})");
  ASSERT_TRUE(bare);
  EXPECT_EQ(std::get<ws::Hello>(*bare), (ws::Hello{1, "c", {}, {}}));
}

TEST(Times, AreRfc3339InUtc) {
  auto time = parse_time("2026-01-31T12:34:56.789Z");
  ASSERT_TRUE(time);
  EXPECT_EQ(format_time(*time), "2026-01-31T12:34:56.789Z");
  EXPECT_EQ(format_time(UnixTime{}), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(parse_time("1970-01-01T00:00:01Z")->time_since_epoch().count(), 1000);
  EXPECT_EQ(parse_time("1970-01-01T00:00:00.5Z")->time_since_epoch().count(), 500);
  EXPECT_EQ(parse_time("1970-01-01T00:00:00.123456789Z")->time_since_epoch().count(), 123);
  EXPECT_TRUE(parse_time("2024-02-29T00:00:00Z"));
  for (auto bad : {"", "2026-01-31", "2026-01-31T12:34:56", "2026-01-31T12:34:56+00:00",
                   "2026-02-29T00:00:00Z", "2026-13-01T00:00:00Z", "2026-01-01T24:00:00Z",
                   "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00,5Z", "2026-01-01 00:00:00Z",
                   "-026-01-01T00:00:00Z", "2026-01-01T00:00:00.1234567890Z"})
    EXPECT_FALSE(parse_time(bad)) << bad;
}

TEST(Tokens, AreTakenFromTheHeader) {
  std::string token(32, 'a');
  EXPECT_EQ(BearerToken::from_header("Bearer " + token)->text, token);
  EXPECT_EQ(BearerToken::from_header("bearer " + token)->header(), "Bearer " + token);
  EXPECT_TRUE(BearerToken::from_header(std::nullopt).error().is(Errc::missing_token));
  for (const std::string& bad : std::vector<std::string>{
           "", "Bearer", "Bearer ", "Basic " + token, token, "Bearer short", "Bearer  " + token,
           "Bearer " + token + "=", "Bearer " + std::string(129, 'a')})
    EXPECT_TRUE(BearerToken::from_header(bad).error().is(Errc::malformed_token)) << bad;
}

TEST(Problems, KeepTheirCodeAcrossTheWire) {
  Problem problem = problem_of(Errc::stale_epoch, "sign again", "admission");
  problem.retry_after_s = 3;
  EXPECT_EQ(problem.status, 409);
  Problem back = read_problem(409, to_json(problem));
  EXPECT_EQ(back, problem);
  Error error = error_of(back);
  EXPECT_TRUE(error.is(Errc::stale_epoch));
  EXPECT_EQ(error.message(), "sign again");
  EXPECT_EQ(error.field(), "admission");
  Error later = error_of("moon_phase_wrong", "wait");
  EXPECT_TRUE(later.is(Errc::other_refusal));
  EXPECT_THAT(later.message(), HasSubstr("moon_phase_wrong"));
  Problem foreign = read_problem(502, "<html>Bad gateway</html>");
  EXPECT_EQ(foreign.code, "unexpected_answer");
  EXPECT_EQ(foreign.status, 502);
  EXPECT_THAT(foreign.detail, HasSubstr("502"));
}

TEST(Problems, AreJsonWhateverTheyQuote) {
  const auto path = problem_of(Errc::not_found, "nothing at /\xee\x01");
  const auto back = read_problem(404, to_json(path));
  EXPECT_EQ(back.code, "not_found");
  EXPECT_EQ(back.detail, "nothing at /??");
  EXPECT_EQ(read_problem(404, to_json(problem_of(Errc::not_found, "Größe"))).detail, "Größe");
}

TEST(Problems, EveryCodeHasItsOwnRow) {
  std::set<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(Errc::other_refusal); ++i) {
    auto code = static_cast<Errc>(i);
    EXPECT_TRUE(names.insert(name_of(code)).second) << i;
    EXPECT_TRUE(error_of(problem_of(code, "x")).is(code)) << name_of(code);
    EXPECT_GE(problem_of(code, "x").status, 400);
  }
}

TEST(OpenNonce, CarriesItsTime) {
  UnixTime now(std::chrono::milliseconds(1'700'000'000'123));
  Bytes fresh = open_nonce(ByteArray<16>{}, now);
  EXPECT_EQ(time_of_open_nonce(fresh), now);
  fresh.push_back(0);
  EXPECT_FALSE(time_of_open_nonce(fresh));
  EXPECT_FALSE(time_of_open_nonce(Bytes(24, 0xFF)));
}

}  // namespace
}  // namespace lanrage::protocol
