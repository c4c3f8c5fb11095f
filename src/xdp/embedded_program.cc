#include "xdp/embedded_program.hpp"

// Loaders want ELF files on their natural boundary.
asm(".pushsection .rodata\n"
    ".balign 8\n"
    ".local lanrage_xdp_begin\n"
    "lanrage_xdp_begin: .incbin \"" LANRAGE_XDP_PROGRAM
    "\"\n"
    ".local lanrage_xdp_end\n"
    "lanrage_xdp_end:\n"
    ".popsection\n");

extern "C" {
extern const std::uint8_t lanrage_xdp_begin[];
extern const std::uint8_t lanrage_xdp_end[];
}

namespace lanrage::xdp {

ByteView embedded_program() {
  return {lanrage_xdp_begin, lanrage_xdp_end};
}

}  // namespace lanrage::xdp
