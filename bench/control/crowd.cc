#include "control/crowd.hpp"

#include <algorithm>
#include <charconv>
#include <stdexcept>

#include "protocol/messages.hpp"

namespace lanrage::bench {

namespace ws = protocol::ws;

struct Crowd::Known {
  std::size_t group = 0;
  std::size_t person = 0;
  std::string incarnation = "none";
  std::uint64_t seq = 0;
  std::string heartbeat;  // its frame
};

class Member final : public WebSocketConnection {
 public:
  Member(Crowd& crowd, Crowd::Known& known)
      : WebSocketConnection(crowd.loop_, crowd.context_,
                            loopback(crowd.groups_[known.group].host, 0), loopback(1, crowd.port_),
                            person(crowd, known).authorization),
        crowd_(crowd),
        known_(known) {}

  // The number of the latest ping that the server has answered; it may pass over earlier ones.
  std::uint64_t answered() const { return answered_; }
  void beat() { send(known_.heartbeat); }
  void ping(std::uint64_t number) { send(websocket_frame(Opcode::ping, std::to_string(number))); }

 private:
  static const Person& person(const Crowd& crowd, const Crowd::Known& known) {
    return crowd.groups_[known.group].people[known.person];
  }

  void on_upgraded() override {
    const ws::Hello hello{protocol::kVersion,
                          "bench",
                          {},
                          {{crowd_.groups_[known_.group].party, known_.incarnation, known_.seq}}};
    send(websocket_frame(Opcode::text, ws::to_json(hello)));
  }

  void on_text(std::string_view text) override {
    constexpr std::string_view kType = "{\"type\":\"";
    if (!text.starts_with(kType)) throw std::runtime_error("a message without type first");
    const auto type = text.substr(kType.size(), text.find('"', kType.size()) - kType.size());
    Heard& heard = crowd_.heard_;
    if (type == "peer_joined") {
      ++heard.joined;
      if (crowd_.on_joined) crowd_.on_joined(known_.group);
    } else if (type == "peer_left") {
      ++heard.left;
    } else if (type == "party_update") {
      ++heard.snapshots;
    } else if (type == "welcome") {
      known_.incarnation = read<ws::Welcome>(text).incarnation;
    } else if (type == "caught_up") {
      ++heard.caught_up;
      on_caught_up(read<ws::CaughtUp>(text));
    } else if (type == "error" || type == "party_closed" || type == "kicked") {
      ++heard.errors;
      heard.last_error = text;
    }
  }

  template <class Message>
  static Message read(std::string_view text) {
    auto message = ws::parse_server_message(text);
    if (!message) throw std::runtime_error(message.error().message());
    return std::get<Message>(*message);
  }

  void on_caught_up(const ws::CaughtUp& message) {
    known_.seq = message.seq;
    const ws::Heartbeat beat{message.party_id, person(crowd_, known_).id, message.seq,
                             message.digest};
    known_.heartbeat = websocket_frame(Opcode::text, ws::to_json(beat));
  }

  void on_pong(std::string_view payload) override {
    std::from_chars(payload.data(), payload.data() + payload.size(), answered_);
    if (answered_ == crowd_.last_ping_) ++crowd_.settled_;
  }
  void on_end() override {
    throw std::runtime_error("the server ended a connection: " + crowd_.heard_.last_error);
  }

  Crowd& crowd_;
  Crowd::Known& known_;
  std::uint64_t answered_ = 0;
};

Crowd::Crowd(EventLoop& loop, SSL_CTX* context, std::uint16_t port, std::span<Group> groups,
             std::size_t people)
    : loop_(loop), context_(context), port_(port), groups_(groups) {
  for (std::size_t person = 0; person < people; ++person)
    for (std::size_t group = 0; group < groups.size(); ++group)
      known_.push_back({group, person, "none", 0, {}});
}

Crowd::~Crowd() = default;

std::size_t Crowd::size() const {
  return known_.size();
}

void Crowd::drop() {
  members_.clear();
}

void Crowd::connect(std::size_t at_once) {
  members_.clear();
  members_.reserve(known_.size());
  heard_ = {};
  const auto step = [&] {
    while (members_.size() < known_.size() && members_.size() < heard_.caught_up + at_once)
      members_.push_back(std::make_unique<Member>(*this, known_[members_.size()]));
    return heard_.caught_up >= known_.size() || heard_.errors > 0;
  };
  try {
    loop_.run("connecting", std::chrono::seconds(300), step);
  } catch (const std::runtime_error& error) {
    const auto open =
        std::ranges::count_if(members_, [](const auto& one) { return one->is_open(); });
    throw std::runtime_error(std::string(error.what()) + ": of " + std::to_string(known_.size()) +
                             " " + std::to_string(members_.size()) + " began, " +
                             std::to_string(open) + " are open, " +
                             std::to_string(heard_.caught_up) + " are caught up");
  }
  if (heard_.errors > 0) throw std::runtime_error("connecting: " + heard_.last_error);
}

std::uint64_t Crowd::send_heartbeats(std::chrono::milliseconds time) {
  // The connections among which a pong tells how far the server has come.
  const std::size_t step = std::max<std::size_t>(1, members_.size() / 20);
  const auto have_answered = [&](std::uint64_t number) {
    for (std::size_t i = 0; i < members_.size(); i += step)
      if (members_[i]->answered() < number) return false;
    return true;
  };
  const auto end = SteadyClock::now() + time;
  std::uint64_t rounds = 0;
  while (SteadyClock::now() < end) {
    ++rounds;
    const std::uint64_t before = last_ping_++;
    for (std::size_t i = 0; i < members_.size(); ++i) {
      members_[i]->beat();
      if (i % step == 0) members_[i]->ping(last_ping_);
      if (i % 64 == 0) loop_.turn(std::chrono::milliseconds(0));
    }
    if (rounds > 1)
      loop_.run("heartbeats", std::chrono::seconds(60), [&] { return have_answered(before); });
  }
  ++last_ping_;
  settled_ = 0;
  for (const auto& member : members_)
    member->ping(last_ping_);
  loop_.run("heartbeats", std::chrono::seconds(60), [&] { return settled_ >= members_.size(); });
  return rounds * members_.size();
}

}  // namespace lanrage::bench
