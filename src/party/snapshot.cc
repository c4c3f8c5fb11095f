#include "party/snapshot.hpp"

#include <string>

#include "party/wire.hpp"

// Layout: u8 version = 1 | u64 seq | i64 created_at (ms) | u8 close reason or 0 |
// u32 n, n * record | u32 n, n * peer | u32 n, n * box | u32 n, n * barred peer(16) |
// u32 n, n * request | u32 n, n * journal entry.
// record, box: as in an event. Peers, boxes (by recipient) and barred ones ascend.
// peer: id(16) | u64 joined_seq | i64 joined_at | hints.
// request: peer(16) | u16 length, id | fingerprint(32) | u64 seq | i64 at; seq ascends.
// journal entry: u8 type | subject(16) | i64 at | u16 records | hints | removed | u8 close reason
// or 0 | digest(32). The last one is event `seq` and has the log's last records.
namespace lanrage::party {
namespace {

constexpr std::uint8_t kVersion = 1;

void write_time(ByteWriter& out, UnixTime time) {
  out.u64(static_cast<std::uint64_t>(time.time_since_epoch().count()));
}
UnixTime read_time(ByteReader& in) {
  return UnixTime(std::chrono::milliseconds(static_cast<std::int64_t>(in.u64())));
}

void write_reason(ByteWriter& out, const std::optional<CloseReason>& reason) {
  out.u8(reason ? static_cast<std::uint8_t>(*reason) : 0);
}
std::optional<CloseReason> read_reason(ByteReader& in) {
  const auto reason = in.u8();
  if (reason > static_cast<std::uint8_t>(CloseReason::expired)) in.fail();
  if (reason == 0) return std::nullopt;
  return static_cast<CloseReason>(reason);
}

template <class Items, class Write>
void write_all(ByteWriter& out, const Items& items, Write&& write) {
  out.u32(static_cast<std::uint32_t>(items.size()));
  for (const auto& item : items)
    write(item);
}
template <class Read>
void read_all(ByteReader& in, Read&& read) {
  for (auto left = in.u32(); in.ok() && left > 0; --left)
    read();
}

// Into a map or set whose keys must ascend: only then does the content have one spelling.
template <class Container, class Item>
void put_last(ByteReader& in, Container& container, Item item) {
  const auto size = container.size();
  const auto place = container.insert(container.end(), std::move(item));
  if (container.size() == size || std::next(place) != container.end()) in.fail();
}

void write_entry(ByteWriter& out, const JournalEntry& entry) {
  out.u8(static_cast<std::uint8_t>(entry.type)).raw(entry.subject.bytes);
  write_time(out, entry.at);
  out.u16(entry.records);
  write_hints(out, entry.hints);
  write_peers(out, entry.removed);
  write_reason(out, entry.close_reason);
  out.raw(entry.digest);
}

JournalEntry read_entry(ByteReader& in) {
  JournalEntry out;
  const auto type = in.u8();
  if (type < 1 || type > static_cast<std::uint8_t>(EventType::peer_barred)) in.fail();
  out.type = static_cast<EventType>(type);
  out.subject.bytes = in.array<16>();
  out.at = read_time(in);
  out.records = in.u16();
  out.hints = read_hints(in);
  out.removed = read_peers(in);
  out.close_reason = read_reason(in);
  out.digest = in.array<32>();
  return out;
}

std::unexpected<Error> damaged(const PartyId& id, const std::string& what) {
  return fail(Errc::malformed,
              "the stored state of party " + id.to_string() + " is damaged: " + what, "snapshot");
}

// Numbers the entries from the last one on back; false when they don't fit the party.
bool fit_journal(Party& party) {
  if (party.journal.size() > party.seq) return false;
  auto seq = party.seq;
  auto records = party.log.size();
  for (auto entry = party.journal.rbegin(); entry != party.journal.rend(); ++entry) {
    if (entry->records > records) return false;
    records -= entry->records;
    entry->seq = seq--;
    entry->first_record = records;
  }
  if (seq == 0 && records != 0) return false;
  return party.journal.empty() || party.journal.back().digest == party.digest();
}

bool fit_peers(const Party& party) {
  if (party.peers.size() != party.ledger.members().size()) return false;
  for (const auto& [id, info] : party.peers)
    if (party.ledger.member(id) == nullptr || info.joined_seq < 1 || info.joined_seq > party.seq)
      return false;
  return true;
}

}  // namespace

Bytes encode_party(const Party& party) {
  ByteWriter out;
  out.u8(kVersion).u64(party.seq);
  write_time(out, party.created_at);
  write_reason(out, party.closed);
  write_all(out, party.log, [&](const Bytes& record) { write_blob(out, record); });
  write_all(out, party.peers, [&](const auto& peer) {
    out.raw(peer.first.bytes).u64(peer.second.joined_seq);
    write_time(out, peer.second.joined_at);
    write_hints(out, peer.second.hints);
  });
  write_all(out, party.boxes, [&](const auto& box) {
    out.raw(box.first.bytes);
    write_blob(out, box.second);
  });
  write_all(out, party.barred, [&](const PeerId& peer) { out.raw(peer.bytes); });
  out.u32(static_cast<std::uint32_t>(party.requests.size()));
  party.requests.for_each([&](const Request& request, std::uint64_t seq, UnixTime at) {
    out.raw(request.peer.bytes).counted16(as_bytes(request.id)).raw(request.fingerprint).u64(seq);
    write_time(out, at);
  });
  write_all(out, party.journal, [&](const JournalEntry& entry) { write_entry(out, entry); });
  return std::move(out).take();
}

Result<Party> decode_party(ByteView bytes, const PartyId& id, const Limits& limits) {
  ByteReader in(bytes);
  if (const auto version = in.u8(); in.ok() && version != kVersion)
    return damaged(
        id, "it has version " + std::to_string(version) + " and was written by a newer lanrage");
  Party out(id);
  out.seq = in.u64();
  out.created_at = read_time(in);
  out.closed = read_reason(in);
  read_all(in, [&] {
    out.log.push_back(read_blob(in));
    out.log_bytes += out.log.back().size();
  });
  read_all(in, [&] {
    const PeerId peer{in.array<16>()};
    PeerInfo info;
    info.joined_seq = in.u64();
    info.joined_at = read_time(in);
    info.hints = read_hints(in);
    put_last(in, out.peers, std::pair{peer, std::move(info)});
  });
  read_all(in, [&] {
    auto box = read_box(in);
    put_last(in, out.boxes, std::pair{box.recipient, std::move(box.box)});
  });
  read_all(in, [&] { put_last(in, out.barred, PeerId{in.array<16>()}); });
  std::uint64_t answered = 0;
  read_all(in, [&] {
    Request request;
    request.peer.bytes = in.array<16>();
    request.id = as_text(in.counted16());
    request.fingerprint = in.array<32>();
    const auto seq = in.u64();
    if (seq <= answered || seq > out.seq || out.requests.find(request.peer, request.id) != nullptr)
      in.fail();
    answered = seq;
    out.requests.add(request, seq, read_time(in));
  });
  read_all(in, [&] { out.journal.push_back(read_entry(in)); });
  if (!in.at_end()) return damaged(id, "a list is cut short, out of order or too long");

  for (const auto& record : out.log)
    if (auto effect = out.ledger.append_trusted(record); !effect)
      return damaged(id, effect.error().message());
  if (out.seq == 0 || !out.ledger.founded()) return damaged(id, "it lacks the party's beginning");
  if (!fit_peers(out)) return damaged(id, "its peers aren't those of its log");
  out.renew_digest();
  if (!fit_journal(out)) return damaged(id, "its journal doesn't fit its log");
  while (out.journal.size() > limits.journal_events)
    out.journal.pop_front();
  return out;
}

}  // namespace lanrage::party
