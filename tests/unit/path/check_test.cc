#include "path/check.hpp"

#include <gtest/gtest.h>

#include "unit/path/path_fixture.hpp"

namespace lanrage::path {
namespace {

struct Check : testing::Test {
  SeededRandom random{1};
  PeerId a{random.array<16>()};
  PeerId b{random.array<16>()};
  CheckPassword password_of_b = random.array<16>();
  stun::TransactionId id = stun::TransactionId::generate(random);
  Bytes request = make_check(id, b, a, PathState::relay, password_of_b);
  stun::MessageView view = *stun::MessageView::parse(request);
};

TEST_F(Check, RequestNamesBothSidesAndTheState) {
  auto names = check_names(view);
  ASSERT_TRUE(names);
  EXPECT_TRUE(names->to.matches(b));
  EXPECT_TRUE(names->from.matches(a));
  EXPECT_TRUE(check_source(view)->matches(a));
  EXPECT_FALSE(check_source(view)->matches(b));
  EXPECT_EQ(path_state(view), PathState::relay);
  EXPECT_LE(request.size(), stun::kMaxMessageSize);
}

TEST_F(Check, OnlyTheRightPasswordAndPeersAreAuthentic) {
  EXPECT_TRUE(is_authentic_check(view, b, a, password_of_b));
  EXPECT_FALSE(is_authentic_check(view, a, b, password_of_b)) << "reflected";
  EXPECT_FALSE(is_authentic_check(view, b, b, password_of_b));
  EXPECT_FALSE(is_authentic_check(view, b, a, random.array<16>()));
}

TEST_F(Check, ResponseTellsTheSourceUnderTheSamePassword) {
  Bytes bytes = make_check_response(view, at("203.0.113.9:77"), PathState::direct, password_of_b);
  auto response = *stun::MessageView::parse(bytes);
  EXPECT_EQ(response.transaction(), id);
  auto content = read_check_response(response, password_of_b);
  ASSERT_TRUE(content);
  EXPECT_EQ(content->mapped, at("203.0.113.9:77"));
  EXPECT_EQ(content->state, PathState::direct);
  EXPECT_FALSE(read_check_response(response, random.array<16>()));
  EXPECT_FALSE(read_check_response(view, password_of_b)) << "a request is no response";
  EXPECT_LE(bytes.size(), request.size()) << "no amplification";
}

TEST_F(Check, OtherBindingsAreNoChecks) {
  for (const char* name :
       {"", "abc", "aaaaaaaa:aaaaaaa!", "aaaaaaaaaaaaaaaaa", "aaaaaaaa:aaaaaaaaa"}) {
    Bytes bytes = stun::MessageBuilder(stun::Method::binding, stun::Class::request, id)
                      .username(name)
                      .fingerprint();
    EXPECT_FALSE(check_source(*stun::MessageView::parse(bytes))) << name;
  }
  Bytes plain = stun::binding_request(id);
  EXPECT_FALSE(check_source(*stun::MessageView::parse(plain)));
}

TEST_F(Check, AStrangePathStateCountsAsNone) {
  for (const Bytes& value : {Bytes{3}, Bytes{}, Bytes{1, 2}}) {
    Bytes bytes = stun::MessageBuilder(stun::Method::binding, stun::Class::request, id)
                      .attribute(stun::Attribute::path_state, value)
                      .fingerprint();
    EXPECT_EQ(path_state(*stun::MessageView::parse(bytes)), PathState::none);
  }
}

}  // namespace
}  // namespace lanrage::path
