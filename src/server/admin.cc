#include "server/admin.hpp"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <unistd.h>

#include "io/unix_socket.hpp"
#include "server/admin_json.hpp"
#include "server/relay_target.hpp"
#include "server/relay_top_views.hpp"

namespace lanrage::server {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;

// An answer is one line of at most io::kMaxLocalAnswer; parties come in pages well below.
constexpr std::size_t kPageBytes = std::size_t{1} << 20;

std::int64_t milliseconds_of(UnixTime time) {
  return time.time_since_epoch().count();
}

json::object refusal(const Error& error) {
  return {{"error", {{"code", error.code()}, {"message", error.message()}}}};
}

std::string text_at(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::optional<std::size_t> number_at(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  if (!value) return std::nullopt;
  boost::system::error_code bad;
  const auto number = value->to_number<std::size_t>(bad);
  return bad ? std::nullopt : std::optional(number);
}

// By id, or by a name that only one has.
template <class T, class Id, class Name>
Result<const T*> find(const std::vector<T>& all, const std::string& wanted, std::string_view what,
                      Id id_of, Name name_of) {
  const T* found = nullptr;
  for (const auto& each : all) {
    if (id_of(each) == wanted) return &each;
    if (name_of(each) != wanted) continue;
    if (found)
      return fail(AdminErrc::ambiguous, "more than one " + std::string(what) + " is called \"" +
                                            wanted + "\"; name it by its id");
    found = &each;
  }
  if (found) return found;
  return fail(AdminErrc::not_found, "there is no " + std::string(what) + " \"" + wanted + "\"");
}

class Server final : public AdminServer {
 public:
  Server(const std::filesystem::path& data_dir, const AdminTargets& targets)
      : data_dir_(data_dir), targets_(targets) {}

  Result<void> listen(asio::io_context& io) {
    io::LocalServer::Options options;
    options.path = data_dir_ / kAdminSocket;
    options.group.clear();
    options.mode = 0600;
    options.connections = 8;
    auto socket = io::LocalServer::start(
        io, std::move(options), [this](WipedString request) { return answer(std::move(request)); });
    if (!socket) return std::unexpected(socket.error());
    socket_ = std::move(*socket);
    return {};
  }

 private:
  using Act = std::move_only_function<void(AdminTarget::Done)>;

  // Waits for what the target does; both run on the loop's thread.
  static asio::awaitable<Result<void>> done(Act act) {
    auto initiate = [act = std::move(act)](auto handler) mutable {
      act([handler = std::move(handler)](Result<void> result) mutable {
        std::move(handler)(std::move(result));
      });
    };
    co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(Result<void>)>(
        std::move(initiate), asio::use_awaitable);
  }

  asio::awaitable<WipedString> answer(WipedString line) {
    boost::system::error_code error;
    const auto value = json::parse(line, error);
    json::object out;
    if (error || !value.is_object()) {
      out = refusal(Error(AdminErrc::malformed_request, "the request is no JSON object"));
    } else {
      const json::object& request = value.get_object();
      const std::string command = text_at(request, "command");
      const bool of_control = command == "parties" || command == "relays" ||
                              command == "enrolment_key" || command == "kick" ||
                              command == "backup";
      if (of_control && !targets_.control) {
        out = refusal(Error(AdminErrc::other_role,
                            "this is a relay alone, which knows of no parties, members and relays: "
                            "ask the control server"));
      } else if (command == "parties") {
        out = parties(text_at(request, "after"));
      } else if (command == "relays") {
        out = relays();
      } else if (command == "enrolment_key") {
        out = {{"key", targets_.control->enrolment_key().expose()}};
      } else if (command == "ping") {
        out = {{"pid", ::getpid()}};
      } else if (command == "kick") {
        out = co_await kick(text_at(request, "party"), text_at(request, "peer"));
      } else if (command == "backup") {
        out = co_await backup();
      } else if (command == "relay_top") {
        out = co_await top_of_relay(targets_, number_at(request, "count"));
      } else {
        out = refusal(Error(AdminErrc::malformed_request,
                            "this server knows no command \"" + command + "\""));
      }
    }
    co_return WipedString(json::serialize(out));
  }

  static asio::awaitable<RelayServer::Look> look(RelayTarget& relay) {
    auto initiate = [&relay](auto handler) {
      relay.look([handler = std::move(handler)](RelayServer::Look look) mutable {
        std::move(handler)(std::move(look));
      });
    };
    co_return co_await asio::async_initiate<const asio::use_awaitable_t<>, void(RelayServer::Look)>(
        std::move(initiate), asio::use_awaitable);
  }

  // Takes as long as its two looks are apart; this object may be gone by then.
  static asio::awaitable<json::object> top_of_relay(AdminTargets targets,
                                                    std::optional<std::size_t> count) {
    if (!targets.relay)
      co_return refusal(Error(AdminErrc::other_role,
                              "this server is no relay: it runs without the role \"relay\""));
    if (!count || *count < 1 || *count > kMostTopGroups)
      co_return refusal(Error(AdminErrc::malformed_request,
                              "count: expected 1 to " + std::to_string(kMostTopGroups)));
    const auto before = co_await look(*targets.relay);
    asio::steady_timer pause(co_await asio::this_coro::executor, targets.between_looks);
    co_await pause.async_wait(asio::as_tuple(asio::use_awaitable));
    const auto after = co_await look(*targets.relay);
    co_return to_json(relay_top(before, after, *count));
  }

  // Pages of one listing: `after` is the last id of the page before.
  json::object parties(const std::string& after) {
    if (after.empty() || listing_.empty()) {
      listing_ = targets_.control->parties();
      std::ranges::sort(listing_, {}, [](const AdminParty& party) { return party.id.to_string(); });
    }
    json::array page;
    std::size_t bytes = 0;
    auto at = std::ranges::upper_bound(
        listing_, after, {}, [](const AdminParty& party) { return party.id.to_string(); });
    std::string last;
    for (; at != listing_.end() && bytes < kPageBytes; ++at) {
      page.push_back(to_json(*at, milliseconds_of));
      bytes += json::serialize(page.back()).size();
      last = at->id.to_string();
    }
    json::object out{{"parties", std::move(page)}};
    if (at != listing_.end())
      out["more_after"] = last;
    else
      listing_ = {};
    return out;
  }

  json::object relays() const {
    return {{"relays", to_json(targets_.control->relays(), milliseconds_of)}};
  }

  asio::awaitable<json::object> kick(std::string party_named, std::string peer_named) {
    const auto all = targets_.control->parties();
    const auto party = find(
        all, party_named, "party", [](const AdminParty& p) { return p.id.to_string(); },
        [](const AdminParty& p) { return p.name; });
    if (!party) co_return refusal(party.error());
    const auto peer =
        find((*party)->peers, peer_named, "member", [](const auto& p) { return p.id.to_string(); },
             [](const auto& p) { return p.nick; });
    if (!peer) co_return refusal(peer.error());
    const AdminParty& from = **party;
    const AdminParty::Peer& whom = **peer;
    Act act = [this, id = from.id, who = whom.id](AdminTarget::Done then) {
      targets_.control->kick(id, who, std::move(then));
    };
    const auto result = co_await done(std::move(act));
    if (!result) co_return refusal(result.error());
    co_return json::object{{"party_id", from.id.to_string()},
                           {"party", from.name},
                           {"peer_id", whom.id.to_string()},
                           {"nick", whom.nick}};
  }

  // In the data directory: the asking program completes it and takes it where its operator wants
  // it, where this process might not be allowed to write.
  asio::awaitable<json::object> backup() {
    const auto path = data_dir_ / ("backup-" + std::to_string(::getpid()) + "-" +
                                   std::to_string(++backups_) + ".db.part");
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
    Act act = [this, text = path.string()](AdminTarget::Done then) {
      targets_.control->backup(text, std::move(then));
    };
    const auto result = co_await done(std::move(act));
    if (!result) co_return refusal(result.error());
    co_return json::object{{"copy", path.string()}};
  }

  std::filesystem::path data_dir_;
  AdminTargets targets_;
  std::vector<AdminParty> listing_;  // while pages of it are asked for
  std::uint64_t backups_ = 0;
  std::unique_ptr<io::LocalServer> socket_;  // last: its coroutines use the others
};

}  // namespace

Result<std::unique_ptr<AdminServer>> AdminServer::start(asio::io_context& io,
                                                        const std::filesystem::path& data_dir,
                                                        const AdminTargets& targets) {
  auto server = std::make_unique<Server>(data_dir, targets);
  if (auto listening = server->listen(io); !listening) return std::unexpected(listening.error());
  return server;
}

}  // namespace lanrage::server
