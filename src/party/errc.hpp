// What a party's rules can refuse. The names are stable: they reach users as error codes.
#pragma once

#include <string_view>

#include "base/result.hpp"

namespace lanrage::party {

enum class Errc {
  // Bytes and signatures
  malformed,      // not the layout that docs/protocol/records.md gives
  too_large,      // over a size limit of limits.hpp
  bad_signature,  // a signature doesn't verify
  wrong_signer,   // signed well, by a key without the right to
  wrong_party,    // the root key isn't the one that the party's id commits to
  out_of_order,   // a record or event that can't follow the one before it
  not_supported,  // the charter rules it out
  weak_key,       // an X25519 key of low order or in a second spelling
  key_in_use,     // a WireGuard or box key that somebody else showed first
  // Membership
  stale_epoch,      // made against a roster that isn't the current one: open the invite again
  stale_head,       // names a log head that is unknown or older than the signer's last step
  record_refused,   // of several that came together; which one and why, in words
  split_history,    // names another head at this point of the log than ours
  stale_statement,  // a statement whose version isn't higher than the last one's
  already_member,
  not_member,
  barred,  // the server's operator bars this identity from the party
  party_full,
  log_full,
  unknown_invite,
  invite_used_up,
  invite_expired,
  invite_revoked,  // a roster dropped it before it was used up or expired
  invite_exists,
  too_many_invites,
  invalid_invite,  // terms out of range: uses, used, not_after
  invalid_vip,     // outside the prefix, or one of its reserved addresses
  vip_taken,       // ask for a new suggestion and state that one
  vip_bound,       // the identity has another address, for the party's lifetime
  no_vip_free,
  invalid_name,
  invalid_nick,
  invalid_prefix,
  invalid_charter,
  invalid_roster,
  invalid_candidate,
  invalid_hint,
  // Commands
  party_exists,
  party_closed,
  unknown_party,
  wrong_actor,  // the caller isn't the one whom the records speak for
  not_host,
  invalid_request_id,
  request_id_reused,
  nothing_to_do,
  missing_box,
  // Boxes and invites
  box_unreadable,
  key_mismatch,      // the box's party key isn't the one that the roster commits to
  not_an_invite,     // no invite link in the text
  invite_mistyped,   // a link whose check characters don't fit
  invite_cut_short,  // a link whose end is missing
};

constexpr std::string_view name_of(Errc e) {
  switch (e) {
    using enum Errc;
    case malformed:
      return "malformed_record";
    case too_large:
      return "too_large";
    case bad_signature:
      return "bad_signature";
    case wrong_signer:
      return "wrong_signer";
    case wrong_party:
      return "wrong_party";
    case out_of_order:
      return "out_of_order";
    case not_supported:
      return "not_supported";
    case weak_key:
      return "weak_key";
    case key_in_use:
      return "key_in_use";
    case stale_epoch:
      return "stale_epoch";
    case stale_head:
      return "stale_head";
    case record_refused:
      return "record_refused";
    case split_history:
      return "split_history";
    case stale_statement:
      return "stale_statement";
    case already_member:
      return "already_member";
    case not_member:
      return "not_member";
    case barred:
      return "barred";
    case party_full:
      return "party_full";
    case log_full:
      return "log_full";
    case unknown_invite:
      return "unknown_invite";
    case invite_used_up:
      return "invite_used_up";
    case invite_expired:
      return "invite_expired";
    case invite_revoked:
      return "invite_revoked";
    case invite_exists:
      return "invite_exists";
    case too_many_invites:
      return "too_many_invites";
    case invalid_invite:
      return "invalid_invite";
    case invalid_vip:
      return "invalid_vip";
    case vip_taken:
      return "vip_taken";
    case vip_bound:
      return "vip_bound";
    case no_vip_free:
      return "no_vip_free";
    case invalid_name:
      return "invalid_name";
    case invalid_nick:
      return "invalid_nick";
    case invalid_prefix:
      return "invalid_prefix";
    case invalid_charter:
      return "invalid_charter";
    case invalid_roster:
      return "invalid_roster";
    case invalid_candidate:
      return "invalid_candidate";
    case invalid_hint:
      return "invalid_hint";
    case party_exists:
      return "party_exists";
    case party_closed:
      return "party_closed";
    case unknown_party:
      return "unknown_party";
    case wrong_actor:
      return "wrong_actor";
    case not_host:
      return "not_host";
    case invalid_request_id:
      return "invalid_request_id";
    case request_id_reused:
      return "request_id_reused";
    case nothing_to_do:
      return "nothing_to_do";
    case missing_box:
      return "missing_box";
    case box_unreadable:
      return "box_unreadable";
    case key_mismatch:
      return "key_mismatch";
    case not_an_invite:
      return "not_an_invite";
    case invite_mistyped:
      return "invite_mistyped";
    case invite_cut_short:
      return "invite_cut_short";
  }
  return "unknown";
}

}  // namespace lanrage::party
