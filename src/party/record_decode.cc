#include "party/limits.hpp"
#include "party/records.hpp"
#include "party/wire.hpp"

namespace lanrage::party {
namespace {

// Reads a body and remembers the first field that didn't fit.
class Fields {
 public:
  Fields(RecordType type, ByteView body) : type_(type), in_(body) {}

  template <class Read>
  auto read(std::string_view field, Read&& one) {
    auto value = one(in_);
    if (!in_.ok() && failed_.empty()) failed_ = field;
    return value;
  }
  std::uint32_t u32(std::string_view field) {
    return read(field, [](ByteReader& in) { return in.u32(); });
  }
  Hash hash(std::string_view field) {
    return read(field, [](ByteReader& in) { return in.array<32>(); });
  }
  VerifyKey verify_key(std::string_view field) { return {hash(field)}; }
  ExchangeKey exchange_key(std::string_view field) { return {hash(field)}; }
  IpAddress ipv4(std::string_view field) { return IpAddress::v4(u32(field)); }
  std::string text(std::string_view field) {
    return read(field, [](ByteReader& in) { return std::string(as_text(in.counted16())); });
  }
  // 0 or 1.
  bool flag(std::string_view field) {
    return read(field, [](ByteReader& in) {
      const auto value = in.u8();
      if (value > 1) in.fail();
      return value == 1;
    });
  }
  template <class Read>
  auto list(std::string_view field, std::size_t most, Read&& one) {
    std::vector<decltype(one())> out;
    const auto count = read(field, [most](ByteReader& in) {
      const auto value = in.u16();
      if (value > most) in.fail();
      return value;
    });
    for (std::size_t i = 0; in_.ok() && i < count; ++i)
      out.push_back(one());
    return out;
  }

  Result<void> finish() const {
    if (in_.at_end()) return {};
    const auto record = std::string(name_of(type_));
    if (!in_.ok())
      return lanrage::fail(Errc::malformed,
                           record + ": the field " + std::string(failed_) +
                               " is cut short or has a value that the layout doesn't allow",
                           record + "." + std::string(failed_));
    return lanrage::fail(
        Errc::malformed,
        record + ": " + std::to_string(in_.remaining()) + " bytes too many after the last field",
        record);
  }

 private:
  RecordType type_;
  ByteReader in_;
  std::string_view failed_;
};

template <class Body>
Result<Body> finished(const Fields& in, Body body) {
  if (auto ok = in.finish(); !ok) return std::unexpected(ok.error());
  return body;
}

InviteTerms read_terms(Fields& in) {
  InviteTerms out;
  out.invite_key = in.verify_key("invite_key");
  out.invite_box = in.exchange_key("invite_box");
  out.uses = in.read("uses", [](ByteReader& reader) { return reader.u16(); });
  out.used = in.read("used", [](ByteReader& reader) { return reader.u16(); });
  out.not_after = UnixTime(std::chrono::milliseconds(in.read("not_after", [](ByteReader& reader) {
    // The upper half would be negative or beyond what adding a tolerance can bear.
    const auto value = reader.u64();
    if (value > static_cast<std::uint64_t>(INT64_MAX / 2)) reader.fail();
    return static_cast<std::int64_t>(value);
  })));
  return out;
}

}  // namespace

template <>
Result<Charter> decode<Charter>(ByteView body) {
  Fields in(RecordType::charter, body);
  Charter out;
  out.version = in.u32("version");
  out.root_key = in.verify_key("root_key");
  out.name = in.text("name");
  out.prefix.address = in.ipv4("prefix");
  out.prefix.length = in.read("prefix", [](ByteReader& reader) { return reader.u8(); });
  out.host = in.verify_key("host");
  out.host_leaves = in.flag("host_leaves") ? HostLeaves::closes_party : HostLeaves::party_lives_on;
  out.keep = in.flag("keep");
  out.deputies = in.list("deputies", kMaxDeputies, [&] { return in.verify_key("deputies"); });
  return finished(in, std::move(out));
}

template <>
Result<Roster> decode<Roster>(ByteView body) {
  Fields in(RecordType::roster, body);
  Roster out;
  out.signer = in.verify_key("signer");
  out.charter_hash = in.hash("charter_hash");
  out.key_epoch = in.u32("key_epoch");
  out.previous_roster = in.hash("previous_roster");
  out.log_head = in.hash("log_head");
  out.members = in.list("members", kMaxMembers, [&] {
    RosterMember member;
    member.identity = in.verify_key("members");
    member.wireguard = in.exchange_key("members");
    member.box = in.exchange_key("members");
    member.vip = in.ipv4("members");
    return member;
  });
  out.invites = in.list("invites", kMaxInvitesPerRoster, [&] { return read_terms(in); });
  out.key_commitment = in.hash("key_commitment");
  return finished(in, std::move(out));
}

template <>
Result<Invite> decode<Invite>(ByteView body) {
  Fields in(RecordType::invite, body);
  Invite out;
  out.signer = in.verify_key("signer");
  out.roster_hash = in.hash("roster_hash");
  out.terms = read_terms(in);
  return finished(in, std::move(out));
}

template <>
Result<Admission> decode<Admission>(ByteView body) {
  Fields in(RecordType::admission, body);
  Admission out;
  out.roster_hash = in.hash("roster_hash");
  out.key_epoch = in.u32("key_epoch");
  out.invite_key = in.verify_key("invite_key");
  out.identity = in.verify_key("identity");
  out.wireguard = in.exchange_key("wireguard");
  out.box = in.exchange_key("box");
  out.seen_head = in.hash("seen_head");
  return finished(in, std::move(out));
}

template <>
Result<Statement> decode<Statement>(ByteView body) {
  Fields in(RecordType::statement, body);
  Statement out;
  out.identity = in.verify_key("identity");
  out.version = in.read("version", [](ByteReader& reader) { return reader.u64(); });
  out.nick = in.text("nick");
  out.vip = in.ipv4("vip");
  out.candidates =
      in.list("candidates", kMaxCandidates, [&] { return in.read("candidates", read_endpoint); });
  return finished(in, std::move(out));
}

template <>
Result<Leave> decode<Leave>(ByteView body) {
  Fields in(RecordType::leave, body);
  Leave out;
  out.identity = in.verify_key("identity");
  out.seen_head = in.hash("seen_head");
  return finished(in, std::move(out));
}

Result<PartyId> party_id_of(ByteView charter_record) {
  auto charter = read_record<Charter>(charter_record);
  if (!charter) return std::unexpected(charter.error());
  return crypto::id_of<PartyId>(charter->root_key.bytes);
}

}  // namespace lanrage::party
