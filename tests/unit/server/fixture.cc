#include "unit/server/fixture.hpp"

#include <boost/asio/post.hpp>
#include <cstdlib>

namespace lanrage::server::test {

namespace asio = boost::asio;
using std::chrono::milliseconds;

namespace {

constexpr milliseconds kPatience{20'000};

}  // namespace

TemporaryFolder::TemporaryFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "server-XXXXXX").string();
  path_ = ::mkdtemp(pattern.data());
}

ServerFixture::ServerFixture()
    : config{"test", {IpAddress::v4(0x7f000001u), 0},
             {},     IpAddress::v4(0x7f000001u),
             {},     {},
             {},     {"", {}, crypto::SigningKey::generate(random), "", ""},
             {}} {
  config.creation.kind = protocol::CreatePolicy::anyone;
  config.limits.presence_wait = {};  // no test waits for it but its own
  config.services.relay_id = "relay";
  config.services.region = "default";
  config.services.relay = Endpoint{IpAddress{}, 51820};
  config.services.stun = Endpoint{IpAddress{}, 3478};
  config.services.stun_other_port = Endpoint{IpAddress{}, 3479};
  config.public_address = IpAddress::parse("203.0.113.10");
}

ServerFixture::~ServerFixture() {
  kill();
}

void ServerFixture::start() {
  auto tls = io::TlsContext::load_or_generate(folder_.path());
  ASSERT_TRUE(tls) << tls.error().message();
  tls_ = *tls;
  auto opened = store::open_store(
      "sqlite:" + (folder_.path() / "server.db").string(),
      [this](std::move_only_function<void()> task) { asio::post(io_, std::move(task)); });
  ASSERT_TRUE(opened) << opened.error().message();
  store_ = std::move(*opened);
  auto keys = load_keys(*store_, random);
  ASSERT_TRUE(keys) << keys.error().message();
  config.keys = *keys;
  config.tls = tls_;
  if (config.creation.kind == protocol::CreatePolicy::word) config.creation.word = keys->join_word;
  auto started = ControlServer::start({io_, *store_, clock, random, log, metrics, audit}, config);
  ASSERT_TRUE(started) << started.error().message();
  server_ = std::move(*started);
  config.listen = server_->endpoint();
}

void ServerFixture::kill() {
  server_.reset();
  store_.reset();
}

io::Origin ServerFixture::origin() const {
  return {"127.0.0.1", config.listen.port, true, {tls_->pin()}};
}

Device::Device(ServerFixture& fixture)
    : keys{crypto::SigningKey::generate(fixture.random),
           crypto::ExchangeSecret::generate(fixture.random),
           crypto::ExchangeSecret::generate(fixture.random)},
      nick("player"),
      fixture_(fixture),
      http_(io::HttpClient::make(fixture.io(), fixture.origin())) {}

Answer Device::call(io::Method method, const std::string& target, const std::string& body,
                    const std::string& content_type) {
  io::Headers headers;
  if (!authorization.empty()) headers.add("Authorization", authorization);
  if (!content_type.empty() && !body.empty()) headers.add("Content-Type", content_type);
  auto work = http_->request(method, target, headers, body, kPatience);
  const auto response = fixture_.run(std::move(work));
  if (!response) {
    ADD_FAILURE() << target << ": " << response.error().message();
    return {};
  }
  Answer answer{response->status, {}, response->body, response->headers};
  if (answer.status >= 400)
    answer.code = protocol::read_problem(response->status, response->body).code;
  return answer;
}

protocol::ChallengeAnswer Device::challenge() {
  return post("/auth/challenge", protocol::ChallengeRequest{keys.identity.public_key()})
      .as<protocol::ChallengeAnswer>();
}

Answer Device::answer_challenge(const Bytes& nonce) {
  protocol::RegisterRequest request;
  request.identity = keys.identity.public_key();
  request.nonce = nonce;
  request.signature = party::prove_identity(keys.identity, fixture_.binding(), nonce);
  return post("/auth/register?peer_id=" + id().to_string(), request);
}

void Device::enroll() {
  const auto registered = answer_challenge(challenge().nonce).as<protocol::RegisterAnswer>();
  EXPECT_EQ(registered.peer_id, id());
  authorization = registered.token.header();
}

protocol::CreatePartyRequest Device::create_request(const std::string& request_id) {
  if (!made) {
    party::PartyOptions options;
    options.name = "LAN night";
    auto created =
        party::create_party(fixture_.random, options, keys, nick, fixture_.clock.unix_time());
    EXPECT_TRUE(created);
    made.emplace(std::move(*created));
    party = made->id;
    const std::vector<Bytes> log{made->charter, made->roster, made->statement};
    membership = *party::restore_membership(*party, log, made->key);
  }
  protocol::CreatePartyRequest request;
  request.request_id = request_id;
  request.charter = made->charter;
  request.roster = made->roster;
  request.statement = made->statement;
  for (const auto& box : made->boxes)
    request.boxes.push_back({box.recipient, box.box});
  return request;
}

Answer Device::create(const std::string& request_id) {
  return post("/parties", create_request(request_id));
}

Answer Device::open(const PartyId& party_id, const party::InviteSecret& secret) {
  const auto invite = party::invite_keys(secret, party_id);
  protocol::OpenInviteRequest request;
  request.nonce = protocol::open_nonce(fixture_.random.array<16>(), fixture_.clock.unix_time());
  request.signature =
      party::prove_invite(invite.signing, {party_id, fixture_.binding(), id(), request.nonce});
  return post("/parties/" + party_id.to_string() + "/invites/" + invite.id().to_string() + "/open",
              request);
}

protocol::JoinRequest Device::join_request(const party::Membership& material,
                                           const party::InviteSecret& secret, const IpAddress& vip,
                                           const std::string& request_id) {
  const auto invite = party::invite_keys(secret, material.ledger.party_id());
  protocol::JoinRequest request;
  request.request_id = request_id;
  request.admission = party::build_admission(material.ledger, invite, keys);
  auto statement = party::build_statement(material.ledger, keys.identity, nick, vip);
  EXPECT_TRUE(statement);
  if (statement) request.statement = *statement;
  return request;
}

Answer Device::join(const Device& host) {
  const auto opened = open(*host.party, host.made->invite).as<protocol::OpenInviteAnswer>();
  auto material =
      party::verify_joining_material(*host.party, host.made->invite, opened.log, opened.box);
  EXPECT_TRUE(material) << material.error().message();
  if (!material) return {};
  party = host.party;
  membership = *material;
  auto answer = post(party_path() + "/join",
                     join_request(*material, host.made->invite, opened.vip, "join-1"));
  if (answer.status == 200)
    membership = *party::restore_membership(*party, answer.as<protocol::PartyAnswer>().party.log,
                                            material->key);
  return answer;
}

Answer Device::leave(const std::string& request_id) {
  const protocol::LeaveRequest request{request_id,
                                       party::build_leave(membership->ledger, keys.identity)};
  return call(io::Method::del, peer_path(), protocol::to_json(request));
}

Result<void> Device::connect() {
  received_end_ = false;
  socket_ = io::WebSocketClient::make(fixture_.io(), fixture_.origin());
  io::Headers headers;
  if (!authorization.empty()) headers.add("Authorization", authorization);
  return fixture_.run(socket_->connect("/ws", headers, kPatience));
}

void Device::hello(std::vector<ws::Resume> resume) {
  send(ws::Hello{protocol::kVersion, "test", {}, std::move(resume)});
}

void Device::send(const ws::ClientMessage& message) {
  socket_->send(ws::to_json(message));
}

ws::ServerMessage Device::receive() {
  const auto text = fixture_.run(socket_->receive());
  if (!text) {
    received_end_ = true;
    return ws::ErrorMessage{"connection_ended", {}, {}, {}, {}, {}};
  }
  auto message = ws::parse_server_message(*text);
  EXPECT_TRUE(message) << *text;
  return message ? *message : ws::ServerMessage{};
}

ws::PartyUpdate Device::subscribe() {
  const auto connected = connect();
  EXPECT_TRUE(connected) << connected.error().message();
  hello();
  send(ws::Subscribe{*party, {}});
  auto snapshot = next<ws::PartyUpdate>();
  EXPECT_EQ(next<ws::CaughtUp>().seq, snapshot.party.seq);
  return snapshot;
}

void Device::disconnect(bool clean) {
  if (clean) {
    socket_->close(1000, "");
    while (!received_end_)
      receive();
  }
  socket_.reset();
}

}  // namespace lanrage::server::test
