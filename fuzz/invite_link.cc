// Any pasted text: a link that is found reads back as written.
#include "party/invite_link.hpp"

#include <cstdlib>

#include "base/bytes.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace lanrage;
  const auto link = party::parse_invite_link(as_text({data, size}));
  if (!link) return 0;
  if (!party::is_invite_host(link->host)) std::abort();
  const auto again = party::parse_invite_link(link->to_text());
  if (!again || !(*again == *link)) std::abort();
  return 0;
}
