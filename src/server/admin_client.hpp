// The operator's side of the admin socket.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "server/admin.hpp"
#include "server/relay_top.hpp"

namespace lanrage::server {

// Each asks the server that runs on `data_dir`. Errors: AdminErrc; a refusal carries the server's
// message.
class AdminClient {
 public:
  explicit AdminClient(std::filesystem::path data_dir) : data_dir_(std::move(data_dir)) {}

  // The server's process id; not_running when none answers.
  Result<std::int64_t> ping() const;
  Result<std::vector<AdminParty>> parties() const;
  Result<std::vector<AdminRelay>> relays() const;
  Result<SecretText> enrolment_key() const;
  // How busy its relay was in about a second from now, and so many of its groups (1 to
  // kMostTopGroups).
  Result<RelayTop> relay_top(std::size_t groups) const;

  struct Kicked {
    std::string party_id;
    std::string party;
    std::string peer_id;
    std::string nick;
  };
  // By ids, or names that only one has.
  Result<Kicked> kick(const std::string& party, const std::string& peer) const;
  // Where in the data directory the copy of the database is.
  Result<std::filesystem::path> backup() const;

 private:
  std::filesystem::path data_dir_;
};

}  // namespace lanrage::server
