#include "io/discovery_filter.hpp"

#include <string>

#include "io/bpf_program.hpp"

namespace lanrage::io {
namespace {

constexpr std::uint32_t kFragmentBits = 0x3fff;  // more, and the offset
constexpr std::uint32_t kWholePacket = 0xffffffff;

}  // namespace

std::vector<sock_filter> discovery_filter(std::span<const DiscoveryTraffic> kinds) {
  BpfProgram program;
  const auto label = [](std::size_t kind) { return std::to_string(kind); };
  program.add(BPF_LD | BPF_B | BPF_ABS, 0);
  program.add(BPF_ALU | BPF_AND | BPF_K, 0xf0);
  program.jump(BPF_JEQ, 0x40, "", "drop");
  program.add(BPF_LD | BPF_B | BPF_ABS, 9);
  program.jump(BPF_JEQ, kProtocolUdp, "", "drop");
  program.add(BPF_LD | BPF_H | BPF_ABS, 6);
  program.jump(BPF_JSET, kFragmentBits, "drop", "");
  program.add(BPF_LDX | BPF_B | BPF_MSH, 0);  // X: size of the IP header
  // By ports first, which tell of most packets that they are something else.
  program.add(BPF_LD | BPF_H | BPF_IND, 0);
  for (std::size_t kind = 0; kind < kinds.size(); ++kind)
    for (const auto port : kinds[kind].from)
      program.jump(BPF_JEQ, port, label(kind), "");
  program.add(BPF_LD | BPF_H | BPF_IND, 2);
  for (std::size_t kind = 0; kind < kinds.size(); ++kind)
    for (const auto port : kinds[kind].to)
      program.jump(BPF_JEQ, port, label(kind), "");
  program.label("drop");
  program.add(BPF_RET | BPF_K, 0);
  for (std::size_t kind = 0; kind < kinds.size(); ++kind) {
    program.label(label(kind));
    const auto accept = "accept " + label(kind);
    for (const auto& start : kinds[kind].starts) {
      program.add(BPF_LD | BPF_H | BPF_IND, 8);  // past the end: dropped
      if (start.mask != 0xffff) program.add(BPF_ALU | BPF_AND | BPF_K, start.mask);
      program.jump(BPF_JEQ, start.value, accept, "");
    }
    program.add(BPF_RET | BPF_K, 0);
    program.label(accept);
    program.add(BPF_RET | BPF_K, kWholePacket);
  }
  return program.take();
}

}  // namespace lanrage::io
