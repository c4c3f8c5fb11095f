#include "party/box_rules.hpp"

#include <set>
#include <string>

namespace lanrage::party {

Result<void> check_box(const SealedBox& box) {
  if (box.box.size() == kPartyBoxSize) return {};
  return fail(Errc::missing_box,
              "a box with the party key has " + std::to_string(kPartyBoxSize) +
                  " bytes, this one " + std::to_string(box.box.size()),
              "boxes");
}

Result<void> check_boxes(const Roster& roster, const std::vector<SealedBox>& boxes) {
  std::set<ExchangeKey> wanted;
  for (const auto& member : roster.members)
    wanted.insert(member.box);
  for (const auto& terms : roster.invites)
    wanted.insert(terms.invite_box);
  for (const auto& box : boxes) {
    if (auto ok = check_box(box); !ok) return ok;
    if (wanted.erase(box.recipient) == 0)
      return fail(Errc::missing_box, "a box is for nobody of the roster, or there twice", "boxes");
  }
  if (wanted.empty()) return {};
  return fail(Errc::missing_box,
              "boxes must hold one for each member and one for each invite of the roster; " +
                  std::to_string(wanted.size()) + " are missing",
              "boxes");
}

}  // namespace lanrage::party
