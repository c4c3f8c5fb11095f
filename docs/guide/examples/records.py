"""A party's signed records from scratch, after docs/protocol/records.md.

Needs only python3-cryptography. Nothing here talks to a server: control_plane.py does.
"""

import base64
import hashlib
import os
import struct

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

TYPES = ["charter", "roster", "invite", "admission", "statement", "leave"]


# ---- keys, ids, hashes ----


def public(key) -> bytes:
    """The 32 bytes of a private key's public half, Ed25519 and X25519 alike."""
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def sha256(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def hkdf(secret: bytes, label: str, *parts: bytes) -> bytes:
    info = label.encode() + b"\0" + b"".join(parts)
    return HKDF(algorithm=SHA256(), length=32, salt=b"", info=info).derive(secret)


def base32(data: bytes) -> str:
    return base64.b32encode(data).decode().rstrip("=").lower()


def from_base32(text: str) -> bytes:
    return base64.b32decode(text.upper() + "=" * (-len(text) % 8))


def id_of(key: bytes) -> bytes:
    """Of a party's root key, a device's identity or an invite's key."""
    return sha256(key)[:16]


class DeviceKeys:
    """What a device makes at its first start, and keeps."""

    def __init__(self, seeds=None):
        seeds = seeds or [os.urandom(32) for _ in range(3)]
        self.identity = Ed25519PrivateKey.from_private_bytes(seeds[0])
        self.wireguard = X25519PrivateKey.from_private_bytes(seeds[1])
        self.box = X25519PrivateKey.from_private_bytes(seeds[2])

    @property
    def peer(self) -> bytes:
        return id_of(public(self.identity))


class InviteKeys:
    """What stands in an invite link is only the secret."""

    def __init__(self, secret: bytes, party: bytes):
        sign = hkdf(secret, "lanrage/v1/invite-sign", party)
        box = hkdf(secret, "lanrage/v1/invite-box", party)
        self.signing = Ed25519PrivateKey.from_private_bytes(sign)
        self.box = X25519PrivateKey.from_private_bytes(box)

    @property
    def id(self) -> bytes:
        return id_of(public(self.signing))


# ---- layout: big-endian, texts and lists with a 16-bit count ----


def u32(number: int) -> bytes:
    return struct.pack(">I", number)


def u64(number: int) -> bytes:
    return struct.pack(">Q", number)


def text(value: str) -> bytes:
    data = value.encode()
    return struct.pack(">H", len(data)) + data


def several(items) -> bytes:
    return struct.pack(">H", len(items)) + b"".join(items)


def address(dotted: str) -> bytes:
    return bytes(int(part) for part in dotted.split("."))


def member(device: DeviceKeys, vip: str) -> bytes:
    return public(device.identity) + public(device.wireguard) + public(device.box) + address(vip)


def terms(invite: InviteKeys, uses: int, not_after_ms: int, used: int = 0) -> bytes:
    counts = struct.pack(">HHQ", uses, used, not_after_ms)
    return public(invite.signing) + public(invite.box) + counts


# ---- bodies, in the order of records.md ----


def charter(root, name, prefix, host, version=1, deputies=(), host_leaves=0, keep=0) -> bytes:
    net, length = prefix.split("/")
    return (u32(version) + public(root) + text(name) + address(net) + bytes([int(length)])
            + host + bytes([host_leaves, keep]) + several(deputies))


def roster(signer, charter_record, log, members, invites, party_key, party, epoch=1,
           previous=None) -> bytes:
    return (public(signer) + sha256(charter_record) + u32(epoch)
            + (sha256(previous) if previous else bytes(32)) + head(party, log)
            + several(members) + several(invites) + commitment(party_key, party, epoch))


def invite(signer, roster_record, invite_terms) -> bytes:
    return public(signer) + sha256(roster_record) + invite_terms


def admission(roster_record, epoch, invite_keys, device, seen_head) -> bytes:
    return (sha256(roster_record) + u32(epoch) + public(invite_keys.signing)
            + public(device.identity) + public(device.wireguard) + public(device.box) + seen_head)


def statement(device, version, nick, vip, candidates=()) -> bytes:
    return (public(device.identity) + u64(version) + text(nick) + address(vip)
            + several(candidates))


def leave(device, seen_head) -> bytes:
    return public(device.identity) + seen_head


# ---- records: a body in its envelope, signed ----


def signed_bytes(kind: str, party: bytes, body: bytes) -> bytes:
    return b"lanrage/v1/" + kind.encode() + b"\0" + party + body


def record(kind: str, party: bytes, body: bytes, *signers) -> bytes:
    signatures = [signer.sign(signed_bytes(kind, party, body)) for signer in signers]
    return (bytes([1, TYPES.index(kind) + 1]) + u32(len(body)) + body
            + bytes([len(signatures)]) + b"".join(signatures))


def opened(envelope: bytes):
    """Type, body and signatures; signatures aren't checked."""
    version, kind, length = struct.unpack(">BBI", envelope[:6])
    if version != 1:
        raise ValueError("a record of another version")
    rest = envelope[6 + length:]
    signatures = [rest[1 + 64 * i: 65 + 64 * i] for i in range(rest[0])]
    return TYPES[kind - 1], envelope[6: 6 + length], signatures


def holds(envelope: bytes, party: bytes, *keys: bytes) -> bool:
    """Whether the record bears exactly the signatures of these keys."""
    kind, body, signatures = opened(envelope)
    if len(signatures) != len(keys):
        return False
    try:
        for key, signature in zip(keys, signatures):
            Ed25519PublicKey.from_public_bytes(key).verify(signature,
                                                           signed_bytes(kind, party, body))
    except InvalidSignature:
        return False
    return True


def head(party: bytes, log) -> bytes:
    value = sha256(b"lanrage/v1/log\0", party)
    for entry in log:
        value = sha256(value, sha256(entry))
    return value


# ---- the party key and its boxes ----


def commitment(key: bytes, party: bytes, epoch: int) -> bytes:
    return hkdf(key, "lanrage/v1/commit", party, u32(epoch))


def preshared_key(key: bytes, party: bytes, epoch: int, one: bytes, other: bytes) -> bytes:
    return hkdf(key, "lanrage/v1/psk", party, u32(epoch), *sorted([one, other]))


def seal(recipient: bytes, key: bytes, root_key: bytes, epoch: int, roster_record: bytes,
         ephemeral=None) -> bytes:
    ephemeral = ephemeral or X25519PrivateKey.generate()
    shared = ephemeral.exchange(X25519PublicKey.from_public_bytes(recipient))
    cipher = ChaCha20Poly1305(hkdf(shared, "lanrage/v1/box", public(ephemeral), recipient))
    named = sha256(roster_record)
    plain = key + root_key + u32(epoch) + named
    return public(ephemeral) + cipher.encrypt(bytes(12), plain, named + recipient)


def unseal(box_key, box: bytes, roster_record: bytes):
    """Party key, root key and epoch. Raises InvalidTag for another's box."""
    shared = box_key.exchange(X25519PublicKey.from_public_bytes(box[:32]))
    recipient = public(box_key)
    cipher = ChaCha20Poly1305(hkdf(shared, "lanrage/v1/box", box[:32], recipient))
    named = sha256(roster_record)
    plain = cipher.decrypt(bytes(12), box[32:], named + recipient)
    if plain[68:] != named:
        raise ValueError("the box names another roster")
    return plain[:32], plain[32:64], int.from_bytes(plain[64:68], "big")


# ---- what a server is shown ----


def prove_identity(device, binding: bytes, nonce: bytes) -> bytes:
    return device.identity.sign(b"lanrage/v1/register\0" + binding + nonce + device.peer)


def prove_invite(invite_keys, party: bytes, binding: bytes, peer: bytes, nonce: bytes) -> bytes:
    return invite_keys.signing.sign(b"lanrage/v1/open\0" + party + binding + peer + nonce)


def digest(party: bytes, seq: int, log, members) -> bytes:
    """`members`: (identity, WireGuard key, box key, address, nick, statement version) of each."""
    ordered = sorted(members, key=lambda m: id_of(m[0]))
    rows = [m[0] + m[1] + m[2] + address(m[3]) + text(m[4]) + u64(m[5]) for m in ordered]
    return sha256(b"lanrage/v1/digest\0\x01", party, u64(seq), head(party, log), several(rows))
