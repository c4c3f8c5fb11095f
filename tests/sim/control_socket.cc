#include "sim/control_socket.hpp"

#include "protocol/messages.hpp"

namespace lanrage::control_sim {

namespace ws = protocol::ws;

void Socket::send(std::shared_ptr<const std::string> text) {
  if (closing()) return;
  auto message = ws::parse_server_message(*text);
  if (!message)
    return context_.complaints.add("not a message of the protocol: " + message.error().message());
  context_.oracle.observe(context_.storage.tables);
  if (const auto* ack = std::get_if<ws::Ack>(&*message); ack && ack->seq)
    context_.oracle.acknowledged(ack->request_id, *ack->seq, context_.clock.unix_time());
  context_.oracle.check_sent(owner_, *message, context_.incarnation);
  if (overflowed_) return;
  if (queued_bytes_ + text->size() > context_.queue_bytes && !queue_.empty()) {
    overflowed_ = true;
    ++overflows_;
    queue_.erase(queue_.begin() + 1, queue_.end());
    queued_bytes_ = queue_.front().size;
    return;
  }
  if (const auto* snapshot = std::get_if<ws::PartyUpdate>(&*message))
    count_snapshot(snapshot->party.id);
  queued_bytes_ += text->size();
  queue_.push_back({std::move(*message), text->size()});
}

// A server that answers what it was told with the whole party again and again would never end.
void Socket::count_snapshot(const PartyId& party) {
  const auto due = snapshots_due_[party] + snapshots_due_of_all_ + overflows_;
  if (++snapshots_sent_[party] > due && !context_.oracle.reborn().contains(party))
    context_.complaints.add("snapshot number " + std::to_string(snapshots_sent_[party]) +
                            " of party " + party.to_string().substr(0, 6) + " to " +
                            owner_.to_string().substr(0, 6) + ", with reasons for " +
                            std::to_string(due));
}

void Socket::close(std::uint16_t code, std::string_view) {
  if (!closing()) close_code_ = code;
}

ws::ServerMessage Socket::take() {
  auto frame = std::move(queue_.front());
  queue_.pop_front();
  queued_bytes_ -= frame.size;
  return std::move(frame.message);
}

}  // namespace lanrage::control_sim
