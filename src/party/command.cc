#include "party/command.hpp"

#include "party/wire.hpp"

namespace lanrage::party {
namespace {

struct Writer {
  ByteWriter& out;

  void operator()(const Create& create) const {
    write_blob(out, create.charter);
    write_blob(out, create.roster);
    write_blob(out, create.statement);
    write_boxes(create.boxes);
    write_hints(out, create.hints);
  }
  void operator()(const Join& join) const {
    write_blob(out, join.admission);
    write_blob(out, join.statement);
    write_hints(out, join.hints);
  }
  void operator()(const Depart& depart) const { write_blob(out, depart.record); }
  void operator()(const Update& update) const {
    out.u8(update.statement ? 1 : 0);
    if (update.statement) write_blob(out, *update.statement);
    write_hints(out, update.hints);
  }
  void operator()(const AddInvite& invite) const {
    write_blob(out, invite.record);
    write_box(out, invite.box);
  }
  void operator()(const Close& close) const { out.u8(static_cast<std::uint8_t>(close.reason)); }
  void operator()(const Rotate& rotate) const {
    write_blob(out, rotate.roster);
    write_boxes(rotate.boxes);
  }
  void operator()(const ChangeCharter& change) const { write_blob(out, change.charter); }
  void operator()(const Bar& bar) const { out.raw(bar.peer.bytes); }
  void operator()(const HandBack& back) const {
    out.u64(back.after).raw(back.head).u32(static_cast<std::uint32_t>(back.records.size()));
    for (const auto& record : back.records)
      write_blob(out, record);
    write_boxes(back.boxes);
  }

  void write_boxes(const std::vector<SealedBox>& boxes) const {
    out.u32(static_cast<std::uint32_t>(boxes.size()));
    for (const auto& box : boxes)
      write_box(out, box);
  }
};

}  // namespace

crypto::Hash fingerprint(const Action& action) {
  ByteWriter out;
  out.text("lanrage/v1/command").u8(0).u8(static_cast<std::uint8_t>(action.index()));
  std::visit(Writer{out}, action);
  return crypto::sha256(out.bytes());
}

}  // namespace lanrage::party
