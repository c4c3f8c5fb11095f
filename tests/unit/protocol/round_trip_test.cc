// Every message with random content survives writing and reading, and nothing shorter, wrong or
// double passes for it.
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/pfr.hpp>
#include <gmock/gmock.h>

#include "base/random.hpp"
#include "protocol/messages.hpp"

namespace lanrage::protocol {
namespace {

// Fills any message, member by member.
class Filler {
 public:
  explicit Filler(std::uint64_t seed) : random_(seed) {}

  void fill(std::string& out) {
    static constexpr std::array<std::string_view, 5> kPieces{"a", "Z9", "\"\\", "\xC3\xA9",
                                                             "\xF0\x9F\x8E\xAE"};
    out.clear();
    for (auto count = 1 + random_.below(12); count > 0; --count)
      out += kPieces[random_.below(kPieces.size())];
  }
  void fill(Bytes& out) {
    out.resize(1 + random_.below(24));
    random_.fill(out);
  }
  template <std::size_t N>
  void fill(ByteArray<N>& out) {
    random_.fill(out);
  }
  void fill(bool& out) { out = random_.below(2) == 1; }
  void fill(int& out) { out = static_cast<int>(random_.below(1'000'001)); }
  void fill(std::uint64_t& out) { out = random_.u64() >> (11 + random_.below(50)); }
  void fill(UnixTime& out) {
    out = UnixTime(std::chrono::milliseconds(random_.below(253'402'300'800'000)));  // to year 9999
  }
  void fill(IpAddress& out) { out = IpAddress::v4(static_cast<std::uint32_t>(random_.u64())); }
  void fill(Endpoint& out) {
    fill(out.address);
    if (random_.below(2) == 1) {
      auto bytes = random_.array<16>();
      bytes[0] = 0x20;
      out.address = IpAddress::v6(bytes);
    }
    out.port = static_cast<std::uint16_t>(1 + random_.below(65'535));
  }
  void fill(Prefix& out) { out = *Prefix::parse(random_.below(2) ? "10.66.0.0/16" : "10.0.0.0/8"); }
  void fill(NatType& out) { out = static_cast<NatType>(random_.below(6)); }
  void fill(CreatePolicy& out) { out = static_cast<CreatePolicy>(random_.below(3)); }
  void fill(BearerToken& out) {
    out.text.assign(16 + random_.below(113), static_cast<char>('a' + random_.below(26)));
  }
  template <class Tag>
  void fill(Id<Tag>& out) {
    random_.fill(out.bytes);
  }
  void fill(crypto::VerifyKey& out) { random_.fill(out.bytes); }
  void fill(crypto::ExchangeKey& out) { random_.fill(out.bytes); }
  template <class T>
  void fill(std::optional<T>& out) {
    out.reset();
    if (random_.below(2) == 1) fill(out.emplace());
  }
  template <class T>
  void fill(std::vector<T>& out) {
    out.resize(random_.below(4));
    for (T& element : out)
      fill(element);
  }
  template <class T>
    requires std::is_aggregate_v<T>
  void fill(T& out) {
    boost::pfr::for_each_field(out, [this](auto& field) { this->fill(field); });
  }
  void fill(OpenInviteRequest& out) {  // its nonce has one size
    out.nonce.resize(24);
    random_.fill(out.nonce);
    fill(out.signature);
  }

 private:
  SeededRandom random_;
};

template <class Message>
class BodyTest : public testing::Test {};
using Bodies = testing::Types<
    Peer, Party, Relay, RelayGrant, ChallengeRequest, ChallengeAnswer, RegisterRequest,
    RegisterAnswer, CreatePartyRequest, PartyAnswer, OpenInviteRequest, OpenInviteAnswer,
    JoinRequest, GetPartyAnswer, PeersAnswer, UpdatePeerRequest, LeaveRequest, RotateRequest,
    ChangeCharterRequest, EnrollRelayRequest, EnrollRelayAnswer, SeqAnswer, ClosePartyRequest,
    HeartbeatRequest, RelayTokenRequest, AddInviteRequest, AddInviteAnswer, PostSignalRequest,
    SignalsAnswer, RelaysAnswer, HealthAnswer, StatusAnswer, InfoAnswer>;
TYPED_TEST_SUITE(BodyTest, Bodies);

TYPED_TEST(BodyTest, ComesBackAsItWas) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    TypeParam message;
    Filler(seed).fill(message);
    std::string json = to_json(message);
    auto back = parse<TypeParam>(json);
    ASSERT_TRUE(back) << "seed " << seed << ": " << back.error().message() << "\n" << json;
    ASSERT_EQ(*back, message) << "seed " << seed;
    ASSERT_EQ(to_json(*back), json);
  }
}

TYPED_TEST(BodyTest, IgnoresFieldsItDoesNotKnow) {
  TypeParam message;
  Filler(1).fill(message);
  auto object = boost::json::parse(to_json(message)).as_object();
  object["a_later_version"] = boost::json::array{1, "x", nullptr};
  auto back = parse<TypeParam>(boost::json::serialize(object));
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, message);
}

TYPED_TEST(BodyTest, NamesTheFieldThatIsWrong) {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    TypeParam message;
    Filler(seed).fill(message);
    auto whole = boost::json::parse(to_json(message)).as_object();
    for (const auto& [key, value] : whole) {
      std::string name(key);
      for (boost::json::value wrong :
           {boost::json::value(nullptr), boost::json::value(-1.5),
            value.is_array() ? boost::json::value(boost::json::object())
                             : boost::json::value(boost::json::array())}) {
        auto object = whole;
        object[key] = wrong;
        auto back = parse<TypeParam>(boost::json::serialize(object));
        ASSERT_FALSE(back) << name;
        EXPECT_EQ(back.error().code(), "invalid_field");
        EXPECT_EQ(back.error().field(), name);
        EXPECT_THAT(back.error().message(), testing::StartsWith(name + ": expected "));
      }
      auto object = whole;
      object.erase(key);
      auto back = parse<TypeParam>(boost::json::serialize(object));
      if (!back) {
        EXPECT_EQ(back.error().code(), "missing_field");
        EXPECT_EQ(back.error().field(), name);
      }
    }
  }
}

TYPED_TEST(BodyTest, RefusesEveryTruncation) {
  TypeParam message;
  Filler(3).fill(message);
  std::string json = to_json(message);
  for (std::size_t size = 0; size < json.size(); ++size)
    ASSERT_FALSE(parse<TypeParam>(std::string_view(json).substr(0, size))) << size;
}

template <class Variant, std::size_t I = 0, class Check>
void for_each_alternative(Check check) {
  if constexpr (I < std::variant_size_v<Variant>) {
    check(std::in_place_index<I>);
    for_each_alternative<Variant, I + 1>(check);
  }
}

template <class Variant, class Parse>
void round_trip(Parse parse_one) {
  for_each_alternative<Variant>([&]<std::size_t I>(std::in_place_index_t<I>) {
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
      Variant message(std::in_place_index<I>);
      Filler(seed).fill(std::get<I>(message));
      std::string json = ws::to_json(message);
      EXPECT_EQ(json.rfind("{\"type\":\"", 0), 0u) << json;
      auto back = parse_one(json);
      ASSERT_TRUE(back) << back.error().message() << "\n" << json;
      ASSERT_EQ(back->index(), I);
      ASSERT_EQ(*back, message) << "seed " << seed;
    }
  });
}

TEST(WebSocketMessages, ComeBackAsTheyWere) {
  round_trip<ws::ClientMessage>(ws::parse_client_message);
  round_trip<ws::ServerMessage>(ws::parse_server_message);
}

}  // namespace
}  // namespace lanrage::protocol
