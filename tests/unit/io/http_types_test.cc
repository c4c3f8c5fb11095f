#include "io/http_types.hpp"

#include <gtest/gtest.h>

namespace lanrage::io {
namespace {

using Parts = std::vector<std::string>;

TEST(HttpTypesTest, TakesATargetApart) {
  HttpRequest request;
  request.target = "/parties/a%2Fb/peers?after=3&x&name=J%C3%B6rg&bad=%4";
  EXPECT_EQ(request.path(), "/parties/a%2Fb/peers");
  EXPECT_EQ(request.segments(), (Parts{"parties", "a/b", "peers"}));
  EXPECT_EQ(request.query("after"), "3");
  EXPECT_EQ(request.query("x"), "");
  EXPECT_EQ(request.query("name"), "J\xC3\xB6rg");
  EXPECT_EQ(request.query("bad"), std::nullopt);
  EXPECT_EQ(request.query("none"), std::nullopt);
  request.target = "/";
  EXPECT_EQ(request.segments(), Parts{});
  request.target = "/a/";
  EXPECT_EQ(request.segments(), Parts{"a"});
  request.target = "//a";
  EXPECT_EQ(request.segments(), (Parts{"", "a"}));
  request.target = "/%zz";
  EXPECT_EQ(request.segments(), std::nullopt);
}

TEST(HttpTypesTest, FindsHeadersInEitherCase) {
  Headers headers;
  headers.add("Content-Type", "a");
  headers.add("content-type", "b");
  EXPECT_EQ(headers.find("CONTENT-TYPE"), "a");
  EXPECT_EQ(headers.find("Content"), std::nullopt);
}

TEST(HttpTypesTest, AProblemSaysWhenToRetry) {
  protocol::Problem problem = protocol::problem_of(protocol::Errc::rate_limited, "slow down");
  problem.retry_after_s = 7;
  auto response = HttpResponse::problem(problem);
  EXPECT_EQ(response.status, 429);
  EXPECT_EQ(response.content_type, "application/problem+json");
  EXPECT_EQ(response.headers.find("Retry-After"), "7");
}

}  // namespace
}  // namespace lanrage::io
