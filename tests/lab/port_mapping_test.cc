// A server at home gets its ports forwarded by the router itself: Debian's miniupnpd, asked by
// NAT-PMP or by UPnP.
#include <fstream>
#include <gtest/gtest.h>
#include <memory>
#include <sstream>

#include "lab_fixture.hpp"
#include "support/https.hpp"
#include "support/udp_probe.hpp"

namespace lanrage::lab {
namespace {

constexpr Millis kMapped{60'000};

// miniupnpd forwards nothing where its own address is private, or one for documentation as the
// lab's are. So the router has this one too.
const IpAddress kExternal = *IpAddress::parse("11.22.33.44");

// miniupnpd on a lab router, with nftables chains of its own.
class MappingDaemon {
 public:
  MappingDaemon(const Router& router, bool nat_pmp) {
    router.netns().ip("addr add " + kExternal.to_string() + "/32 dev wan");
    router.netns().nft(R"(
table inet upnp {
  chain forward { type filter hook forward priority 0; jump UPnP; }
  chain UPnP { }
  chain prerouting { type nat hook prerouting priority -100; jump UPnP-nat; }
  chain UPnP-nat { }
  chain postrouting { type nat hook postrouting priority 100; jump UPnP-post; }
  chain UPnP-post { }
}
)");
    const auto config = directory_.path() / "miniupnpd.conf";
    std::ofstream(config) << "ext_ifname=wan\nlistening_ip=lan\nhttp_port=5000\nipv6_disable=yes\n"
                          << "enable_natpmp=" << (nat_pmp ? "yes" : "no")
                          << "\nenable_upnp=" << (nat_pmp ? "no" : "yes")
                          << "\nsecure_mode=yes\nupnp_table_name=upnp\nupnp_nat_table_name=upnp\n"
                             "upnp_forward_chain=UPnP\nupnp_nat_chain=UPnP-nat\n"
                             "upnp_nat_postrouting_chain=UPnP-post\n"
                             "uuid=014a3ce7-0fb1-4f82-b4ed-81c89dcaa4c5\n"
                             "allow 1024-65535 0.0.0.0/0 1024-65535\next_ip="
                          << kExternal.to_string() << "\n";
    process_ = std::make_unique<Process>(
        Argv{"/usr/sbin/miniupnpd", "-d", "-f", config.string(), "-P",
             (directory_.path() / "pid").string()},
        Process::Options{.netns_fd = router.netns().fd(), .log_prefix = directory_.path() / "igd"});
  }

  std::string log() const { return process_->out() + process_->err(); }

 private:
  TempDir directory_;
  std::unique_ptr<Process> process_;
};

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
    const std::string rules =
        must_run({"nft", "list", "table", "inet", "upnp"}, {.netns_fd = router.netns().fd()});
    for (const char* port : {"8667", "51820", "3478", "3479"})
      EXPECT_EQ(rules.find(port), std::string::npos) << "the mappings went with the server";
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

TEST_F(PortMappingLab, ByNatPmp) {
  Router& router = network_.add_router(NatKind::port_restricted_cone);
  const Host& home = network_.add_host("home", router);
  const MappingDaemon daemon(router, true);
  start_server(home);
  expect_forwarded(router, "NAT-PMP");
  if (HasFailure()) ADD_FAILURE() << daemon.log();
}

TEST_F(PortMappingLab, ByUpnp) {
  Router& router = network_.add_router(NatKind::port_restricted_cone);
  const Host& home = network_.add_host("home", router);
  const MappingDaemon daemon(router, false);
  start_server(home);
  expect_forwarded(router, "UPnP");
  if (HasFailure()) ADD_FAILURE() << daemon.log();
}

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
