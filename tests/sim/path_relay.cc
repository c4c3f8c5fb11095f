#include "sim/path_relay.hpp"

#include "sim/path_wireguard.hpp"
#include "wireguard/packet.hpp"

namespace lanrage::sim {
namespace {

constexpr Milliseconds kBindEvery(15'000);
constexpr Milliseconds kGivenUp(4'750);
// As relay::BindClient: it repeats itself sooner at first, and a notice, which anybody can forge,
// starts a bind once a second and disturbs none.
constexpr int kQuickAsks = 4;
constexpr Milliseconds kNoticeSpacing(1'000);

}  // namespace

SimRelay::SimRelay(Network& network, std::string id, const Endpoint& endpoint)
    : network_(&network), id_(std::move(id)), endpoint_(endpoint) {
  network.add_server(endpoint, [this](const Datagram& datagram) {
    if (alive_) receive(datagram);
  });
}

void SimRelay::restart() {
  alive_ = true;
  ++boot_;
  bound_.clear();
  pending_.clear();
  sessions_.clear();
}

std::optional<std::uint64_t> SimRelay::client_at(const Endpoint& source) const {
  for (const auto& [client, endpoint] : bound_)
    if (endpoint == source) return client;
  return std::nullopt;
}

void SimRelay::answer(const Datagram& question, Bytes bytes) {
  network_->send_from_server({endpoint_, question.from, std::move(bytes)});
}

void SimRelay::forward(std::uint64_t to, const Bytes& bytes) {
  const auto slot = bound_.find(to);
  if (slot == bound_.end()) return;
  ++forwarded_;
  network_->send_from_server({endpoint_, slot->second, bytes});
}

void SimRelay::receive(const Datagram& datagram) {
  const Bytes& bytes = datagram.bytes;
  if (bytes.size() == 2 && bytes[0] == kBind) {
    bound_[bytes[1]] = datagram.from;
    return answer(datagram, ByteWriter()
                                .u8(kBound)
                                .u64(boot_)
                                .u32(datagram.from.address.v4_value())
                                .u16(datagram.from.port)
                                .bytes());
  }
  const auto source = client_at(datagram.from);
  if (!source) return answer(datagram, {kUnbound});
  if (bytes[0] != kRoutes) return handshake_or_data(*source, datagram);
  bool all = true;
  ByteReader in(ByteView(bytes).subspan(1));
  while (in.remaining() > 0) {
    const std::uint64_t to = in.u8();
    const std::uint32_t index = in.u32();
    if (bound_.contains(to))
      sessions_[{*source, index}] = to;
    else
      all = false;
  }
  answer(datagram, {kTaken, static_cast<std::uint8_t>(all ? 1 : 0)});
}

void SimRelay::handshake_or_data(std::uint64_t source, const Datagram& datagram) {
  const Bytes& bytes = datagram.bytes;
  const auto header = wireguard::classify(bytes);
  if (!header) return;
  switch (header->type) {
    case wireguard::PacketType::initiation: {
      const auto to = clients_.find(recipient_of(bytes));
      if (to == clients_.end() || !bound_.contains(to->second)) return;
      pending_[{to->second, header->sender_index}] = source;
      return forward(to->second, bytes);
    }
    case wireguard::PacketType::response: {
      const auto pending = pending_.find({source, header->receiver_index});
      if (pending == pending_.end()) return;
      sessions_[{source, header->receiver_index}] = pending->second;
      sessions_[{pending->second, header->sender_index}] = source;
      return forward(pending->second, bytes);
    }
    case wireguard::PacketType::data: {
      const auto session = sessions_.find({source, header->receiver_index});
      if (session != sessions_.end()) forward(session->second, bytes);
      return;
    }
    case wireguard::PacketType::cookie:
      return;
  }
}

void SimBind::ask(Instant now, const Send& send) {
  asked_ = now;
  ++asks_;
  if (!unanswered_since_) unanswered_since_ = now;
  send(relay_->endpoint(), {kBind, static_cast<std::uint8_t>(client_)});
}

void SimBind::tell(const Send& send) {
  if (told_ || !observed_) return;
  ByteWriter out;
  out.u8(kRoutes);
  for (const auto& [to, index] : routes_)
    out.u8(static_cast<std::uint8_t>(to)).u32(index);
  send(relay_->endpoint(), out.bytes());
}

void SimBind::set_routes(std::vector<std::pair<std::uint64_t, std::uint32_t>> routes,
                         const Send& send) {
  routes_ = std::move(routes);
  told_ = routes_.empty();
  tell(send);
}

bool SimBind::on_tick(Instant now, const Send& send) {
  const Milliseconds gap(asks_ <= kQuickAsks ? 250 : 500);
  if (unanswered_since_ ? now - asked_ >= gap : !observed_ || now - bound_at_ >= kBindEvery)
    ask(now, send);
  tell(send);
  const bool lost = listed_ && unanswered_since_ && now - *unanswered_since_ >= kGivenUp;
  if (lost) listed_ = false;
  return lost;
}

bool SimBind::on_datagram(Instant now, const Datagram& datagram, const Send& send) {
  ByteReader in(datagram.bytes);
  switch (in.u8()) {
    case kUnbound:
      if (unanswered_since_ || now - noticed_ < kNoticeSpacing) return false;
      noticed_ = now;
      ask(now, send);
      return false;
    case kTaken:
      told_ = in.u8() == 1;
      return false;
    default:
      break;
  }
  const std::uint64_t boot = in.u64();
  const auto address = IpAddress::v4(in.u32());
  const Endpoint observed{address, in.u16()};
  const Duration rtt = now - asked_;
  rtt_ = rtt_ == Duration{} ? rtt : (rtt_ * 7 + rtt) / 8;
  const bool news = !listed_ || boot_ != boot || observed_ != observed;
  if (boot_ != boot) told_ = routes_.empty();
  boot_ = boot;
  observed_ = observed;
  unanswered_since_.reset();
  asks_ = 0;
  bound_at_ = now;
  listed_ = true;
  tell(send);
  return news;
}

}  // namespace lanrage::sim
