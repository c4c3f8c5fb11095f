// The program in the kernel on one packet (BPF_PROG_TEST_RUN), in the calling thread's namespace.
#pragma once

#include <bpf/bpf.h>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <linux/bpf.h>
#include <net/if.h>
#include <stdexcept>
#include <string>

#include "base/bytes.hpp"
#include "xdp/xdp_path.hpp"

namespace lanrage::xdp::test {

struct Ran {
  std::uint32_t action = 0;
  Bytes bytes;                    // the frame as the program left it
  std::uint32_t nanoseconds = 0;  // a run, on the average
};

// Runs the program so often on the frame, as if it came by `interface`, with what `options` hold
// besides.
inline void run(const XdpPath& path, const char* interface, const Bytes& frame, std::uint32_t runs,
                bpf_test_run_opts& options) {
  xdp_md context{};
  context.data_end = static_cast<std::uint32_t>(frame.size());
  context.ingress_ifindex = if_nametoindex(interface);
  options.sz = sizeof options;
  options.data_in = frame.data();
  options.data_size_in = static_cast<std::uint32_t>(frame.size());
  options.ctx_in = &context;
  options.ctx_size_in = sizeof context;
  options.repeat = static_cast<int>(runs);
  if (bpf_prog_test_run_opts(path.program_fd(), &options) != 0)
    throw std::runtime_error(std::string("BPF_PROG_TEST_RUN: ") + std::strerror(errno));
  options.ctx_in = nullptr;
}

// As if it came by `interface`; each run after the first gets what the last one left.
inline Ran test_run(const XdpPath& path, const char* interface, const Bytes& frame,
                    std::uint32_t runs = 1) {
  Ran out;
  out.bytes.resize(2048);
  bpf_test_run_opts options{};
  options.data_out = out.bytes.data();
  options.data_size_out = static_cast<std::uint32_t>(out.bytes.size());
  run(path, interface, frame, runs, options);
  out.action = options.retval;
  out.bytes.resize(options.data_size_out);
  out.nanoseconds = options.duration;
  return out;
}

// Real frames, so many in all: where the program sends one, it leaves by the driver. One that comes
// back, because the far end has dropped it, is the next to run, as the program left it.
inline void run_live(const XdpPath& path, const char* interface, const Bytes& frame,
                     std::uint32_t frames) {
  bpf_test_run_opts options{};
  options.flags = BPF_F_TEST_XDP_LIVE_FRAMES;
  run(path, interface, frame, frames, options);
}

}  // namespace lanrage::xdp::test
