#include "trust/gossip_messages.hpp"

#include <string>

#include "base/overloaded.hpp"
#include "party/limits.hpp"
#include "party/root_box.hpp"

namespace lanrage::trust {
namespace {

constexpr std::uint8_t kVersion = 1;
enum class Type : std::uint8_t { state = 1, want = 2, part = 3, box = 4, root = 5, kept = 6 };

void write(ByteWriter& out, const KeyId& id) {
  out.u32(id.epoch).raw(id.commitment);
}
void write(ByteWriter& out, const HeadAt& point) {
  out.u64(point.length).raw(point.head);
}
KeyId read_key(ByteReader& in) {
  const auto epoch = in.u32();
  return {epoch, in.array<8>()};
}
HeadAt read_head(ByteReader& in) {
  const auto length = in.u64();
  return {length, in.array<32>()};
}

std::unexpected<Error> malformed(std::string_view what) {
  return fail(GossipErrc::malformed, "a member's message is malformed: " + std::string(what),
              std::string(what));
}

Result<GossipMessage> read_state(ByteReader& in) {
  StateMessage out;
  out.key = read_key(in);
  out.heard = read_head(in);
  out.heard_key = read_key(in);
  const auto count = in.u8();
  if (count == 0 || count > kMaxHeads) return malformed("state.heads");
  for (int i = 0; i < count; ++i) {
    out.heads.push_back(read_head(in));
    if (i > 0 && out.heads[out.heads.size() - 2].length <= out.heads.back().length)
      return malformed("state.heads");
  }
  if (!in.at_end()) return malformed("state");
  return out;
}

Result<GossipMessage> read_part(ByteReader& in) {
  PartMessage out;
  out.index = in.u64();
  out.size = in.u32();
  out.offset = in.u32();
  const auto bytes = in.take(in.remaining());
  if (!in.ok() || bytes.empty() || bytes.size() > kMaxPart) return malformed("part.bytes");
  if (out.size > party::kMaxRecordSize || out.offset > out.size ||
      bytes.size() > out.size - out.offset)
    return malformed("part.size");
  out.bytes.assign(bytes.begin(), bytes.end());
  return out;
}

}  // namespace

Bytes encode(const GossipMessage& message) {
  ByteWriter out;
  const auto begin = [&out](Type type) { out.u8(kVersion).u8(static_cast<std::uint8_t>(type)); };
  std::visit(Overloaded{
                 [&](const StateMessage& state) {
                   begin(Type::state);
                   write(out, state.key);
                   write(out, state.heard);
                   write(out, state.heard_key);
                   out.u8(static_cast<std::uint8_t>(state.heads.size()));
                   for (const auto& head : state.heads)
                     write(out, head);
                 },
                 [&](const WantMessage& want) {
                   begin(Type::want);
                   write(out, want.after);
                   out.u32(want.offset);
                 },
                 [&](const PartMessage& part) {
                   begin(Type::part);
                   out.u64(part.index).u32(part.size).u32(part.offset).raw(part.bytes);
                 },
                 [&](const BoxMessage& box) {
                   begin(Type::box);
                   write(out, box.key);
                   out.raw(box.box);
                 },
                 [&](const RootMessage& root) {
                   begin(Type::root);
                   out.raw(root.box);
                 },
                 [&](const RootKeptMessage& kept) {
                   begin(Type::kept);
                   out.raw(kept.charter);
                 },
             },
             message);
  return std::move(out).take();
}

Result<GossipMessage> decode_gossip(ByteView datagram) {
  if (datagram.size() > kMaxMessage) return malformed("size");
  ByteReader in(datagram);
  if (in.u8() != kVersion) return malformed("version");
  switch (static_cast<Type>(in.u8())) {
    case Type::state:
      return read_state(in);
    case Type::want: {
      WantMessage out{read_head(in), in.u32()};
      if (!in.at_end() || out.offset > party::kMaxRecordSize) return malformed("want");
      return out;
    }
    case Type::part:
      return read_part(in);
    case Type::box: {
      BoxMessage out{read_key(in), {}};
      const auto bytes = in.take(party::kPartyBoxSize);
      if (!in.at_end()) return malformed("box");
      out.box.assign(bytes.begin(), bytes.end());
      return out;
    }
    case Type::root: {
      const auto bytes = in.take(party::kRootBoxSize);
      if (!in.at_end()) return malformed("root");
      return RootMessage{{bytes.begin(), bytes.end()}};
    }
    case Type::kept: {
      const RootKeptMessage out{in.array<32>()};
      if (!in.at_end()) return malformed("kept");
      return out;
    }
  }
  return malformed("type");
}

}  // namespace lanrage::trust
