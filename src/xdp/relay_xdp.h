/* What the program in the kernel and the relay share: tables of leases, which the relay alone fills
 * and has mapped. Numbers are in network order where they stand in packets, else in the machine's.
 *
 * A table is open addressing in an array: a lease stands at its home or in one of the slots after
 * it, with no free slot between. Each has a cache line of its own (IPv6: two), so that a packet
 * waits for memory once. */
#pragma once

#include <linux/types.h>

enum { relay_reach = 256 }; /* slots in which a lease may stand, its home being the first */

/* Data packets of one client with one receiver index. IPv4 and IPv6 have a table each. */
struct RelayKey4 {
  __be32 address;
  __be16 port;
  __u16 used; /* 1; 0 in a free slot */
  __le32 index;
};
struct RelayKey6 {
  __u64 address[2]; /* as in the packet */
  __be16 port;
  __u16 used;
  __le32 index;
};

/* The way out, as the kernel's own stack would take it. */
struct RelayHop {
  __u32 interface;
  __u8 to[6];
  __u8 from[6];
};

struct RelayLease4 {
  __u64 until_ns; /* CLOCK_MONOTONIC */
  __be32 from_local;
  __be32 to;
  __be32 to_local;
  struct RelayHop hop;
  __be16 to_port;
  __u16 zero;
};
struct RelayLease6 {
  __u64 until_ns;
  struct RelayHop hop;
  __be16 to_port;
  __u16 zero[3];
  __u8 from_local[16];
  __u8 to[16];
  __u8 to_local[16];
};

/* What may still pass, as one number, so that program and relay can only change it as a whole:
 * bytes of UDP payload, packets, and above them the slot's generation. The relay zeroes it before
 * it writes to a slot and counts the generation on after: a budget that was charged where it had
 * been read says that nothing in the slot has changed between. */
enum { relay_bytes_bits = 24, relay_packets_bits = 20 };

#define RELAY_INLINE static inline __attribute__((always_inline))

RELAY_INLINE __u64 relay_budget(__u32 generation, __u32 packets, __u32 bytes) {
  return (__u64)generation << (relay_bytes_bits + relay_packets_bits) |
         (__u64)packets << relay_bytes_bits | bytes;
}
RELAY_INLINE __u32 relay_bytes(__u64 budget) {
  return (__u32)budget & ((1u << relay_bytes_bits) - 1);
}
RELAY_INLINE __u32 relay_packets(__u64 budget) {
  return (__u32)(budget >> relay_bytes_bits) & ((1u << relay_packets_bits) - 1);
}

struct RelaySlot4 {
  __u64 budget;
  struct RelayKey4 key;
  __u32 generation; /* the relay's */
  struct RelayLease4 lease;
};
struct RelaySlot6 {
  __u64 budget;
  struct RelayKey6 key;
  __u32 generation;
  __u32 zero;
  struct RelayLease6 lease;
} __attribute__((aligned(64)));

struct RelayCounters { /* one a processor */
  __u64 packets;       /* forwarded */
  __u64 bytes;         /* UDP payload */
  __u64 passed;        /* to the relay's port, left to the relay */
};

struct RelaySettings {
  __be16 port; /* of the relay */
  __u16 zero;
  __u32 homes; /* of each table */
  __u64 seed;  /* secret: clients choose half of what is hashed */
};

RELAY_INLINE __u64 relay_mix(__u64 value, __u64 seed) {
  value = (value ^ seed) * 0x9E3779B97F4A7C15ull;
  value = (value ^ value >> 32) * 0xD6E8FEB86659FD93ull;
  return value ^ value >> 32;
}
RELAY_INLINE __u32 relay_home(__u64 address, __be16 port, __le32 index, __u64 seed, __u32 homes) {
  const __u64 hash = relay_mix(address ^ (__u64)port << 32 ^ index, seed);
  return (__u32)((hash >> 32) * homes >> 32);
}
RELAY_INLINE __u32 relay_home4(const struct RelayKey4* key, __u64 seed, __u32 homes) {
  return relay_home(relay_mix(key->address, seed), key->port, key->index, seed, homes);
}
RELAY_INLINE __u32 relay_home6(const struct RelayKey6* key, __u64 seed, __u32 homes) {
  const __u64 address = relay_mix(key->address[0], relay_mix(key->address[1], seed));
  return relay_home(address, key->port, key->index, seed, homes);
}
RELAY_INLINE int relay_same4(const struct RelayKey4* a, const struct RelayKey4* b) {
  return !((a->address ^ b->address) | (__u32)(a->port ^ b->port) | (__u32)(a->used ^ b->used) |
           (a->index ^ b->index));
}
RELAY_INLINE int relay_same6(const struct RelayKey6* a, const struct RelayKey6* b) {
  return !((a->address[0] ^ b->address[0]) | (a->address[1] ^ b->address[1]) |
           (__u64)(a->port ^ b->port) | (__u64)(a->used ^ b->used) | (__u64)(a->index ^ b->index));
}
