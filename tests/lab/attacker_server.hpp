// A control server gone bad, as the agents see it: it has the genuine server's certificate and key,
// takes all connections from outside, asks the genuine one and may then rewrite, hold back, repeat
// or forge whatever goes to each agent.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "support/server.hpp"

namespace lanrage::lab {

class AttackerServer {
 public:
  // A REST request of an agent; `peer_id` is empty until the agent has registered.
  struct Request {
    std::string peer_id;
    std::string method;
    std::string target;
  };
  struct Answer {
    int status = 200;
    boost::json::value body;  // null: none
  };
  using Messages = std::vector<boost::json::object>;
  // Scripts run on the attacker's own thread. They see what the genuine server says, and what they
  // make of it goes to the agent.
  using AnswerScript = std::function<void(const Request&, Answer&)>;
  using MessageScript =
      std::function<Messages(const std::string& peer_id, boost::json::object message)>;

  // From now on connections to the server come here. Outlived by the server.
  explicit AttackerServer(const Server& genuine);
  ~AttackerServer();

  void rewrite_answers(AnswerScript script);
  void rewrite_messages(MessageScript script);
  void behave();  // passes everything on again

  bool has_caught_up(const std::string& peer_id) const;
  // To the agent's WebSocket. False: it has none on which it has caught up.
  bool send(const std::string& peer_id, const boost::json::object& message);
  // The same for a message of an event (it has a `seq` member): with the number that the agent
  // waits for. The genuine events after it are told with higher numbers.
  bool send_event(const std::string& peer_id, boost::json::object message);
  // Ends the agent's WebSockets; it comes back, as it does after any cut.
  void cut(const std::string& peer_id);

  // What the agent acts with at the server; empty until it has registered.
  std::string token(const std::string& peer_id) const;

  // From now on new connections are shown another certificate than that of the invites; all others
  // are cut. False: the true one again.
  void show_false_certificate(bool yes);
  // Requests and WebSockets that came in so far.
  std::uint64_t requests() const;

 private:
  class Proxy;
  std::unique_ptr<Proxy> proxy_;
};

}  // namespace lanrage::lab
