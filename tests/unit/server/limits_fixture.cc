#include "unit/server/limits_fixture.hpp"

namespace lanrage::server::test {

namespace {

Reply reply_of(const io::HttpResponse& response) {
  Reply out{response.status, {}, {}, response.body};
  if (out.status >= 400) out.code = protocol::read_problem(out.status, out.body).code;
  if (const auto after = response.headers.find("Retry-After"))
    out.retry_after = std::stoi(std::string(*after));
  return out;
}

}  // namespace

void FakeSocket::send(std::shared_ptr<const std::string> text) {
  auto message = ws::parse_server_message(*text);
  ASSERT_TRUE(message) << *text;
  sent.push_back(std::move(*message));
}

std::string FakeSocket::refusal() const {
  const auto* error = sent.empty() ? nullptr : std::get_if<ws::ErrorMessage>(&sent.back());
  return error ? error->code : std::string();
}

CoreFixture::CoreFixture() {
  limits.presence_wait = {};
}

CoreFixture::~CoreFixture() {
  core.reset();
}

void CoreFixture::start() {
  store_ = std::make_unique<store::MemoryStore>(
      std::make_shared<store::MemoryStorage>(),
      [this](std::move_only_function<void()> task) { tasks_.push_back(std::move(task)); });
  auto loaded = load_keys(*store_, random);
  ASSERT_TRUE(loaded);
  keys = std::move(*loaded);
  if (creation.kind == protocol::CreatePolicy::word) creation.word = keys->join_word;
  CoreConfig config{.version = "test",
                    .binding = {},
                    .pin = {},
                    .creation = creation,
                    .services = {},
                    .public_address = {},
                    .keys = *keys,
                    .limits = limits};
  core = std::make_unique<ControlCore>(
      ControlCore::Surroundings{*store_, clock, random, log_, metrics, audit_, prover},
      std::move(config));
  ASSERT_TRUE(core->load());
}

Reply CoreFixture::Answering::reply() const {
  return got ? reply_of(*got) : Reply{};
}

std::shared_ptr<CoreFixture::Answering> CoreFixture::begin(io::HttpRequest request) {
  auto sink = std::make_shared<Answering>();
  core->on_request(std::move(request), io::Responder(sink));
  return sink;
}

void CoreFixture::run_store() {
  while (!tasks_.empty()) {
    auto task = std::move(tasks_.front());
    tasks_.pop_front();
    task();
  }
}

Reply CoreFixture::ask(io::HttpRequest request) {
  const auto sink = begin(std::move(request));
  run_store();
  EXPECT_TRUE(sink->got);
  return sink->reply();
}

double CoreFixture::metric(const std::string& series) const {
  const std::string text = metrics.text();
  const std::string wanted = "\nlanrage_" + series + " ";
  const auto at = text.find(wanted);
  return at == std::string::npos ? 0 : std::stod(text.substr(at + wanted.size()));
}

std::string CoreFixture::log_text() const {
  std::string text;
  std::rewind(log_file_.get());
  std::array<char, 4096> part;
  while (const auto got = std::fread(part.data(), 1, part.size(), log_file_.get()))
    text.append(part.data(), got);
  return text;
}

Player::Player(CoreFixture& server, const char* address)
    : keys{crypto::SigningKey::generate(server.random),
           crypto::ExchangeSecret::generate(server.random),
           crypto::ExchangeSecret::generate(server.random)},
      from(*IpAddress::parse(address)),
      server_(server) {}

io::HttpRequest Player::request(io::Method method, const std::string& target,
                                const std::string& body) const {
  io::HttpRequest out;
  out.method = method;
  out.target = target;
  if (!authorization.empty()) out.headers.add("Authorization", authorization);
  if (!body.empty()) out.headers.add("Content-Type", "application/json");
  out.body = body;
  out.remote = {from, 40'000};
  out.local = *Endpoint::parse("198.51.100.1:8667");
  return out;
}

Reply Player::challenge() {
  return post("/auth/challenge", protocol::ChallengeRequest{keys.identity.public_key()});
}

void Player::enroll() {
  protocol::RegisterRequest proof;
  proof.identity = keys.identity.public_key();
  proof.nonce = challenge().as<protocol::ChallengeAnswer>().nonce;
  proof.signature = party::prove_identity(keys.identity, {}, proof.nonce);
  authorization = post("/auth/register?peer_id=" + id().to_string(), proof)
                      .as<protocol::RegisterAnswer>()
                      .token.header();
}

protocol::CreatePartyRequest Player::create_request(const std::string& word) {
  party::PartyOptions options;
  options.name = "LAN night";
  auto created =
      party::create_party(server_.random, options, keys, "host", server_.clock.unix_time());
  EXPECT_TRUE(created);
  made.emplace(std::move(*created));
  party = "/parties/" + made->id.to_string();
  const std::vector<Bytes> log{made->charter, made->roster, made->statement};
  membership = *party::restore_membership(made->id, log, made->key);
  protocol::CreatePartyRequest out;
  out.request_id = "create";
  out.charter = made->charter;
  out.roster = made->roster;
  out.statement = made->statement;
  for (const auto& box : made->boxes)
    out.boxes.push_back({box.recipient, box.box});
  if (!word.empty()) out.word = word;
  return out;
}

Reply Player::join(const Player& host) {
  const PartyId& id_of_party = host.made->id;
  const auto invite = party::invite_keys(host.made->invite, id_of_party);
  protocol::OpenInviteRequest opening;
  opening.nonce = protocol::open_nonce(server_.random.array<16>(), server_.clock.unix_time());
  opening.signature = party::prove_invite(invite.signing, {id_of_party, {}, id(), opening.nonce});
  party = host.party;
  const auto opened = post(party + "/invites/" + invite.id().to_string() + "/open", opening);
  if (opened.status != 200) return opened;
  const auto answer = opened.as<protocol::OpenInviteAnswer>();
  membership.emplace(
      *party::verify_joining_material(id_of_party, host.made->invite, answer.log, answer.box));
  protocol::JoinRequest joining;
  joining.request_id = "join";
  joining.admission = party::build_admission(membership->ledger, invite, keys);
  joining.statement =
      *party::build_statement(membership->ledger, keys.identity, "guest", answer.vip);
  return post(party + "/join", joining);
}

protocol::UpdatePeerRequest Player::update_request(std::uint16_t port) const {
  return {"update-" + std::to_string(port), {}, {}, Endpoint{IpAddress::v4(0x08080808u), port}};
}

io::HttpRequest Player::update(std::uint16_t port) const {
  return request(io::Method::patch, party + "/peers/" + id().to_string(),
                 protocol::to_json(update_request(port)));
}

std::uint64_t Player::seq() {
  return get(party).as<protocol::GetPartyAnswer>().seq;
}

std::shared_ptr<FakeSocket> Player::connect(bool hello) {
  auto decision = server_.core->on_upgrade(request(io::Method::get, "/ws"));
  if (const auto* response = std::get_if<io::HttpResponse>(&decision)) {
    refusal = reply_of(*response);
    return nullptr;
  }
  auto socket = std::make_shared<FakeSocket>();
  socket->events = std::get<io::WebSocketOpened>(decision)(socket);
  if (hello) socket->say(ws::Hello{protocol::kVersion, "test", {}, {}});
  return socket;
}

}  // namespace lanrage::server::test
