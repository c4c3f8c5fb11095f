// Drives a PeerPath with whatever order of events the bytes say: checks right and wrong, signals,
// statuses, time. It must never ask to be woken for ever at one instant, and must keep its roles.
#include <algorithm>
#include <cstdlib>

#include "path/peer_path.hpp"
#include "stun/message.hpp"

namespace {

using namespace lanrage;
using std::chrono::milliseconds;

void require(bool condition) {
  if (!condition) std::abort();
}

class Driver {
 public:
  explicit Driver(ByteView script) : in_(script), random_(1) {
    path::PeerPathConfig config;
    config.self.bytes = random_.array<16>();
    config.peer.bytes = random_.array<16>();
    std::uint8_t flags = in_.u8();
    config.own_wg.bytes[0] = flags & 1;
    config.peer_wg.bytes[0] = !(flags & 1);
    config.packet_filter = flags & 2;
    self_ = config.self;
    peer_ = config.peer;
    path_.emplace(config, random_);
  }

  void run() {
    while (in_.ok() && !in_.at_end()) {
      step();
      obey();
      Instant until = now_ + milliseconds(static_cast<int>(in_.u8()) * 8);
      sleep(until);
    }
    sleep(now_ + std::chrono::seconds(40));
  }

 private:
  Endpoint endpoint() {
    std::uint8_t which = in_.u8();
    // Few enough to meet again: a relay, an odd one, candidates.
    return {IpAddress::v4(0xCB007100u + which % 8), static_cast<std::uint16_t>(1 + which / 128)};
  }

  void sleep(Instant until) {
    int at_once = 0;
    for (auto next = path_->next_timeout(); next && *next <= until; next = path_->next_timeout()) {
      at_once = *next > now_ ? 0 : at_once + 1;
      require(at_once < 50);
      now_ = std::max(now_, *next);
      path_->on_timeout(now_, out_);
      obey();
    }
    now_ = until;
  }

  void step() {
    const std::uint8_t what = in_.u8();
    if (what >= 243) return path_->on_mapping_seen(now_, what - 243u, endpoint(), out_);
    switch (what % 9) {
      case 0:
        return local();
      case 1:
        return signal();
      case 2: {
        Bytes check = path::make_check(stun::TransactionId::generate(random_), self_, peer_,
                                       static_cast<path::PathState>(in_.u8() % 3),
                                       path_->signal().check_password);
        return path_->on_check(now_, endpoint(), *stun::MessageView::parse(check), out_);
      }
      case 3:
        return answer();
      case 4:
        return status();
      case 5:
        return path_->on_handshake_packet(now_, endpoint(), in_.take(in_.u8()), out_);
      case 6: {
        std::optional<Duration> rtt;
        if (std::uint8_t value = in_.u8(); value > 64) rtt = milliseconds(value);
        return path_->on_tunnel_probe(now_, rtt, out_);
      }
      case 7:
        return path_->on_link_change(now_, out_);
      case 8: {
        Endpoint from = endpoint();
        auto message = stun::MessageView::parse(in_.take(in_.u8()));
        if (!message) return;
        path_->on_check(now_, from, *message, out_);
        path_->on_check_response(now_, from, *message, out_);
        return;
      }
    }
  }

  void local() {
    path::LocalView view;
    std::uint8_t bits = in_.u8();
    view.ready = bits & 1;
    if (bits & 8) view.nat = stun::NatType::symmetric;
    if (bits & 2) view.relays.push_back({"a", endpoint(), milliseconds(bits), in_.u8()});
    if (bits & 4) view.relays.push_back({"b", endpoint(), std::nullopt, 1});
    for (int i = 0; i < bits / 16; ++i)
      view.candidates.push_back({path::CandidateKind::host, endpoint()});
    path_->on_local(now_, view, out_);
  }

  void signal() {
    path::Signal signal;
    std::uint8_t bits = in_.u8();
    signal.boot = bits & 1;
    signal.ready = bits & 2;
    if (bits & 4) signal.relays.push_back({"a", milliseconds(bits)});
    if (bits & 8) signal.relays.push_back({"b", std::nullopt});
    signal.check_password = password_;
    for (int i = 0; i < bits / 16; ++i)
      signal.candidates.push_back({static_cast<path::CandidateKind>(1 + in_.u8() % 5), endpoint()});
    path_->on_signal(now_, signal, out_);
  }

  void answer() {
    if (checks_.empty()) return;
    auto sent = checks_.back();
    checks_.pop_back();
    auto request = stun::MessageView::parse(sent.bytes);
    auto state = static_cast<path::PathState>(in_.u8() % 3);
    Bytes bytes = path::make_check_response(*request, sent.to, state, password_);
    path_->on_check_response(now_, sent.to, *stun::MessageView::parse(bytes), out_);
  }

  void status() {
    std::uint8_t bits = in_.u8();
    if (bits & 1) view_.endpoint = endpoint();
    if (bits & 2) view_.latest_handshake = now_ - milliseconds(bits);
    if (bits & 4) view_.rx_bytes += bits;
    if (bits & 8) view_.tx_bytes += bits;
    if (bits & 16) view_.latest_handshake.reset();
    path_->on_wireguard(now_, view_, out_);
  }

  void obey() {
    require(out_.size() < 64);
    require(path_->signal().candidates.size() <= path::kMaxCandidates);
    for (const path::Action& action : out_) {
      if (auto* send = std::get_if<path::SendDatagram>(&action)) {
        auto message = stun::MessageView::parse(send->bytes);
        require(message && send->bytes.size() <= stun::kMaxMessageSize);
        if (path::check_source(*message)) checks_.push_back(*send);
        if (checks_.size() > 32) checks_.erase(checks_.begin());
      } else if (auto* set = std::get_if<path::SetEndpoint>(&action)) {
        view_.endpoint = set->endpoint;
      } else if (auto* replaced = std::get_if<path::ReplacePeer>(&action)) {
        require(path_->initiator() ? replaced->endpoint.has_value() : true);
        view_ = {};
        view_.endpoint = replaced->endpoint;
      } else if (std::get_if<path::BlockRelayed>(&action)) {
        require(path_->initiator() && !blocked_);
        blocked_ = true;
      } else if (std::get_if<path::UnblockRelayed>(&action)) {
        require(blocked_);
        blocked_ = false;
      }
    }
    out_.clear();
    auto status = path_->status(now_);
    require(status.path != path::PathKind::direct || status.why_relayed.empty());
  }

  ByteReader in_;
  SeededRandom random_;
  PeerId self_;
  PeerId peer_;
  path::CheckPassword password_{7};
  std::optional<path::PeerPath> path_;
  Instant now_{std::chrono::seconds(1'000)};
  path::WireguardView view_;
  std::vector<stun::SendDatagram> checks_;
  path::Actions out_;
  bool blocked_ = false;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size <= 300) Driver({data, size}).run();
  return 0;
}
