// Whatever the number of records and threads: what is proven is what one thread proves.
#include "agent/log_proofs.hpp"

#include <gtest/gtest.h>

#include "base/random.hpp"
#include "party/membership.hpp"
#include "party/records.hpp"

namespace lanrage::agent {
namespace {

TEST(LogProofs, EveryRecordIsProvenOnce) {
  SeededRandom random(1);
  const auto device = crypto::SigningKey::generate(random);
  const PartyId party{random.array<16>()};
  std::vector<Bytes> records;
  for (std::size_t count = 0; count < 20; ++count) {
    const auto proven = prove_on_threads(party, records);
    for (const auto& record : records) {
      const auto envelope = party::Envelope::parse(record).value();
      EXPECT_TRUE(proven.contains(device.public_key(), envelope.signed_message(party),
                                  envelope.signatures.at(0)))
          << count;
    }
    const party::Statement statement{device.public_key(), count + 1, "ann", {}, {}};
    records.push_back(party::sign_record(statement, party, {&device}));
  }
  const Bytes last = std::move(records.back());
  records.pop_back();
  const auto another = party::Envelope::parse(last).value();
  EXPECT_FALSE(
      prove_on_threads(party, records)
          .contains(device.public_key(), another.signed_message(party), another.signatures.at(0)));
}

}  // namespace
}  // namespace lanrage::agent
