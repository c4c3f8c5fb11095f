#include "party/event.hpp"

#include "party/errc.hpp"
#include "party/wire.hpp"

// Layout: u8 version = 1 | u64 seq | u8 type | subject(16) | i64 at (ms) | u16 n, n * (u32 length,
// record) | u16 n, n * (recipient(32), u32 length, box) | hints | u8 close reason or 0 |
// of key_rotated only: u16 n, n * removed(16) |
// u8 0, or 1 and peer(16), u16 length, request id, fingerprint(32).
namespace lanrage::party {
namespace {

constexpr std::uint8_t kVersion = 1;

}  // namespace

Bytes encode_event(const Event& event) {
  ByteWriter out;
  out.u8(kVersion).u64(event.seq).u8(static_cast<std::uint8_t>(event.type));
  out.raw(event.subject.bytes);
  out.u64(static_cast<std::uint64_t>(event.at.time_since_epoch().count()));
  out.u16(static_cast<std::uint16_t>(event.records.size()));
  for (const auto& record : event.records)
    write_blob(out, record);
  out.u16(static_cast<std::uint16_t>(event.boxes.size()));
  for (const auto& box : event.boxes)
    write_box(out, box);
  write_hints(out, event.hints);
  out.u8(event.close_reason ? static_cast<std::uint8_t>(*event.close_reason) : 0);
  if (event.type == EventType::key_rotated) write_peers(out, event.removed);
  out.u8(event.request ? 1 : 0);
  if (event.request) {
    out.raw(event.request->peer.bytes).counted16(as_bytes(event.request->id));
    out.raw(event.request->fingerprint);
  }
  return std::move(out).take();
}

Result<Event> decode_event(ByteView bytes) {
  ByteReader in(bytes);
  if (const auto version = in.u8(); in.ok() && version != kVersion)
    return fail(Errc::malformed,
                "a stored event has version " + std::to_string(version) +
                    "; it was written by a newer lanrage",
                "event.version");
  Event out;
  out.seq = in.u64();
  const auto type = in.u8();
  if (type < 1 || type > static_cast<std::uint8_t>(EventType::peer_barred)) in.fail();
  out.type = static_cast<EventType>(type);
  out.subject.bytes = in.array<16>();
  out.at = UnixTime(std::chrono::milliseconds(static_cast<std::int64_t>(in.u64())));
  const auto records = in.u16();
  for (int i = 0; in.ok() && i < records; ++i)
    out.records.push_back(read_blob(in));
  const auto boxes = in.u16();
  for (int i = 0; in.ok() && i < boxes; ++i)
    out.boxes.push_back(read_box(in));
  out.hints = read_hints(in);
  const auto reason = in.u8();
  if (reason > static_cast<std::uint8_t>(CloseReason::expired)) in.fail();
  if (reason != 0) out.close_reason = static_cast<CloseReason>(reason);
  if (out.type == EventType::key_rotated) out.removed = read_peers(in);
  const auto has_request = in.u8();
  if (has_request > 1) in.fail();
  if (has_request == 1) {
    Request request;
    request.peer.bytes = in.array<16>();
    request.id = as_text(in.counted16());
    request.fingerprint = in.array<32>();
    out.request = std::move(request);
  }
  if (!in.at_end()) return fail(Errc::malformed, "a stored event is cut short or damaged", "event");
  return out;
}

}  // namespace lanrage::party
