#include <algorithm>
#include <linux/genetlink.h>
#include <linux/wireguard.h>

#include "base/netlink_message.hpp"
#include "wireguard/netlink.hpp"

namespace lanrage::wireguard::netlink {
namespace {

// Linux's numbers of the address families, as its socket addresses and attributes carry them.
constexpr std::uint16_t kFamilyV4 = 2;
constexpr std::uint16_t kFamilyV6 = 10;

// sockaddr_in (16 bytes) or sockaddr_in6 (28 bytes).
Bytes socket_address(const Endpoint& endpoint) {
  const bool v4 = endpoint.address.is_v4();
  Bytes out(v4 ? 16 : 28, 0);
  const std::uint16_t family = v4 ? kFamilyV4 : kFamilyV6;
  std::memcpy(out.data(), &family, sizeof family);
  out[2] = static_cast<std::uint8_t>(endpoint.port >> 8);
  out[3] = static_cast<std::uint8_t>(endpoint.port);
  std::ranges::copy(endpoint.address.bytes(), out.begin() + (v4 ? 4 : 8));
  return out;
}

// What one peer's nest in a message says.
struct Section {
  const crypto::ExchangeKey* public_key;
  std::uint32_t flags = 0;
  const Secret<32>* preshared_key = nullptr;
  const Endpoint* endpoint = nullptr;
  const std::vector<Prefix>* allowed_ips = nullptr;
  std::optional<std::uint16_t> keepalive_s{};
};

Section removal(const crypto::ExchangeKey& key) {
  return {.public_key = &key, .flags = WGPEER_F_REMOVE_ME};
}

Section addition(const PeerConfig& peer) {
  return {.public_key = &peer.public_key,
          .flags = WGPEER_F_REPLACE_ALLOWEDIPS,
          .preshared_key = &peer.preshared_key,
          .endpoint = peer.endpoint ? &*peer.endpoint : nullptr,
          .allowed_ips = &peer.allowed_ips,
          .keepalive_s = peer.keepalive_s};
}

Section change(const UpdatePeer& update) {
  Section section{.public_key = &update.public_key, .flags = WGPEER_F_UPDATE_ONLY};
  if (update.preshared_key) section.preshared_key = &*update.preshared_key;
  if (update.endpoint) section.endpoint = &*update.endpoint;
  if (update.allowed_ips) {
    section.allowed_ips = &*update.allowed_ips;
    section.flags |= WGPEER_F_REPLACE_ALLOWEDIPS;
  }
  section.keepalive_s = update.keepalive_s;
  return section;
}

void write_allowed_ip(NetlinkWriter& out, const Prefix& prefix) {
  const auto nest = out.begin_nest(0);
  out.number(WGALLOWEDIP_A_FAMILY, prefix.address.is_v4() ? kFamilyV4 : kFamilyV6);
  out.attribute(WGALLOWEDIP_A_IPADDR, prefix.address.bytes());
  out.number(WGALLOWEDIP_A_CIDR_MASK, prefix.length);
  out.end_nest(nest);
}

// Fills messages up to the limit and begins new ones as needed.
class SetEncoder {
 public:
  SetEncoder(std::uint16_t family, std::string_view interface, std::uint32_t sequence,
             std::size_t limit)
      : family_(family), interface_(interface), sequence_(sequence), limit_(limit) {}

  void device_settings(std::span<const Operation> operations) {
    const crypto::ExchangeSecret* key = nullptr;
    std::optional<std::uint16_t> port;
    for (const auto& operation : operations) {
      if (const auto* set = std::get_if<SetPrivateKey>(&operation)) key = &set->private_key;
      if (const auto* set = std::get_if<SetListenPort>(&operation)) port = set->port;
    }
    if (key == nullptr && !port) return;
    begin_message();
    if (key != nullptr) message_->attribute(WGDEVICE_A_PRIVATE_KEY, key->bytes().expose());
    if (port) message_->number(WGDEVICE_A_LISTEN_PORT, *port);
  }

  // The sections that must stand in one message. Only the last may have allowed IPs, and those that
  // don't fit follow in later messages.
  bool peer(std::span<const Section> sections) {
    if (message_ && write(sections)) return true;
    finish_message();
    begin_message();
    return write(sections);
  }

  std::vector<WipedBytes> take() {
    finish_message();
    return std::move(finished_);
  }

 private:
  void begin_message() {
    message_.emplace(family_, static_cast<std::uint16_t>(NLM_F_REQUEST | NLM_F_ACK), sequence_++);
    genlmsghdr header{};
    header.cmd = WG_CMD_SET_DEVICE;
    header.version = WG_GENL_VERSION;
    message_->raw(header);
    message_->text(WGDEVICE_A_IFNAME, interface_);
    peers_nest_.reset();
  }

  void finish_message() {
    if (!message_) return;
    if (peers_nest_) message_->end_nest(*peers_nest_);
    finished_.push_back(std::move(*message_).take());
    message_.reset();
  }

  // False, with nothing written, when not even the sections without allowed IPs fit.
  bool write(std::span<const Section> sections) {
    const auto before = message_->size();
    const bool had_nest = peers_nest_.has_value();
    if (!had_nest) peers_nest_ = message_->begin_nest(WGDEVICE_A_PEERS);
    for (const auto& section : sections) {
      const auto nest = message_->begin_nest(0);
      write_settings(section);
      message_->end_nest(nest);
      if (message_->size() > limit_) {
        message_->truncate(before);
        if (!had_nest) peers_nest_.reset();
        return false;
      }
      if (section.allowed_ips != nullptr) write_allowed_ips(section, nest);
    }
    return true;
  }

  void write_settings(const Section& section) {
    message_->attribute(WGPEER_A_PUBLIC_KEY, section.public_key->bytes);
    if (section.flags != 0) message_->number(WGPEER_A_FLAGS, section.flags);
    if (section.preshared_key != nullptr)
      message_->attribute(WGPEER_A_PRESHARED_KEY, section.preshared_key->expose());
    if (section.endpoint != nullptr)
      message_->attribute(WGPEER_A_ENDPOINT, socket_address(*section.endpoint));
    if (section.keepalive_s)
      message_->number(WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, *section.keepalive_s);
  }

  void write_allowed_ips(const Section& section, std::size_t peer_nest) {
    std::size_t written = 0;
    while (true) {
      written += write_as_many_as_fit(*section.allowed_ips, written, peer_nest);
      if (written == section.allowed_ips->size()) return;
      // The same peer goes on in a message of its own; what is there already must stay.
      finish_message();
      begin_message();
      peers_nest_ = message_->begin_nest(WGDEVICE_A_PEERS);
      peer_nest = message_->begin_nest(0);
      write_settings({.public_key = section.public_key, .flags = WGPEER_F_UPDATE_ONLY});
    }
  }

  std::size_t write_as_many_as_fit(const std::vector<Prefix>& prefixes, std::size_t first,
                                   std::size_t peer_nest) {
    const auto list = message_->begin_nest(WGPEER_A_ALLOWEDIPS);
    std::size_t written = 0;
    for (std::size_t i = first; i < prefixes.size(); ++i) {
      const auto before = message_->size();
      write_allowed_ip(*message_, prefixes[i]);
      if (message_->size() > limit_) {
        message_->truncate(before);
        break;
      }
      ++written;
    }
    if (written == 0)
      message_->truncate(list);
    else
      message_->end_nest(list);
    message_->end_nest(peer_nest);
    return written;
  }

  std::uint16_t family_;
  std::string_view interface_;
  std::uint32_t sequence_;
  std::size_t limit_;
  std::optional<NetlinkWriter> message_;
  std::optional<std::size_t> peers_nest_;
  std::vector<WipedBytes> finished_;
};

// Room for the headers, the name, and a removal and an addition with one allowed IP.
constexpr std::size_t kMinLimit = 384;
constexpr std::size_t kMaxInterfaceName = 15;

}  // namespace

WipedBytes encode_family_request(std::uint32_t sequence) {
  NetlinkWriter out(GENL_ID_CTRL, NLM_F_REQUEST | NLM_F_ACK, sequence);
  genlmsghdr header{};
  header.cmd = CTRL_CMD_GETFAMILY;
  header.version = 1;
  out.raw(header).text(CTRL_ATTR_FAMILY_NAME, WG_GENL_NAME);
  return std::move(out).take();
}

WipedBytes encode_get(std::uint16_t family, std::string_view interface, std::uint32_t sequence) {
  NetlinkWriter out(family, NLM_F_REQUEST | NLM_F_ACK | NLM_F_DUMP, sequence);
  genlmsghdr header{};
  header.cmd = WG_CMD_GET_DEVICE;
  header.version = WG_GENL_VERSION;
  out.raw(header).text(WGDEVICE_A_IFNAME, interface);
  return std::move(out).take();
}

Result<std::vector<WipedBytes>> encode_set(std::uint16_t family, std::string_view interface,
                                           std::span<const Operation> operations,
                                           std::uint32_t sequence, std::size_t limit) {
  if (interface.size() > kMaxInterfaceName || limit < kMinLimit)
    return fail(Errc::message_too_large, "the settings of one peer don't fit a netlink message");
  SetEncoder encoder(family, interface, sequence, limit);
  encoder.device_settings(operations);
  bool ok = true;
  for (const auto& operation : operations) {
    if (const auto* remove = std::get_if<RemovePeer>(&operation)) {
      ok = ok && encoder.peer({{removal(remove->public_key)}});
    } else if (const auto* add = std::get_if<AddPeer>(&operation)) {
      ok = ok && encoder.peer({{addition(add->peer)}});
    } else if (const auto* update = std::get_if<UpdatePeer>(&operation)) {
      ok = ok && encoder.peer({{change(*update)}});
    } else if (const auto* replace = std::get_if<ReplacePeer>(&operation)) {
      ok = ok && encoder.peer({{removal(replace->peer.public_key), addition(replace->peer)}});
    }
  }
  if (!ok)
    return fail(Errc::message_too_large, "the settings of one peer don't fit a netlink message");
  return encoder.take();
}

}  // namespace lanrage::wireguard::netlink
