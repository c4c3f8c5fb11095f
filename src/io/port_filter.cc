#include "io/port_filter.hpp"

#include "io/bpf_program.hpp"

namespace lanrage::io {
namespace {

constexpr std::uint32_t kStunCookie = 0x2112A442;  // RFC 8489 section 5
constexpr std::uint32_t kInitiation = 0x01000000;  // type and reserved bytes, read big-endian
constexpr std::uint32_t kResponse = 0x02000000;
constexpr std::uint32_t kUdpHeader = 8;

// With X at the UDP header. A load beyond the packet's end drops it.
void accept_handshakes(BpfProgram& program) {
  program.add(BPF_LD | BPF_W | BPF_IND, kUdpHeader);
  program.jump(BPF_JEQ, kInitiation, "initiation", "");
  program.jump(BPF_JEQ, kResponse, "", "drop");
  program.add(BPF_LD | BPF_H | BPF_IND, 4);
  program.jump(BPF_JEQ, kUdpHeader + 92, "accept", "drop");
  program.label("initiation");
  program.add(BPF_LD | BPF_H | BPF_IND, 4);
  program.jump(BPF_JEQ, kUdpHeader + 148, "accept", "drop");
  end_with_verdicts(program);
}

}  // namespace

std::vector<sock_filter> received_filter(std::uint16_t port, PacketStart start) {
  BpfProgram program;
  if (start == PacketStart::ipv4_header)
    program.add(BPF_LDX | BPF_B | BPF_MSH, 0);  // the header's length: it may have options
  else
    program.add(BPF_LDX | BPF_IMM, 0);
  program.add(BPF_LD | BPF_H | BPF_IND, 2);
  program.jump(BPF_JEQ, port, "", "drop");
  program.add(BPF_LD | BPF_H | BPF_IND, 4);
  program.jump(BPF_JGE, kUdpHeader + 20, "", "drop");
  program.add(BPF_LD | BPF_W | BPF_IND, kUdpHeader + 4);
  program.jump(BPF_JEQ, kStunCookie, "accept", "");
  accept_handshakes(program);
  return program.take();
}

std::vector<sock_filter> sent_handshake_filter(std::uint16_t port) {
  BpfProgram program;
  begin_with_sent_udp(program);
  program.add(BPF_LD | BPF_H | BPF_ABS, 6);
  program.jump(BPF_JSET, 0x1fff, "drop", "");  // a later fragment
  program.add(BPF_LDX | BPF_B | BPF_MSH, 0);
  program.jump(BPF_JGE, 0, "udp", "udp");  // always
  program.label("ipv6");
  program.add(BPF_LD | BPF_B | BPF_ABS, 6);
  program.jump(BPF_JEQ, kProtocolUdp, "", "drop");
  program.add(BPF_LDX | BPF_IMM, 40);
  program.label("udp");
  program.add(BPF_LD | BPF_H | BPF_IND, 0);
  program.jump(BPF_JEQ, port, "", "drop");
  accept_handshakes(program);
  return program.take();
}

}  // namespace lanrage::io
