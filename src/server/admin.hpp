// The operator's own door: requests of `lanrage-server parties|relays|relay|kick|backup`, one JSON
// object a line, on a Unix socket in the data directory that only the server's user may open.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/endpoint.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "base/time.hpp"

namespace lanrage::server {

enum class AdminErrc {
  not_running,  // no server answers for the data directory
  no_access,    // the socket is another user's
  malformed_request,
  malformed_answer,
  not_found,  // no such party or member
  ambiguous,
  other_role,  // the server doesn't do that
  refused,     // by the server; the message is its own
};
constexpr std::string_view name_of(AdminErrc e) {
  switch (e) {
    case AdminErrc::not_running:
      return "not_running";
    case AdminErrc::no_access:
      return "no_access";
    case AdminErrc::malformed_request:
      return "malformed_request";
    case AdminErrc::malformed_answer:
      return "malformed_answer";
    case AdminErrc::not_found:
      return "not_found";
    case AdminErrc::ambiguous:
      return "ambiguous";
    case AdminErrc::other_role:
      return "other_role";
    case AdminErrc::refused:
      return "refused";
  }
  return "unknown";
}

struct AdminParty {
  struct Peer {
    PeerId id;
    std::string nick;
    IpAddress vip;
    bool online = false;
    bool barred = false;
    UnixTime last_seen;
  };
  PartyId id;
  std::string name;
  PeerId host;
  std::uint64_t seq = 0;
  std::uint64_t key_epoch = 0;
  UnixTime created_at;
  std::vector<Peer> peers;  // by id
};

struct AdminRelay {
  std::string id;
  std::string region;
  std::vector<Endpoint> endpoints;
  double load = 0;  // 0 to 1
  bool built_in = false;
  UnixTime last_seen;
};

// What the socket's requests of parties do; all on the control loop's thread.
class AdminTarget {
 public:
  using Done = std::move_only_function<void(Result<void>)>;

  virtual ~AdminTarget() = default;
  virtual std::vector<AdminParty> parties() const = 0;
  virtual std::vector<AdminRelay> relays() const = 0;
  // What relays elsewhere must show.
  virtual SecretText enrolment_key() const = 0;
  // Ends this server's service to the member (party::Bar). unknown_party, unknown_peer.
  virtual void kick(const PartyId& party, const PeerId& peer, Done done) = 0;
  // A copy of the database with a new incarnation; refuses a file that exists.
  virtual void backup(const std::string& path, Done done) = 0;
};

class RelayTarget;  // relay_target.hpp

// By the server's roles; each outlives the last run of the loop.
struct AdminTargets {
  AdminTarget* control = nullptr;  // null: a relay alone
  RelayTarget* relay = nullptr;    // null: without a relay
  // Between the two looks at a relay whose difference is shown.
  std::chrono::milliseconds between_looks{1000};
};

// Serves until destroyed.
class AdminServer {
 public:
  static Result<std::unique_ptr<AdminServer>> start(boost::asio::io_context& io,
                                                    const std::filesystem::path& data_dir,
                                                    const AdminTargets& targets);
  virtual ~AdminServer() = default;
};

inline constexpr std::string_view kAdminSocket = "admin.sock";

}  // namespace lanrage::server
