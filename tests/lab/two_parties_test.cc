// One agent in two parties at a time.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <gtest/gtest.h>

#include "lab_fixture.hpp"

namespace lanrage::lab {
namespace {

using TwoParties = LabTest;

TEST_F(TwoParties, NoTunnelIsOfferedAWayThroughTheOther) {
  Server& server = add_server();
  Player& alice = add_player("alice", NatKind::open);
  alice.create(server, "one");
  const CliResult second =
      alice.cli({"create", "two", "--server", server.url(), "--pin", server.pin(), "--word",
                 server.word(), "--prefix", "10.77.0.0/16"});
  ASSERT_EQ(second.status, 0) << second.err;
  const CliResult status = alice.cli({"status"});
  ASSERT_EQ(status.status, 0) << status.err;
  ASSERT_EQ(status.json.at("parties").as_array().size(), 2u);
  EXPECT_EQ(status.json.at("parties").at(0).at("lan_interface"), "lan0");
  EXPECT_EQ(status.json.at("parties").at(1).at("lan_interface"), "lan1");
  const auto& endpoints = status.json.at("self").at("endpoints").as_array();
  EXPECT_FALSE(endpoints.empty());
  for (const auto& endpoint : endpoints) {
    const std::string_view text = endpoint.as_string();
    EXPECT_FALSE(text.starts_with("10.66.") || text.starts_with("10.77.")) << text;
  }
}

}  // namespace
}  // namespace lanrage::lab
