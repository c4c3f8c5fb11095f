/* What the program in the kernel and the relay share: keys and values of the maps. Numbers are in
 * network order where they stand in packets, else in the machine's. */
#pragma once

#include <linux/types.h>

/* Data packets of one client with one receiver index. IPv4 and IPv6 have a map each. */
struct RelayKey4 {
  __be32 address;
  __be16 port;
  __u16 zero;
  __u8 index[4]; /* as in the packet */
};
struct RelayKey6 {
  __u8 address[16];
  __be16 port;
  __u16 zero;
  __u8 index[4];
};

/* The way out, as the kernel's own stack would take it. */
struct RelayHop {
  __u32 interface;
  __u8 to[6];
  __u8 from[6];
};

struct RelayLease4 {
  __u64 until_ns; /* CLOCK_MONOTONIC */
  __u32 bytes;    /* of UDP payload, that may still pass */
  __u32 packets;
  __be32 from_local;
  __be32 to;
  __be32 to_local;
  struct RelayHop hop;
  __be16 to_port;
  __u16 zero;
};
struct RelayLease6 {
  __u64 until_ns;
  __u32 bytes;
  __u32 packets;
  __u8 from_local[16];
  __u8 to[16];
  __u8 to_local[16];
  struct RelayHop hop;
  __be16 to_port;
  __u16 zero[3];
};

struct RelayCounters { /* one a processor */
  __u64 packets;       /* forwarded */
  __u64 bytes;         /* UDP payload */
  __u64 passed;        /* to the relay's port, left to the relay */
};

struct RelaySettings {
  __be16 port; /* of the relay */
  __u16 zero[3];
};
