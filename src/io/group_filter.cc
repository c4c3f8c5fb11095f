#include "io/group_filter.hpp"

#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include "io/bpf_program.hpp"

namespace lanrage::io {
namespace {

constexpr std::uint32_t kSkfAd = static_cast<std::uint32_t>(SKF_AD_OFF);
constexpr std::uint32_t kUdp = 17;
constexpr std::uint32_t kIpv6Fragment = 44;
constexpr std::uint32_t kWholePacket = 0xffffffff;

}  // namespace

std::vector<sock_filter> sent_to_groups_filter(std::uint32_t broadcast) {
  BpfProgram program;
  program.add(BPF_LD | BPF_W | BPF_ABS, kSkfAd + SKF_AD_PKTTYPE);
  program.jump(BPF_JEQ, PACKET_OUTGOING, "", "drop");
  program.add(BPF_LD | BPF_W | BPF_ABS, kSkfAd + SKF_AD_PROTOCOL);
  program.jump(BPF_JEQ, ETH_P_IPV6, "ipv6", "");
  program.jump(BPF_JEQ, ETH_P_IP, "", "drop");
  program.add(BPF_LD | BPF_B | BPF_ABS, 9);
  program.jump(BPF_JEQ, kUdp, "", "drop");
  program.add(BPF_LD | BPF_W | BPF_ABS, 16);
  program.jump(BPF_JEQ, 0xffffffff, "accept", "");
  program.jump(BPF_JEQ, broadcast, "accept", "");
  program.add(BPF_ALU | BPF_AND | BPF_K, 0xf0000000);
  program.jump(BPF_JEQ, 0xe0000000, "accept", "drop");
  program.label("ipv6");
  program.add(BPF_LD | BPF_B | BPF_ABS, 6);
  program.jump(BPF_JEQ, kUdp, "destination", "");
  program.jump(BPF_JEQ, kIpv6Fragment, "destination", "drop");
  program.label("destination");
  program.add(BPF_LD | BPF_B | BPF_ABS, 24);
  program.jump(BPF_JEQ, 0xff, "accept", "drop");
  program.label("accept");
  program.add(BPF_RET | BPF_K, kWholePacket);
  program.label("drop");
  program.add(BPF_RET | BPF_K, 0);
  return program.take();
}

}  // namespace lanrage::io
