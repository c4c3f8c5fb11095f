#include "server/admin_client.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "io/unix_socket.hpp"

namespace lanrage::server {
namespace {

namespace json = boost::json;

constexpr std::chrono::seconds kPatience{10};
constexpr std::chrono::minutes kBackupPatience{10};  // a large database takes its time

// Reads what the server wrote; anything unexpected leaves `good` false.
struct Reading {
  const json::object& object;
  bool good = true;

  const json::value* at(std::string_view key) {
    const auto* value = object.if_contains(key);
    good = good && value != nullptr;
    return value;
  }
  std::string text(std::string_view key) {
    const auto* value = at(key);
    good = good && value->is_string();
    return good ? std::string(value->get_string()) : std::string();
  }
  template <class T>
  T number(std::string_view key) {
    const auto* value = at(key);
    boost::system::error_code bad;
    const T number = good ? value->to_number<T>(bad) : T{};
    good = good && !bad;
    return number;
  }
  bool flag(std::string_view key) {
    const auto* value = at(key);
    good = good && value->is_bool();
    return good && value->get_bool();
  }
  template <class T>
  T parsed(std::string_view key) {
    const auto value = T::parse(text(key));
    good = good && value.has_value();
    return value.value_or(T{});
  }
  UnixTime time(std::string_view key) {
    return UnixTime(std::chrono::milliseconds(number<std::int64_t>(key)));
  }
  json::array list(std::string_view key) {
    const auto* value = at(key);
    good = good && value->is_array();
    return good ? value->get_array() : json::array{};
  }
};

// Each item of a list through `read`; false when one isn't as expected.
template <class T, class Read>
bool read_list(const json::array& items, std::vector<T>& out, Read read) {
  for (const auto& item : items) {
    if (!item.is_object()) return false;
    Reading reading{item.get_object()};
    out.push_back(read(reading));
    if (!reading.good) return false;
  }
  return true;
}

AdminParty::Peer read_peer(Reading& in) {
  return {in.parsed<PeerId>("peer_id"),
          in.text("nick"),
          in.parsed<IpAddress>("vip"),
          in.flag("online"),
          in.flag("barred"),
          in.time("last_seen")};
}

AdminParty read_party(Reading& in) {
  AdminParty party;
  party.id = in.parsed<PartyId>("id");
  party.name = in.text("name");
  party.host = in.parsed<PeerId>("host");
  party.seq = in.number<std::uint64_t>("seq");
  party.key_epoch = in.number<std::uint64_t>("key_epoch");
  party.created_at = in.time("created_at");
  in.good = read_list(in.list("peers"), party.peers, read_peer) && in.good;
  return party;
}

AdminRelay read_relay(Reading& in) {
  AdminRelay relay;
  relay.id = in.text("id");
  relay.region = in.text("region");
  for (const auto& text : in.list("endpoints")) {
    const auto endpoint = text.is_string() ? Endpoint::parse(text.get_string()) : std::nullopt;
    in.good = in.good && endpoint;
    relay.endpoints.push_back(endpoint.value_or(Endpoint{}));
  }
  relay.load = in.number<double>("load");
  relay.built_in = in.flag("built_in");
  relay.last_seen = in.time("last_seen");
  return relay;
}

RelayTop::Flow read_flow(Reading& in) {
  return {in.number<std::uint64_t>("packets_per_second"),
          in.number<std::uint64_t>("bytes_per_second")};
}

RelayTop::Flow read_flow(Reading& in, std::string_view key) {
  const auto* value = in.at(key);
  if (!in.good || !value->is_object()) {
    in.good = false;
    return {};
  }
  Reading inner{value->get_object()};
  const auto flow = read_flow(inner);
  in.good = inner.good;
  return flow;
}

std::optional<double> read_optional(Reading& in, std::string_view key) {
  const auto* value = in.at(key);
  if (!in.good || value->is_null()) return std::nullopt;
  return in.number<double>(key);
}

RelayTop::Group read_group(Reading& in) {
  RelayTop::Group group;
  group.members = in.number<std::size_t>("members");
  group.sent = read_flow(in);
  const auto read_member = [](Reading& member) {
    return RelayTop::Member{member.parsed<Endpoint>("address"), read_flow(member)};
  };
  in.good = read_list(in.list("busiest_members"), group.busiest, read_member) && in.good;
  return group;
}

RelayTop read_top(Reading& in) {
  RelayTop top;
  top.clients = in.number<std::size_t>("clients");
  top.groups = in.number<std::size_t>("groups");
  top.sessions = in.number<std::size_t>("sessions");
  top.forwarded = read_flow(in, "forwarded");
  top.in_kernel = read_flow(in, "in_kernel");
  const auto read_drop = [](Reading& drop) {
    return RelayTop::Drop{drop.text("reason"), drop.number<std::uint64_t>("packets_per_second")};
  };
  in.good = read_list(in.list("drops"), top.drops, read_drop) && in.good;
  for (const auto& load : in.list("thread_loads")) {
    boost::system::error_code bad;
    top.thread_loads.push_back(load.to_number<double>(bad));
    in.good = in.good && !bad;
  }
  top.latency_p50 = read_optional(in, "latency_p50_seconds");
  top.latency_p99 = read_optional(in, "latency_p99_seconds");
  in.good = read_list(in.list("busiest_groups"), top.busiest, read_group) && in.good;
  return top;
}

std::unexpected<Error> unexpected_answer() {
  return fail(AdminErrc::malformed_answer,
              "the server's answer isn't one that this program knows: is it of another version?");
}

Result<json::object> ask(const std::filesystem::path& data_dir, const json::object& request,
                         std::chrono::milliseconds patience = kPatience) {
  const auto answer =
      io::local_request(data_dir / kAdminSocket, json::serialize(request), patience);
  if (!answer) {
    const Error& error = answer.error();
    if (error.is(io::LocalErrc::permission_denied))
      return fail(AdminErrc::no_access, "you may not use " + (data_dir / kAdminSocket).string() +
                                            ": be root or the server's own user");
    if (error.is(io::LocalErrc::not_running))
      return fail(AdminErrc::not_running,
                  "no server runs on " + data_dir.string() +
                      ": start it, or name its folder with --data-dir or --config");
    return fail(AdminErrc::not_running, "the server on " + data_dir.string() +
                                            " didn't answer: it is being stopped, or it hangs");
  }
  boost::system::error_code bad;
  auto value = json::parse(*answer, bad);
  if (bad || !value.is_object()) return unexpected_answer();
  json::object& object = value.get_object();
  if (const auto* error = object.if_contains("error")) {
    if (!error->is_object()) return unexpected_answer();
    Reading reading{error->get_object()};
    const auto message = reading.text("message");
    if (!reading.good) return unexpected_answer();
    return fail(AdminErrc::refused, message);
  }
  return std::move(object);
}

}  // namespace

Result<std::int64_t> AdminClient::ping() const {
  const auto answer = ask(data_dir_, {{"command", "ping"}});
  if (!answer) return std::unexpected(answer.error());
  Reading reading{*answer};
  const auto pid = reading.number<std::int64_t>("pid");
  if (!reading.good) return unexpected_answer();
  return pid;
}

Result<std::vector<AdminParty>> AdminClient::parties() const {
  std::vector<AdminParty> all;
  std::string after;
  for (;;) {
    const auto answer = ask(data_dir_, {{"command", "parties"}, {"after", after}});
    if (!answer) return std::unexpected(answer.error());
    Reading reading{*answer};
    if (!read_list(reading.list("parties"), all, read_party) || !reading.good)
      return unexpected_answer();
    if (!answer->contains("more_after")) return all;
    std::string last = reading.text("more_after");
    if (!reading.good || last <= after) return unexpected_answer();
    after = std::move(last);
  }
}

Result<std::vector<AdminRelay>> AdminClient::relays() const {
  const auto answer = ask(data_dir_, {{"command", "relays"}});
  if (!answer) return std::unexpected(answer.error());
  Reading reading{*answer};
  std::vector<AdminRelay> all;
  if (!read_list(reading.list("relays"), all, read_relay) || !reading.good)
    return unexpected_answer();
  return all;
}

Result<SecretText> AdminClient::enrolment_key() const {
  const auto answer = ask(data_dir_, {{"command", "enrolment_key"}});
  if (!answer) return std::unexpected(answer.error());
  Reading reading{*answer};
  SecretText key(reading.text("key"));
  if (!reading.good) return unexpected_answer();
  return key;
}

Result<RelayTop> AdminClient::relay_top(std::size_t groups) const {
  const auto answer = ask(data_dir_, {{"command", "relay_top"}, {"count", groups}});
  if (!answer) return std::unexpected(answer.error());
  Reading reading{*answer};
  auto top = read_top(reading);
  if (!reading.good) return unexpected_answer();
  return top;
}

Result<AdminClient::Kicked> AdminClient::kick(const std::string& party,
                                              const std::string& peer) const {
  const auto answer = ask(data_dir_, {{"command", "kick"}, {"party", party}, {"peer", peer}});
  if (!answer) return std::unexpected(answer.error());
  Reading reading{*answer};
  Kicked kicked{reading.text("party_id"), reading.text("party"), reading.text("peer_id"),
                reading.text("nick")};
  if (!reading.good) return unexpected_answer();
  return kicked;
}

Result<std::filesystem::path> AdminClient::backup() const {
  const auto answer = ask(data_dir_, {{"command", "backup"}}, kBackupPatience);
  if (!answer) return std::unexpected(answer.error());
  Reading reading{*answer};
  std::filesystem::path copy = reading.text("copy");
  if (!reading.good) return unexpected_answer();
  return copy;
}

}  // namespace lanrage::server
