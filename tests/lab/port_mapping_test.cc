// A server at home gets its ports forwarded by the router itself: Debian's miniupnpd, asked by PCP,
// NAT-PMP or UPnP.
#include <gtest/gtest.h>
#include <memory>

#include "lab_fixture.hpp"
#include "mapping_daemon.hpp"
#include "support/https.hpp"
#include "support/udp_probe.hpp"

namespace lanrage::lab {
namespace {

constexpr Millis kMapped{60'000};

const IpAddress kExternal = MappingDaemon::external_address();

class PortMappingLab : public LabTest {
 protected:
  // As its owner starts it: nobody says what its address is.
  void start_server(const Host& host) {
    server_ =
        std::make_unique<Process>(Argv{(bin_dir() / "lanrage-server").string(), "--data-dir",
                                       (directory_.path() / "data").string()},
                                  Process::Options{.netns_fd = host.netns().fd(),
                                                   .log_prefix = directory_.path() / "server"});
    ASSERT_TRUE(server_->wait_for_line("ready ", kMapped)) << server_->err();
  }

  void expect_forwarded(const Router& router, const std::string& method) {
    const auto line = server_->wait_for_line("reachable ", kMapped);
    ASSERT_TRUE(line) << server_->err();
    const std::string url = "url=https://" + kExternal.to_string() + ":8667 pin=";
    EXPECT_NE(line->find(url), std::string::npos) << *line;
    EXPECT_NE(line->find(" word="), std::string::npos) << "now anybody could create parties";
    EXPECT_NE(server_->err().find("event=ports_mapped by=" + method), std::string::npos)
        << server_->err();

    Host& stranger = network_.add_public_host("stranger");
    stranger.netns().ip("route add " + kExternal.to_string() + " via " +
                        router.wan_address().to_string());
    const HttpsClient https(stranger.netns(), {kExternal, 8667});
    const auto info = https.send({.target = "/info"});
    EXPECT_EQ(info.status, 200);
    EXPECT_NE(info.body.find(R"("create_policy":"word")"), std::string::npos) << info.body;
    EXPECT_NE(info.body.find(kExternal.to_string() + ":51820"), std::string::npos) << info.body;
    for (const std::uint16_t port : {std::uint16_t{3478}, std::uint16_t{3479}})
      EXPECT_TRUE(answers_stun(stranger, {kExternal, port})) << port;

    EXPECT_EQ(server_->stop(), 0) << server_->err();
    for (const int port : {8667, 51820, 3478, 3479})
      EXPECT_FALSE(MappingDaemon::forwards(router, static_cast<std::uint16_t>(port)))
          << "the mapping of " << port << " went with the server";
  }

  static bool answers_stun(const Host& from, const Endpoint& to) {
    UdpProbe probe(from.netns());
    std::string request("\x00\x01\x00\x00\x21\x12\xa4\x42", 8);
    request += "transaction!";
    return eventually(Millis(10'000), [&] {
      probe.send(to, request);
      const auto answer = probe.receive(Millis(500));
      return answer && answer->text.size() >= 20 && answer->text[0] == 1;
    });
  }

  std::unique_ptr<Process> server_;

 private:
  TempDir directory_;
};

class PortMappingBy : public PortMappingLab,
                      public ::testing::WithParamInterface<portmap::Method> {};

TEST_P(PortMappingBy, TheServerIsReachedFromTheInternet) {
  Router& router = network_.add_router(NatKind::port_restricted_cone);
  const Host& home = network_.add_host("home", router);
  const MappingDaemon daemon(router, GetParam());
  start_server(home);
  expect_forwarded(router, std::string(portmap::title_of(GetParam())));
  if (HasFailure()) ADD_FAILURE() << daemon.log();
}

INSTANTIATE_TEST_SUITE_P(Methods, PortMappingBy,
                         ::testing::Values(portmap::Method::pcp, portmap::Method::nat_pmp,
                                           portmap::Method::upnp),
                         [](const auto& test) { return std::string(name_of(test.param)); });

TEST_F(PortMappingLab, WithoutSuchARouterTheOperatorIsToldWhatToForward) {
  Router& router = network_.add_router(NatKind::port_restricted_cone);
  const Host& home = network_.add_host("home", router);
  start_server(home);
  EXPECT_TRUE(eventually(kMapped, [&] {
    return server_->err().find("forward TCP 8667, UDP 51820, 3478, 3479 to " +
                               home.address().to_string()) != std::string::npos;
  })) << server_->err();
  EXPECT_EQ(server_->stop(), 0);
}

}  // namespace
}  // namespace lanrage::lab
