#include "agent/mapping_question.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <utility>

#include "agent/clock.hpp"
#include "agent/probe_socket.hpp"
#include "stun/transaction.hpp"

namespace lanrage::agent {
namespace {

namespace asio = boost::asio;

struct Question {
  std::shared_ptr<ProbeSocket> socket;
  stun::Transactions transactions{{std::chrono::milliseconds(250), 4, 4}};
  std::function<void(const Endpoint& seen)> answered;
};

bool is_outside(const Endpoint& endpoint) {
  return endpoint.address.is_v4() && !endpoint.address.is_private() &&
         !endpoint.address.is_loopback();
}

// Nothing when the datagram isn't the answer.
std::optional<Endpoint> read_answer(Instant now, const ProbeSocket::Datagram& datagram,
                                    stun::Transactions& transactions) {
  const auto message = stun::MessageView::parse(datagram.bytes);
  if (!message) return std::nullopt;
  const auto completed = transactions.on_response(now, *message);
  if (!completed || completed->sent_to != datagram.from ||
      message->message_class() != stun::Class::success)
    return std::nullopt;
  return message->mapped_address();
}

asio::awaitable<void> await_answer(std::unique_ptr<Question> question) {
  auto& [socket, transactions, answered] = *question;
  stun::Datagrams datagrams;
  while (const auto deadline = transactions.next_timeout()) {
    co_await socket->wait(*deadline);
    const auto now = monotonic_now();
    while (const auto datagram = socket->receive())
      if (const auto seen = read_answer(now, *datagram, transactions)) answered(*seen);
    transactions.on_timeout(now, datagrams);
    socket->send_all(datagrams);
  }
}

}  // namespace

std::optional<Endpoint> mapping_server(const std::vector<protocol::Relay>& relays) {
  for (const auto part : {&protocol::Relay::stun, &protocol::Relay::endpoints})
    for (const auto& relay : relays)
      for (const Endpoint& endpoint : relay.*part)
        if (is_outside(endpoint)) return endpoint;
  return std::nullopt;
}

void ask_mapping(asio::io_context& io, const Endpoint& server, Random& random,
                 std::function<void(const Endpoint& seen)> answered) {
  auto socket = ProbeSocket::open(io);
  if (!socket) return;  // like an answer that was lost
  auto question = std::make_unique<Question>();
  question->socket = std::move(*socket);
  question->answered = std::move(answered);
  const auto id = stun::TransactionId::generate(random);
  stun::Datagrams datagrams;
  question->transactions.start(monotonic_now(), id, stun::binding_request(id), server, datagrams);
  question->socket->send_all(datagrams);
  asio::co_spawn(io, await_answer(std::move(question)), asio::detached);
}

}  // namespace lanrage::agent
