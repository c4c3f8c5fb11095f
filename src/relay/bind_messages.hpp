// The bind protocol as both sides speak it, over STUN's method bind_relay.
//
//   client                                        relay
//     request  TOKEN                          ->
//                                             <-  error 401  XOR-MAPPED-ADDRESS NONCE BOOT-ID
//     request  TOKEN NONCE BIND-SIGNATURE     ->
//                                             <-  success    XOR-MAPPED-ADDRESS NONCE BOOT-ID
//                                                            BIND-SLOT BIND-LIFETIME
// A success carries the nonce for the renewal, which so takes one round trip. 438 is a 401 to a
// nonce that ran out. A token sniffed from the wire is useless elsewhere: the signature covers the
// source address, which the nonce is bound to as well. The relay's id comes from the control
// server, so that one relay can't have a client bind to another in its place.
// Every message ends with FINGERPRINT; no answer is larger than its request.
//
// A packet from an unbound source may be answered by an indication without attributes ("unbound
// notice"). Anybody can forge one; all it may trigger is a bind.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.hpp"
#include "base/endpoint.hpp"
#include "relay/token.hpp"

namespace lanrage::relay {

// Error codes of an answer to a bind, beside STUN's own.
inline constexpr int kChallenge = 401;
inline constexpr int kRefused = 403;
inline constexpr int kStaleNonce = 438;
inline constexpr int kTokenExpired = 440;  // of ours; STUN's registry leaves it free
inline constexpr int kFull = 508;

inline constexpr std::size_t kNonceSize = 24;
inline constexpr std::size_t kNoticeSize = 28;

// What the bind key signs in a request, by its label: `content` proves nothing anywhere else, nor
// at another time.
Bytes client_statement(std::string_view label, ByteView content, const RelayId& relay,
                       std::uint64_t boot_id, ByteView nonce, const Endpoint& observed);
Bytes bind_statement(ByteView token, const RelayId& relay, std::uint64_t boot_id, ByteView nonce,
                     const Endpoint& observed);

}  // namespace lanrage::relay
