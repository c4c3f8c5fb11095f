"""The worked example of docs/protocol/records.md, made again by docs/guide/examples/records.py."""

import pathlib
import re
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "docs/guide/examples"))

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: E402
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey  # noqa: E402

import records as r  # noqa: E402

TEXT = (ROOT / "docs/protocol/records.md").read_text(encoding="utf-8")
SAID = dict(re.findall(r"^([a-z0-9 (),]+) = (\S+)$", TEXT.split("## Worked example")[1], re.M))
EXPIRES = 1_700_000_000_000


def seed(byte: int, size: int = 32) -> bytes:
    return bytes([byte]) * size


class WorkedExample(unittest.TestCase):
    def hex(self, name, value):
        self.assertEqual(SAID[name], value.hex(), name)

    def test_everything(self):
        root = Ed25519PrivateKey.from_private_bytes(seed(0x01))
        party = r.id_of(r.public(root))
        ann = r.DeviceKeys([seed(0x11), seed(0x13), seed(0x12)])
        bob = r.DeviceKeys([seed(0x21), seed(0x23), seed(0x22)])
        first, later = r.InviteKeys(seed(0x31, 16), party), r.InviteKeys(seed(0x61, 16), party)
        key, key2 = seed(0x41), seed(0x42)
        self.hex("root key", r.public(root))
        self.assertEqual(SAID["party id"], r.base32(party))
        self.hex("invite key", r.public(first.signing))
        self.hex("invite box key", r.public(first.box))
        self.hex("key commitment", r.commitment(key, party, 1))
        bob_and_ann = (r.public(bob.wireguard), r.public(ann.wireguard))
        self.hex("preshared key", r.preshared_key(key, party, 1, *bob_and_ann))
        self.hex("head 0", r.head(party, []))

        def charter(version, deputies=()):
            body = r.charter(root, "Friday", "10.66.0.0/16", r.public(ann.identity), version,
                             deputies)
            return r.record("charter", party, body, root)

        log = [charter(1)]
        self.hex("charter", log[0])
        members = [r.member(ann, "10.66.0.1")]
        body = r.roster(root, log[0], log, members, [r.terms(first, 16, EXPIRES)], key, party)
        roster = r.record("roster", party, body, root)
        log.append(roster)
        self.hex("roster", roster)
        self.hex("roster hash", r.sha256(roster))

        def add(name, kind, body, *signers):
            log.append(r.record(kind, party, body, *signers))
            if name:
                self.hex(name, log[-1])

        add("statement (host)", "statement", r.statement(ann, 1, "Ann", "10.66.0.1"), ann.identity)
        admission = r.admission(roster, 1, first, bob, r.head(party, log))
        add("admission", "admission", admission, first.signing, bob.identity)
        add("statement (joiner)", "statement", r.statement(bob, 1, "Bob", "10.66.0.2"),
            bob.identity)
        rows = [(r.public(d.identity), r.public(d.wireguard), r.public(d.box), vip, nick, version)
                for d, vip, nick, version in [(bob, "10.66.0.2", "Bob", 1),
                                              (ann, "10.66.0.1", "Ann", 1)]]
        self.hex("digest at seq 2", r.digest(party, 2, log, rows))
        add("invite", "invite", r.invite(root, roster, r.terms(later, 1, EXPIRES)), root)
        add("leave", "leave", r.leave(bob, r.head(party, log)), bob.identity)
        self.hex("head 7", r.head(party, log))

        box = r.seal(r.public(first.box), key, r.public(root), 1, roster,
                     X25519PrivateKey.from_private_bytes(seed(0x51)))
        self.hex("box for the invite", box)
        self.assertEqual(r.unseal(first.box, box, roster), (key, r.public(root), 1))

        admission = r.admission(roster, 1, first, bob, r.head(party, log))
        add("admission (again)", "admission", admission, first.signing, bob.identity)
        add("statement (joiner, again)", "statement", r.statement(bob, 2, "Bob", "10.66.0.2"),
            bob.identity)
        log.append(charter(2, [r.public(bob.identity)]))
        self.hex("charter 2", log[-1])
        self.hex("key commitment 2", r.commitment(key2, party, 2))
        members.append(r.member(bob, "10.66.0.2"))
        body = r.roster(bob.identity, log[-1], log, members, [r.terms(first, 16, EXPIRES, 1)],
                        key2, party, 2, roster)
        add("roster 2", "roster", body, bob.identity)
        self.hex("roster hash 2", r.sha256(log[-1]))
        self.hex("preshared key 2", r.preshared_key(key2, party, 2, *bob_and_ann))
        self.hex("head 11", r.head(party, log))
        box = r.seal(r.public(ann.box), key2, r.public(root), 2, log[-1],
                     X25519PrivateKey.from_private_bytes(seed(0x52)))
        self.hex("box for the host", box)

    def test_a_changed_record_does_not_hold(self):
        device = r.DeviceKeys()
        party = seed(7, 16)
        made = r.record("leave", party, r.leave(device, bytes(32)), device.identity)
        identity = r.public(device.identity)
        self.assertTrue(r.holds(made, party, identity))
        self.assertFalse(r.holds(made, seed(8, 16), identity))
        self.assertFalse(r.holds(made[:-1] + bytes([made[-1] ^ 1]), party, identity))
        self.assertFalse(r.holds(made, party, identity, identity))


if __name__ == "__main__":
    unittest.main()
