// Any bytes as a record, and as the body of each type: what is accepted has one spelling.
#include <cstdlib>

#include "party/records.hpp"

namespace {

using namespace lanrage;
using namespace lanrage::party;

void check(bool ok) {
  if (!ok) std::abort();
}

template <class Body>
void body(ByteView bytes) {
  const auto decoded = decode<Body>(bytes);
  if (!decoded) return;
  const auto written = encode(*decoded);
  check(Bytes(bytes.begin(), bytes.end()) == written);
}

void body_of(RecordType type, ByteView bytes) {
  switch (type) {
    case RecordType::charter:
      return body<Charter>(bytes);
    case RecordType::roster:
      return body<Roster>(bytes);
    case RecordType::invite:
      return body<Invite>(bytes);
    case RecordType::admission:
      return body<Admission>(bytes);
    case RecordType::statement:
      return body<Statement>(bytes);
    case RecordType::leave:
      return body<Leave>(bytes);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView input(data, size);
  if (const auto envelope = Envelope::parse(input)) {
    check(envelope->body.size() + 7 + envelope->signatures.size() * 64 == size);
    body_of(envelope->type, envelope->body);
  }
  if (size > 0 && data[0] >= 1 && data[0] <= 6)
    body_of(static_cast<RecordType>(data[0]), input.subspan(1));
  return 0;
}
