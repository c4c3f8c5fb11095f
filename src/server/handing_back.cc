// PartyService: members that hand back what this server has forgotten.
#include <algorithm>
#include <map>

#include "party/hand_back.hpp"
#include "server/party_service.hpp"
#include "server/party_views.hpp"

namespace lanrage::server {
namespace {

std::map<PeerId, double> count_by_author(std::span<const Bytes> records) {
  std::map<PeerId, double> out;
  for (const auto& record : records)
    if (const auto author = party::author_of(record)) ++out[*author];
  return out;
}

}  // namespace

// Members pass on what others told them. So whoever signs without end would fill the party's log by
// the hands of all.
Result<void> PartyService::may_hand_back(const PeerId& peer, std::span<const Bytes> records) {
  const Instant now = parts_.clock.monotonic();
  const auto by_author = count_by_author(records);
  const bool too_many_of_one = std::ranges::any_of(by_author, [&](const auto& entry) {
    return !handed_back_of_.has(entry.first, now, entry.second);
  });
  if (too_many_of_one ||
      !handed_back_.take(peer, now, std::max(1.0, static_cast<double>(records.size()))))
    return too_fast(RateLimit::handed_back,
                    "too many records handed back: other members can go on, or you later");
  return {};
}

void PartyService::hand_back(const Caller& caller, const PartyId& id,
                             const protocol::HandBackRequest& request,
                             Done<protocol::SeqAnswer> done) {
  const auto party = member_party(caller.peer, id);
  if (!party) return done(std::unexpected(party.error()));
  if (auto named = party::check_request_id(request.request_id); !named)
    return done(std::unexpected(named.error()));
  // What is known already costs nothing, us neither: all members do it at once.
  auto back = party::without_known(**party,
                                   {request.after, request.head, request.records,
                                    boxes_from(request.boxes), identity_.backed_up_at},
                                   parts_.clock.unix_time());
  if (!back) return done(std::unexpected(back.error()));
  if (back->records.empty() && back->boxes.empty()) return done(protocol::SeqAnswer{(*party)->seq});
  if (auto allowed = may_hand_back(caller.peer, back->records); !allowed)
    return done(std::unexpected(allowed.error()));
  execute(caller, id, request.request_id, std::move(*back),
          [this, done = std::move(done)](Result<party::Outcome> outcome) mutable {
            if (!outcome) return done(std::unexpected(outcome.error()));
            // Now that they are known to be signed by those whom they name.
            for (const auto& event : outcome->events)
              for (const auto& [author, count] : count_by_author(event.records))
                handed_back_of_.take(author, parts_.clock.monotonic(), count);
            done(protocol::SeqAnswer{outcome->seq});
          });
}

}  // namespace lanrage::server
