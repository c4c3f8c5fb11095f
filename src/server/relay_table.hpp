// Relays elsewhere that announce themselves to this server: what each says of itself, and since
// when it is silent. Plain memory; who may announce, and what the store gets, is the registrar's.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/endpoint.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "protocol/problem.hpp"
#include "protocol/rest.hpp"
#include "server/limits.hpp"
#include "store/store.hpp"

namespace lanrage::server {

struct EnrolledRelay {
  protocol::Relay shown;
  IpAddress from;  // that it announced itself from; unspecified: before our start
  UnixTime registered_at;
  UnixTime last_seen;
  Instant heard;
  std::optional<Instant> stored;  // absent: the store lacks what it says now
};

class RelayTable {
 public:
  // `own_id`: of this process's relay, whether it runs or not; nobody else may have it.
  RelayTable(const Limits& limits, std::string own_id)
      : limits_(limits), own_id_(std::move(own_id)) {}

  // The store's rows at start. However long we were away, each has the restart's grace to announce
  // itself.
  void restore(const std::vector<store::RelayRow>& rows, Instant now, UnixTime unix_now);

  struct Announced {
    EnrolledRelay& relay;
    bool is_new = false;
    std::optional<IpAddress> moved_from;  // it came from another address before
  };
  // Unspecified addresses become `from`. protocol::Errc: invalid_field names what is wrong;
  // forbidden: the id is ours, or another address uses it; limit_reached.
  Result<Announced> announce(const protocol::EnrollRelayRequest& request, const IpAddress& from,
                             Instant now, UnixTime unix_now);
  // Those that were silent too long are forgotten; their ids.
  std::vector<std::string> expire(Instant now);
  bool remove(std::string_view id);
  EnrolledRelay* find(std::string_view id);

  const std::string& own_id() const { return own_id_; }
  // By id.
  const std::map<std::string, EnrolledRelay, std::less<>>& relays() const { return relays_; }

 private:
  const Limits& limits_;
  std::string own_id_;
  std::map<std::string, EnrolledRelay, std::less<>> relays_;
};

// Of its capacity, 0 to 1; 0 where it didn't tell its capacity.
double load_of(const protocol::Relay& relay);

}  // namespace lanrage::server
