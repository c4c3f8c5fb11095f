"""Derives every test vector of docs/protocol once more, from the text alone.

Needs only python3-cryptography, and shares no code with the project: neither its C++ nor the guide's
Python example. BLAKE2s with a key, which OpenSSL's interface there doesn't offer, is Python's own.
"""

import base64
import hashlib
import pathlib
import re
import struct
import unittest
import zlib

from cryptography.hazmat.primitives import hashes, hmac, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

ROOT = pathlib.Path(__file__).resolve().parents[2]
RECORDS = (ROOT / "docs/protocol/records.md").read_text(encoding="utf-8")
CRYPTOGRAPHY = (ROOT / "docs/protocol/cryptography.md").read_text(encoding="utf-8")
LABEL = re.compile(r"lanrage/v1/([a-z0-9-]*)")


def written(text, heading):
    """The lines `name = value` of a section."""
    return dict(re.findall(r"^([A-Za-z0-9' (),]+) = (\S+)$", text.split(heading)[1], re.M))


# ---- OpenSSL, by way of python3-cryptography ----


def sha256(*parts):
    digest = hashes.Hash(hashes.SHA256())
    for part in parts:
        digest.update(part)
    return digest.finalize()


def hmac_sha256(key, data):
    mac = hmac.HMAC(key, hashes.SHA256())
    mac.update(data)
    return mac.finalize()


def hkdf(key, label, *parts):
    info = named(label) + b"".join(parts)
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=b"", info=info).derive(key)


def sign(key, *parts):
    return key.sign(b"".join(parts))


def public(key):
    return key.public_key().public_bytes(
        serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def ed25519(byte):
    return Ed25519PrivateKey.from_private_bytes(repeated(byte))


def x25519(byte):
    return X25519PrivateKey.from_private_bytes(repeated(byte))


def seal(ephemeral, recipient, associated, plain):
    """A box; `ephemeral` is a secret key, `recipient` a public one."""
    shared = ephemeral.exchange(X25519PublicKey.from_public_bytes(recipient))
    key = hkdf(shared, "box", public(ephemeral), recipient)
    return public(ephemeral) + ChaCha20Poly1305(key).encrypt(bytes(12), plain, associated)


# ---- encodings ----


def named(label):
    return f"lanrage/v1/{label}".encode() + b"\0"


def repeated(byte, size=32):
    return bytes([byte]) * size


def identifier(key):
    return sha256(key)[:16]


def base32(data):
    return base64.b32encode(data).decode().rstrip("=").lower()


def u8(value):
    return struct.pack(">B", value)


def u16(value):
    return struct.pack(">H", value)


def u32(value):
    return struct.pack(">I", value)


def u64(value):
    return struct.pack(">Q", value)


def counted(data):
    return u16(len(data)) + data


def many(items):
    return u16(len(items)) + b"".join(items)


def v4(text):
    return bytes(int(part) for part in text.split("."))


class Device:
    def __init__(self, first):
        self.identity, self.box, self.wireguard = (
            ed25519(first), x25519(first + 1), x25519(first + 2))
        self.box_secret = repeated(first + 1)
        self.peer = identifier(public(self.identity))


class InviteKeys:
    def __init__(self, secret, party):
        self.signing = Ed25519PrivateKey.from_private_bytes(hkdf(secret, "invite-sign", party))
        self.box = X25519PrivateKey.from_private_bytes(hkdf(secret, "invite-box", party))


ROOT_KEY = ed25519(0x01)
PARTY = identifier(public(ROOT_KEY))
HOST, JOINER = Device(0x11), Device(0x21)
FIRST = InviteKeys(repeated(0x31, 16), PARTY)


class Checked(unittest.TestCase):
    """Takes each value from the document once; none may be left."""

    def begin(self, text, heading):
        self.left = written(text, heading)
        self.assertGreater(len(self.left), 0)

    def value(self, name, made):
        text = made if isinstance(made, str) else made.hex()
        self.assertEqual(self.left.pop(name), text, name)

    def end(self):
        self.assertEqual(self.left, {}, "not derived here")


class Records(Checked):
    TYPES = ["charter", "roster", "invite", "admission", "statement", "leave"]

    def record(self, kind, body, *signers):
        signatures = [sign(key, named(kind), PARTY, body) for key in signers]
        out = (u8(1) + u8(1 + self.TYPES.index(kind)) + u32(len(body)) + body +
               u8(len(signatures)) + b"".join(signatures))
        self.log.append(out)
        return out

    def head(self):
        out = sha256(named("log"), PARTY)
        for record in self.log:
            out = sha256(out, sha256(record))
        return out

    def charter(self, version, deputies):
        body = (u32(version) + public(ROOT_KEY) + counted(b"Friday") + v4("10.66.0.0") + u8(16) +
                public(HOST.identity) + u8(0) + u8(0) + many(deputies))
        return self.record("charter", body, ROOT_KEY)

    def roster(self, signer, charter, epoch, previous, members, terms, commitment):
        body = (public(signer) + sha256(charter) + u32(epoch) + previous + self.head() +
                many(members) + many(terms) + commitment)
        return self.record("roster", body, signer)

    def statement(self, device, version, nick, vip):
        body = public(device.identity) + u64(version) + counted(nick) + v4(vip) + many([])
        return self.record("statement", body, device.identity)

    def admission(self, roster):
        body = (sha256(roster) + u32(1) + public(FIRST.signing) + public(JOINER.identity) +
                public(JOINER.wireguard) + public(JOINER.box) + self.head())
        return self.record("admission", body, FIRST.signing, JOINER.identity)

    def leave(self):
        return self.record("leave", public(JOINER.identity) + self.head(), JOINER.identity)

    def digest(self, seq, members):
        rows = [public(device.identity) + public(device.wireguard) + public(device.box) + v4(vip) +
                counted(nick) + u64(version)
                for device, vip, nick, version in sorted(members, key=lambda m: m[0].peer)]
        return sha256(named("digest"), u8(1), PARTY, u64(seq), self.head(), many(rows))

    @staticmethod
    def member(device, vip):
        return public(device.identity) + public(device.wireguard) + public(device.box) + v4(vip)

    @staticmethod
    def terms(invite, uses, used):
        return (public(invite.signing) + public(invite.box) + u16(uses) + u16(used) +
                u64(1_700_000_000_000))

    @staticmethod
    def commitment(key, epoch):
        return hkdf(key, "commit", PARTY, u32(epoch))

    @staticmethod
    def preshared(key, epoch):
        return hkdf(key, "psk", PARTY, u32(epoch),
                    *sorted([public(HOST.wireguard), public(JOINER.wireguard)]))

    @staticmethod
    def box(ephemeral, recipient, key, epoch, roster):
        plain = key + public(ROOT_KEY) + u32(epoch) + sha256(roster)
        return seal(x25519(ephemeral), recipient, sha256(roster) + recipient, plain)

    def link(self):
        rest = ".".join(map(base32, [PARTY, repeated(0x31, 16), repeated(0x71, 16)]))
        values = {c: i for i, c in enumerate("abcdefghijklmnopqrstuvwxyz2345670189-.:[]#")}
        total = sum(i * values[c] for i, c in enumerate(f"203.0.113.9#{rest}", 1)) % 1021
        letters = "abcdefghijklmnopqrstuvwxyz234567"
        return f"lanrage://203.0.113.9/join#{rest}{letters[total >> 5]}{letters[total & 31]}"

    def test_everything_written_in_records_md(self):
        self.begin(RECORDS, "## Worked example")
        self.log = []
        key, key2 = repeated(0x41), repeated(0x42)
        self.value("root key", public(ROOT_KEY))
        self.value("party id", base32(PARTY))
        self.value("invite key", public(FIRST.signing))
        self.value("invite box key", public(FIRST.box))
        self.value("key commitment", self.commitment(key, 1))
        self.value("preshared key", self.preshared(key, 1))
        self.value("head 0", self.head())

        charter = self.charter(1, [])
        self.value("charter", charter)
        host = self.member(HOST, "10.66.0.1")
        roster = self.roster(ROOT_KEY, charter, 1, bytes(32), [host], [self.terms(FIRST, 16, 0)],
                             self.commitment(key, 1))
        self.value("roster", roster)
        self.value("roster hash", sha256(roster))
        self.value("statement (host)", self.statement(HOST, 1, b"Ann", "10.66.0.1"))
        self.value("admission", self.admission(roster))
        self.value("statement (joiner)", self.statement(JOINER, 1, b"Bob", "10.66.0.2"))
        self.value("digest at seq 2", self.digest(2, [(HOST, "10.66.0.1", b"Ann", 1),
                                                      (JOINER, "10.66.0.2", b"Bob", 1)]))
        later = InviteKeys(repeated(0x61, 16), PARTY)
        self.value("invite", self.record(
            "invite", public(ROOT_KEY) + sha256(roster) + self.terms(later, 1, 0), ROOT_KEY))
        self.value("leave", self.leave())
        self.value("head 7", self.head())
        self.value("box for the invite", self.box(0x51, public(FIRST.box), key, 1, roster))

        self.value("admission (again)", self.admission(roster))
        self.value("statement (joiner, again)", self.statement(JOINER, 2, b"Bob", "10.66.0.2"))
        charter = self.charter(2, [public(JOINER.identity)])
        self.value("charter 2", charter)
        self.value("key commitment 2", self.commitment(key2, 2))
        roster2 = self.roster(JOINER.identity, charter, 2, sha256(roster),
                              [host, self.member(JOINER, "10.66.0.2")],
                              [self.terms(FIRST, 16, 1)], self.commitment(key2, 2))
        self.value("roster 2", roster2)
        self.value("roster hash 2", sha256(roster2))
        self.value("preshared key 2", self.preshared(key2, 2))
        self.value("head 11", self.head())
        self.value("box for the host", self.box(0x52, public(HOST.box), key2, 2, roster2))
        self.value("link", self.link())
        self.end()


class Stun:
    """Messages of RFC 8489, as far as the checks need them."""

    COOKIE = bytes.fromhex("2112a442")

    def __init__(self, kind, transaction):
        self.start, self.transaction, self.attributes = u16(kind), transaction, b""

    def bytes(self, more=0):
        return (self.start + u16(len(self.attributes) + more) + self.COOKIE + self.transaction +
                self.attributes)

    def add(self, kind, value):
        self.attributes += u16(kind) + counted(value) + bytes(-len(value) % 4)
        return self

    def xor_mapped_address(self, address, port):
        port ^= int.from_bytes(self.COOKIE[:2], "big")
        masked = bytes(a ^ b for a, b in zip(v4(address), self.COOKIE))
        return self.add(0x0020, b"\0\1" + u16(port) + masked)

    def finish(self, password):
        self.add(0x001C, hmac_sha256(password, self.bytes(36)))
        return self.add(0x8028, u32(zlib.crc32(self.bytes(8)) ^ 0x5354554E)).bytes()


class Cryptography(Checked):
    def test_everything_written_in_cryptography_md(self):
        self.begin(CRYPTOGRAPHY, "## Vectors")
        self.proofs()
        self.signals()
        self.relay()
        self.machine()
        self.end()

    def proofs(self):
        self.value("host's peer id", HOST.peer)
        self.value("joiner's peer id", JOINER.peer)
        binding = repeated(0x80)
        head = u64(1_700_000_030_000) + repeated(0x84, 16)
        nonce = head + hmac_sha256(repeated(0x83),
                                   named("challenge") + public(JOINER.identity) + head)
        self.value("challenge", nonce)
        self.value("register", sign(JOINER.identity, named("register"), binding, nonce, JOINER.peer))
        token = base64.urlsafe_b64encode(repeated(0x84)).rstrip(b"=")
        self.value("bearer token", token.decode())
        self.value("stored token", sha256(named("bearer-token"), token))
        self.value("stored nonce", sha256(named("used-nonce"), nonce))
        self.value("invite id", identifier(public(FIRST.signing)))
        nonce = repeated(0x86, 16) + u64(1_700_000_000_000)
        self.value("open", sign(FIRST.signing, named("open"), PARTY, binding, JOINER.peer, nonce))
        body = public(JOINER.identity) + repeated(0x85)
        leave = (b"\x01\x06" + u32(len(body)) + body + b"\x01" +
                 sign(JOINER.identity, named("leave"), PARTY, body))
        self.value("command", sha256(named("command"), u8(2), u32(len(leave)), leave))

    def signals(self):
        password = repeated(0x91, 16)
        signal = (u8(1) + u64(1_700_000_000_000) + u64(7) + password + u8(4) + u8(1) +
                  u8(2) + counted(b"eu-1") + u16(23) + counted(b"us-1") + u16(0xFFFF) +
                  u8(2) + u8(1) + u8(4) + v4("192.168.1.2") + u16(50_000) +
                  u8(3) + u8(6) + bytes.fromhex("20010db8000000000000000000000001") + u16(9))
        self.value("signal", signal)
        route = named("signal") + PARTY + JOINER.peer + HOST.peer
        self.value("sealed signal", seal(x25519(0x92), public(HOST.box), route,
                                         signal + sign(JOINER.identity, route, signal)))
        route = named("root-key") + PARTY + HOST.peer + JOINER.peer + repeated(0x94)
        self.value("box with the root key",
                   seal(x25519(0x95), public(JOINER.box), route, repeated(0x01)))
        names = f"{base32(JOINER.peer[:5])}:{base32(HOST.peer[:5])}".encode()
        transaction = repeated(0x93, 12)
        self.value("check", Stun(0x0001, transaction).add(0x0006, names).add(0xC0A8, u8(1))
                   .finish(password))
        self.value("check's answer", Stun(0x0101, transaction)
                   .xor_mapped_address("198.51.100.7", 50_000).add(0xC0A8, u8(2)).finish(password))

    def relay(self):
        def mac1_key(device):
            return hashlib.blake2s(b"mac1----" + public(device.wireguard)).digest()

        key = mac1_key(JOINER)
        self.value("mac1 key", key)
        covered = b"\1\0\0\0" + repeated(0xA0, 112)
        self.value("mac1", hashlib.blake2s(covered, key=key, digest_size=16).digest())
        bind_key = ed25519(0xA2)
        token = u8(1) + u64(0x0102030405060708) + key + public(bind_key) + u64(1_700_000_600_000)
        token += sign(ed25519(0xA1), named("relay-token"), token)
        self.value("relay token", token)

        source = counted(v4("198.51.100.7")) + u16(50_000)
        time = u64(1_000_000)
        nonce = time + hmac_sha256(repeated(0xA4), named("relay-nonce") + time + source)[:16]
        self.value("relay nonce", nonce)

        def statement(content):
            return (sha256(content) + repeated(0xA3, 16) + repeated(0xA4, 8) + counted(nonce) +
                    source)

        self.value("bind", sign(bind_key, named("relay-bind"), statement(token)))
        routes = mac1_key(HOST) + u32(0x11223344)
        self.value("routes", routes)
        self.value("route", sign(bind_key, named("relay-route"), statement(routes)))

    def machine(self):
        self.value("tunnel address", b"\xfd" + sha256(named("tunnel-prefix"), PARTY)[:5] +
                   sha256(named("tunnel-address"), PARTY, public(JOINER.wireguard))[:10])
        segment = sha256(named("lan-segment"), PARTY)
        port = 61000 + int.from_bytes(segment[3:5], "big") % 4000
        self.value("lan segment", segment[:3] + struct.pack(">H", port))
        own = sha256(named("lan-station"), PARTY, public(JOINER.wireguard))
        self.value("lan station", bytes([own[0] & 0xfe | 2]) + own[1:6] + b"\xfd" + segment[5:10] +
                   bytes(2) + own[6:14])
        spki = ec.derive_private_key(1, ec.SECP256R1()).public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        self.value("binding", sha256(spki))
        self.value("pin", base32(sha256(spki)[:16]))
        clamped = bytearray(JOINER.box_secret)
        clamped[0] &= 248
        clamped[31] = clamped[31] & 127 | 64
        key = hkdf(bytes(clamped), "port-mappings")
        self.value("port mapping key", key)
        self.value("pcp nonce", hkdf(key, "pcp", u8(17) + u16(51_820) + b"192.0.2.1:5351")[:12])


class Labels(unittest.TestCase):
    def used(self):
        """Every label in the source, with how often a string literal begins with it."""
        out = {}
        for path in sorted((ROOT / "src").rglob("*.[ch]*")):
            for line in path.read_text(encoding="utf-8").splitlines():
                code = line.split("//")[0]
                for label in re.findall(r'"lanrage/v1/([a-z0-9-]*)"', code):
                    out[label] = out.get(label, 0) + 1
        return out

    def test_each_stands_in_one_place(self):
        self.assertEqual({label: n for label, n in self.used().items() if n != 1}, {})

    def test_each_is_in_the_table_and_each_in_the_table_is_used(self):
        used = self.used()
        self.assertEqual(used.pop(""), 1, "records' labels are put together from their names")
        used.update(dict.fromkeys(Records.TYPES, 1))
        table = CRYPTOGRAPHY.split("## Vectors")[0]
        self.assertEqual(set(LABEL.findall(table)) - {""}, set(used))

    def test_no_two_would_be_taken_for_each_other(self):
        labels = [named(label) for label in [*self.used(), *Records.TYPES] if label]
        for one in labels:
            self.assertEqual([other for other in labels if other.startswith(one)], [one])


if __name__ == "__main__":
    unittest.main()
