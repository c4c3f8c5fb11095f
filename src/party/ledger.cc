#include "party/ledger.hpp"

#include <string>

#include "party/ledger_context.hpp"

namespace lanrage::party {

Result<Ledger> Ledger::replay(const PartyId& party, std::span<const Bytes> log,
                              const LogProver& prover) {
  Ledger out(party);
  ProofsAhead proofs(party, log, prover);
  for (std::size_t i = 0; i < log.size(); ++i) {
    auto effect = out.append(log[i], std::nullopt, &proofs.at(i));
    if (effect) continue;
    const auto& error = effect.error();
    return std::unexpected(
        error.with_context("record " + std::to_string(i + 1) + " of the party's log"));
  }
  return out;
}

Result<void> Ledger::check_place(RecordType type, const Reading& reading) const {
  if (closed_) return fail(Errc::party_closed, "the party is closed; nothing can follow");
  const bool fits_order = !charter_  ? type == RecordType::charter
                          : !roster_ ? type == RecordType::roster
                                     : true;
  if (!fits_order)
    return fail(Errc::out_of_order,
                "a party's log begins with its charter and its first roster; got a record of "
                "type " +
                    std::string(name_of(type)),
                "record.type");
  const bool governs = type == RecordType::charter || type == RecordType::roster;
  const auto room = kMaxLogRecords + (governs ? kLogReserve : 0);
  const auto length = length_ + (reading.joining ? 1 : 0);
  if (length >= room && type != RecordType::leave)
    return fail(Errc::log_full, "the party's log holds " + std::to_string(length) +
                                    " records and takes no more; found a new party");
  return {};
}

template <class Then>
Result<Effect> Ledger::with_body(ByteView record, const Reading& reading, Then&& then) const {
  auto envelope = Envelope::parse(record);
  if (!envelope) return std::unexpected(envelope.error());
  const auto type = envelope->type;
  if (auto ok = check_place(type, reading); !ok) return std::unexpected(ok.error());
  const Context context{std::move(*envelope), record_hash(record), reading, party_};
  const auto decoded = [&]<class Body>(std::type_identity<Body>) -> Result<Effect> {
    auto body = decode<Body>(context.envelope.body);
    if (!body) return std::unexpected(body.error());
    auto effect = check(context, *body);
    if (!effect) return effect;
    return then(context, std::move(*body), std::move(*effect));
  };
  switch (type) {
    case RecordType::charter:
      return decoded(std::type_identity<Charter>{});
    case RecordType::roster:
      return decoded(std::type_identity<Roster>{});
    case RecordType::invite:
      return decoded(std::type_identity<Invite>{});
    case RecordType::admission:
      return decoded(std::type_identity<Admission>{});
    case RecordType::statement:
      return decoded(std::type_identity<Statement>{});
    case RecordType::leave:
      return decoded(std::type_identity<Leave>{});
  }
  return fail(Errc::malformed, "unknown record type", "record.type");
}

Result<Effect> Ledger::append(ByteView record, std::optional<UnixTime> now,
                              const ProvenSignatures* proven) {
  return append_with(record, {now, false, {}, proven});
}

Result<Effect> Ledger::append_trusted(ByteView record) {
  return append_with(record, {std::nullopt, true, {}, nullptr});
}

Result<Effect> Ledger::judge(ByteView record, std::optional<UnixTime> now,
                             const ProvenSignatures* proven) const {
  return judge_with(record, {now, false, {}, proven});
}

Result<Effect> Ledger::judge_join(ByteView admission, ByteView statement,
                                  std::optional<UnixTime> now,
                                  const ProvenSignatures* proven) const {
  auto admitted = judge(admission, now, proven);
  if (!admitted) return admitted;
  if (admitted->kind != Effect::Kind::admitted)
    return fail(Errc::out_of_order, "a join begins with an admission", "admission");
  if (auto stated = judge_with(statement, {now, false, admitted->peer, proven}); !stated)
    return stated;
  return admitted;
}

Result<Effect> Ledger::judge_with(ByteView record, const Reading& reading) const {
  return with_body(record, reading, [](const Context&, auto&&, Effect effect) { return effect; });
}

Result<Effect> Ledger::append_with(ByteView record, const Reading& reading) {
  return with_body(record, reading, [this](const Context& context, auto&& body, Effect effect) {
    carry(context, std::forward<decltype(body)>(body), effect);
    heads_.push_back(crypto::sha256({head(), context.hash}));
    if (heads_.size() > kHeadWindow) heads_.pop_front();
    ++length_;
    return effect;
  });
}

Result<void> Ledger::Context::check_signed(std::span<const VerifyKey* const> keys) const {
  if (reading.trusted) return {};
  const auto record = std::string(name_of(envelope.type));
  if (envelope.signatures.size() != keys.size())
    return fail(Errc::bad_signature,
                "a record of type " + record + " carries " + std::to_string(keys.size()) +
                    " signatures, this one " + std::to_string(envelope.signatures.size()),
                record);
  std::size_t index = 0;
  for (const auto* key : keys)
    if (!envelope.signed_by(index++, *key, party, reading.proven))
      return fail(Errc::bad_signature,
                  "signature " + std::to_string(index) + " of the " + record + " doesn't verify",
                  record);
  return {};
}

std::optional<Hash> Ledger::head_at(std::uint64_t length) const {
  if (length > length_ || length_ - length >= heads_.size()) return std::nullopt;
  return heads_[heads_.size() - 1 - (length_ - length)];
}

PeerId Ledger::host_id() const {
  return peer_id(charter_->host);
}

const Member* Ledger::member(const PeerId& peer) const {
  auto found = members_.find(peer);
  return found == members_.end() ? nullptr : &found->second;
}

std::uint64_t Ledger::admitted_at(const PeerId& member) const {
  return past_.at(member).last_step;
}

const InviteState* Ledger::invite(const InviteId& invite) const {
  auto found = invites_.find(invite);
  return found == invites_.end() ? nullptr : &found->second;
}

const InviteTerms* Ledger::dropped_invite(const InviteId& invite) const {
  const auto found = dropped_.find(invite);
  return found == dropped_.end() ? nullptr : &found->second;
}

std::uint64_t Ledger::next_statement_version(const PeerId& peer) const {
  auto found = past_.find(peer);
  return found == past_.end() ? 1 : found->second.statement_version + 1;
}

}  // namespace lanrage::party
