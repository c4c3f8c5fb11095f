#include "support/https.hpp"

#include <arpa/inet.h>
#include <array>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>
#include <csignal>
#include <memory>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/encoding.hpp"
#include "crypto/hash.hpp"
#include "support/process.hpp"

namespace lanrage::lab {
namespace {

namespace json = boost::json;

constexpr timeval kSocketLimit{.tv_sec = 20, .tv_usec = 0};

template <auto Free>
struct FreeWith {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Context = std::unique_ptr<SSL_CTX, FreeWith<SSL_CTX_free>>;
using Session = std::unique_ptr<SSL, FreeWith<SSL_free>>;
using Certificate = std::unique_ptr<X509, FreeWith<X509_free>>;

class Connection {
 public:
  Connection(const NetNamespace& netns, const Endpoint& server)
      : fd_(netns.inside([] { return ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); })),
        context_(SSL_CTX_new(TLS_client_method())),
        session_(SSL_new(context_.get())) {
    std::signal(SIGPIPE, SIG_IGN);  // a server may close on an oversized body while we write
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &kSocketLimit, sizeof(kSocketLimit));
    ::setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &kSocketLimit, sizeof(kSocketLimit));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(server.port);
    address.sin_addr.s_addr = htonl(server.address.v4_value());
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
      throw LabError("can't connect to " + server.to_string());
    SSL_set_fd(session_.get(), fd_);
    if (SSL_connect(session_.get()) != 1) throw LabError("no TLS with " + server.to_string());
  }
  ~Connection() { ::close(fd_); }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  SSL* session() { return session_.get(); }

 private:
  int fd_;
  Context context_;
  Session session_;
};

std::string exchange(SSL* session, std::string_view request) {
  while (!request.empty()) {
    const int written = SSL_write(session, request.data(), static_cast<int>(request.size()));
    if (written <= 0) break;  // refused half-way; the answer tells why
    request.remove_prefix(static_cast<std::size_t>(written));
  }
  std::string answer;
  std::array<char, 4096> buffer;
  while (true) {
    const int got = SSL_read(session, buffer.data(), buffer.size());
    if (got <= 0) return answer;
    answer.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

HttpsReply to_reply(const std::string& answer) {
  HttpsReply reply;
  const std::size_t space = answer.find(' ');
  if (!answer.starts_with("HTTP/1.") || space == std::string::npos) return reply;
  std::from_chars(answer.data() + space + 1, answer.data() + answer.size(), reply.status);
  const std::size_t end = answer.find("\r\n\r\n");
  if (end != std::string::npos) reply.body = answer.substr(end + 4);
  boost::system::error_code error;
  reply.json = json::parse(reply.body, error);
  if (error) reply.json = nullptr;
  return reply;
}

std::string text(const HttpsReply& reply, std::string_view key) {
  const json::object* object = reply.json.if_object();
  const json::value* value = object == nullptr ? nullptr : object->if_contains(key);
  return value != nullptr && value->is_string() ? std::string(value->as_string()) : std::string();
}

void append(Bytes& out, ByteView bytes) {
  out.insert(out.end(), bytes.begin(), bytes.end());
}

crypto::SigningKey new_key() {
  crypto::SystemRandom random;
  return crypto::SigningKey::generate(random);
}

}  // namespace

std::string HttpsReply::code() const {
  return text(*this, "code");
}

HttpsReply HttpsClient::send(const Request& request) const {
  std::string wire = request.method + " " + request.target +
                     " HTTP/1.1\r\nHost: " + server_.to_string() + "\r\nConnection: close\r\n";
  if (!request.token.empty()) wire += "Authorization: Bearer " + request.token + "\r\n";
  if (!request.body.empty()) wire += "Content-Type: " + request.content_type + "\r\n";
  if (!request.body.empty() || request.method != "GET")
    wire += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
  wire += "\r\n" + request.body;
  Connection connection(netns_, server_);
  return to_reply(exchange(connection.session(), wire));
}

ByteArray<32> HttpsClient::server_binding() const {
  Connection connection(netns_, server_);
  const Certificate certificate(SSL_get1_peer_certificate(connection.session()));
  if (!certificate) throw LabError("the server shows no certificate");
  unsigned char* der = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate.get()), &der);
  if (size <= 0) throw LabError("the server's certificate has no public key");
  const auto hash = crypto::sha256(ByteView(der, static_cast<std::size_t>(size)));
  OPENSSL_free(der);
  return hash;
}

ApiIdentity::ApiIdentity()
    : key_(new_key()), peer_id_(crypto::id_of<PeerId>(key_.public_key().bytes)) {}

HttpsReply ApiIdentity::register_at(const HttpsClient& client, const std::string& as_peer_id) {
  const std::string claimed = as_peer_id.empty() ? peer_id() : as_peer_id;
  const std::string identity = to_base64(key_.public_key().bytes);
  const HttpsReply challenge =
      client.send({.method = "POST",
                   .target = "/auth/challenge",
                   .body = json::serialize(json::object{{"identity", identity}})});
  const auto nonce = from_base64(text(challenge, "nonce"));
  if (!nonce) return challenge;
  // The registration's signature: label, 0, the server's key, the nonce, who we claim to be.
  Bytes message;
  append(message, as_bytes("lanrage/v1/register"));
  message.push_back(0);
  append(message, client.server_binding());
  append(message, *nonce);
  append(message, PeerId::parse(claimed).value_or(PeerId{}).bytes);
  const auto signature = key_.sign(message);
  HttpsReply reply =
      client.send({.method = "POST",
                   .target = "/auth/register?peer_id=" + claimed,
                   .body = json::serialize(json::object{{"identity", identity},
                                                        {"nonce", text(challenge, "nonce")},
                                                        {"signature", to_base64(signature)}})});
  if (reply.status < 300) token_ = text(reply, "token");
  return reply;
}

}  // namespace lanrage::lab
