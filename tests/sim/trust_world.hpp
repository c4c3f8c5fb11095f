// A party of agents' PartyTrusts, their tunnels, and a control server that isn't always honest:
// from a seed, in virtual time. Then calm, and what must hold in the end.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "sim/trust_pool.hpp"
#include "sim/trust_server.hpp"
#include "sim/trust_tunnels.hpp"
#include "trust/party_trust.hpp"

namespace lanrage::trust_sim {

struct Player {
  explicit Player(const party::DeviceKeys& device, std::string called)
      : keys(device), id(device.peer_id()), name(std::move(called)) {}

  const party::DeviceKeys& keys;
  PeerId id;
  std::string name;
  std::chrono::hours clock_error{0};

  struct Kept {
    std::vector<Bytes> log;
    party::PartyKey key;
    std::vector<party::PartyKey> older;
    trust::Overruled overruled;
    std::optional<Secret<32>> root;
    bool operator==(const Kept&) const = default;
  };
  std::optional<Kept> kept;  // what is to be on disk
  std::optional<Kept> disk;  // what is there, some moments later
  bool writing = false;
  std::unique_ptr<trust::PartyTrust> trust;  // null while stopped
  bool linked = false;                       // to the server
  bool out = false;                          // left, or told that it was removed
  bool gone = false;                         // its device broke
  std::size_t view = 0;                      // of the server's histories
  std::uint64_t life = 0;                    // changes with each start and stop
  std::uint64_t link = 0;
  Instant last_told{};
  std::optional<Instant> timer;
  std::map<std::pair<trust::Topic, PeerId>, Instant> raised;  // last time
  std::optional<InviteId> joined_by;                          // since the world began
  Instant joined_at{};

  bool online() const { return trust != nullptr; }
};

class World {
 public:
  World(std::uint64_t seed, bool trace);
  void run();

  const std::optional<std::string>& complaint() const { return complaint_; }
  const std::vector<std::string>& trace() const { return trace_; }

 private:
  // ---- players (trust_world.cc)
  Player& add_player(std::size_t device);
  Player* find(const PeerId& id);
  void start(Player& player, party::Ledger ledger, std::vector<Bytes> log, trust::KeyRing keys,
             bool fresh, trust::Overruled overruled = {},
             std::optional<crypto::SigningKey> root = {});
  void resume(Player& player);
  void stop(Player& player);
  void hear(Player& player, const PeerId& from, const Bytes& datagram);
  void take(Player& player, const trust::Effects& effects);
  void set_timer(Player& player);
  static Player::Kept believed(const Player& player);
  void write(Player& player);
  // ---- their links to the server (trust_world.cc)
  void connect(Player& player);
  void disconnect(Player& player);
  void show_snapshot(Player& player, bool caught_up);
  void tell(std::size_t view, const Server::Commit& commit, const Player* author);
  void hand_back(Player& player);
  void show_all();
  // Unless it stops before.
  void later(Player& player, Duration time, std::function<void()> then);

  // ---- what they do (trust_actions.cc)
  using Make = std::function<std::optional<Server::Commit>(Player&)>;
  void command(Player& player, const std::string& what, Make make, std::function<void()> done,
               int tries = 10);
  const crypto::SigningKey* signer(const Player& player) const;
  std::vector<Player*> governors();
  UnixTime clock(const Player& player) const;
  void join(Player& player, std::size_t view, int tries = 10);
  void rotate(Player& governor, bool kick);
  void revoke(Player& governor);
  std::optional<Server::Commit> rotation(const Player& player, party::RotationOptions options);
  void knock();
  void invite(Player& governor);
  void leave(Player& player);
  void promote();
  void hand_over();
  void name_host(Player& host, const PeerId& next, int looks);
  Player* host();  // who has the root key and may use it, as far as it knows
  void act();
  void disturb_server();
  void duel(std::size_t view);
  void be_honest();
  Player* anybody(const std::function<bool(const Player&)>& fits);

  // ---- what must hold (trust_oracle.cc)
  void on_tick(const PeerId& a, const PeerId& b);
  void check_heads_told(const Player& a, const Player& b);
  void check_overruled(const Player& player, std::span<const Bytes> other_log, bool whole);
  void check_kept(const Player& player);
  void check_key_change(const Player& player, const trust::Access& access);
  void check_end();
  void check_revoked(const Player& player);
  void check_revoked_end(const trust::VerifiedLog& log);
  void check_root_key(const party::Ledger& ledger, const std::vector<Player*>& members);
  void calm();
  void find_reachable();

  void say(const std::string& what);
  void complain(const std::string& what);

  Timeline timeline_;
  bool tracing_;
  std::vector<std::string> trace_;
  std::optional<std::string> complaint_;
  const PooledParty& pooled_;
  Server server_;
  Tunnels tunnels_;
  std::vector<std::unique_ptr<Player>> players_;
  std::vector<party::InviteKeys> invites_;
  struct Revocation {
    InviteId invite;
    Instant at;
    trust::HeadAt head;    // of a log that ends with its roster
    party::Ledger before;  // as whoever signed it had it
  };
  std::vector<Revocation> revoked_;
  bool revokes_;  // now and then
  bool honest_ = true;
  bool calm_ = false;
  bool server_ends_;  // goes for good in the end; it never lied then
  int rotations_ = 0;
  std::set<PeerId> reachable_;  // in the end, by whoever knows all
  struct Seen {
    std::uint64_t life_a = 0, life_b = 0;
    bool session = false;
    std::optional<Instant> split_since;
    std::optional<std::pair<trust::HeadAt, Instant>> lacking;  // which head one lacks, since when
  };
  std::map<std::pair<PeerId, PeerId>, Seen> seen_;
};

}  // namespace lanrage::trust_sim
