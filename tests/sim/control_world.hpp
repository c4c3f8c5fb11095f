// One control server, a few devices and everything that can go wrong between them, from a seed.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "protocol/messages.hpp"
#include "server/control_core.hpp"
#include "sim/control_clock.hpp"
#include "sim/control_oracle.hpp"
#include "sim/control_pool.hpp"
#include "sim/control_socket.hpp"

namespace lanrage::control_sim {

class Device;

// A request on its way, served, or answered.
struct Exchange {
  enum class State { going, serving, answered, over };
  State state = State::going;
  io::HttpRequest request;
  std::string request_id;  // of a command
  std::optional<io::HttpResponse> answer;
  std::function<void(const std::optional<io::HttpResponse>&)> done;  // nothing: it was lost
};

struct Connection {
  Device* device = nullptr;
  std::shared_ptr<Socket> socket;
  io::WebSocketEvents events;
  std::deque<std::string> up;  // sent by the device
  bool device_open = true;
  bool server_open = true;
  Instant cut_at{};
};

struct Link {
  PartyId party;
  party::InviteKeys keys;
};

// What this world's seed lets go wrong.
struct Chaos {
  bool losses = false;    // requests and answers
  bool cuts = false;      // of WebSockets, noticed by the server or not
  bool restarts = false;  // the server is killed
  bool restores = false;  // and started from an older copy of its database
  bool failures = false;  // of the store
  bool jumps = false;     // of the wall clock
  bool slow = false;      // devices that hardly read
  bool liars = false;     // devices that claim another digest
  bool sleepers = false;  // devices that are away for long

  static Chaos some(Random& random);
};

class World {
 public:
  World(std::uint64_t seed, bool tracing);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // The whole life of a world; complaints().first() says what went wrong.
  void run();
  const Complaints& complaints() const { return complaints_; }
  const std::vector<std::string>& trace() const { return trace_; }
  std::string summary() const;  // of what happened, for statistics

  // ---- for devices
  Random& random() { return random_; }
  // True once in so many calls, about.
  bool chance(std::uint64_t one_in) { return random_.below(one_in) == 0; }
  const SimClock& clock() const { return clock_; }
  Oracle& oracle() { return oracle_; }
  void complain(const std::string& what) { complaints_.add(what); }
  template <class Text>
  void note(Text&& text) {
    if (tracing_) trace_.push_back(std::forward<Text>(text)());
  }
  bool calm() const { return calm_; }
  std::size_t most_parties() const { return most_parties_; }
  bool was_restored() const { return restores_ > 0; }
  const Chaos& chaos() const { return chaos_; }
  std::string next_request_id() { return "r" + std::to_string(++last_request_); }
  void request(std::shared_ptr<Exchange> exchange) { exchanges_.push_back(std::move(exchange)); }
  // Null: refused, with this status.
  std::shared_ptr<Connection> connect(Device& device, const io::HttpRequest& request, int& status);
  void close(Connection& connection);  // by the device

  // What players tell each other.
  std::vector<Link> links;
  std::map<PartyId, const PooledParty*> founded;
  std::map<crypto::Hash, party::PartyKey> party_keys;  // by the roster that commits to it

 private:
  struct Server;
  class Prover;

  void start_server();
  void stop_server();
  void restart(bool from_copy);
  void run_task();
  void step();
  void pump(std::uint64_t events);
  bool pump_one();
  void move(Exchange& exchange);
  void read_frame(Connection& connection);
  void lose(Connection& connection, std::uint16_t code);  // the server notices its end
  void cut(Connection& connection);
  void advance(std::chrono::milliseconds by);
  void fail_store(store::InjectedFailure kind, std::size_t writes);
  void bar(const PartyId& party, const PeerId& peer);
  void disturb();  // control_chaos.cc
  void operate();
  void settle();         // control_settling.cc
  void come_together();  // everybody connected, everything answered and read
  void check_device(Device& device);
  void check_replica(const Device& device, const PartyId& party);
  std::string unrest() const;
  std::uint64_t divergences() const;  // that the present server found
  void observe() { oracle_.observe(storage_->tables); }
  void drop_over();

  const bool tracing_;
  std::vector<std::string> trace_;
  SeededRandom random_;
  SimClock clock_;
  Complaints complaints_;
  Chaos chaos_;
  server::Limits limits_;
  std::size_t queue_bytes_ = 0;
  std::size_t most_parties_ = 0;
  Oracle oracle_;
  std::shared_ptr<store::MemoryStorage> storage_ = std::make_shared<store::MemoryStorage>();
  std::deque<std::move_only_function<void()>> tasks_;
  std::unique_ptr<Server> server_;
  std::vector<std::unique_ptr<Device>> devices_;
  std::vector<std::shared_ptr<Exchange>> exchanges_;
  std::vector<std::shared_ptr<Connection>> connections_;
  struct Copy {
    store::MemoryTables tables;
    Oracle oracle;
  };
  std::optional<Copy> copy_;
  std::uint64_t last_request_ = 0;
  std::size_t restores_ = 0;
  std::size_t restarts_ = 0;
  std::size_t overflows_ = 0;
  bool calm_ = false;
  std::set<PeerId> away_;  // for the rest of the world
};

}  // namespace lanrage::control_sim
