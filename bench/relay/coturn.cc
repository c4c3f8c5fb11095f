#include "relay/coturn.hpp"

#include <fstream>
#include <stdexcept>

namespace lanrage::bench {
namespace {

constexpr stun::Method kAllocate{0x003};     // RFC 8656 17
constexpr stun::Method kChannelBind{0x009};  // 17
constexpr stun::Attribute kChannelNumber{0x000C};
constexpr stun::Attribute kLifetime{0x000D};
constexpr stun::Attribute kXorPeerAddress{0x0012};
constexpr stun::Attribute kXorRelayedAddress{0x0016};
constexpr stun::Attribute kRequestedTransport{0x0019};
constexpr std::uint32_t kUdp = 17u << 24;
constexpr std::uint16_t kChannel = 0x4000;  // the first; each client has one
constexpr std::uint32_t kLifetimeSeconds = 3600;

// One of each kind can run at a time.
constexpr std::uint16_t kPort = 3478;
constexpr std::uint16_t kOtherPort = 3578;
constexpr std::string_view kRelayPorts = "min-port=10000\nmax-port=39999\n";
constexpr std::string_view kOtherRelayPorts = "min-port=40000\nmax-port=65535\n";

constexpr std::size_t kAtOnce = 64;  // clients whose requests are under way
constexpr auto kResend = std::chrono::milliseconds(250);
constexpr auto kPatience = std::chrono::seconds(30);

// XOR-PEER-ADDRESS and its like, IPv4 (RFC 8489 14.2).
Bytes xored(const Endpoint& endpoint) {
  ByteWriter out;
  out.u8(0).u8(1).u16(static_cast<std::uint16_t>(endpoint.port ^ (stun::kMagicCookie >> 16)));
  out.u32(endpoint.address.v4_value() ^ stun::kMagicCookie);
  return std::move(out).take();
}

Endpoint read_xored(ByteView value) {
  ByteReader in(value);
  in.u16();
  const auto port = static_cast<std::uint16_t>(in.u16() ^ (stun::kMagicCookie >> 16));
  return {IpAddress::v4(in.u32() ^ stun::kMagicCookie), port};
}

Bytes channel_framing() {
  ByteWriter out;
  out.u16(kChannel).u16(kMessageSize);
  return std::move(out).take();
}

}  // namespace

Coturn::Coturn(const Testbed& testbed, const ClientPorts& senders, const ClientPorts& receivers,
               Receiver receiver)
    : senders_(senders),
      receivers_(receivers),
      receiver_(receiver),
      server_{Testbed::relay_address(), receiver == Receiver::allocated ? kPort : kOtherPort} {
  const auto file = directory_.path() / "turnserver.conf";
  const std::string address = server_.address.to_string();
  // Nothing that costs and isn't needed; threads as coturn chooses them.
  std::ofstream(file) << "listening-ip=" << address << "\nrelay-ip=" << address
                      << "\nlistening-port=" << server_.port << "\n"
                      << (server_.port == kPort ? kRelayPorts : kOtherRelayPorts)
                      << "no-auth\nno-cli\nno-tls\nno-dtls\n"
                         "no-tcp\nno-stdout-log\nlog-file=/dev/null\nuserdb="
                      << (directory_.path() / "turndb").string()
                      << "\npidfile=" << (directory_.path() / "pid").string() << "\n";
  process_ = std::make_unique<lab::Process>(
      lab::Argv{std::string(kProgram), "-c", file.string()},
      lab::Process::Options{.netns_fd = testbed.relay().fd(),
                            .log_prefix = directory_.path() / "coturn"});
}

Coturn::~Coturn() {
  process_->stop();
}

void Coturn::allocate(std::size_t pairs) {
  allocate_on(senders_, sender_relays_, pairs);
  if (receiver_ == Receiver::allocated) allocate_on(receivers_, receiver_relays_, pairs);
  while (receiver_relays_.size() < pairs)
    receiver_relays_.push_back(receivers_.endpoint(receiver_relays_.size()));
}

void Coturn::bind_channels() {
  bind_channels_on(senders_, receiver_relays_);
  if (receiver_ == Receiver::allocated) bind_channels_on(receivers_, sender_relays_);
  flows_.clear();
  for (std::size_t i = 0; i < sender_relays_.size(); ++i)
    flows_.push_back({i, server_, {channel_framing(), static_cast<std::uint32_t>(i)}});
}

void Coturn::allocate_on(const ClientPorts& ports, std::vector<Endpoint>& relays,
                         std::size_t clients) {
  const std::size_t first = relays.size();
  relays.resize(clients);
  ask(
      "allocations", ports, first, clients,
      [](std::size_t, const stun::TransactionId& id) {
        return stun::MessageBuilder(kAllocate, stun::Class::request, id)
            .attribute_u32(kRequestedTransport, kUdp)
            .attribute_u32(kLifetime, kLifetimeSeconds)
            .fingerprint();
      },
      [&](std::size_t number, const stun::MessageView& answer) {
        const auto relayed = answer.find(kXorRelayedAddress);
        if (!relayed) throw std::runtime_error("coturn: an allocation without an address");
        relays[number] = read_xored(*relayed);
      });
}

void Coturn::bind_channels_on(const ClientPorts& ports, const std::vector<Endpoint>& peers) {
  ask(
      "channels", ports, 0, peers.size(),
      [&](std::size_t number, const stun::TransactionId& id) {
        return stun::MessageBuilder(kChannelBind, stun::Class::request, id)
            .attribute_u32(kChannelNumber, std::uint32_t{kChannel} << 16)
            .attribute(kXorPeerAddress, xored(peers[number]))
            .fingerprint();
      },
      [](std::size_t, const stun::MessageView&) {});
}

void Coturn::ask(const char* what, const ClientPorts& ports, std::size_t first, std::size_t clients,
                 const Ask& ask, const Take& take) {
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  for (std::size_t begin = first; begin < clients; begin += kAtOnce) {
    const std::size_t end = std::min(begin + kAtOnce, clients);
    std::vector<Bytes> open(end - begin);  // a request each, empty once granted
    for (std::size_t i = begin; i < end; ++i)
      open[i - begin] = ask(i, stun::TransactionId::generate(random_));
    std::size_t granted = 0;
    auto next_send = std::chrono::steady_clock::now();
    while (granted < open.size()) {
      const auto now = std::chrono::steady_clock::now();
      if (now > deadline)
        throw std::runtime_error(std::string("coturn: no end of ") + what + ":\n" +
                                 process_->out() + process_->err());
      if (now >= next_send) {
        for (std::size_t i = begin; i < end; ++i)
          if (!open[i - begin].empty()) ports.send(i, server_, open[i - begin]);
        next_send = now + kResend;
      }
      wait_for_packets(ports, ports, 20);
      ports.receive([&](std::size_t number, const Endpoint&, ByteView bytes) {
        const auto message = stun::MessageView::parse(bytes);
        if (!message || number < begin || number >= end) return;
        Bytes& request = open[number - begin];
        const auto asked = stun::MessageView::parse(request);
        if (!asked || asked->transaction() != message->transaction()) return;
        if (message->message_class() != stun::Class::success)
          throw std::runtime_error(std::string("coturn refuses ") + what);
        take(number, *message);
        request.clear();
        ++granted;
      });
    }
  }
}

}  // namespace lanrage::bench
