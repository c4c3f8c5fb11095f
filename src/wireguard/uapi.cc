#include "wireguard/uapi.hpp"

#include <charconv>

#include "base/secret_encoding.hpp"

namespace lanrage::wireguard::uapi {
namespace {

void line(WipedString& out, std::string_view key, std::string_view value) {
  out.append(key).append("=").append(value).append("\n");
}

void key_line(WipedString& out, std::string_view name, ByteView key) {
  line(out, name, to_wiped_hex(key));
}

void allowed_ips(WipedString& out, const std::vector<Prefix>& prefixes) {
  line(out, "replace_allowed_ips", "true");
  for (const auto& prefix : prefixes)
    line(out, "allowed_ip", prefix.to_string());
}

struct Encoder {
  WipedString& out;

  void operator()(const SetPrivateKey& set) const {
    key_line(out, "private_key", set.private_key.bytes().expose());
  }
  void operator()(const SetListenPort& set) const {
    line(out, "listen_port", std::to_string(set.port));
  }
  void operator()(const RemovePeer& remove) const {
    key_line(out, "public_key", remove.public_key.bytes);
    line(out, "remove", "true");
  }
  void operator()(const AddPeer& add) const {
    const auto& peer = add.peer;
    key_line(out, "public_key", peer.public_key.bytes);
    key_line(out, "preshared_key", peer.preshared_key.expose());
    if (peer.endpoint) line(out, "endpoint", peer.endpoint->to_string());
    allowed_ips(out, peer.allowed_ips);
    line(out, "persistent_keepalive_interval", std::to_string(peer.keepalive_s));
  }
  void operator()(const UpdatePeer& update) const {
    key_line(out, "public_key", update.public_key.bytes);
    line(out, "update_only", "true");
    if (update.preshared_key) key_line(out, "preshared_key", update.preshared_key->expose());
    if (update.endpoint) line(out, "endpoint", update.endpoint->to_string());
    if (update.allowed_ips) allowed_ips(out, *update.allowed_ips);
    if (update.keepalive_s)
      line(out, "persistent_keepalive_interval", std::to_string(*update.keepalive_s));
  }
  void operator()(const ReplacePeer& replace) const {
    (*this)(RemovePeer{replace.peer.public_key});
    (*this)(AddPeer{replace.peer});
  }
};

bool is_device_level(const Operation& operation) {
  return std::holds_alternative<SetPrivateKey>(operation) ||
         std::holds_alternative<SetListenPort>(operation);
}

template <class T>
bool read_number(std::string_view text, T& out) {
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && stop == text.data() + text.size();
}

bool read_endpoint(std::string_view text, std::optional<Endpoint>& out) {
  // A peer may roam to a link-local address, and then a zone is shown: [fe80::1%eth0]:51820.
  std::string plain(text);
  if (const auto zone = plain.find('%'); zone != std::string::npos) {
    const auto close = plain.find(']', zone);
    if (close == std::string::npos) return false;
    plain.erase(zone, close - zone);
  }
  out = Endpoint::parse(plain);
  return out.has_value();
}

bool read_prefix(std::string_view text, std::vector<Prefix>& out) {
  const auto slash = text.find('/');
  if (slash == std::string_view::npos) return false;
  const auto address = IpAddress::parse(text.substr(0, slash));
  unsigned length = 0;
  if (!address || !read_number(text.substr(slash + 1), length)) return false;
  if (length > (address->is_v4() ? 32u : 128u)) return false;
  out.push_back({*address, static_cast<std::uint8_t>(length)});
  return true;
}

// Reads "key=value" lines in order; `failed` names the first bad one.
class GetReply {
 public:
  bool take(std::string_view key, std::string_view value) {
    if (key == "private_key") return from_hex(value, status_.private_key.expose_mutable());
    if (key == "listen_port") return read_number(value, status_.listen_port);
    if (key == "public_key") return begin_peer(value);
    if (key == "errno") {
      seen_errno_ = true;
      return read_number(value, errno_);
    }
    if (key == "fwmark" || key == "protocol_version") return true;
    return peer_ == nullptr || take_peer(key, value);
  }
  void end_peer() {
    if (peer_ == nullptr || (seconds_ == 0 && nanoseconds_ == 0)) return;
    peer_->latest_handshake = UnixTime(std::chrono::seconds(seconds_) +
                                       std::chrono::milliseconds(nanoseconds_ / 1'000'000));
  }

  bool seen_errno() const { return seen_errno_; }
  int error() const { return errno_; }
  DeviceStatus take_status() { return std::move(status_); }

 private:
  bool begin_peer(std::string_view value) {
    end_peer();
    seconds_ = nanoseconds_ = 0;
    crypto::ExchangeKey key;
    if (!from_hex(value, key.bytes)) return false;
    const auto [entry, is_new] = status_.peers.emplace(key, PeerStatus{.public_key = key});
    peer_ = &entry->second;
    return is_new;
  }

  bool take_peer(std::string_view key, std::string_view value) {
    if (key == "preshared_key") return from_hex(value, peer_->preshared_key.expose_mutable());
    if (key == "endpoint") return read_endpoint(value, peer_->endpoint);
    if (key == "tx_bytes") return read_number(value, peer_->tx_bytes);
    if (key == "rx_bytes") return read_number(value, peer_->rx_bytes);
    if (key == "persistent_keepalive_interval") return read_number(value, peer_->keepalive_s);
    if (key == "allowed_ip")
      return peer_->allowed_ips.size() < kMaxAllowedIps && read_prefix(value, peer_->allowed_ips);
    if (key == "last_handshake_time_sec") return read_number(value, seconds_);
    if (key == "last_handshake_time_nsec")
      return read_number(value, nanoseconds_) && nanoseconds_ < 1'000'000'000;
    return true;  // of a later version
  }

  DeviceStatus status_;
  PeerStatus* peer_ = nullptr;
  std::uint32_t seconds_ = 0;  // enough until 2106
  std::uint32_t nanoseconds_ = 0;
  bool seen_errno_ = false;
  int errno_ = 0;
};

// Implementations differ in the sign of errno.
std::unexpected<Error> refused(int error) {
  if (error == 98 || error == -98)  // EADDRINUSE
    return fail(Errc::port_in_use, "another program has this UDP port", "listen_port");
  return fail(Errc::device_refused,
              "the WireGuard process refused the request with errno " + std::to_string(error));
}

// Calls `take(key, value)` for each line up to the empty one; the first that it refuses is an
// error.
template <class Take>
Result<void> read_lines(std::string_view reply, Take&& take) {
  while (!reply.empty()) {
    const auto end = reply.find('\n');
    if (end == std::string_view::npos)
      return fail(Errc::malformed_reply, "the reply ends in the middle of a line");
    const auto text = reply.substr(0, end);
    reply.remove_prefix(end + 1);
    if (text.empty()) return {};
    const auto equals = text.find('=');
    const auto key = text.substr(0, equals);
    if (equals == std::string_view::npos || !take(key, text.substr(equals + 1))) {
      // The value may be a key: name the line only by what stands before the equals sign.
      return fail(Errc::malformed_reply, "the reply has a line that can't be read",
                  std::string(key.substr(0, 40)));
    }
  }
  return fail(Errc::malformed_reply, "the reply isn't ended by an empty line");
}

}  // namespace

WipedString encode_set(std::span<const Operation> operations) {
  WipedString out = "set=1\n";
  // Once a peer is named, lines are about peers: what concerns the device stands first.
  for (const auto& operation : operations) {
    if (is_device_level(operation)) std::visit(Encoder{out}, operation);
  }
  for (const auto& operation : operations) {
    if (!is_device_level(operation)) std::visit(Encoder{out}, operation);
  }
  out += "\n";
  return out;
}

bool is_complete(std::string_view received) {
  return received.ends_with("\n\n");
}

Result<DeviceStatus> parse_get_reply(std::string_view reply) {
  GetReply parsed;
  auto read = read_lines(
      reply, [&](std::string_view key, std::string_view value) { return parsed.take(key, value); });
  if (!read) return std::unexpected(std::move(read).error());
  if (!parsed.seen_errno()) return fail(Errc::malformed_reply, "the reply lacks errno", "errno");
  if (parsed.error() != 0) return refused(parsed.error());
  parsed.end_peer();
  return parsed.take_status();
}

Result<void> parse_set_reply(std::string_view reply) {
  std::optional<int> error;
  auto read = read_lines(reply, [&](std::string_view key, std::string_view value) {
    int number = 0;
    if (key != "errno" || !read_number(value, number)) return false;
    error = number;
    return true;
  });
  if (!read) return read;
  if (!error) return fail(Errc::malformed_reply, "the reply lacks errno", "errno");
  if (*error != 0) return refused(*error);
  return {};
}

}  // namespace lanrage::wireguard::uapi
