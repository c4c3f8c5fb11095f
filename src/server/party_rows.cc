#include "server/party_rows.hpp"

#include <algorithm>

namespace lanrage::server {

namespace {

store::PeerRow peer_row(const PeerId& peer, const crypto::ExchangeKey& wireguard,
                        const party::Statement& statement, const party::Hints& hints, UnixTime at) {
  store::PeerRow row;
  row.id = peer;
  row.wireguard_key = wireguard.bytes;
  row.vip = statement.vip;
  row.nick = statement.nick;
  if (hints.public_endpoint) row.public_endpoint = hints.public_endpoint->to_string();
  if (hints.nat_type) row.nat_type = *hints.nat_type;
  row.last_seen = at;
  return row;
}

// What one event changes in the tables. The records say it all, so the party isn't asked to take
// them once more.
class Rows {
 public:
  Rows(const party::Party& before, store::Append& append) : before_(before), append_(append) {}

  Result<void> add(const party::Event& event) {
    for (const auto& record : event.records)
      if (auto read = this->read(record); !read) return read;
    switch (event.type) {
      using enum party::EventType;
      case created:
      case peer_joined:
        return joined(event);
      case peer_updated:
        return updated(event);
      case peer_left:
        gone(event.subject);
        return {};
      case key_rotated:
        for (const auto& peer : event.removed)
          gone(peer);
        return {};
      case charter_changed:
        append_.party.host = party::peer_id(charter_->host);
        return {};
      case party_closed:
        append_.closes = true;
        return {};
      case invite_added:
      case peer_barred:
        return {};
    }
    return {};
  }

 private:
  template <class Body>
  Result<void> keep(ByteView record, std::optional<Body>& out) {
    auto body = party::read_record<Body>(record);
    if (!body) return std::unexpected(body.error());
    out = std::move(*body);
    return {};
  }

  Result<void> read(ByteView record) {
    const auto envelope = party::Envelope::parse(record);
    if (!envelope) return std::unexpected(envelope.error());
    switch (envelope->type) {
      using enum party::RecordType;
      case charter:
        return keep(record, charter_);
      case roster:
        return keep(record, roster_);
      case admission:
        return keep(record, admission_);
      case statement:
        return keep(record, statement_);
      case invite:
      case leave:
        return {};
    }
    return {};
  }

  Result<void> joined(const party::Event& event) {
    const bool founds = event.type == party::EventType::created;
    if (!statement_ || (founds ? !charter_ || !roster_ : !admission_))
      return fail(party::Errc::malformed, "an event lacks the records that its type needs");
    if (founds) {
      append_.party.name = charter_->name;
      append_.party.host = event.subject;
      append_.party.created_at = event.at;
    }
    std::erase(append_.gone, event.subject);
    change(peer_row(event.subject,
                    founds ? roster_->members.at(0).wireguard : admission_->wireguard, *statement_,
                    event.hints, event.at));
    return {};
  }

  // An event may follow others of the same append: each peer has one row, as of the last.
  store::PeerRow* changed(const PeerId& peer) {
    const auto row = std::ranges::find(append_.changed, peer, &store::PeerRow::id);
    return row == append_.changed.end() ? nullptr : &*row;
  }
  void change(store::PeerRow row) {
    if (auto* before = changed(row.id))
      *before = std::move(row);
    else
      append_.changed.push_back(std::move(row));
  }
  void gone(const PeerId& peer) {
    std::erase_if(append_.changed, [&](const auto& row) { return row.id == peer; });
    append_.gone.push_back(peer);
  }

  Result<void> updated(const party::Event& event) {
    if (auto* row = changed(event.subject)) {
      if (statement_) {
        row->nick = statement_->nick;
        row->vip = statement_->vip;
      }
      return {};
    }
    const auto* member = before_.ledger.member(event.subject);
    const auto known = before_.peers.find(event.subject);
    if (!member || known == before_.peers.end())
      return fail(party::Errc::not_member, "an event updates a peer that isn't a member");
    party::Hints hints = event.hints;
    if (!hints.nat_type) hints.nat_type = known->second.hints.nat_type;
    if (!hints.public_endpoint) hints.public_endpoint = known->second.hints.public_endpoint;
    if (!statement_) {
      statement_.emplace();
      statement_->nick = member->nick;
      statement_->vip = member->vip;
    }
    change(peer_row(event.subject, member->wireguard, *statement_, hints, event.at));
    return {};
  }

  const party::Party& before_;
  store::Append& append_;
  std::optional<party::Charter> charter_;
  std::optional<party::Roster> roster_;
  std::optional<party::Admission> admission_;
  std::optional<party::Statement> statement_;
};

}  // namespace

Result<store::Append> rows_of(const party::Party& before, const std::vector<party::Event>& events,
                              std::uint64_t relay_group) {
  store::Append append;
  append.expected_seq = before.seq;
  append.party.id = before.id();
  append.party.relay_group = relay_group;
  if (before.seq != 0) {
    append.party.name = before.ledger.charter().name;
    append.party.host = before.ledger.host_id();
    append.party.created_at = before.created_at;
  }
  for (const auto& event : events) {
    append.events.push_back(
        {event.seq, std::string(name_of(event.type)), party::encode_event(event), event.at});
    if (auto added = Rows(before, append).add(event); !added) return std::unexpected(added.error());
  }
  return append;
}

}  // namespace lanrage::server
