#include "party/proven_signatures.hpp"

#include <algorithm>
#include <iterator>

#include "base/overloaded.hpp"
#include "party/records.hpp"

namespace lanrage::party {

bool ProvenSignatures::contains(const crypto::VerifyKey& key, ByteView message,
                                const crypto::Signature& signature) const {
  return std::ranges::any_of(
      std::ranges::equal_range(checks_, signature, {}, &Check::signature), [&](const Check& check) {
        return check.key == key && std::ranges::equal(check.message, message);
      });
}

void ProvenSignatures::merge(ProvenSignatures other) {
  std::ranges::move(other.checks_, std::back_inserter(checks_));
  std::ranges::sort(checks_, {}, &Check::signature);
}

// Each function: whether all is good so far.
class ProvenSignatures::Prover {
 public:
  explicit Prover(const PartyId& party) : party_(party) {}

  bool operator()(const Create& create) {
    return check<Charter>(create.charter) && check<Roster>(create.roster) &&
           check<Statement>(create.statement);
  }
  bool operator()(const Join& join) {
    return check<Admission>(join.admission) && check<Statement>(join.statement);
  }
  bool operator()(const Depart& depart) { return check<Leave>(depart.record); }
  bool operator()(const Update& update) {
    return !update.statement || check<Statement>(*update.statement);
  }
  bool operator()(const AddInvite& invite) { return check<Invite>(invite.record); }
  bool operator()(const Rotate& rotate) { return check<Roster>(rotate.roster); }
  bool operator()(const ChangeCharter& change) { return check<Charter>(change.charter); }
  bool operator()(const Close&) { return true; }
  bool operator()(const Bar&) { return true; }
  bool operator()(const HandBack& back) {
    return std::ranges::all_of(back.records, [this](const auto& it) { return check_any(it); });
  }

  bool check_any(ByteView record) {
    const auto envelope = Envelope::parse(record);
    if (!envelope) return false;
    switch (envelope->type) {
      case RecordType::charter:
        return check<Charter>(*envelope);
      case RecordType::roster:
        return check<Roster>(*envelope);
      case RecordType::invite:
        return check<Invite>(*envelope);
      case RecordType::admission:
        return check<Admission>(*envelope);
      case RecordType::statement:
        return check<Statement>(*envelope);
      case RecordType::leave:
        return check<Leave>(*envelope);
    }
    return false;
  }

  ProvenSignatures take() && {
    std::ranges::sort(proven_.checks_, {}, &Check::signature);
    return std::move(proven_);
  }

 private:
  template <class Body>
  bool check(ByteView record) {
    const auto envelope = Envelope::parse(record);
    return envelope && envelope->type == Body::kType && check<Body>(*envelope);
  }

  template <class Body>
  bool check(const Envelope& envelope) {
    const auto body = decode<Body>(envelope.body);
    if (!body) return false;
    const auto keys = signers(*body);
    if (envelope.signatures.size() != keys.size()) return false;
    const auto message = envelope.signed_message(party_);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const auto& signature = envelope.signatures[i];
      if (!keys[i]->verify(message, signature)) return false;
      proven_.checks_.push_back({signature, *keys[i], message});
    }
    return true;
  }

  const PartyId& party_;
  ProvenSignatures proven_;
};

bool carries_records(const Action& action) {
  return std::visit(Overloaded{[](const Close&) { return false; }, [](const Bar&) { return false; },
                               [](const Update& update) { return update.statement.has_value(); },
                               [](const auto&) { return true; }},
                    action);
}

ProvenSignatures prove(const PartyId& party, const Action& action) {
  ProvenSignatures::Prover prover(party);
  std::visit(prover, action);
  return std::move(prover).take();
}

ProvenSignatures prove(const PartyId& party, std::span<const Bytes> records) {
  ProvenSignatures::Prover prover(party);
  for (const auto& record : records)
    if (!prover.check_any(record)) break;
  return std::move(prover).take();
}

const ProvenSignatures& ProofsAhead::at(std::size_t index) {
  const auto left = log_.subspan(index);
  if (!prover_ || index < proven_until_ || left.size() < kLeast) return proven_;
  const auto stretch = left.first(std::min(left.size(), kStretch));
  proven_ = prover_(party_, stretch);
  proven_until_ = index + stretch.size();
  return proven_;
}

}  // namespace lanrage::party
