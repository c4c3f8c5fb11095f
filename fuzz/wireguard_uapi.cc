// Replies of a userspace WireGuard.
#include <cstdlib>

#include "wireguard/uapi.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lanrage;
  using namespace lanrage::wireguard;
  const auto text = as_text({data, size});
  (void)uapi::parse_set_reply(text);
  const auto status = uapi::parse_get_reply(text);
  if (!status) return 0;
  // What a device reports can be asked of it again, and is then nothing new.
  const auto config = config_of(*status);
  if (!diff(config, config).empty()) std::abort();
  const DeviceConfig empty{.private_key = config.private_key};
  if (!uapi::encode_set(diff(config, empty)).ends_with("\n\n")) std::abort();
  return 0;
}
