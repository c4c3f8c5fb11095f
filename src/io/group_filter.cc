#include "io/group_filter.hpp"

#include "io/bpf_program.hpp"

namespace lanrage::io {
namespace {

constexpr std::uint32_t kSkfLinkLayer = static_cast<std::uint32_t>(SKF_LL_OFF);
constexpr std::uint32_t kIpv6Fragment = 44;

}  // namespace

std::vector<sock_filter> sent_to_groups_filter() {
  BpfProgram program;
  begin_with_sent_udp(program);
  program.add(BPF_LD | BPF_W | BPF_ABS, 16);
  program.jump(BPF_JEQ, 0xffffffff, "accept", "");
  program.add(BPF_ALU | BPF_AND | BPF_K, 0xf0000000);
  program.jump(BPF_JEQ, 0xe0000000, "accept", "");
  // Networks have their own broadcast addresses, and all of them one MAC, in the header before.
  program.add(BPF_LD | BPF_W | BPF_ABS, kSkfLinkLayer);
  program.jump(BPF_JEQ, 0xffffffff, "accept", "drop");
  program.label("ipv6");
  program.add(BPF_LD | BPF_B | BPF_ABS, 6);
  program.jump(BPF_JEQ, kProtocolUdp, "destination", "");
  program.jump(BPF_JEQ, kIpv6Fragment, "destination", "drop");
  program.label("destination");
  program.add(BPF_LD | BPF_B | BPF_ABS, 24);
  program.jump(BPF_JEQ, 0xff, "accept", "drop");
  end_with_verdicts(program);
  return program.take();
}

}  // namespace lanrage::io
