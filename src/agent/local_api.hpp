// The agent's local API: a JSON object in, a JSON object out. Commands and fields are those of the
// command line (docs/guide/cli.md); every result begins with "schema".
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/json/object.hpp>
#include <string>

#include "agent/agent.hpp"

namespace lanrage::agent {

class LocalApi {
 public:
  // `agent` outlives it.
  explicit LocalApi(Agent& agent) : agent_(agent) {}

  // {"ok":true,"result":{...}} or {"ok":false,"error":{"code","message","field","exit"}}, where
  // "exit" is the exit status that the command line ends with.
  boost::asio::awaitable<WipedString> answer(WipedString request);

 private:
  using Answer = boost::asio::awaitable<Result<boost::json::object>>;

  Answer dispatch(const boost::json::object& request);
  Answer create(const boost::json::object& request);
  Answer join(const boost::json::object& request);
  Answer status(const boost::json::object& request);
  Answer ping(const boost::json::object& request);
  Answer list(const boost::json::object& request);
  Answer nick(const boost::json::object& request);
  Answer leave(const boost::json::object& request);
  Answer netcheck(const boost::json::object& request);
  Answer games(const boost::json::object& request);
  Answer doctor(const boost::json::object& request);
  Answer discover(const boost::json::object& request);
  // What a party reaches of this machine: local_api_access.cc.
  Answer open(const boost::json::object& request);
  Answer close(const boost::json::object& request);
  // Of those who govern a party: local_api_governance.cc.
  Answer invite(const boost::json::object& request);
  Answer invite_list(const boost::json::object& request);
  Answer invite_revoke(const boost::json::object& request);
  Answer kick(const boost::json::object& request);
  Answer promote(const boost::json::object& request);
  Answer demote(const boost::json::object& request);
  Answer rotate(const boost::json::object& request);

  Result<std::shared_ptr<PartySession>> party_of(const boost::json::object& request) const;
  // The party, and the member of it that "peer" names.
  struct Target {
    std::shared_ptr<PartySession> session;
    PeerId peer;
  };
  Result<Target> target_of(const boost::json::object& request) const;

  Agent& agent_;
};

}  // namespace lanrage::agent
