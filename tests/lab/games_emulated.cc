// Games whose client needs a window: the server is the game's own, and we send what the client
// sends, to where it sends it, and take what it takes for an answer.
#include <cstring>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>

#include "base/bytes.hpp"
#include "game_server.hpp"
#include "games.hpp"
#include "io/unique_fd.hpp"
#include "support/udp_socket.hpp"

namespace lanrage::lab {
namespace {

const IpAddress kAny;
const IpAddress kEverybody = IpAddress::v4(0xffffffff);

void allow_broadcast(const UdpSocket& socket) {
  const int on = 1;
  ::setsockopt(socket.fd(), SOL_SOCKET, SO_BROADCAST, &on, sizeof on);
}

// By the default route, as programs do that know nothing of interfaces.
void join(const UdpSocket& socket, const IpAddress& group) {
  ip_mreqn request{};
  request.imr_multiaddr.s_addr = htonl(group.v4_value());
  if (::setsockopt(socket.fd(), IPPROTO_IP, IP_ADD_MEMBERSHIP, &request, sizeof request) != 0)
    throw LabError("join " + group.to_string() + ": " + std::strerror(errno));
}

// Calls `ask` now and whenever `pause` has passed, and `hear` with each datagram until it says that
// it was an answer; who gave it. Nobody within kSearch: nothing.
template <class Ask, class Hear>
std::set<IpAddress> asked(UdpSocket& socket, Ask&& ask, Hear&& hear, Millis pause = kAskAgain) {
  const auto end = Clock::now() + patient(kSearch);
  for (auto now = Clock::now(); now < end; now = Clock::now()) {
    ask();
    const auto again = std::min(end, now + patient(pause));
    while ((now = Clock::now()) < again) {
      const auto got = socket.receive(std::chrono::ceil<Millis>(again - now));
      if (got && hear(*got)) return {got->from.address};
    }
  }
  return {};
}

class BzFlag : public Game {
 public:
  GameFacts facts() const override { return {"BZFlag", "bzfs", "", "bzflag-server"}; }
  void host(const NetNamespace& netns) override {
    server_ = std::make_unique<GameProgram>(netns, Argv{"bzfs"});
    server_->wait_until_listening(netns, Transport::udp, kPort);
  }
  std::set<IpAddress> search(const NetNamespace& netns) override {
    return ask(netns, first_network(netns));
  }
  bool answers(const NetNamespace& netns, const IpAddress& at) override {
    return ask(netns, at).contains(at);
  }

 private:
  static constexpr std::uint16_t kPort = 5154;
  static constexpr std::uint16_t kRequest = 0x0404;  // MsgPingCodeRequest
  static constexpr std::uint16_t kReply = 0x0303;

  // On Linux the client asks the broadcast address of the first interface that has one, and no
  // other; not 255.255.255.255 either.
  static IpAddress first_network(const NetNamespace& netns) {
    return netns.inside([] {
      ifreq interfaces[5]{};
      ifconf list{};
      list.ifc_len = sizeof interfaces;
      list.ifc_req = interfaces;
      const io::UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
      if (::ioctl(socket.get(), SIOCGIFCONF, &list) != 0) return kAny;
      const auto count = static_cast<std::size_t>(list.ifc_len) / sizeof(ifreq);
      for (std::size_t i = 0; i < count; ++i) {
        if (::ioctl(socket.get(), SIOCGIFBRDADDR, &interfaces[i]) != 0) continue;
        sockaddr_in address{};
        std::memcpy(&address, &interfaces[i].ifr_broadaddr, sizeof address);
        const auto out = IpAddress::v4(ntohl(address.sin_addr.s_addr));
        if (!out.is_loopback() && !out.is_unspecified()) return out;
      }
      return kAny;
    });
  }

  static std::set<IpAddress> ask(const NetNamespace& netns, const IpAddress& whom) {
    UdpSocket socket(netns, {kAny, 0});
    allow_broadcast(socket);
    ByteWriter question;
    question.u16(2).u16(kRequest).u16(0);
    return asked(
        socket, [&] { socket.send({whom, kPort}, question.bytes()); },
        [](const UdpSocket::Datagram& got) {
          ByteReader reader(got.payload);
          const auto length = reader.u16();
          return reader.u16() == kReply && reader.ok() && length == reader.remaining();
        });
  }

  std::unique_ptr<GameProgram> server_;
};

class Teeworlds : public Game {
 public:
  GameFacts facts() const override {
    return {"Teeworlds", "teeworlds-server", "", "teeworlds-server"};
  }
  void host(const NetNamespace& netns) override {
    server_ = std::make_unique<GameProgram>(
        netns, Argv{"teeworlds-server", "sv_register 0", "sv_name lanrage"});
    server_->wait_until_listening(netns, Transport::udp, kFirstPort);
  }
  std::set<IpAddress> search(const NetNamespace& netns) override { return ask(netns, kEverybody); }
  bool answers(const NetNamespace& netns, const IpAddress& at) override {
    return ask(netns, at).contains(at);
  }

 private:
  static constexpr std::uint16_t kFirstPort = 8303;
  static constexpr std::uint16_t kLastPort = 8310;
  static constexpr std::uint32_t kNoToken = 0xffffffff;
  static constexpr std::uint32_t kOurToken = 0x4c414e52;
  static constexpr std::uint8_t kControl = 1 << 2;             // flags and acknowledgement
  static constexpr std::uint8_t kConnectionless = 8 << 2 | 1;  // flags and version
  static constexpr std::uint8_t kToken = 5;                    // NET_CTRLMSG_TOKEN
  static constexpr std::size_t kTokenRequest = 512;            // or it isn't answered
  static constexpr std::string_view kGetInfo = "\xff\xff\xff\xffgie3";
  static constexpr std::string_view kInfo = "\xff\xff\xff\xffinf3";

  // A server says nothing of itself before one has said its token, and so all is asked twice.
  static std::set<IpAddress> ask(const NetNamespace& netns, const IpAddress& whom) {
    UdpSocket socket(netns, {kAny, 0});
    allow_broadcast(socket);
    ByteWriter token;
    token.u8(kControl).u8(0).u8(0).u32(kNoToken).u8(kToken).u32(kOurToken);
    token.buffer().resize(7 + 1 + kTokenRequest);
    const auto hear = [&](const UdpSocket::Datagram& got) {
      ByteReader reader(got.payload);
      if (reader.u8() == kControl) {
        reader.take(2);
        if (reader.u32() != kOurToken || reader.u8() != kToken) return false;
        ByteWriter question;
        question.u8(kConnectionless).u32(reader.u32()).u32(kOurToken).raw(as_bytes(kGetInfo)).u8(1);
        if (reader.ok()) socket.send({whom, got.from.port}, question.bytes());
        return false;
      }
      return as_text(got.payload).substr(0, 9 + kInfo.size()).ends_with(kInfo);
    };
    return asked(
        socket,
        [&] {
          for (auto port = kFirstPort; port <= kLastPort; ++port)
            socket.send({whom, port}, token.bytes());
        },
        hear);
  }

  std::unique_ptr<GameProgram> server_;
};

// Asks a group, once, and is answered by it.
class Freeciv : public Game {
 public:
  GameFacts facts() const override { return {"Freeciv", "freeciv-server", "", "freeciv-server"}; }
  void host(const NetNamespace& netns) override {
    server_ = std::make_unique<GameProgram>(netns, Argv{"freeciv-server"});
    server_->wait_until_listening(netns, Transport::udp, kAskPort);
  }
  std::set<IpAddress> search(const NetNamespace& netns) override {
    const IpAddress group = IpAddress::v4(0xe1010101);  // 225.1.1.1
    UdpSocket socket(netns, {kAny, kAskPort + 1});
    join(socket, group);
    UdpSocket question(netns, {kAny, 0});
    return asked(
        socket, [&] { question.send({group, kAskPort}, Bytes{kVersion}); },
        [](const UdpSocket::Datagram& got) {
          return !got.payload.empty() && got.payload[0] == kVersion &&
                 as_text(got.payload).find("Pregame") != std::string_view::npos;
        },
        kSearch);
  }
  bool answers(const NetNamespace& netns, const IpAddress& at) override {
    return accepts_tcp(netns, {at, kGamePort}, kSearch);
  }

 private:
  static constexpr std::uint16_t kAskPort = 4555;
  static constexpr std::uint16_t kGamePort = 5556;
  static constexpr std::uint8_t kVersion = 2;

  std::unique_ptr<GameProgram> server_;
};

// Not in Debian: a world "opened to LAN" announces itself, and nobody is asked.
class Minecraft : public Game {
 public:
  GameFacts facts() const override { return {"Minecraft", "", "", ""}; }
  void host(const NetNamespace& netns) override {
    world_ = std::make_unique<UdpSocket>(netns, Endpoint{kAny, kGamePort});
  }
  std::set<IpAddress> search(const NetNamespace& netns) override {
    UdpSocket socket(netns, {kAny, kPort});
    join(socket, group_);
    return asked(
        socket, [&] { world_->send({group_, kPort}, as_bytes(kWorld)); },
        [](const UdpSocket::Datagram& got) { return as_text(got.payload) == kWorld; });
  }
  bool answers(const NetNamespace& netns, const IpAddress& at) override {
    UdpSocket player(netns, {kAny, 0});
    player.send({at, kGamePort}, as_bytes("here"));
    return world_->receive(kSearch).has_value();
  }

 private:
  static constexpr std::uint16_t kPort = 4445;
  static constexpr std::uint16_t kGamePort = 25565;
  static constexpr std::string_view kWorld = "[MOTD]lanrage[/MOTD][AD]25565[/AD]";

  const IpAddress group_ = IpAddress::v4(0xe000023c);  // 224.0.2.60
  std::unique_ptr<UdpSocket> world_;
};

}  // namespace

std::unique_ptr<Game> teeworlds() {
  return std::make_unique<Teeworlds>();
}

std::unique_ptr<Game> bzflag() {
  return std::make_unique<BzFlag>();
}

std::unique_ptr<Game> freeciv() {
  return std::make_unique<Freeciv>();
}

std::unique_ptr<Game> minecraft() {
  return std::make_unique<Minecraft>();
}

}  // namespace lanrage::lab
