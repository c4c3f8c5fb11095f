// What `lanrage status --json` promises, from what the sessions report.
#pragma once

#include <boost/json/object.hpp>
#include <chrono>

#include "agent/party_session.hpp"

namespace lanrage::agent {

boost::json::object status_json(const PartyRow& party, UnixTime now);
boost::json::object peer_json(const PeerRow& peer, LinkState link, UnixTime now);
// {method, endpoint}: how a router forwards the party's port, and where that helps others; or null.
boost::json::value portmap_json(const PartyRow& party);
// Milliseconds with three decimals.
double to_ms(Duration duration);

}  // namespace lanrage::agent
