// A control server in memory for fuzz targets: three devices with tokens, what they would send, and
// the rules of tests/sim/control_oracle.hpp held against everything that the server says.
#pragma once

#include <array>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "protocol/messages.hpp"
#include "server/control_core.hpp"
#include "sim/control_clock.hpp"
#include "sim/control_oracle.hpp"
#include "sim/control_pool.hpp"
#include "sim/control_socket.hpp"

namespace lanrage::fuzzing {

inline constexpr std::size_t kDevices = 3;
inline constexpr std::size_t kQueueBytes = std::size_t{64} * 1024;

// Aborts, so that the fuzzer keeps the input.
void check(bool ok, const std::string& what);

// Signed once a process. Each fits the party's log after those before it.
struct Material {
  PartyId party;
  InviteId invite;
  protocol::CreatePartyRequest create;   // by device 0
  protocol::OpenInviteRequest open;      // by device 1
  protocol::JoinRequest join[kDevices];  // of devices 1 and 2
  protocol::UpdatePeerRequest rename;    // by device 1
  protocol::AddInviteRequest add_invite;
  protocol::ChangeCharterRequest charter;  // device 1 becomes a deputy
  protocol::RotateRequest kick;            // of device 2
  protocol::LeaveRequest leave;            // of device 1
  protocol::HandBackRequest hand_back;     // all that follows create

  static const Material& get();
};

// A few bytes of `text` overwritten, dropped or doubled, as the script says.
void damage(std::string& text, ByteReader& script);

class Harness {
 public:
  Harness();
  ~Harness();
  Harness(const Harness&) = delete;
  Harness& operator=(const Harness&) = delete;

  static const PeerId& peer(std::size_t device);
  static const protocol::BearerToken& token(std::size_t device);
  const std::string& incarnation() const { return incarnation_; }
  // Of the party as the store has it; zeros where there is none.
  crypto::Hash digest() const;

  void connect(std::size_t device);  // in place of an open connection
  void say(std::size_t device, const std::string& text);
  void read(std::size_t device, std::size_t frames);
  void close(std::size_t device, bool clean);
  void request(io::HttpRequest request);

  void run_store(std::size_t writes);
  void fail_store(store::InjectedFailure kind);
  void wait(std::chrono::milliseconds time);
  void set_wall_clock(std::chrono::hours by);
  void bar(std::size_t device);
  void restart(bool writes_survive);
  // Lets everything come to its end and looks at it.
  void finish();

 private:
  struct Connection {
    std::shared_ptr<control_sim::Socket> socket;
    io::WebSocketEvents events;
  };
  void start();
  void stop(bool writes_survive);
  void look();
  control_sim::SocketContext context();

  control_sim::SimClock clock_;
  SeededRandom random_{1};
  control_sim::Complaints complaints_;
  server::Limits limits_;
  control_sim::Oracle oracle_;
  std::shared_ptr<store::MemoryStorage> storage_ = std::make_shared<store::MemoryStorage>();
  std::deque<std::move_only_function<void()>> tasks_;
  struct Server;
  std::unique_ptr<Server> server_;
  std::string incarnation_;
  std::array<std::optional<Connection>, kDevices> connections_;
  std::shared_ptr<std::size_t> unanswered_ = std::make_shared<std::size_t>(0);
};

}  // namespace lanrage::fuzzing
