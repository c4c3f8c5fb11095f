// The search that every lab test ends with would find what it looks for.
#include <gmock/gmock.h>
#include <set>

#include "base/encoding.hpp"
#include "lab_fixture.hpp"
#include "secrets_in_logs.hpp"

namespace lanrage::lab {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;

class SecretsInLogs : public LabTest {};

std::set<std::string> names(const std::vector<KnownSecret>& secrets) {
  std::set<std::string> out;
  for (const auto& secret : secrets)
    out.insert(secret.name);
  return out;
}

TEST_F(SecretsInLogs, AreFoundInEachOfTheirForms) {
  Server& server = add_server();
  Player& anna = add_player("anna", NatKind::open);
  anna.create(server, "LAN night");

  const auto of_server = secrets_of(server);
  for (const auto* name : {"nonce_secret", "relay_token_key", "join_word", "relay_enrolment_key"})
    EXPECT_THAT(names(of_server), Contains(name));
  const auto of_player = secrets_of(anna);
  for (const auto* name :
       {"identity_seed", "box_secret", "wireguard_secret", "party_key", "root_seed", "invite"})
    EXPECT_THAT(names(of_player), Contains(name));

  for (const auto& secret : of_player) {
    const auto bytes = as_bytes(secret.bytes);
    for (const auto& text : {secret.bytes, to_hex(bytes), to_base64(bytes), to_base32(bytes)})
      EXPECT_THAT(found_in("event key=" + text + "\n", of_player, nullptr), Contains(secret.name));
  }
  EXPECT_THAT(found_in("event key=none\n", of_player, &server), IsEmpty());
}

}  // namespace
}  // namespace lanrage::lab
