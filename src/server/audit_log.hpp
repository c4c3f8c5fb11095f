// Who did what, for the operator: one line for each join, leave, kick, creation, closing and
// denial. Its methods take ids, addresses and names out of our own vocabulary only, so no token,
// key, word or secret can get in. All on the control loop's thread.
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bucket_table.hpp"
#include "base/endpoint.hpp"
#include "base/ids.hpp"
#include "base/result.hpp"
#include "io/log.hpp"
#include "server/clock.hpp"

namespace lanrage::server {

enum class AuditErrc { cannot_open };
constexpr std::string_view name_of(AuditErrc) {
  return "cannot_open";
}

class AuditLog {
 public:
  // Beyond these, denials are counted and told as one line a minute.
  struct Limits {
    Rate denials_an_address{0.2, 10};
    Rate denials{10, 100};
  };

  // Lines go through `log`, as event "audit", whatever its level.
  AuditLog(io::Log& log, const Clock& clock, const Limits& limits);
  // Lines go to a file of their own (0600, appended to) instead. cannot_open.
  static Result<std::unique_ptr<AuditLog>> to_file(const std::string& path, const Clock& clock,
                                                   const Limits& limits);

  void created(const PartyId& party, const PeerId& host, const IpAddress& from);
  void joined(const PartyId& party, const PeerId& peer, const IpAddress& from);
  void left(const PartyId& party, const PeerId& peer, std::string_view reason);
  // `by`: host or deputy; none: the server's operator.
  void kicked(const PartyId& party, const PeerId& peer, const std::optional<PeerId>& by);
  void closed(const PartyId& party, std::string_view reason);
  // `what`: relay_joined, relay_moved, relay_left. Of relays elsewhere.
  void relay(std::string_view what, const std::string& id, const IpAddress& from);
  // `route`: a route's pattern or a message's type; `code`: of the error.
  void denied(std::string_view route, std::string_view code, const std::optional<PeerId>& peer,
              const IpAddress& from);
  // Tells what was left out; call about every second.
  void tick();
  // Opens the file anew, for log rotation. The old one stays in use if that fails.
  Result<void> reopen();

 private:
  AuditLog(std::shared_ptr<std::FILE> file, std::string path, const Clock& clock,
           const Limits& limits);

  std::string path_;  // empty: through another's log
  std::shared_ptr<std::FILE> file_;
  std::unique_ptr<io::Log> own_;
  io::Log* log_;
  const Clock& clock_;
  TokenBuckets by_address_;
  TokenBuckets all_;
  std::uint64_t left_out_ = 0;
  Instant next_summary_{};
};

}  // namespace lanrage::server
