#include "sim/control_world.hpp"

#include <algorithm>

#include "sim/control_device.hpp"

namespace lanrage::control_sim {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

constexpr Duration kDeadAfter = seconds(30);  // until the server notices a silent connection

io::Log& silence() {
  static std::FILE* const kNowhere = std::fopen("/dev/null", "w");
  static io::Log log(kNowhere, io::LogLevel::error);
  return log;
}

}  // namespace

// Its proofs arrive as late as the store's answers do; sometimes it has no room.
class World::Prover final : public server::SignatureProver {
 public:
  explicit Prover(World& world) : world_(world) {}

  bool prove(const PartyId& id, const party::Action& action, Done done) override {
    if (world_.chance(8)) return false;
    world_.tasks_.push_back([proven = party::prove(id, action), done = std::move(done)]() mutable {
      done(std::move(proven));
    });
    return true;
  }

 private:
  World& world_;
};

// One process of the control server, with its opening of the store.
struct World::Server {
  Server(World& world, const std::shared_ptr<store::MemoryStorage>& storage)
      : store(storage,
              [&world](std::move_only_function<void()> task) {
                world.tasks_.push_back(std::move(task));
              }),
        prover(world),
        audit(silence(), world.clock_, {}) {}

  store::MemoryStore store;
  Prover prover;
  server::Metrics metrics{"simulated"};
  server::AuditLog audit;
  std::string incarnation;
  std::unique_ptr<server::ControlCore> core;
};

// Answers into an exchange, unless the server is gone.
class AnswerSink final : public io::Responder::Sink {
 public:
  AnswerSink(std::shared_ptr<Exchange> exchange, const SocketContext& context)
      : exchange_(std::move(exchange)), context_(context) {}

  void answer(io::HttpResponse response) override {
    if (exchange_->state != Exchange::State::serving) return;
    exchange_->state = Exchange::State::answered;
    if (response.status == 500) context_.complaints.add("500 from a living server");
    if (response.status == 200 && !exchange_->request_id.empty()) {
      context_.oracle.observe(context_.storage.tables);
      const auto done = protocol::parse<protocol::SeqAnswer>(response.body);
      if (!done) context_.complaints.add("an answer without seq");
      if (done)
        context_.oracle.acknowledged(exchange_->request_id, done->seq, context_.clock.unix_time());
    }
    exchange_->answer = std::move(response);
  }

 private:
  std::shared_ptr<Exchange> exchange_;
  SocketContext context_;
};

World::World(std::uint64_t seed, bool tracing)
    : tracing_(tracing),
      random_(seed),
      chaos_(Chaos::some(random_)),
      limits_([this] {
        server::Limits limits;
        if (chance(2)) limits.party.journal_events = 3 + random_.below(20);
        if (chance(2)) limits.events_a_snapshot = 1 + random_.below(12);
        if (chance(4)) limits.presence_wait = {};
        if (chance(8)) limits.party_unused_for = hours(24);
        if (chance(4)) limits.commands_waiting = 1 + random_.below(3);
        return limits;
      }()),
      queue_bytes_(chaos_.slow ? 32 * 1024 : limits_.http.queue_bytes),
      most_parties_(2 + random_.below(3)),
      oracle_(complaints_, limits_.party) {
  const std::size_t count = 3 + random_.below(4);
  for (std::size_t n = 0; n < count; ++n) {
    const bool slow = chaos_.slow && chance(3);
    const bool lies = chaos_.liars && chance(3);
    devices_.push_back(std::make_unique<Device>(*this, n, slow, lies));
    if (!chance(6)) storage_->tables.tokens.push_back(Pool::get().devices[n].row);
  }
  start_server();
}

World::~World() {
  stop_server();
}

// ---- the server's life

void World::start_server() {
  server_ = std::make_unique<Server>(*this, storage_);
  auto keys = server::load_keys(server_->store, random_);
  if (!keys) return complain("no keys: " + keys.error().message());
  server_->incarnation = keys->incarnation;
  server::CoreConfig config{.version = "simulated",
                            .binding = {},
                            .pin = {},
                            .creation = {protocol::CreatePolicy::anyone, {}, {}},
                            .services = {},
                            .public_address = {},
                            .keys = std::move(*keys),
                            .limits = limits_};
  server_->core = std::make_unique<server::ControlCore>(
      server::ControlCore::Surroundings{server_->store, clock_, random_, silence(),
                                        server_->metrics, server_->audit,
                                        chance(3) ? nullptr : &server_->prover},
      std::move(config));
  server_->core->set_public_url("https://simulated");
  if (auto loaded = server_->core->load(); !loaded)
    complain("the server can't load what it stored: " + loaded.error().message());
}

// As kill -9 does: nobody is told anything. What was given to the store and not answered may have
// been written, or not.
void World::stop_server() {
  for (auto& connection : connections_) {
    connection->server_open = false;
    if (std::exchange(connection->device_open, false)) connection->device->on_connection_lost();
  }
  connections_.clear();
  for (auto& exchange : exchanges_)
    if (exchange->state == Exchange::State::serving) exchange->state = Exchange::State::over;
  if (chance(2)) server_->store.kill();
  tasks_.clear();
  server_->core.reset();
  overflows_ += server_->metrics.queue_overflows.value();
  server_.reset();
  tasks_.clear();
  observe();
  for (const auto& exchange : exchanges_)
    if (exchange->state == Exchange::State::over) exchange->done(std::nullopt);
  drop_over();
}

void World::run_task() {
  auto task = std::move(tasks_.front());
  tasks_.pop_front();
  task();
  observe();
}

void World::restart(bool from_copy) {
  note([&] { return from_copy ? "the server is restored from a copy" : "the server is killed"; });
  ++restarts_;
  stop_server();
  if (from_copy) {
    ++restores_;
    storage_ = std::make_shared<store::MemoryStorage>();
    storage_->tables = copy_->tables;
    oracle_.go_back(copy_->oracle);
    // One that no server had before, however often the same copy is restored.
    auto& incarnation = storage_->tables.settings.at(std::string(store::kIncarnation));
    incarnation[0] = static_cast<std::uint8_t>(restores_);
    incarnation[1] = static_cast<std::uint8_t>(restores_ >> 8);
    for (const auto& exchange : exchanges_) {
      exchange->state = Exchange::State::over;
      exchange->done(std::nullopt);
    }
    drop_over();
  }
  start_server();
}

// ---- connections

std::shared_ptr<Connection> World::connect(Device& device, const io::HttpRequest& request,
                                           int& status) {
  auto answer = server_->core->on_upgrade(request);
  if (const auto* refused = std::get_if<io::HttpResponse>(&answer)) {
    status = refused->status;
    return nullptr;
  }
  auto connection = std::make_shared<Connection>();
  connection->device = &device;
  connection->socket = std::make_shared<Socket>(
      SocketContext{complaints_, oracle_, *storage_, clock_, server_->incarnation, queue_bytes_},
      device.id(), request.remote);
  connection->events = std::get<io::WebSocketOpened>(answer)(connection->socket);
  connections_.push_back(connection);
  return connection;
}

void World::lose(Connection& connection, std::uint16_t code) {
  connection.server_open = false;
  auto on_closed = std::move(connection.events.on_closed);
  connection.events = {};
  on_closed(code, {});
  if (std::exchange(connection.device_open, false)) connection.device->on_connection_lost();
}

void World::cut(Connection& connection) {
  const auto how = random_.below(3);
  note([&] {
    return connection.device->name() + (how == 0   ? " closes its connection"
                                        : how == 1 ? " loses its connection"
                                                   : " goes silent");
  });
  if (how == 2) {  // the server keeps sending into nowhere for a while
    connection.device_open = false;
    connection.cut_at = clock_.monotonic();
    return connection.device->on_connection_lost();
  }
  if (how == 0)
    for (const auto& text : std::exchange(connection.up, {}))
      if (!connection.socket->closing()) connection.events.on_text(text);
  lose(connection, how == 0 ? io::kCloseNormal : io::kCloseAbnormal);
}

void World::read_frame(Connection& connection) {
  auto& socket = *connection.socket;
  if (socket.can_take()) connection.device->on_frame(socket.take());
  if (socket.closed()) return lose(connection, socket.close_code());
  if (socket.take_overflow() && connection.events.on_overflow) connection.events.on_overflow();
}

// ---- requests

void World::move(Exchange& exchange) {
  using enum Exchange::State;
  const bool lost = chaos_.losses && !calm_ && chance(12);
  if (exchange.state == going && !lost) {
    exchange.state = serving;
    auto request = exchange.request;
    const auto found = std::ranges::find(exchanges_, &exchange, &std::shared_ptr<Exchange>::get);
    server_->core->on_request(std::move(request),
                              io::Responder(std::make_shared<AnswerSink>(
                                  *found, SocketContext{complaints_, oracle_, *storage_, clock_,
                                                        server_->incarnation, queue_bytes_})));
    return observe();
  }
  exchange.state = over;
  exchange.done(lost ? std::nullopt : std::move(exchange.answer));
}

void World::drop_over() {
  std::erase_if(exchanges_,
                [](const auto& exchange) { return exchange->state == Exchange::State::over; });
  std::erase_if(connections_, [](const auto& connection) { return !connection->server_open; });
}

// ---- what happens next

// One of all the things that could happen now. False: none.
bool World::pump_one() {
  drop_over();
  struct Choice {
    enum { task, up, down, exchange } kind;
    std::size_t index;
  };
  std::vector<Choice> choices;
  if (!tasks_.empty()) choices.push_back({Choice::task, 0});
  for (std::size_t n = 0; n < connections_.size(); ++n) {
    const auto& connection = *connections_[n];
    if (!connection.device_open) continue;
    if (!connection.up.empty() && !connection.socket->closing()) choices.push_back({Choice::up, n});
    const bool reads = calm_ || !connection.device->slow() || chance(60);
    if (reads && (connection.socket->can_take() || connection.socket->closed()))
      choices.push_back({Choice::down, n});
  }
  for (std::size_t n = 0; n < exchanges_.size(); ++n)
    if (exchanges_[n]->state != Exchange::State::serving) choices.push_back({Choice::exchange, n});
  if (choices.empty()) return false;
  const auto choice = choices[random_.below(choices.size())];
  switch (choice.kind) {
    case Choice::task:
      run_task();
      break;
    case Choice::up: {
      auto& connection = *connections_[choice.index];
      const auto text = std::move(connection.up.front());
      connection.up.pop_front();
      connection.events.on_text(text);
      break;
    }
    case Choice::down: {
      const auto connection = connections_[choice.index];
      read_frame(*connection);
      break;
    }
    case Choice::exchange: {
      const auto exchange = exchanges_[choice.index];
      move(*exchange);
      break;
    }
  }
  return true;
}

void World::pump(std::uint64_t events) {
  while (events-- > 0 && !complaints_.first())
    if (!pump_one()) return;
}

void World::advance(milliseconds by) {
  constexpr int kTicks = 4;
  for (int n = 0; n < kTicks; ++n) {
    clock_.advance(by / kTicks);
    server_->core->tick();
  }
  observe();
  for (const auto& connection : connections_) {
    const bool dead =
        !connection->device_open && clock_.monotonic() - connection->cut_at > kDeadAfter;
    if (dead && connection->server_open) lose(*connection, io::kCloseAbnormal);
  }
  drop_over();
}

void World::step() {
  devices_[random_.below(devices_.size())]->act();
  for (auto& device : devices_)
    device->poll();
  pump(random_.below(14));
  disturb();
  if (chance(2)) advance(milliseconds(1 + random_.below(2'000)));
}

void World::run() {
  const std::size_t steps = 40 + random_.below(70);
  for (std::size_t n = 0; n < steps && !complaints_.first(); ++n)
    step();
  if (!complaints_.first()) settle();
}

void World::fail_store(store::InjectedFailure kind, std::size_t writes) {
  server_->store.fail_next(writes, kind);
}

void World::bar(const PartyId& party, const PeerId& peer) {
  server_->core->kick(party, peer, [](const Result<void>&) {});
}

std::uint64_t World::divergences() const {
  return server_->metrics.divergences.value();
}

std::string World::summary() const {
  std::size_t events = 0;
  for (const auto& [id, history] : oracle_.histories())
    events += history.entries.size();
  return "parties " + std::to_string(oracle_.histories().size()) + " events " +
         std::to_string(events) + " restarts " + std::to_string(restarts_) + " restores " +
         std::to_string(restores_) + " overflows " + std::to_string(overflows_);
}

}  // namespace lanrage::control_sim
