// NICK.lan for the members of all parties of this machine's agent: by systemd-resolved where
// programs ask that, else in the hosts file (docs/adr/0027).
#pragma once

#include <boost/asio/io_context.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/hosts_keeper.hpp"
#include "agent/resolved_names.hpp"
#include "base/ids.hpp"
#include "io/log.hpp"
#include "party/ledger.hpp"

namespace lanrage::agent {

enum class Naming { automatic, resolved, hosts, off };

class LanNames {
 public:
  struct Options {
    Naming naming = Naming::off;
    std::unique_ptr<HostsKeeper> hosts{};  // none: there is no way to change the file
  };
  // `id` tells our lines of the hosts file from another agent's; what is left there of an agent
  // that was killed goes now.
  LanNames(boost::asio::io_context& io, Options options, std::string id, io::Log& log);
  ~LanNames();  // no name is left afterwards

  // A party's members, and the device that has its addresses. Of parties with the same name in them
  // the one that came first keeps it.
  void set(const party::Ledger& ledger, const std::string& device);
  void remove(const PartyId& party);
  // Why names don't work, if they don't.
  std::optional<std::string> warning() const;

 private:
  struct Party {
    PartyId id;
    lan::NamedParty named;
    unsigned device = 0;  // its index
    friend bool operator==(const Party&, const Party&) = default;
  };

  void choose();
  void start_resolved();
  void take_hosts();
  void publish();
  void on_trouble(const std::string& trouble);

  boost::asio::io_context& io_;
  io::Log& log_;
  Options options_;
  std::shared_ptr<ResolvedNames> resolved_;  // in use
  bool writes_hosts_ = false;
  std::vector<Party> parties_;
  std::string trouble_;
};

// Those with an address, by admission.
lan::NamedParty named_party(const party::Ledger& ledger);

}  // namespace lanrage::agent
