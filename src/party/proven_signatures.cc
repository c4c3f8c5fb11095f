#include "party/proven_signatures.hpp"

#include <algorithm>

#include "base/overloaded.hpp"
#include "party/records.hpp"

namespace lanrage::party {

bool ProvenSignatures::contains(const crypto::VerifyKey& key, ByteView message,
                                const crypto::Signature& signature) const {
  return std::ranges::any_of(checks_, [&](const Check& check) {
    return check.key == key && check.signature == signature &&
           std::ranges::equal(check.message, message);
  });
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

  ProvenSignatures take() && { return std::move(proven_); }

 private:
  template <class Body>
  bool check(ByteView record) {
    const auto envelope = Envelope::parse(record);
    if (!envelope || envelope->type != Body::kType) return false;
    const auto body = decode<Body>(envelope->body);
    if (!body) return false;
    const auto keys = signers(*body);
    if (envelope->signatures.size() != keys.size()) return false;
    const auto message = envelope->signed_message(party_);
    for (std::size_t i = 0; i < keys.size(); ++i) {
      const auto& signature = envelope->signatures[i];
      if (!keys[i]->verify(message, signature)) return false;
      proven_.checks_.push_back({*keys[i], signature, message});
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

}  // namespace lanrage::party
