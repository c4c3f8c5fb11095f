// One party that this agent is in: who is a member (verified from the signed log), the tunnel, the
// paths, and the link to the control server. Lives until the agent leaves the party or stops.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "agent/agent_context.hpp"
#include "agent/connectivity.hpp"
#include "agent/control_plane.hpp"
#include "agent/games_json.hpp"
#include "agent/games_watch.hpp"
#include "agent/governance.hpp"
#include "agent/invite_keeper.hpp"
#include "agent/joining.hpp"
#include "agent/party_alerts.hpp"
#include "agent/party_lan.hpp"
#include "agent/server_refill.hpp"
#include "agent/state_file.hpp"
#include "agent/trust_keeper.hpp"

namespace lanrage::agent {

// Why a session can't go on by itself.
enum class Ended {
  party_closed,  // for good
  removed,       // for good: a roster of the members leaves us out
  device_lost,   // a new session from saved() may work
};

enum class SessionErrc { unknown_peer, ambiguous_peer };
constexpr std::string_view name_of(SessionErrc errc) {
  switch (errc) {
    case SessionErrc::unknown_peer:
      return "unknown_peer";
    case SessionErrc::ambiguous_peer:
      return "ambiguous_peer";
  }
  return "unknown";
}

struct PeerRow {
  PeerId id;
  std::string nick;
  IpAddress vip;
  bool online = false;
  std::optional<PeerReport> report;
};

struct PartyRow {
  PartyId id;
  std::string name;
  PeerId host;
  std::uint32_t key_epoch = 0;
  std::uint64_t seq = 0;
  std::string interface;                     // WireGuard's
  std::optional<std::string> lan_interface;  // with our virtual IP; none: it is on `interface`
  std::string server_url;
  LinkState link = LinkState::connecting;
  std::string nick;
  IpAddress vip;
  std::optional<PortMapping> mapping{};       // of our port, by a router
  std::optional<Endpoint> mapped_endpoint{};  // where others reach us by it
  std::optional<bool> udp{};                  // gets out and back; nothing: not known yet
  std::optional<std::string> udp_note{};      // what to do where it doesn't
  std::optional<std::string> trust_note{};    // why nobody may talk to us yet, likewise
  std::optional<std::string> lan_note{};      // what the LAN lacks, likewise
  std::vector<Alert> alerts{};                // what the control server tried
  std::vector<PeerRow> peers;
};

class PartySession : public GovernedParty, public std::enable_shared_from_this<PartySession> {
 public:
  struct Callbacks {
    std::function<void()> on_saved_changed;                // saved() has something new to keep
    std::function<void(Ended, std::string why)> on_ended;  // stop() and drop the session then
  };

  // Opens the device, configures the members and starts the control link. Errors: TunnelErrc,
  // Connectivity's.
  static Result<std::shared_ptr<PartySession>> start(AgentContext& context, Joined joined,
                                                     Callbacks callbacks);
  // The same after a restart of the agent: works from what was kept, whether or not the control
  // server can be reached.
  static Result<std::shared_ptr<PartySession>> resume(AgentContext& context, SavedParty saved,
                                                      std::shared_ptr<ControlPlane> control,
                                                      Callbacks callbacks);
  ~PartySession() override;
  // Removes the device and closes the link; no callback comes after it.
  void stop();
  // saved() is on the disk as it is now.
  void on_stored() { trust_->on_stored(); }

  const SavedParty& saved() const { return saved_; }
  const PartyId& id() const { return saved_.id; }
  const std::string& name() const { return ledger().charter().name; }
  IpAddress vip() const;
  const PartyLan& lan() const { return *lan_; }
  // Which has it.
  const std::string& vip_interface() const { return lan_->interface_name(); }
  const Prefix& prefix() const { return ledger().charter().prefix; }
  PartyRow report() const;
  // From now on, and kept in saved(); where it fails, all stays as it was. Errors: LanErrc.
  Result<void> set_access(lan::Access access);
  const party::Ledger& ledger() const override { return trust_->trust().ledger(); }
  const party::PartyKey& party_key() const override { return trust_->trust().keys().newest(); }
  const DeviceKeys& device() const override { return context_.keys; }
  const crypto::SigningKey* root_key() const override { return trust_->trust().root().root(); }
  trust::Overruled overruled() const override { return trust_->trust().log().overruled(); }
  bool server_has_all() const override { return trust_->trust().log().server_has_all(); }
  std::shared_ptr<ControlPlane> control() const override { return control_; }
  void hear(const protocol::ws::ServerMessage& message) override;
  // Waits at most kReceiptTime for those whom we reach.
  boost::asio::awaitable<Receipts> receipts(std::uint32_t key_epoch,
                                            std::vector<PeerId> members) override;
  boost::asio::awaitable<Handing> hand_root_key(PeerId to) override;
  boost::asio::awaitable<bool> root_key_forgotten() override;
  LinkState link_state() const { return control_->link_state(); }
  std::size_t members() const { return ledger().members().size(); }
  const Connectivity& connectivity() const { return *connectivity_; }

  // By peer id, nick or virtual IP. unknown_peer, or ambiguous_peer where a nick names several.
  Result<PeerId> find_peer(std::string_view name) const;
  // Echoes through the tunnel, one after the other.
  boost::asio::awaitable<std::vector<std::optional<Duration>>> ping(PeerId peer, int count);
  // One echo as an IP packet of `size` bytes; nothing when none came back in time.
  boost::asio::awaitable<std::optional<Duration>> echo(PeerId peer, std::size_t size);
  // What is hosted in the party, after asking. GamesWatchErrc.
  boost::asio::awaitable<Result<std::vector<GameRow>>> games();
  boost::asio::awaitable<Result<void>> rename(std::string nick);
  // The party's server is at another address now and has proved there that it is the same one.
  void move_to(std::string url, std::shared_ptr<ControlPlane> control);
  void set_public_url(std::string url);
  // Tells the others, if the server can be reached; the caller then stops the session.
  boost::asio::awaitable<Result<void>> leave();

 private:
  PartySession(AgentContext& context, SavedParty saved, party::Membership membership, bool fresh,
               std::shared_ptr<ControlPlane> control, crypto::SigningKey bind_key,
               Callbacks callbacks);
  // `answer`: of the server that let us in just now.
  Result<void> open(const std::optional<protocol::PartyAnswer>& answer);
  Result<void> open_device(const party::DeviceKeys& keys);
  Result<void> open_lan(const party::DeviceKeys& keys);
  Result<void> open_connectivity(const party::DeviceKeys& keys);
  // Of a member, inside the tunnel.
  IpAddress underlay_of(const crypto::ExchangeKey& wireguard) const;
  void open_games();
  void open_link();
  void subscribe();

  TrustKeeper::Callbacks trust_callbacks();
  void on_snapshot(const protocol::Party& party, const std::string& incarnation,
                   const std::optional<Bytes>& box);
  void on_closed(const protocol::ws::PartyClosed& closed);
  // True when what the event says beside its records should agree with our log now.
  bool on_event(std::uint64_t seq, std::span<const Bytes> records,
                const std::optional<Bytes>& box = std::nullopt);
  // Raised where there is a sentence.
  void on_claim(AlertCode code, std::optional<std::string> sentence);
  void on_finding(const trust::Finding& finding);
  void on_kicked(const protocol::ws::Kicked& kicked);
  void on_refusal(const protocol::ws::ErrorMessage& refusal);
  void on_ended_invites(const std::optional<Error>& refusal);
  // What the server has of the party may have changed.
  void on_server_word();
  void on_presence(const PeerId& peer, bool online);
  void on_place(const PeerId& peer, bool beside_segment);
  void on_link(LinkState state);
  void on_trouble(const Error& error);
  void sync_peers();
  void name_members();
  void keep();
  void keep_root_key(const crypto::SigningKey* key);  // null: it isn't here
  // Whether it came true within `time`.
  boost::asio::awaitable<bool> becomes(std::function<bool()> so, Duration time);
  void heartbeat();
  boost::asio::awaitable<void> fetch_relay_grant();
  boost::asio::awaitable<void> keep_relay_grant();
  boost::asio::awaitable<void> publish_hints(stun::NatReport report);
  void end(Ended how, std::string why);
  // Runs a member coroutine that keeps this session alive.
  void spawn(std::function<boost::asio::awaitable<void>()> work);

  AgentContext& context_;
  SavedParty saved_;
  std::shared_ptr<TrustKeeper> trust_;
  std::shared_ptr<InviteKeeper> invites_;
  std::shared_ptr<ServerRefill> refill_;
  PartyAlerts alerts_;
  std::shared_ptr<ControlPlane> control_;
  crypto::SigningKey bind_key_;
  Callbacks callbacks_;
  std::unique_ptr<Tunnel> tunnel_;
  std::shared_ptr<PartyLan> lan_;
  std::shared_ptr<Connectivity> connectivity_;
  std::shared_ptr<GamesWatch> games_;  // none: can't be had here
  std::map<PeerId, bool> online_;      // as the server tells it; display only
  std::chrono::seconds heartbeat_every_{20};
  boost::asio::steady_timer heartbeat_timer_;
  boost::asio::steady_timer grant_timer_;
  UnixTime grant_expiry_{};  // of the newest relay token
  bool stopped_ = false;
};

}  // namespace lanrage::agent
