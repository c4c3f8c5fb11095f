#include "support/player.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <utility>

namespace lanrage::lab {
namespace {

namespace json = boost::json;

constexpr Millis kAgentLimit{30'000};

bool answers(const std::string& socket_path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket_path.size() >= sizeof(address.sun_path)) throw LabError("socket path too long");
  std::memcpy(address.sun_path, socket_path.c_str(), socket_path.size());
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) throw LabError("can't make a Unix socket");
  const bool connected =
      ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  ::close(fd);
  return connected;
}

std::string text(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  if (value == nullptr || !value->is_string()) return {};
  return std::string(value->as_string());
}

const json::object* member_object(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(key);
  return value == nullptr ? nullptr : value->if_object();
}

PeerView to_view(const json::object& object) {
  PeerView view{.peer_id = text(object, "peer_id"),
                .nick = text(object, "nick"),
                .vip = text(object, "vip"),
                .state = text(object, "state"),
                .path = text(object, "path"),
                .endpoint = text(object, "endpoint"),
                .relay = text(object, "relay"),
                .why_relayed = text(object, "why_relayed")};
  if (const auto* online = object.if_contains("online"); online && online->is_bool())
    view.online = online->as_bool();
  if (const auto* age = object.if_contains("last_handshake_s"); age && age->is_number())
    view.last_handshake_s = age->to_number<double>();
  return view;
}

}  // namespace

Player::Player(const Host& host, std::string nick, Argv arguments)
    : host_(host),
      nick_(std::move(nick)),
      interface_(unique_interface_name()),
      arguments_(std::move(arguments)),
      socket_(directory_.path() / "agent.sock") {
  start_agent();
}

void Player::start_agent() {
  const char* wireguard = std::getenv("LANRAGE_LAB_WIREGUARD");
  Argv argv{(bin_dir() / "lanrage").string(),
            "daemon",
            "--state-dir",
            state_dir().string(),
            "--socket",
            socket_,
            "--interface",
            interface_,
            "--dashboard",
            "off",
            "--wireguard",
            wireguard != nullptr ? wireguard : "auto"};
  // The hosts file is one for all namespaces, the developer's own.
  if (std::ranges::find(arguments_, "--names") == arguments_.end())
    argv.insert(argv.end(), {"--names", "off"});
  argv.insert(argv.end(), arguments_.begin(), arguments_.end());
  Process::Options options{.netns_fd = host_.netns().fd(),
                           .log_prefix = directory_.path() / "agent"};
  if (clock_ahead_ != std::chrono::seconds(0))
    options.environment = {{"LD_PRELOAD", LANRAGE_LAB_SHIFTED_CLOCK},
                           {"LANRAGE_LAB_CLOCK_SHIFT", std::to_string(clock_ahead_.count())}};
  agent_ = std::make_unique<Process>(argv, std::move(options));
  const bool ready =
      eventually(kAgentLimit, [&] { return answers(socket_) || !agent_->running(); }) &&
      agent_->running();
  if (!ready) throw LabError("the agent of " + nick_ + " didn't start:\n" + log());
}

Player::~Player() {
  if (agent_) agent_->stop();
}

ExitStatus Player::stop_agent() {
  return agent_->stop();
}

void Player::signal_agent(int number) {
  const auto pid = std::to_string(agent_->pid());
  std::ifstream children("/proc/" + pid + "/task/" + pid + "/children");
  for (pid_t child = 0; children >> child;)
    ::kill(child, number);
  agent_->signal(number);
}

void Player::freeze() {
  signal_agent(SIGSTOP);
}

void Player::thaw() {
  signal_agent(SIGCONT);
}

void Player::kill_agent() {
  last_words_ = log();
  agent_.reset();
}

CliResult Player::call(Argv argv, Millis timeout) const {
  argv.insert(argv.begin(), (bin_dir() / "lanrage").string());
  argv.insert(argv.end(), {"--socket", socket_});
  RunResult result = run(argv, {.netns_fd = host_.netns().fd(), .timeout = timeout});
  return {.status = result.status, .out = std::move(result.out), .err = std::move(result.err)};
}

CliResult Player::cli_text(Argv words, Millis timeout) const {
  return call(std::move(words), timeout);
}

CliResult Player::cli(Argv words, Millis timeout) const {
  words.emplace_back("--json");
  CliResult result = call(std::move(words), timeout);
  boost::system::error_code error;
  result.json = json::parse(result.out, error);
  if (error) result.json = nullptr;
  return result;
}

Membership Player::membership(const Argv& words) {
  const CliResult result = cli(words);
  const json::object* object = result.json.if_object();
  if (result.status != 0 || object == nullptr)
    throw LabError("'" + words[0] + "' by " + nick_ + " ended with status " +
                   std::to_string(result.status) + ": " + result.err + result.out +
                   "\nits agent said:\n" + log());
  Membership membership{.party_id = text(*object, "party_id"),
                        .peer_id = text(*object, "peer_id"),
                        .invite = text(*object, "invite")};
  const auto vip = IpAddress::parse(text(*object, "vip"));
  if (!vip || membership.party_id.empty())
    throw LabError("'" + words[0] + "' gave no vip or party_id: " + result.out);
  membership.vip = *vip;
  if (!membership.invite.empty()) invites_.push_back(membership.invite);
  return membership;
}

Membership Player::create(const Server& server, const std::string& party, std::string url) {
  Argv words{"create", party,        "--server", url.empty() ? server.url() : std::move(url),
             "--pin",  server.pin(), "--nick",   nick_};
  if (!server.word().empty()) words.insert(words.end(), {"--word", server.word()});
  return membership(words);
}

Membership Player::join(const std::string& invite) {
  return membership({"join", invite, "--nick", nick_});
}

std::optional<json::object> Player::party() const {
  const CliResult result = cli({"status"});
  const json::object* status = result.json.if_object();
  if (status == nullptr) return std::nullopt;
  const json::value* parties = status->if_contains("parties");
  if (parties == nullptr || !parties->is_array() || parties->as_array().empty())
    return std::nullopt;
  const json::object* first = parties->as_array()[0].if_object();
  if (first == nullptr) return std::nullopt;
  return *first;
}

std::vector<PeerView> Player::peers() const {
  std::vector<PeerView> views;
  const auto current = party();
  if (!current) return views;
  const json::value* list = current->if_contains("peers");
  if (list == nullptr || !list->is_array()) return views;
  for (const json::value& entry : list->as_array())
    if (const json::object* object = entry.if_object()) views.push_back(to_view(*object));
  return views;
}

std::optional<PeerView> Player::peer(const std::string& nick) const {
  for (PeerView& view : peers())
    if (view.nick == nick) return std::move(view);
  return std::nullopt;
}

std::string Player::server_state() const {
  const auto current = party();
  if (!current) return {};
  const json::object* server = member_object(*current, "server");
  return server == nullptr ? std::string() : text(*server, "state");
}

std::string Player::log() const {
  return agent_ ? agent_->out() + agent_->err() : last_words_;
}

}  // namespace lanrage::lab
