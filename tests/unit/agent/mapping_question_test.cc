// Questions about new flows, against a STUN server on loopback.
#include "agent/mapping_question.hpp"

#include <array>
#include <boost/asio/ip/udp.hpp>
#include <gtest/gtest.h>

#include "io/address.hpp"
#include "stun/responder.hpp"

namespace lanrage::agent {
namespace {

namespace asio = boost::asio;
using Udp = asio::ip::udp;

protocol::Relay relay(std::vector<Endpoint> stun, std::vector<Endpoint> endpoints) {
  protocol::Relay out;
  out.stun = std::move(stun);
  out.endpoints = std::move(endpoints);
  return out;
}

TEST(MappingServer, IsOutsideAndOfIpv4) {
  const auto at = [](const char* text) { return *Endpoint::parse(text); };
  EXPECT_EQ(mapping_server({}), std::nullopt);
  EXPECT_EQ(mapping_server({relay({at("192.168.1.2:3478"), at("[2001:db8::1]:3478")},
                                  {at("127.0.0.1:51820")})}),
            std::nullopt);
  EXPECT_EQ(mapping_server({relay({}, {at("203.0.113.1:51820")}),
                            relay({at("203.0.113.2:3478"), at("203.0.113.2:3479")}, {})}),
            at("203.0.113.2:3478"))
      << "STUN before a relay";
  EXPECT_EQ(mapping_server({relay({}, {at("203.0.113.1:51820")})}), at("203.0.113.1:51820"));
}

class MappingQuestion : public ::testing::Test {
 protected:
  struct Question {
    Bytes bytes;
    Endpoint from;
  };

  Endpoint server() const { return io::from_asio(socket_.local_endpoint()); }
  void ask() {
    ask_mapping(io_, server(), random_, [this](const Endpoint& seen) { answers_.push_back(seen); });
  }
  // What has arrived already, or arrives while the loop runs.
  Question receive() {
    while (socket_.available() == 0)
      if (io_.run_one_for(std::chrono::seconds(10)) == 0) throw std::runtime_error("no question");
    std::array<std::uint8_t, 1500> buffer{};
    Udp::endpoint from;
    const auto size = socket_.receive_from(asio::buffer(buffer), from);
    return {Bytes(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(size)),
            io::from_asio(from)};
  }
  void answer(Udp::socket& by, const Question& question) {
    const auto reply = stun::respond(question.bytes, question.from, {});
    ASSERT_TRUE(reply);
    by.send_to(asio::buffer(reply->bytes), io::to_asio<Udp>(question.from));
  }

  asio::io_context io_;
  SeededRandom random_{1};
  Udp::socket socket_{io_, Udp::endpoint(asio::ip::address_v4::loopback(), 0)};
  std::vector<Endpoint> answers_;
};

TEST_F(MappingQuestion, LeavesAtOnceFromAPortOfItsOwn) {
  ask();
  ask();
  ASSERT_GT(socket_.available(), 0u) << "before the loop runs";
  const Question first = receive();
  const Question second = receive();
  EXPECT_NE(first.from.port, second.from.port);
  answer(socket_, second);
  answer(socket_, first);
  io_.run_for(std::chrono::seconds(10));
  ASSERT_EQ(answers_.size(), 2u);
  EXPECT_NE(std::ranges::find(answers_, first.from), answers_.end());
  EXPECT_NE(std::ranges::find(answers_, second.from), answers_.end());
  EXPECT_TRUE(io_.stopped()) << "nothing is left to wait for";
}

TEST_F(MappingQuestion, IsAskedAgainFromTheSamePort) {
  ask();
  const Question lost = receive();
  const Question again = receive();
  EXPECT_EQ(again.from, lost.from);
  EXPECT_EQ(again.bytes, lost.bytes);
  answer(socket_, again);
  answer(socket_, again);
  io_.run_for(std::chrono::seconds(10));
  EXPECT_EQ(answers_, std::vector{lost.from}) << "once";
}

TEST_F(MappingQuestion, OnlyTheServersAnswerCounts) {
  ask();
  const Question question = receive();
  Udp::socket other(io_, Udp::endpoint(asio::ip::address_v4::loopback(), 0));
  answer(other, question);
  io_.run_for(std::chrono::seconds(10));
  EXPECT_TRUE(answers_.empty());
}

}  // namespace
}  // namespace lanrage::agent
