#include "control/population.hpp"

#include <atomic>
#include <stdexcept>
#include <thread>

#include "party/membership.hpp"
#include "party/proofs.hpp"
#include "protocol/messages.hpp"

namespace lanrage::bench {
namespace {

constexpr std::size_t kEnrollingAtOnce = 64;

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message());
  return std::move(*result);
}

UnixTime now() {
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

Person make_person(Random& random) {
  party::DeviceKeys keys{crypto::SigningKey::generate(random),
                         crypto::ExchangeSecret::generate(random),
                         crypto::ExchangeSecret::generate(random)};
  const PeerId id = keys.peer_id();
  return {std::move(keys), id, {}};
}

// Makes the requests in the order in which the server will take them, on a ledger of its own.
class GroupMaker {
 public:
  GroupMaker(Random& random, Group& group, const PopulationSize& size)
      : group_(group),
        party_(found(random, group)),
        ledger_(party_.id),
        invite_(party::invite_keys(party_.invite, party_.id)) {
    for (const auto* record : {&party_.charter, &party_.roster, &party_.statement})
      take(*record);
    group.party = party_.id;
    group.members = size.members;
    write_create();
    for (std::size_t i = 1; i < size.members; ++i) {
      group.people.push_back(make_person(random));
      group.joins.push_back(join(group.people.back(), "join"));
    }
    if (size.visits > 0) group.people.push_back(make_person(random));
    for (std::size_t i = 0; i < size.visits; ++i) {
      const std::string number = std::to_string(i);
      std::string arrival = join(group.guest(), "come-" + number);
      const Bytes record = party::build_leave(ledger_, group.guest().keys.identity);
      take(record);
      group.visits.emplace_back(std::move(arrival),
                                protocol::to_json(protocol::LeaveRequest{"go-" + number, record}));
    }
  }

 private:
  static party::NewParty found(Random& random, Group& group) {
    group.people.push_back(make_person(random));
    party::PartyOptions options;
    options.name = "bench";
    return must(party::create_party(random, options, group.people.front().keys, "host", now()));
  }

  void take(const Bytes& record) { must(ledger_.append_trusted(record)); }

  void write_create() {
    protocol::CreatePartyRequest request;
    request.request_id = "create";
    request.charter = party_.charter;
    request.roster = party_.roster;
    request.statement = party_.statement;
    for (const auto& box : party_.boxes)
      request.boxes.push_back({box.recipient, box.box});
    group_.create = protocol::to_json(request);
  }

  std::string join(const Person& person, const std::string& request_id) {
    protocol::JoinRequest request;
    request.request_id = request_id;
    request.known_records = ledger_.length();  // read when opening the invite
    request.admission = party::build_admission(ledger_, invite_, person.keys);
    take(request.admission);
    const auto vip = must(ledger_.suggest_vip(person.id));
    request.statement = must(party::build_statement(ledger_, person.keys.identity, "player", vip));
    take(request.statement);
    return protocol::to_json(request);
  }

  Group& group_;
  party::NewParty party_;
  party::Ledger ledger_;
  party::InviteKeys invite_;
};

// Brings one group onto the server, one request after the other.
class Enrolment final : public RestConnection {
 public:
  Enrolment(EventLoop& loop, SSL_CTX* context, std::uint16_t port, Group& group)
      : RestConnection(loop, context, loopback(group.host, 0), loopback(1, port)), group_(group) {}

 private:
  void on_open() override { next(); }
  void on_end() override { throw std::runtime_error("enrolling: the server hung up"); }

  Person& person() { return group_.people[at_]; }

  void next() {
    switch (step_) {
      case Step::challenge:
        return send(rest_request(
            "POST", "/auth/challenge", {},
            protocol::to_json(protocol::ChallengeRequest{person().keys.identity.public_key()})));
      case Step::create:
        return send(rest_request("POST", "/parties", person().authorization, group_.create));
      case Step::join:
        return send(rest_request("POST", group_.join_target(), person().authorization,
                                 group_.joins[at_ - 1]));
      case Step::answer:
      case Step::done:
        return;
    }
  }

  void on_response(int status, std::string_view body) override {
    if (status != 200) throw std::runtime_error("enrolling: " + std::string(body));
    switch (step_) {
      case Step::challenge:
        return answer(must(protocol::parse<protocol::ChallengeAnswer>(body)).nonce);
      case Step::answer:
        person().authorization =
            must(protocol::parse<protocol::RegisterAnswer>(body)).token.header();
        step_ = ++at_ == group_.people.size() ? Step::create : Step::challenge;
        if (step_ == Step::create) at_ = 0;
        return next();
      case Step::create:
      case Step::join:
        step_ = ++at_ == group_.members ? Step::done : Step::join;
        if (step_ == Step::done) return drop();
        return next();
      case Step::done:
        return;
    }
  }

  void answer(const Bytes& nonce) {
    protocol::RegisterRequest request;
    request.identity = person().keys.identity.public_key();
    request.nonce = nonce;
    request.signature = party::prove_identity(person().keys.identity, server_key(), nonce);
    step_ = Step::answer;
    send(rest_request("POST", "/auth/register?peer_id=" + person().id.to_string(), {},
                      protocol::to_json(request)));
  }

  enum class Step { challenge, answer, create, join, done };
  Group& group_;
  Step step_ = Step::challenge;
  std::size_t at_ = 0;
};

}  // namespace

Visit Group::visit(std::size_t number) const {
  const auto& [join, leave] = visits.at(number);
  const Person& who = people.back();
  return {rest_request("POST", join_target(), who.authorization, join),
          rest_request("DELETE", "/parties/" + party.to_string() + "/peers/" + who.id.to_string(),
                       who.authorization, leave)};
}

std::vector<Group> make_population(const PopulationSize& size) {
  std::vector<Group> groups(size.groups);
  std::atomic<std::size_t> next{0};
  const auto work = [&] {
    crypto::SystemRandom random;
    for (std::size_t i = next++; i < groups.size(); i = next++) {
      groups[i].host = 0x10000 + static_cast<std::uint32_t>(i);
      const GroupMaker made(random, groups[i], size);
    }
  };
  {
    std::vector<std::jthread> workers;
    for (unsigned i = 1; i < std::thread::hardware_concurrency(); ++i)
      workers.emplace_back(work);
    work();
  }
  return groups;
}

void enroll(EventLoop& loop, SSL_CTX* context, std::uint16_t port, std::vector<Group>& groups) {
  std::vector<std::unique_ptr<Enrolment>> running;
  std::size_t next = 0;
  loop.run("enrolling", std::chrono::seconds(300), [&] {
    std::erase_if(running, [](const auto& one) { return one->has_ended(); });
    while (running.size() < kEnrollingAtOnce && next < groups.size())
      running.push_back(std::make_unique<Enrolment>(loop, context, port, groups[next++]));
    return running.empty();
  });
}

}  // namespace lanrage::bench
