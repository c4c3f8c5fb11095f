// A simulated agent: registers, keeps a WebSocket, remembers its parties, does what players do, and
// repeats what wasn't answered.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>

#include "party/membership.hpp"
#include "protocol/messages.hpp"
#include "sim/control_replica.hpp"
#include "sim/control_world.hpp"

namespace lanrage::control_sim {

// A change that was asked for, until it is answered.
struct Pending {
  std::string request_id;
  std::string what;  // for the trace
  PartyId party;
  io::Method method = io::Method::post;
  std::string target;
  std::string body;
  std::string text;     // the same by WebSocket; empty: only by HTTP
  bool enters = false;  // creates or joins: the answer shows the party
  bool leaves = false;
  bool repetition = false;  // was answered before
  std::function<void()> when_done;
  bool under_way = false;
  bool over_websocket = false;
  Instant sent_at{};
};

class Device {
 public:
  // `slow`: hardly ever reads. `lies`: claims another digest than it has.
  Device(World& world, std::size_t number, bool slow, bool lies);

  std::size_t number() const { return number_; }
  const PeerId& id() const { return self_.id; }
  const std::string& name() const { return name_; }

  void act();   // something that its player wants
  void poll();  // connects, registers, repeats what wasn't answered
  void on_frame(const protocol::ws::ServerMessage& message);
  void on_connection_lost();

  // For the end of a world.
  std::string busy() const {  // with what; empty: with nothing
    if (registering_) return "registers";
    return pending_.empty() ? std::string() : "waits: " + pending_.front().what;
  }
  Connection* connection() { return connection_.get(); }
  const std::map<PartyId, Replica>& replicas() const { return replicas_; }
  void ask_for(const PartyId& party);  // the whole party
  void heartbeat(const PartyId& party);
  void get_party(const PartyId& party);

  bool slow() const { return slow_; }
  std::optional<Instant> asleep_until;

 private:
  using Done = std::function<void(const std::optional<io::HttpResponse>&)>;

  void http(io::Method method, const std::string& target, std::string body, Done done,
            const std::string& request_id = {});
  void send(const protocol::ws::ClientMessage& message);
  void expect_snapshot(const PartyId& party);
  void register_again();
  void answer_challenge(const Bytes& nonce);
  void connect();
  // A refusal that no honest client may get; and what tells us to register anew.
  void on_refused(int status, const std::string& code, const std::string& message);

  void submit(Pending pending);
  void attempt(Pending& pending);
  void on_answer(const std::string& request_id, const std::optional<io::HttpResponse>& response);
  void settle(const std::string& request_id, bool done);
  void retry(const std::string& request_id);
  Pending* find(const std::string& request_id);

  Replica* replica(const PartyId& party);
  void take(Replica& replica, Replica::Taken taken, const std::string& what);
  void on_event(const PartyId& party, const protocol::ws::ServerMessage& message);
  void on_snapshot(const protocol::Party& party, const std::string& incarnation,
                   const std::optional<Bytes>& box);
  void on_error(const protocol::ws::ErrorMessage& error);
  void check_box(const Replica& replica, const std::optional<Bytes>& box);
  void forget(const PartyId& party);

  // ---- what players want: control_player.cc
  void create();
  void join();
  void open_and_join(const Link& link, const protocol::OpenInviteAnswer& opened);
  void act_in(Replica& replica);
  void update(const Replica& replica);
  void rename(const Replica& replica);
  void leave(const Replica& replica);
  void rotate(const Replica& replica);
  void invite(const Replica& replica);
  void change_charter(const Replica& replica);
  void close_party(const Replica& replica);
  void signal(const Replica& replica);
  void repeat();
  const crypto::SigningKey* governing_key(const Replica& replica) const;

  World& world_;
  const PooledDevice& self_;
  const std::size_t number_;
  const std::string name_;
  const bool slow_;
  const bool lies_;
  std::optional<protocol::BearerToken> token_;
  bool registering_ = false;
  std::shared_ptr<Connection> connection_;
  std::map<PartyId, Replica> replicas_;
  std::deque<Pending> pending_;
  std::deque<Pending> answered_;  // the last few
};

}  // namespace lanrage::control_sim
