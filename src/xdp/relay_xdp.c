/* Forwards the data packets of leased WireGuard sessions before the kernel's network stack sees
 * them. Everything else, and whatever is unusual about a packet, goes up to the relay as ever. */
#include "xdp/relay_xdp.h"

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>

enum { kTtl = 64, kMinData = 32 };

/* Resized to the relay's limits before loading. Mapped memory begins on a page, so slots on a cache
 * line. */
struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __uint(map_flags, BPF_F_MMAPABLE);
  __type(key, __u32);
  __type(value, struct RelaySlot4);
} leases4 SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_ARRAY);
  __uint(max_entries, 1);
  __uint(map_flags, BPF_F_MMAPABLE);
  __type(key, __u32);
  __type(value, struct RelaySlot6);
} leases6 SEC(".maps");

/* The interfaces where this program runs: only those are known to send what is redirected. */
struct {
  __uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
  __uint(max_entries, 64);
  __type(key, __u32);
  __type(value, struct bpf_devmap_val);
} ports SEC(".maps");

struct {
  __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
  __uint(max_entries, 1);
  __type(key, __u32);
  __type(value, struct RelayCounters);
} counters SEC(".maps");

const volatile struct RelaySettings settings;

/* WireGuard's header of a data packet. */
struct data_header {
  __u8 type[4];
  __le32 index;
};

static __always_inline int is_data(const struct data_header* data) {
  return data->type[0] == 4 && !(data->type[1] | data->type[2] | data->type[3]);
}

/* RFC 1624, equation 3: a checksum after `from` became `to`; sums don't overflow before the fold.
 */
static __always_inline __u32 replace16(__u32 sum, __be16 from, __be16 to) {
  return sum + (__u16)~from + to;
}
static __always_inline __u32 replace32(__u32 sum, __be32 from, __be32 to) {
  return replace16(replace16(sum, (__be16)from, (__be16)to), (__be16)(from >> 16),
                   (__be16)(to >> 16));
}
static __always_inline __u16 fold(__u32 sum) {
  sum = (sum & 0xFFFF) + (sum >> 16);
  sum = (sum & 0xFFFF) + (sum >> 16);
  return (__u16)sum;
}
/* Zero would say "no checksum". */
static __always_inline __u16 udp_checksum(__u32 sum) {
  const __u16 out = (__u16)~fold(sum);
  return out ? out : 0xFFFF;
}

/* For adding to a pointer: older kernels (Debian 12's) don't see that it has 16 bits. */
static __always_inline __u32 length_of(__be16 field) {
  __u64 out = bpf_ntohs(field);
  asm volatile("%0 &= 0xffff" : "+r"(out));
  return (__u32)out;
}

static __always_inline struct RelayCounters* counts(void) {
  const __u32 zero = 0;
  return bpf_map_lookup_elem(&counters, &zero);
}

static __always_inline int pass(void) {
  struct RelayCounters* count = counts();
  if (count) ++count->passed;
  return XDP_PASS;
}

/* Whatever is read of the slot after it is as new at least, on every kind of processor: also the
 * key, which is looked at once more then. */
static __always_inline __u64 read_budget(__u64* budget) {
  return __sync_fetch_and_add(budget, 0);
}
static __always_inline int covers(__u64 budget, __u32 size) {
  return relay_bytes(budget) >= size && relay_packets(budget) != 0;
}
/* Not if the slot has changed since `seen` was read, or another processor has charged it. */
static __always_inline int charge(__u64* budget, __u64 seen, __u32 size) {
  return __sync_val_compare_and_swap(budget, seen, seen - relay_budget(0, 1, size)) == seen;
}

/* Sends the finished frame to the next hop. */
static __always_inline int leave(struct xdp_md* context, struct ethhdr* ethernet,
                                 const struct RelayHop* hop, __u32 size) {
  struct RelayCounters* count = counts();
  if (count) {
    ++count->packets;
    count->bytes += size;
  }
  __builtin_memcpy(ethernet->h_dest, hop->to, ETH_ALEN);
  __builtin_memcpy(ethernet->h_source, hop->from, ETH_ALEN);
  if (hop->interface == context->ingress_ifindex) return XDP_TX;
  return (int)bpf_redirect_map(&ports, hop->interface, XDP_DROP);
}

static __always_inline struct RelaySlot4* find4(const struct RelayKey4* key) {
  const __u32 home = relay_home4(key, settings.seed, settings.homes);
  for (__u32 i = 0; i < relay_reach; ++i) {
    const __u32 at = home + i;
    struct RelaySlot4* slot = bpf_map_lookup_elem(&leases4, &at);
    if (!slot || !slot->key.used) return 0;
    if (relay_same4(&slot->key, key)) return slot;
  }
  return 0;
}

static __always_inline int forward4(struct xdp_md* context, struct ethhdr* ethernet, void* end) {
  struct iphdr* ip = (void*)(ethernet + 1);
  struct udphdr* udp = (void*)(ip + 1);
  struct data_header* data = (void*)(udp + 1);
  if ((void*)(data + 1) > end) return XDP_PASS;
  if (ip->version != 4 || ip->ihl != 5 || ip->protocol != IPPROTO_UDP) return XDP_PASS;
  if (udp->dest != settings.port) return XDP_PASS;
  if (ip->frag_off & bpf_htons(0x3FFF)) return pass(); /* a fragment */
  const __u32 total = length_of(ip->tot_len);
  const __u32 length = length_of(udp->len);
  if (total != sizeof *ip + length || length < sizeof *udp + kMinData || (void*)ip + total > end ||
      !is_data(data))
    return pass();

  const __u32 size = length - sizeof *udp;
  const struct RelayKey4 key = {ip->saddr, udp->source, 1, data->index};
  struct RelaySlot4* slot = find4(&key);
  if (!slot) return pass();
  const __u64 budget = read_budget(&slot->budget);
  const struct RelayLease4 lease = slot->lease;
  if (!relay_same4(&slot->key, &key) || lease.from_local != ip->daddr || !covers(budget, size) ||
      bpf_ktime_get_ns() >= lease.until_ns || !charge(&slot->budget, budget, size))
    return pass();

  if (udp->check) {
    __u32 sum = (__u16)~udp->check;
    sum = replace32(sum, ip->saddr, lease.to_local);
    sum = replace32(sum, ip->daddr, lease.to);
    sum = replace16(sum, udp->source, settings.port);
    sum = replace16(sum, udp->dest, lease.to_port);
    udp->check = udp_checksum(sum);
  }
  udp->source = settings.port;
  udp->dest = lease.to_port;
  ip->saddr = lease.to_local;
  ip->daddr = lease.to;
  ip->tos = 0;
  ip->ttl = kTtl;
  ip->check = 0;
  const __u16* words = (const __u16*)ip;
  __u32 sum = 0;
#pragma clang loop unroll(full)
  for (int i = 0; i < (int)sizeof *ip / 2; ++i)
    sum += words[i];
  ip->check = (__u16)~fold(sum);
  return leave(context, ethernet, &lease.hop, size);
}

static __always_inline __u32 replace128(__u32 sum, const __be32* from, const __be32* to) {
#pragma clang loop unroll(full)
  for (int i = 0; i < 4; ++i)
    sum = replace32(sum, from[i], to[i]);
  return sum;
}

static __always_inline int equal128(const __be32* a, const __be32* b) {
  return !((a[0] ^ b[0]) | (a[1] ^ b[1]) | (a[2] ^ b[2]) | (a[3] ^ b[3]));
}

static __always_inline struct RelaySlot6* find6(const struct RelayKey6* key) {
  const __u32 home = relay_home6(key, settings.seed, settings.homes);
  for (__u32 i = 0; i < relay_reach; ++i) {
    const __u32 at = home + i;
    struct RelaySlot6* slot = bpf_map_lookup_elem(&leases6, &at);
    if (!slot || !slot->key.used) return 0;
    if (relay_same6(&slot->key, key)) return slot;
  }
  return 0;
}

static __always_inline int forward6(struct xdp_md* context, struct ethhdr* ethernet, void* end) {
  struct ipv6hdr* ip = (void*)(ethernet + 1);
  struct udphdr* udp = (void*)(ip + 1);
  struct data_header* data = (void*)(udp + 1);
  if ((void*)(data + 1) > end) return XDP_PASS;
  if (ip->version != 6 || ip->nexthdr != IPPROTO_UDP) return XDP_PASS;
  if (udp->dest != settings.port) return XDP_PASS;
  const __u32 length = length_of(udp->len);
  /* RFC 8200, section 8.1: no checksum is an error here. */
  if (bpf_ntohs(ip->payload_len) != length || length < sizeof *udp + kMinData ||
      (void*)udp + length > end || !udp->check || !is_data(data))
    return pass();

  const __u32 size = length - sizeof *udp;
  struct RelayKey6 key = {.port = udp->source, .used = 1, .index = data->index};
  __builtin_memcpy(key.address, &ip->saddr, sizeof key.address);
  struct RelaySlot6* slot = find6(&key);
  if (!slot) return pass();
  const __u64 budget = read_budget(&slot->budget);
  const struct RelayLease6 lease = slot->lease;
  if (!relay_same6(&slot->key, &key) ||
      !equal128((__be32*)lease.from_local, ip->daddr.in6_u.u6_addr32) || !covers(budget, size) ||
      bpf_ktime_get_ns() >= lease.until_ns || !charge(&slot->budget, budget, size))
    return pass();

  __u32 sum = (__u16)~udp->check;
  sum = replace128(sum, ip->saddr.in6_u.u6_addr32, (__be32*)lease.to_local);
  sum = replace128(sum, ip->daddr.in6_u.u6_addr32, (__be32*)lease.to);
  sum = replace16(sum, udp->source, settings.port);
  sum = replace16(sum, udp->dest, lease.to_port);
  udp->check = udp_checksum(sum);
  udp->source = settings.port;
  udp->dest = lease.to_port;
  __builtin_memcpy(&ip->saddr, lease.to_local, sizeof ip->saddr);
  __builtin_memcpy(&ip->daddr, lease.to, sizeof ip->daddr);
  ip->priority = 0;
  ip->flow_lbl[0] = ip->flow_lbl[1] = ip->flow_lbl[2] = 0;
  ip->hop_limit = kTtl;
  return leave(context, ethernet, &lease.hop, size);
}

SEC("xdp")
int relay(struct xdp_md* context) {
  void* end = (void*)(long)context->data_end;
  struct ethhdr* ethernet = (void*)(long)context->data;
  if ((void*)(ethernet + 1) > end) return XDP_PASS;
  if (ethernet->h_proto == bpf_htons(ETH_P_IP)) return forward4(context, ethernet, end);
  if (ethernet->h_proto == bpf_htons(ETH_P_IPV6)) return forward6(context, ethernet, end);
  return XDP_PASS;
}

char license_text[] SEC("license") = "Dual MIT/GPL";
