// How a program hangs on a network interface.
#pragma once

namespace lanrage::xdp {

// `automatic` is `native` where the driver is known to send what it is handed: a veth's other end
// drops it unless that was prepared.
enum class Mode { automatic, native, generic };

}  // namespace lanrage::xdp
