#include "attacker_server.hpp"

#include <algorithm>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <future>
#include <list>
#include <map>
#include <thread>

#include "io/http_client.hpp"
#include "io/http_server.hpp"
#include "support/temp_dir.hpp"

namespace lanrage::lab {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;

constexpr std::uint16_t kServerPort = 8667;
constexpr std::uint16_t kAttackerPort = 18'667;
constexpr std::chrono::milliseconds kRequestTime{20'000};

std::string text_of(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

std::shared_ptr<io::TlsContext> certificate_in(const std::filesystem::path& directory) {
  auto context = io::TlsContext::load_or_generate(directory);
  if (!context) throw LabError("the attacker has no certificate: " + context.error().message());
  return *context;
}

io::Origin origin_of(const Server& server) {
  auto origin = io::Origin::parse(server.url());
  if (!origin) throw LabError("no origin: " + server.url());
  origin->policy.pin = io::parse_pin(server.pin());
  return *origin;
}

json::value parsed(const std::string& text) {
  boost::system::error_code error;
  auto value = json::parse(text, error);
  return error ? json::value(nullptr) : value;
}

}  // namespace

class AttackerServer::Proxy {
 public:
  explicit Proxy(const Server& genuine)
      : netns_(genuine.host().netns()),
        origin_(origin_of(genuine)),
        true_certificate_(certificate_in(genuine.data_dir())),
        false_certificate_(certificate_in(directory_.path())) {
    io::HttpServer::Options options;
    options.listen = {IpAddress::v4(0u), kAttackerPort};
    options.tls = true_certificate_;
    io::ServerEvents events;
    events.on_request = [this](io::HttpRequest request, io::Responder responder) {
      asio::co_spawn(io_, answer(std::move(request), std::move(responder)), asio::detached);
    };
    events.on_upgrade = [this](const io::HttpRequest& request) { return upgrade(request); };
    auto started = netns_.inside(
        [&] { return io::HttpServer::start(io_, std::move(options), std::move(events)); });
    if (!started) throw LabError("the attacker can't listen: " + started.error().message());
    server_ = std::move(*started);
    netns_.nft(
        "table ip attacker { chain prerouting { type nat hook prerouting priority dstnat;\n"
        "iifname != \"lo\" tcp dport " +
        std::to_string(kServerPort) + " redirect to :" + std::to_string(kAttackerPort) +
        "\n}\n}\n");
    thread_ = std::thread([this] { netns_.inside([this] { io_.run(); }); });
  }

  ~Proxy() {
    asio::post(io_, [this] {
      for (const auto& link : links_)
        link->up.reset();
      server_.reset();
      clients_.clear();
      work_.reset();
    });
    thread_.join();
  }

  // Runs `body` on the proxy's thread and waits for what it returns.
  template <class Body>
  auto do_there(Body body) {
    std::packaged_task<decltype(body())()> task(std::move(body));
    auto result = task.get_future();
    asio::post(io_, [&task] { task(); });
    return result.get();
  }

  void set_answers(AnswerScript script) { answers_ = std::move(script); }
  void set_messages(MessageScript script) { messages_ = std::move(script); }

  bool has_caught_up(const std::string& peer) const {
    return std::ranges::any_of(
        links_, [&](const auto& link) { return link->peer == peer && link->settled; });
  }

  bool send(const std::string& peer, const json::object& message) {
    bool sent = false;
    for (const auto& link : links_) {
      if (link->peer != peer || !link->settled) continue;
      tell(*link, message);
      sent = true;
    }
    return sent;
  }

  bool send_event(const std::string& peer, json::object message) {
    bool sent = false;
    for (const auto& link : links_) {
      if (link->peer != peer || !link->settled) continue;
      ++link->ahead;
      message["seq"] = ++link->seq;
      tell(*link, message);
      sent = true;
    }
    return sent;
  }

  void cut(const std::string& peer) {
    for (const auto& link : links_)
      if (link->peer == peer) close(*link);
  }

  void show_certificate(bool genuine) {
    server_->set_tls(genuine ? true_certificate_ : false_certificate_);
    for (const auto& link : links_)
      close(*link);
  }

  std::string token(const std::string& peer) const {
    for (const auto& [authorization, known] : peers_)
      if (known == peer) return authorization.substr(std::string("Bearer ").size());
    return {};
  }

  std::uint64_t requests() const { return requests_; }

 private:
  // One agent's WebSocket to us, and ours for it to the genuine server.
  struct Link {
    std::string authorization;
    std::string peer;
    std::shared_ptr<io::WebSocket> down;
    std::unique_ptr<io::WebSocketClient> up;
    std::vector<std::string> waiting;  // of the agent, until `up` is open
    bool ready = false;
    bool gone = false;        // the agent's end is
    bool settled = false;     // the agent knows what the genuine server knows
    std::uint64_t seq = 0;    // of the latest event that the agent was told
    std::uint64_t ahead = 0;  // how many of these were ours
  };

  io::HttpClient& client_of(const std::string& authorization) {
    auto& client = clients_[authorization];
    if (!client) client = io::HttpClient::make(io_, origin_);
    return *client;
  }

  static std::string authorization_of(const io::HttpRequest& request) {
    return std::string(request.headers.find("Authorization").value_or(""));
  }

  asio::awaitable<void> answer(io::HttpRequest request, io::Responder responder) {
    ++requests_;
    const auto authorization = authorization_of(request);
    io::Headers headers;
    if (!authorization.empty()) headers.add("Authorization", authorization);
    auto response =
        co_await client_of(authorization)
            .request(request.method, request.target, headers, request.body, kRequestTime);
    if (!response) {
      responder.send(io::HttpResponse::json(502, "{}"));
      co_return;
    }
    Answer out{response->status, parsed(response->body)};
    if (request.path() == "/auth/register" && out.status < 300)
      peers_["Bearer " + text_of(out.body.as_object(), "token")] =
          text_of(out.body.as_object(), "peer_id");
    if (answers_) {
      answers_({peers_[authorization], std::string(name_of(request.method)), request.target}, out);
      response->status = out.status;
      response->body = out.body.is_null() ? "" : json::serialize(out.body);
    }
    responder.send(std::move(*response));
  }

  std::variant<io::WebSocketOpened, io::HttpResponse> upgrade(const io::HttpRequest& request) {
    ++requests_;
    auto link = std::make_shared<Link>();
    link->authorization = authorization_of(request);
    link->peer = peers_[link->authorization];
    return [this, link](std::shared_ptr<io::WebSocket> socket) -> io::WebSocketEvents {
      link->down = std::move(socket);
      links_.push_back(link);
      asio::co_spawn(io_, carry(link), asio::detached);
      return {[link](std::string text) {
                if (link->ready)
                  link->up->send(std::move(text));
                else
                  link->waiting.push_back(std::move(text));
              },
              [] {},
              [this, link](std::uint16_t, const std::string&) {
                links_.remove(link);
                link->ready = link->settled = false;
                link->gone = true;
                if (link->up) link->up->close(io::kCloseNormal, "");
              }};
    };
  }

  asio::awaitable<void> carry(std::shared_ptr<Link> link) {
    link->up = io::WebSocketClient::make(io_, origin_);
    auto& up = *link->up;
    io::Headers headers;
    headers.add("Authorization", link->authorization);
    if (!co_await up.connect("/ws", headers, kRequestTime)) co_return close(*link);
    if (link->gone) co_return;
    link->ready = true;
    for (auto& text : link->waiting)
      up.send(std::move(text));
    while (true) {
      const auto text = co_await up.receive();
      if (!text) co_return close(*link);
      auto message = parsed(*text).as_object();
      if (auto* seq = message.if_contains("seq"))
        *seq = seq->to_number<std::uint64_t>() + link->ahead;
      if (!messages_) {
        tell(*link, message);
        continue;
      }
      for (const auto& rewritten : messages_(link->peer, std::move(message)))
        tell(*link, rewritten);
    }
  }

  static void close(Link& link) {
    link.settled = false;
    link.down->close(io::kCloseGoingAway, "");
  }

  static void tell(Link& link, const json::object& message) {
    const auto* party = message.if_contains("party");
    const auto* number = message.if_contains("seq");
    if (text_of(message, "type") == "party_update") {
      link.seq = party->as_object().at("seq").to_number<std::uint64_t>();
      link.ahead = 0;
    } else if (number != nullptr) {
      link.seq = std::max(link.seq, number->to_number<std::uint64_t>());
    }
    if (text_of(message, "type") == "caught_up") link.settled = true;
    link.down->send(std::make_shared<const std::string>(json::serialize(message)));
  }

  const NetNamespace& netns_;
  TempDir directory_;
  io::Origin origin_;
  std::shared_ptr<io::TlsContext> true_certificate_;
  std::shared_ptr<io::TlsContext> false_certificate_;
  asio::io_context io_;
  asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
  AnswerScript answers_;
  MessageScript messages_;
  std::uint64_t requests_ = 0;
  std::map<std::string, std::string> peers_;  // by the Authorization header
  std::map<std::string, std::unique_ptr<io::HttpClient>> clients_;
  std::list<std::shared_ptr<Link>> links_;
  std::unique_ptr<io::HttpServer> server_;
  std::thread thread_;
};

AttackerServer::AttackerServer(const Server& genuine) : proxy_(std::make_unique<Proxy>(genuine)) {}
AttackerServer::~AttackerServer() = default;

void AttackerServer::rewrite_answers(AnswerScript script) {
  proxy_->do_there([&] { proxy_->set_answers(std::move(script)); });
}

void AttackerServer::rewrite_messages(MessageScript script) {
  proxy_->do_there([&] { proxy_->set_messages(std::move(script)); });
}

void AttackerServer::behave() {
  rewrite_answers({});
  rewrite_messages({});
}

bool AttackerServer::send(const std::string& peer_id, const json::object& message) {
  return proxy_->do_there([&] { return proxy_->send(peer_id, message); });
}

bool AttackerServer::send_event(const std::string& peer_id, json::object message) {
  return proxy_->do_there([&] { return proxy_->send_event(peer_id, std::move(message)); });
}

bool AttackerServer::has_caught_up(const std::string& peer_id) const {
  return proxy_->do_there([&] { return proxy_->has_caught_up(peer_id); });
}

void AttackerServer::cut(const std::string& peer_id) {
  proxy_->do_there([&] { proxy_->cut(peer_id); });
}

std::string AttackerServer::token(const std::string& peer_id) const {
  return proxy_->do_there([&] { return proxy_->token(peer_id); });
}

void AttackerServer::show_false_certificate(bool yes) {
  proxy_->do_there([&] { proxy_->show_certificate(!yes); });
}

std::uint64_t AttackerServer::requests() const {
  return proxy_->do_there([&] { return proxy_->requests(); });
}

}  // namespace lanrage::lab
