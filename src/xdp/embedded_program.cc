#include "xdp/embedded_program.hpp"

// Loaders want ELF files on their natural boundary.
asm(".pushsection .rodata\n"
    ".balign 8\n"
    ".local kLanrageXdpBegin\n"
    "kLanrageXdpBegin: .incbin \"" LANRAGE_XDP_PROGRAM
    "\"\n"
    ".local kLanrageXdpEnd\n"
    "kLanrageXdpEnd:\n"
    ".popsection\n");

extern "C" {
extern const std::uint8_t kLanrageXdpBegin[];
extern const std::uint8_t kLanrageXdpEnd[];
}

namespace lanrage::xdp {

ByteView embedded_program() {
  return {kLanrageXdpBegin, kLanrageXdpEnd};
}

}  // namespace lanrage::xdp
