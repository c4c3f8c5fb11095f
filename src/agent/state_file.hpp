// What the agent must still know after a restart: its parties, their keys and records. One JSON
// file (mode 0600), written in batches and atomically; a damaged one is moved aside, never
// overwritten.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/endpoint.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "base/wiped.hpp"
#include "lan/access.hpp"
#include "party/party_key.hpp"
#include "trust/fork.hpp"

namespace lanrage::agent {

struct SavedParty {
  PartyId id;
  std::string server_url;            // as the player or the invite named it
  std::optional<ByteArray<16>> pin;  // absent with a certificate from an authority
  std::string public_url;            // what invites name
  bool local = false;                // its server runs inside this agent
  // The host's, and for moments also of who is about to be, or has just been.
  std::optional<Secret<32>> root_seed;
  Secret<32> wireguard_secret;
  Secret<32> party_key;
  std::uint32_t key_epoch = 1;
  std::vector<party::PartyKey> older_keys{};  // that members may still use; oldest first
  trust::Overruled overruled{};               // as trust::VerifiedLog has it
  std::uint16_t listen_port = 0;              // kept, so that mappings in routers stay good
  std::string interface;
  std::string lan_interface{};  // with our virtual IP, on the party's segment; empty: none yet
  std::set<PeerId> beside_segment{};  // members whose virtual IPs aren't on it, as they said last
  lan::Access access{};               // what the party reaches of this machine
  std::string nick;
  std::uint64_t statement_version = 0;  // of our last signed statement
  std::uint64_t boot = 0;  // of our signals: grows with every start, whatever clocks do
  std::vector<Bytes> log;  // the party's signed records, in order
};

WipedString encode_state(const std::vector<SavedParty>& parties);
// Errors: malformed, naming the field.
Result<std::vector<SavedParty>> decode_state(std::string_view text);

class StateFile {
 public:
  struct Timing {
    std::chrono::milliseconds batch{100};
    std::chrono::milliseconds retry{5'000};  // after a batch that couldn't be written
  };

  // `on_error` hears of a damaged file and of failed batched writes, which are tried again.
  StateFile(boost::asio::io_context& io, std::filesystem::path path,
            std::function<void(const Error&)> on_error)
      : StateFile(io, std::move(path), std::move(on_error), Timing{}) {}
  StateFile(boost::asio::io_context& io, std::filesystem::path path,
            std::function<void(const Error&)> on_error, Timing timing);
  ~StateFile();  // writes what is still waiting, and calls nobody

  // A damaged file is renamed to NAME.damaged (.damaged.1, ... where there are some already; the
  // last is replaced) and reported through on_error; the agent starts fresh. Errors: unreadable;
  // newer, of a version that we would lose something of.
  Result<std::vector<SavedParty>> load();
  // Hears of every write, after which all that was saved is on the disk.
  void set_on_written(std::function<void()> on_written) { on_written_ = std::move(on_written); }
  // Written within the batch's time, together with whatever else changes until then.
  void save(std::vector<SavedParty> parties);
  Result<void> flush();

  // What the player should know: that the file was damaged when we started, that it can't be
  // written now.
  const std::vector<std::string>& problems() const { return problems_; }

 private:
  Result<void> move_aside(const Error& why);
  void arm(std::chrono::milliseconds time);
  void note_problems();

  std::filesystem::path path_;
  std::function<void(const Error&)> on_error_;
  std::function<void()> on_written_;
  Timing timing_;
  boost::asio::steady_timer timer_;
  std::optional<std::vector<SavedParty>> waiting_;
  bool armed_ = false;
  std::string damaged_;     // of load()
  std::string unwritable_;  // of the latest write
  std::vector<std::string> problems_;
};

}  // namespace lanrage::agent
