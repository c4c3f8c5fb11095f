"""Devices and parties that can also do everything wrong."""

import base64
import itertools
import json
import http.client
import os
import socket
import ssl
import sys
import time
import urllib.parse

from document import ROOT
from server import ENROLMENT_KEY

sys.path.insert(0, str(ROOT / "docs/guide/examples"))

import records as r  # noqa: E402
from cryptography import x509  # noqa: E402
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # noqa: E402
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: E402

DAY = 24 * 3600 * 1000
counter = itertools.count(1)


def now_ms():
    return int(time.time() * 1000)


def b64(data):
    return base64.b64encode(data).decode()


def fresh():
    return f"request-{next(counter)}"


class Client:
    """One kept connection; every answer goes to the observer."""

    def __init__(self, running, observer):
        self.running, self.observer = running, observer
        parts = urllib.parse.urlsplit(running.url)
        self.address = (parts.hostname, parts.port)
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.tls.check_hostname = False
        self.tls.verify_mode = ssl.CERT_NONE
        self.http = http.client.HTTPSConnection(*self.address, context=self.tls, timeout=30)
        self.http.connect()
        certificate = x509.load_der_x509_certificate(self.http.sock.getpeercert(True))
        self.binding = r.sha256(certificate.public_key().public_bytes(
            Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
        assert r.base32(self.binding[:16]) == running.pin
        self.token = None

    def authority(self, method, route):
        """Headers beyond the client's own token."""
        if self.observer.api.security(method, route) != "enrolment":
            return {}
        return {"Authorization": f"Bearer {ENROLMENT_KEY}"}

    def call(self, method, target, body=None, **headers):
        """Status and parsed answer. A body that is no bytes goes as JSON."""
        sent = body
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        given = {} if body is None else {"Content-Type": "application/json"}
        if self.token:
            given["Authorization"] = f"Bearer {self.token}"
        given.update({key.replace("_", "-"): value for key, value in headers.items()})
        given = {key: value for key, value in given.items() if value is not None}
        self.http.request(method, target, body, given)
        response = self.http.getresponse()
        text = response.read()
        self.observer.saw(method, target, response.status, dict(response.getheaders()), text,
                          None if isinstance(sent, bytes) else sent)
        return response.status, json.loads(text) if text else None

    def raw(self, method, target, lines):
        """A request written by hand, for what http.client wouldn't send."""
        with socket.create_connection(self.address, timeout=30) as plain:
            with self.tls.wrap_socket(plain) as tls:
                head = "\r\n".join([f"{method} {target} HTTP/1.1", *lines, "", ""])
                tls.sendall(head.encode("latin-1"))
                response = http.client.HTTPResponse(tls, method=method)
                response.begin()
                if response.status == 101:
                    text = b""
                else:
                    text = response.read()
                self.observer.saw(method, target, response.status, dict(response.getheaders()),
                                  text)
                return response.status, json.loads(text) if text else None


class Device(Client):
    def __init__(self, running, observer, nick="player", registered=True):
        super().__init__(running, observer)
        self.nick, self.keys = nick, r.DeviceKeys()
        self.identity = r.public(self.keys.identity)
        self.id = r.base32(self.keys.peer)
        if registered:
            self.register()

    def challenge(self):
        status, answer = self.call("POST", "/auth/challenge", {"identity": b64(self.identity)})
        assert status == 200, answer
        return base64.b64decode(answer["nonce"])

    def registration(self, nonce):
        return {"identity": b64(self.identity), "nonce": b64(nonce),
                "signature": b64(r.prove_identity(self.keys, self.binding, nonce))}

    def register(self):
        self.token = None
        status, answer = self.call("POST", f"/auth/register?peer_id={self.id}",
                                   self.registration(self.challenge()))
        assert status == 200, answer
        self.token = answer["token"]


class Party:
    """A party as its founder knows it. Bodies can be bent by keyword before they are signed."""

    def __init__(self, founder, prefix="10.66.0.0/24", uses=16, not_after=None, invites=1):
        self.root, self.key = Ed25519PrivateKey.generate(), os.urandom(32)
        self.id_bytes = r.id_of(r.public(self.root))
        self.id = r.base32(self.id_bytes)
        self.path = f"/parties/{self.id}"
        self.founder, self.prefix, self.epoch = founder, prefix, 1
        self.net = prefix.rsplit(".", 1)[0]
        self.not_after = now_ms() + DAY if not_after is None else not_after
        self.invites = {}  # keys -> [uses, used]
        for _ in range(invites):
            self.invites[self.new_invite()] = [uses, 0]
        self.members, self.vips = [founder], {founder: self.vip(1)}
        self.versions = {founder: 0}
        self.log = []

    def new_invite(self):
        return r.InviteKeys(os.urandom(16), self.id_bytes)

    @property
    def invite(self):
        return next(iter(self.invites))

    def vip(self, n):
        return f"{self.net}.{n}"

    @property
    def head(self):
        return r.head(self.id_bytes, self.log)

    def last(self, kind):
        return [record for record in self.log if r.opened(record)[0] == kind][-1]

    def sign(self, kind, body, *signers):
        return r.record(kind, self.id_bytes, body, *signers)

    # ---- what founding takes ----

    def charter(self, signer=None, host=None, **bent):
        given = {"name": "LAN night", "prefix": self.prefix, **bent}
        body = r.charter(self.root, host=host or self.founder.identity, **given)
        return self.sign("charter", body, signer or self.root)

    def terms(self):
        return [r.terms(keys, uses, self.not_after, used)
                for keys, (uses, used) in self.invites.items()]

    def rows(self, without=()):
        return [r.member(device.keys, self.vips[device]) for device in self.members
                if device not in without]

    def roster(self, charter, log, signer=None, claimed=None, rows=None, terms=None, epoch=1,
               key=None, previous=None):
        signer = signer or self.root
        body = r.roster(claimed or signer, charter, log, self.rows() if rows is None else rows,
                        self.terms() if terms is None else terms, key or self.key,
                        self.id_bytes, epoch, previous)
        return self.sign("roster", body, signer)

    def boxes(self, roster, devices=None, invites=None, key=None, epoch=1):
        to = [device.keys.box for device in (self.members if devices is None else devices)]
        to += [keys.box for keys in (self.invites if invites is None else invites)]
        root = r.public(self.root)
        return [{"recipient": b64(r.public(box)),
                 "box": b64(r.seal(r.public(box), key or self.key, root, epoch, roster))}
                for box in to]

    def statement(self, device, version=None, nick=None, vip=None, candidates=(), signer=None):
        body = r.statement(device.keys, version or self.versions.get(device, 0) + 1,
                           device.nick if nick is None else nick, vip or self.vips[device],
                           candidates)
        return self.sign("statement", body, signer or device.keys.identity)

    def create_body(self, charter=None, roster=None, statement=None, boxes=None, **more):
        charter = charter or self.charter()
        roster = roster or self.roster(charter, [charter])
        statement = statement or self.statement(self.founder)
        return {"request_id": fresh(), "charter": b64(charter), "roster": b64(roster),
                "statement": b64(statement), "boxes": boxes or self.boxes(roster), **more}

    def founded(self, body):
        self.log = [base64.b64decode(body[part]) for part in ("charter", "roster", "statement")]
        self.versions[self.founder] = 1
        return self

    def create(self, **more):
        body = self.create_body(**more)
        status, answer = self.founder.call("POST", "/parties", body)
        assert status == 200, answer
        return self.founded(body)

    # ---- joining and what members do ----

    def open_body(self, device, nonce=None, invite=None, signer=None):
        nonce = nonce or os.urandom(16) + r.u64(now_ms())
        proof = r.prove_invite(signer or invite or self.invite, self.id_bytes, device.binding,
                               device.keys.peer, nonce)
        return {"nonce": b64(nonce), "signature": b64(proof)}

    def open_path(self, invite=None):
        return f"{self.path}/invites/{r.base32((invite or self.invite).id)}/open"

    def admission(self, device, invite=None, keys=None, seen=None, roster=None, signers=None):
        invite = invite or self.invite
        body = r.admission(roster or self.last("roster"), self.epoch, invite, keys or device.keys,
                           seen or self.head)
        return self.sign("admission", body,
                         *(signers or (invite.signing, device.keys.identity)))

    def join_body(self, device, vip=None, admission=None, statement=None, **more):
        self.vips.setdefault(device, vip or self.free_vip())
        admission = admission or self.admission(device)
        return {"request_id": fresh(), "admission": b64(admission),
                "statement": b64(statement or self.statement(device, vip=vip)), **more}

    def free_vip(self):
        return next(self.vip(n) for n in range(1, 255)
                    if self.vip(n) not in self.vips.values())

    def joined(self, device, body):
        self.add(body["admission"], body["statement"])
        self.versions[device] = self.versions.get(device, 0) + 1
        self.members.append(device)
        self.invites[self.invite][1] += 1

    def add(self, *texts):
        self.log += [base64.b64decode(text) for text in texts]

    def join(self, device):
        body = self.join_body(device)
        status, answer = device.call("POST", self.path + "/join", body)
        assert status == 200, answer
        self.joined(device, body)
        return body

    def update_body(self, device, **bent):
        return {"request_id": fresh(), "statement": b64(self.statement(device, **bent))}

    def update(self, device, **bent):
        body = self.update_body(device, **bent)
        status, answer = device.call("PATCH", self.peer(device), body)
        assert status == 200, answer
        self.updated(device, body)

    def updated(self, device, body):
        self.add(body["statement"])
        self.versions[device] += 1

    def peer(self, device):
        return f"{self.path}/peers/{device.id}"

    def leave_body(self, device, seen=None, signer=None):
        body = r.leave(device.keys, seen or self.head)
        return {"request_id": fresh(),
                "record": b64(self.sign("leave", body, signer or device.keys.identity))}

    def left(self, device, body):
        self.add(body["record"])
        self.members.remove(device)

    def rotate_body(self, without=(), drop=(), boxes=None, **bent):
        key = self.next_key = os.urandom(32)
        kept = {keys: uses for keys, uses in self.invites.items() if keys not in drop}
        given = {"rows": self.rows(without), "epoch": self.epoch + 1,
                 "previous": self.last("roster"), "key": key,
                 "terms": [r.terms(keys, uses, self.not_after, used)
                           for keys, (uses, used) in kept.items()], **bent}
        roster = self.roster(self.last("charter"), self.log, **given)
        devices = [device for device in self.members if device not in without]
        if boxes is None:
            boxes = self.boxes(roster, devices, kept, key, given["epoch"])
        return {"request_id": fresh(), "roster": b64(roster), "boxes": boxes}

    def rotated(self, body, without=(), drop=()):
        self.add(body["roster"])
        self.key, self.epoch = self.next_key, self.epoch + 1
        for device in without:
            self.members.remove(device)
        for keys in drop:
            del self.invites[keys]

    def hand_back_body(self, *records, boxes=(), after=None, head=None):
        """Of a member whose log goes on after the server's."""
        return {"request_id": fresh(), "after": len(self.log) if after is None else after,
                "head": b64(head or self.head), "records": [b64(record) for record in records],
                "boxes": list(boxes)}

    def charter_body(self, **bent):
        version = int.from_bytes(r.opened(self.last("charter"))[1][:4], "big")
        return {"request_id": fresh(),
                "charter": b64(self.charter(version=version + 1, **bent))}

    def invite_body(self, keys, uses=1, used=0, not_after=None, signer=None, roster=None, box=None,
                    box_key=None):
        signer = signer or self.root
        given = r.terms(keys, uses, self.not_after if not_after is None else not_after, used)
        if box_key:
            given = given[:32] + box_key + given[64:]
        record = self.sign("invite", r.invite(signer, roster or self.last("roster"), given), signer)
        if box is None:
            box = r.seal(r.public(keys.box), self.key, r.public(self.root), self.epoch,
                         self.last("roster"))
        return {"request_id": fresh(), "record": b64(record), "box": b64(box)}
