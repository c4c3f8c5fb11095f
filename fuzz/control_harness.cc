#include "control_harness.hpp"

#include <cstdio>
#include <cstdlib>

#include "party/membership.hpp"
#include "party/proofs.hpp"
#include "server/openapi.hpp"

// The document is no part of what is fuzzed.
std::string_view lanrage::server::openapi_json() {
  return "{}";
}

namespace lanrage::fuzzing {

namespace ws = protocol::ws;
using control_sim::Pool;

namespace {

io::Log& silence() {
  static std::FILE* const kNowhere = std::fopen("/dev/null", "w");
  static io::Log log(kNowhere, io::LogLevel::error);
  return log;
}

template <class T>
T must(Result<T> result) {
  check(result.has_value(), result ? "" : result.error().message());
  return std::move(*result);
}

std::vector<protocol::SealedBox> boxes_of(const std::vector<party::SealedBox>& boxes) {
  std::vector<protocol::SealedBox> out;
  out.reserve(boxes.size());
  for (const auto& box : boxes)
    out.push_back({box.recipient, box.box});
  return out;
}

Material make_material() {
  const auto& pool = Pool::get();
  const auto& founded = pool.parties[0];
  const auto& made = founded.made;
  SeededRandom random(2);
  Material out;
  out.party = made.id;
  out.invite = founded.first_invite.id();
  out.create = {"create", made.charter, made.roster, made.statement, boxes_of(made.boxes),
                {},       {},           {}};
  out.open.nonce = protocol::open_nonce(random.array<16>(), control_sim::kStart);
  out.open.signature = party::prove_invite(founded.first_invite.signing,
                                           {made.id, {}, pool.devices[1].id, out.open.nonce});

  party::Ledger ledger(made.id);
  const auto append = [&](const Bytes& record) {
    must(ledger.append_trusted(record));
    out.hand_back.records.push_back(record);
  };
  for (const auto* record : {&made.charter, &made.roster, &made.statement})
    append(*record);
  out.hand_back = {"hand_back", ledger.length(), ledger.head(), {}, {}};
  for (std::size_t n = 1; n < kDevices; ++n) {
    const auto& device = pool.devices[n];
    const auto vip = must(ledger.suggest_vip(device.id));
    out.join[n] = {"join",
                   party::build_admission(ledger, founded.first_invite, device.keys),
                   must(party::build_statement(ledger, device.keys.identity, "guest", vip)),
                   {},
                   {},
                   {}};
    append(out.join[n].admission);
    append(out.join[n].statement);
  }
  const auto& guest = pool.devices[1];
  out.rename = {"rename",
                must(party::build_statement(ledger, guest.keys.identity, "renamed",
                                            ledger.member(guest.id)->vip)),
                {},
                {}};
  append(*out.rename.statement);
  const auto invite =
      must(party::build_invite(random, ledger, made.key, made.root, {}, control_sim::kStart));
  out.add_invite = {"invite", invite.record, invite.box.box};
  append(invite.record);
  out.charter = {"charter",
                 must(party::build_charter(ledger, made.root, {{}, std::set<PeerId>{guest.id}}))};
  append(out.charter.charter);
  auto rotation = must(party::build_rotation(random, ledger, made.root, {{pool.devices[2].id}, {}},
                                             control_sim::kStart));
  out.kick = {"kick", rotation.roster, boxes_of(rotation.boxes)};
  append(rotation.roster);
  out.leave = {"leave", party::build_leave(ledger, guest.keys.identity)};
  append(out.leave.record);
  out.hand_back.boxes = out.kick.boxes;
  return out;
}

// Codes are what programs act on.
void check_code(const std::string& code) {
  const bool word = code.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string::npos;
  check(!code.empty() && word, "an error without a code: \"" + code + "\"");
}

class Sink final : public io::Responder::Sink {
 public:
  explicit Sink(std::shared_ptr<std::size_t> unanswered) : unanswered_(std::move(unanswered)) {
    ++*unanswered_;
  }
  void answer(io::HttpResponse response) override {
    --*unanswered_;
    check(!answered_, "answered twice");
    answered_ = true;
    check(response.status >= 200 && response.status < 600, "no status of HTTP");
    if (response.status < 400) return;
    const auto problem = protocol::read_problem(response.status, response.body);
    check(problem.code != name_of(protocol::Errc::unexpected_answer), "not a problem document");
    check_code(problem.code);
    check(problem.retry_after_s.has_value() == (response.status == 429 || response.status == 503),
          "Retry-After belongs to 429 and 503");
  }

 private:
  std::shared_ptr<std::size_t> unanswered_;
  bool answered_ = false;
};

}  // namespace

void check(bool ok, const std::string& what) {
  if (ok) return;
  std::fprintf(stderr, "%s\n", what.c_str());
  std::abort();
}

const Material& Material::get() {
  static const Material kMaterial = make_material();
  return kMaterial;
}

void damage(std::string& text, ByteReader& script) {
  for (int changes = script.u8() % 4; changes > 0 && !text.empty(); --changes) {
    const auto at = script.u16() % text.size();
    const auto kind = script.u8();
    const std::size_t length = 1 + kind / 4;
    if (kind % 4 == 0)
      text.erase(at, length);
    else if (kind % 4 == 1)
      text.insert(at, text.substr(at, length));
    else
      text[at] = static_cast<char>(script.u8());
  }
}

struct Harness::Server {
  Server(Harness& harness)
      : store(harness.storage_,
              [&harness](std::move_only_function<void()> task) {
                harness.tasks_.push_back(std::move(task));
              }),
        audit(silence(), harness.clock_, {}) {}
  store::MemoryStore store;
  server::Metrics metrics{"fuzzed"};
  server::AuditLog audit;
  std::unique_ptr<server::ControlCore> core;
};

Harness::Harness()
    : limits_([] {
        server::Limits limits;
        limits.party.journal_events = 4;
        limits.party.peers = 3;
        limits.events_a_snapshot = 3;
        limits.commands_waiting = 2;
        limits.sessions_a_peer = 2;
        return limits;
      }()),
      oracle_(complaints_, limits_.party) {
  for (std::size_t n = 0; n < kDevices; ++n)
    storage_->tables.tokens.push_back(Pool::get().devices[n].row);
  // Keys as the store would keep them: making them takes longer than most inputs do.
  SeededRandom seeded(3);
  for (const auto& [name, size] : {std::pair{"incarnation", 16},
                                   {"nonce_secret", 32},
                                   {"relay_token_key", 32},
                                   {"relay_id", 16},
                                   {"join_word", 7}}) {
    Bytes value(static_cast<std::size_t>(size));
    seeded.fill(value);
    storage_->tables.settings.emplace(name, std::move(value));
  }
  start();
}

Harness::~Harness() {
  stop(true);
}

const PeerId& Harness::peer(std::size_t device) {
  return Pool::get().devices[device].id;
}

const protocol::BearerToken& Harness::token(std::size_t device) {
  return Pool::get().devices[device].token;
}

crypto::Hash Harness::digest() const {
  const auto* history = oracle_.find(Material::get().party);
  return history && !history->entries.empty() ? history->entries.back().digest : crypto::Hash{};
}

void Harness::start() {
  server_ = std::make_unique<Server>(*this);
  auto keys = must(server::load_keys(server_->store, random_));
  incarnation_ = keys.incarnation;
  server::CoreConfig config{.version = "fuzzed",
                            .binding = {},
                            .pin = {},
                            .creation = {protocol::CreatePolicy::anyone, {}, {}},
                            .services = {},
                            .public_address = {},
                            .keys = std::move(keys),
                            .limits = limits_};
  server_->core = std::make_unique<server::ControlCore>(
      server::ControlCore::Surroundings{server_->store, clock_, random_, silence(),
                                        server_->metrics, server_->audit},
      std::move(config));
  server_->core->set_public_url("https://fuzzed");
  const auto loaded = server_->core->load();
  check(loaded.has_value(), loaded ? "" : loaded.error().message());
}

void Harness::stop(bool writes_survive) {
  for (auto& connection : connections_)
    connection.reset();
  if (!writes_survive) server_->store.kill();
  tasks_.clear();
  unanswered_ = std::make_shared<std::size_t>(0);
  server_->core.reset();
  server_.reset();
  tasks_.clear();
  oracle_.observe(storage_->tables);
}

void Harness::restart(bool writes_survive) {
  stop(writes_survive);
  start();
  look();
}

control_sim::SocketContext Harness::context() {
  return {complaints_, oracle_, *storage_, clock_, incarnation_, kQueueBytes};
}

void Harness::look() {
  oracle_.observe(storage_->tables);
  check(!complaints_.first(), complaints_.first().value_or(""));
}

void Harness::connect(std::size_t device) {
  close(device, false);
  io::HttpRequest request;
  request.target = "/ws";
  request.headers.add("Authorization", token(device).header());
  request.remote = {IpAddress::v4(0x0a000001u + static_cast<std::uint32_t>(device)), 40'000};
  auto answer = server_->core->on_upgrade(request);
  if (auto* opened = std::get_if<io::WebSocketOpened>(&answer)) {
    auto& connection = connections_[device].emplace();
    connection.socket =
        std::make_shared<control_sim::Socket>(context(), peer(device), request.remote);
    connection.events = (*opened)(connection.socket);
  }
  look();
}

void Harness::say(std::size_t device, const std::string& text) {
  auto& connection = connections_[device];
  if (!connection || connection->socket->closing()) return;
  // Each object may ask for a party.
  for (const char c : text)
    if (c == '{') connection->socket->expect_snapshots_of_all();
  connection->events.on_text(text);
  check(connection->socket->queued_bytes() <= kQueueBytes + protocol::kMaxAnswerSize,
        "a queue without bounds");
  look();
}

void Harness::read(std::size_t device, std::size_t frames) {
  auto& connection = connections_[device];
  while (connection && frames-- > 0) {
    auto& socket = *connection->socket;
    if (socket.can_take()) {
      const auto message = socket.take();
      if (const auto* error = std::get_if<ws::ErrorMessage>(&message)) check_code(error->code);
    }
    if (socket.closed()) return close(device, false);
    if (socket.take_overflow()) connection->events.on_overflow();
    if (!socket.can_take()) break;
  }
  look();
}

void Harness::close(std::size_t device, bool clean) {
  auto closed = std::exchange(connections_[device], std::nullopt);
  if (!closed) return;
  closed->events.on_closed(clean ? io::kCloseNormal : io::kCloseAbnormal, {});
  look();
}

void Harness::request(io::HttpRequest request) {
  server_->core->on_request(std::move(request), io::Responder(std::make_shared<Sink>(unanswered_)));
  look();
}

void Harness::run_store(std::size_t writes) {
  while (writes-- > 0 && !tasks_.empty()) {
    auto task = std::move(tasks_.front());
    tasks_.pop_front();
    task();
    look();
  }
}

void Harness::fail_store(store::InjectedFailure kind) {
  server_->store.fail_next(1, kind);
}

void Harness::wait(std::chrono::milliseconds time) {
  clock_.advance(time);
  server_->core->tick();
  look();
}

void Harness::set_wall_clock(std::chrono::hours by) {
  clock_.jump(by);
}

void Harness::bar(std::size_t device) {
  server_->core->kick(Material::get().party, peer(device), [](const Result<void>&) {});
  look();
}

void Harness::finish() {
  while (!tasks_.empty())
    run_store(1);
  check(*unanswered_ == 0, "a request without an answer");
  wait(std::chrono::minutes(10));
  while (!tasks_.empty())
    run_store(1);
  for (std::size_t n = 0; n < kDevices; ++n)
    read(n, 10'000);
  oracle_.check_tables(storage_->tables);
  look();
}

}  // namespace lanrage::fuzzing
