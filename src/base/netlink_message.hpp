// Netlink's messages and attributes (linux/netlink.h) as bytes: host byte order, everything aligned
// to four bytes. No socket here.
#pragma once

#include <algorithm>
#include <linux/netlink.h>
#include <optional>
#include <type_traits>

#include "base/bytes.hpp"
#include "base/wiped.hpp"

namespace lanrage {

// Builds one message, which may hold keys. Whatever follows the header (ifinfomsg, genlmsghdr)
// comes by raw(), then attributes, which may nest.
class NetlinkWriter {
 public:
  NetlinkWriter(std::uint16_t type, std::uint16_t flags, std::uint32_t sequence) {
    nlmsghdr header{};
    header.nlmsg_type = type;
    header.nlmsg_flags = flags;
    header.nlmsg_seq = sequence;
    raw(header);
  }

  template <class Plain>
    requires std::is_trivially_copyable_v<Plain>
  NetlinkWriter& raw(const Plain& value) {
    append({reinterpret_cast<const std::uint8_t*>(&value), sizeof value});
    return *this;
  }
  // `payload` must be shorter than 64 KiB, and so must a whole nest.
  NetlinkWriter& attribute(std::uint16_t type, ByteView payload) {
    nlattr header{};
    header.nla_len = static_cast<std::uint16_t>(NLA_HDRLEN + payload.size());
    header.nla_type = type;
    raw(header);
    append(payload);
    return *this;
  }
  template <class Integer>
    requires std::is_integral_v<Integer>
  NetlinkWriter& number(std::uint16_t type, Integer value) {
    return attribute(type, {reinterpret_cast<const std::uint8_t*>(&value), sizeof value});
  }
  // With the terminating zero that the kernel's string attributes have.
  NetlinkWriter& text(std::uint16_t type, std::string_view value) {
    Bytes bytes(value.begin(), value.end());
    bytes.push_back(0);
    return attribute(type, bytes);
  }

  std::size_t begin_nest(std::uint16_t type) {
    const std::size_t position = out_.size();
    attribute(type | NLA_F_NESTED, {});
    return position;
  }
  void end_nest(std::size_t position) {
    const auto length = static_cast<std::uint16_t>(out_.size() - position);
    std::memcpy(out_.data() + position, &length, sizeof length);
  }

  std::size_t size() const { return out_.size(); }
  // Forgets what was written after the message had `size` bytes.
  void truncate(std::size_t size) { out_.resize(size); }

  WipedBytes take() && {
    const auto length = static_cast<std::uint32_t>(out_.size());
    std::memcpy(out_.data(), &length, sizeof length);
    return std::move(out_);
  }

 private:
  void append(ByteView bytes) {
    out_.insert(out_.end(), bytes.begin(), bytes.end());
    out_.resize(NLMSG_ALIGN(out_.size()));
  }

  WipedBytes out_;
};

struct NetlinkMessage {
  std::uint16_t type;
  std::uint16_t flags;
  std::uint32_t sequence;
  ByteView payload;
};

struct NetlinkAttribute {
  std::uint16_t type;  // without the nested and byte order flags
  ByteView payload;
};

// The plain value at the start of `bytes`; nothing when there are too few.
template <class Plain>
  requires std::is_trivially_copyable_v<Plain>
std::optional<Plain> plain_at_start(ByteView bytes) {
  if (bytes.size() < sizeof(Plain)) return std::nullopt;
  Plain value;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

// Calls `visit(NetlinkMessage) -> bool` for each message of a datagram; false as soon as that says
// so or a length doesn't fit.
template <class Visit>
bool for_each_netlink_message(ByteView datagram, Visit&& visit) {
  while (!datagram.empty()) {
    const auto header = plain_at_start<nlmsghdr>(datagram);
    if (!header || header->nlmsg_len < NLMSG_HDRLEN || header->nlmsg_len > datagram.size())
      return false;
    const auto payload = datagram.first(header->nlmsg_len).subspan(NLMSG_HDRLEN);
    if (!visit(NetlinkMessage{header->nlmsg_type, header->nlmsg_flags, header->nlmsg_seq, payload}))
      return false;
    const auto aligned = static_cast<std::size_t>(NLMSG_ALIGN(std::size_t{header->nlmsg_len}));
    datagram = datagram.subspan(std::min(datagram.size(), aligned));
  }
  return true;
}

// The same for attributes.
template <class Visit>
bool for_each_netlink_attribute(ByteView attributes, Visit&& visit) {
  while (!attributes.empty()) {
    const auto header = plain_at_start<nlattr>(attributes);
    if (!header || header->nla_len < NLA_HDRLEN || header->nla_len > attributes.size())
      return false;
    const auto payload = attributes.first(header->nla_len).subspan(NLA_HDRLEN);
    if (!visit(NetlinkAttribute{static_cast<std::uint16_t>(header->nla_type & NLA_TYPE_MASK),
                                payload}))
      return false;
    const auto aligned = static_cast<std::size_t>(NLA_ALIGN(std::size_t{header->nla_len}));
    attributes = attributes.subspan(std::min(attributes.size(), aligned));
  }
  return true;
}

}  // namespace lanrage
