#include "lan/copier.hpp"

#include <functional>

#include "lan/quiet.hpp"

namespace lanrage::lan {
namespace {

constexpr std::uint32_t kLimitedBroadcast = 0xffffffff;
constexpr std::size_t kChecksumEnd = 8;  // of UDP's header, whose checksum covers the source

// What makes two datagrams the same whatever interface they leave by.
std::uint64_t content_of(const IpPacket& packet, const IpAddress& to) {
  const auto text = as_text(packet.data);
  const auto ports = ports_of(packet.data);
  std::uint64_t out = std::hash<std::string_view>()(text.substr(kChecksumEnd));
  out = out * 31 + std::hash<std::string_view>()(as_text(to.bytes()));
  return out * 31 + (std::uint64_t{ports.source} << 16 | ports.destination);
}

std::uint32_t flow_key(const UdpPorts& ports) {
  return std::uint32_t{ports.source} << 16 | ports.destination;
}

bool is_limited_broadcast(const IpAddress& address) {
  return address.is_v4() && address.v4_value() == kLimitedBroadcast;
}

}  // namespace

std::string_view name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::copied:
      return "copied";
    case Verdict::other:
      return "other";
    case Verdict::not_ours:
      return "not_ours";
    case Verdict::quiet:
      return "quiet";
    case Verdict::served:
      return "served";
    case Verdict::duplicate:
      return "duplicate";
    case Verdict::too_fast:
      return "too_fast";
  }
  return "unknown";
}

Copier::Copier(const Segment& segment, Instant now)
    : self_(segment.self),
      mtu_(segment.mtu),
      broadcast_(broadcast_of(segment.prefix)),
      frames_(kFrames, now),
      flow_frames_(kFlowFrames, kMostFlows),
      swept_(now) {}

bool Copier::is_broadcast_here(const IpAddress& destination) const {
  return is_limited_broadcast(destination) || destination == broadcast_;
}

IpAddress Copier::source_for(const IpPacket& packet) const {
  if (packet.source.is_v4()) return self_.vip;
  return packet.source.is_link_local() ? self_.link_local : self_.address;
}

void Copier::forget(Instant now) {
  if (now - swept_ < kDuplicate) return;
  swept_ = now;
  std::erase_if(served_, [&](const auto& entry) { return entry.second <= now; });
  std::erase_if(copied_, [&](const auto& entry) { return entry.second.at + kDuplicate <= now; });
  std::erase_if(series_, [&](const auto& entry) { return entry.second + kFragments <= now; });
}

Decision Copier::on_sent(Instant now, std::uint32_t interface, ByteView bytes) {
  forget(now);
  const auto packet = parse_udp_packet(bytes);
  if (!packet) return {Verdict::other};
  // The broadcast address of another network becomes that of the segment.
  const bool subnet = elsewhere_.broadcasts.contains(packet->destination);
  if (!subnet && !is_limited_broadcast(packet->destination) && !packet->destination.is_multicast())
    return {Verdict::other};
  const auto source = source_for(*packet);
  const auto to = subnet ? broadcast_ : packet->destination;
  if (!elsewhere_.addresses.contains(packet->source) || packet->source == source)
    return {Verdict::not_ours};
  if (is_quiet_group(packet->destination)) return {Verdict::quiet};

  const Series series{interface, packet->source, packet->destination,
                      packet->fragment ? packet->fragment->id : 0};
  // Later parts go where the first went, which alone has the ports.
  if (!packet->is_first() && !series_.contains(series)) return {Verdict::other};
  if (packet->is_first()) {
    if (const auto verdict = judge_first(now, interface, *packet, to); verdict != Verdict::copied)
      return {verdict};
  }
  const auto data = readdressed(*packet, source, to);
  IpPacket copy = *packet;
  copy.source = source;
  copy.destination = to;
  copy.data = data;
  auto frames = ethernet_frames(copy, self_.mac, group_mac(copy.destination), mtu_, next_id_);
  if (frames.size() > 1 && !packet->fragment) ++next_id_;
  if (!frames_.take(kFrames, now, static_cast<double>(frames.size()))) {
    series_.erase(series);  // without this part the rest is of no use
    return {Verdict::too_fast};
  }
  if (packet->is_first()) copied_[content_of(*packet, to)] = {interface, now};
  if (packet->fragment && packet->is_first()) series_[series] = now;
  return {Verdict::copied, std::move(frames), to};
}

// Of a first or only part.
Verdict Copier::judge_first(Instant now, std::uint32_t interface, const IpPacket& packet,
                            const IpAddress& to) {
  const auto ports = ports_of(packet.data);
  if (is_quiet_port(ports.destination)) return Verdict::quiet;
  const auto group = to.is_multicast() ? to : IpAddress();
  if (served_.contains({group, ports})) return Verdict::served;
  // Once more by the same interface is a program that says it again.
  const auto same = copied_.find(content_of(packet, to));
  if (same != copied_.end() && same->second.interface != interface &&
      now - same->second.at < kDuplicate)
    return Verdict::duplicate;
  return flow_frames_.take(flow_key(ports), now) ? Verdict::copied : Verdict::too_fast;
}

void Copier::on_sent_here(Instant now, ByteView bytes) {
  forget(now);
  const auto packet = parse_udp_packet(bytes);
  if (!packet || !packet->is_first()) return;
  const bool multicast = packet->destination.is_multicast();
  if (!multicast && !is_broadcast_here(packet->destination)) return;
  const Flow flow{multicast ? packet->destination : IpAddress(), ports_of(packet->data)};
  if (served_.size() >= kMostFlows && !served_.contains(flow)) return;
  served_[flow] = now + kServed;
}

}  // namespace lanrage::lan
