#include "io/bpf_program.hpp"

#include <linux/if_ether.h>
#include <linux/if_packet.h>

namespace lanrage::io {

void begin_with_sent_udp(BpfProgram& program) {
  constexpr auto kAboutPacket = static_cast<std::uint32_t>(SKF_AD_OFF);
  program.add(BPF_LD | BPF_W | BPF_ABS, kAboutPacket + SKF_AD_PKTTYPE);
  program.jump(BPF_JEQ, PACKET_OUTGOING, "", "drop");
  program.add(BPF_LD | BPF_W | BPF_ABS, kAboutPacket + SKF_AD_PROTOCOL);
  program.jump(BPF_JEQ, ETH_P_IPV6, "ipv6", "");
  program.jump(BPF_JEQ, ETH_P_IP, "", "drop");
  program.add(BPF_LD | BPF_B | BPF_ABS, 9);
  program.jump(BPF_JEQ, kProtocolUdp, "", "drop");
}

void end_with_verdicts(BpfProgram& program) {
  constexpr std::uint32_t kWholePacket = 0xffffffff;
  program.label("accept");
  program.add(BPF_RET | BPF_K, kWholePacket);
  program.label("drop");
  program.add(BPF_RET | BPF_K, 0);
}

}  // namespace lanrage::io
