// IP packets on their way out: each input a series of (u8 interface, u8 pause in 10 ms, u16 size,
// packet).
#include <cstdlib>

#include "lan/copier.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lanrage;
  using namespace lanrage::lan;
  const auto segment =
      make_segment({}, {IpAddress::v4(0x0a420000), 16},
                   {.wireguard = {}, .vip = IpAddress::v4(0x0a420001), .underlay = {}}, {}, 1420);
  Instant now{};
  Copier copier(segment, now);
  const auto home = IpAddress::v4(0xc0a80105);
  ByteArray<16> link_local{0xfe, 0x80};
  copier.set_elsewhere(
      {.addresses = {home, IpAddress::v6(link_local)}, .broadcasts = {IpAddress::v4(0xc0a801ff)}});
  ByteReader reader({data, size});
  while (reader.remaining() > 0) {
    const auto interface = reader.u8();
    now += std::chrono::milliseconds(10) * reader.u8();
    const auto packet = reader.counted16();
    if (!reader.ok()) break;
    if (interface == 0) {
      copier.on_sent_here(now, packet);
      continue;
    }
    const auto decision = copier.on_sent(now, interface, packet);
    if (decision.frames.empty() == (decision.verdict == Verdict::copied)) std::abort();
    for (const auto& frame : decision.frames) {
      if (frame.size() > segment.mtu + 14) std::abort();
      const auto copy = parse_udp_packet(ByteView(frame).subspan(14));
      if (!copy) std::abort();
      const auto& self = segment.self;
      if (copy->source != self.vip && copy->source != self.address &&
          copy->source != self.link_local)
        std::abort();
    }
  }
  return 0;
}
