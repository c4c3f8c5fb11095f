"""Two players at a lanrage server: register, create, join, live update, resume.

    control_plane.py demo URL [--pin PIN] [--word WORD]   the whole story
    control_plane.py pinned URL --pin PIN                 the server's key, as curl takes it
    control_plane.py challenge KEYS                       the body of POST /auth/challenge
    control_plane.py register KEYS URL NONCE              that of POST /auth/register
    control_plane.py peer KEYS                            the peer_id of these keys

KEYS is a file of secrets, made when it isn't there. Needs python3-cryptography and
python3-websockets. The records themselves are made in records.py beside this file.
"""

import argparse
import asyncio
import base64
import http.client
import itertools
import json
import os
import pathlib
import ssl
import time
import urllib.parse

import websockets
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

import records as r


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def unb64(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


class Refused(Exception):
    """A problem document (RFC 9457); `code` is what to act on."""

    def __init__(self, status, problem):
        super().__init__(f"{status} {problem['code']}: {problem['detail']}")
        self.status, self.code, self.problem = status, problem["code"], problem


class Server:
    """A connection that knows which key the server must show."""

    def __init__(self, url: str, pin=None):
        self.url = url.rstrip("/")
        parts = urllib.parse.urlsplit(self.url)
        self.host, self.port = parts.hostname, parts.port or 8667
        # The certificate is self-signed: its key is what counts, and the pin says which.
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.tls.check_hostname = False
        self.tls.verify_mode = ssl.CERT_NONE
        self.pin = pin
        self.http = http.client.HTTPSConnection(self.host, self.port, context=self.tls, timeout=20)
        self.http.connect()
        self.binding = self.checked_key(self.http.sock.getpeercert(binary_form=True))

    def checked_key(self, certificate: bytes) -> bytes:
        """SHA-256 of the server's public key info; proofs are made for it."""
        key = x509.load_der_x509_certificate(certificate).public_key()
        spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        if self.pin and r.base32(r.sha256(spki)[:16]) != self.pin:
            raise SystemExit("the server shows another key than the pin says: don't go on")
        return r.sha256(spki)

    def call(self, method, path, body=None, token=None):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if body is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(body)
        self.http.request(method, path, body, headers)
        response = self.http.getresponse()
        text = response.read()
        answer = json.loads(text) if text else None
        if response.status >= 400:
            raise Refused(response.status, answer)
        return answer

    async def websocket(self, token):
        socket = await websockets.connect(
            self.url.replace("https", "wss", 1) + "/ws", ssl=self.tls, compression=None,
            max_size=4 * 1024 * 1024, extra_headers={"Authorization": f"Bearer {token}"})
        tls = socket.transport.get_extra_info("ssl_object")
        self.checked_key(tls.getpeercert(binary_form=True))
        return socket


class Player:
    def __init__(self, server: Server, nick: str):
        self.server, self.nick, self.device = server, nick, r.DeviceKeys()
        self.id = r.base32(self.device.peer)
        self.request_ids = (f"{nick}-{os.urandom(4).hex()}-{n}" for n in itertools.count(1))

    # ---- plain requests ----

    def register(self):
        challenge = self.server.call("POST", "/auth/challenge", challenge_body(self.device))
        body = register_body(self.device, self.server.binding, unb64(challenge["nonce"]))
        answer = self.server.call("POST", f"/auth/register?peer_id={self.id}", body)
        self.token = answer["token"]

    def create(self, name: str, word=None):
        """Founds a party: returns its id and the secret of its first invite."""
        root, key, secret = Ed25519PrivateKey.generate(), os.urandom(32), os.urandom(16)
        party = self.party = r.id_of(r.public(root))
        invite = r.InviteKeys(secret, party)
        vip = "10.66.0.1"
        body = r.charter(root, name, "10.66.0.0/16", r.public(self.device.identity))
        charter = r.record("charter", party, body, root)
        tomorrow = int(time.time() * 1000) + 24 * 3600 * 1000
        body = r.roster(root, charter, [charter], [r.member(self.device, vip)],
                        [r.terms(invite, 16, tomorrow)], key, party)
        roster = r.record("roster", party, body, root)
        body = r.statement(self.device, 1, self.nick, vip)
        statement = r.record("statement", party, body, self.device.identity)
        boxes = [{"recipient": b64(r.public(to)),
                  "box": b64(r.seal(r.public(to), key, r.public(root), 1, roster))}
                 for to in (self.device.box, invite.box)]
        request = {"request_id": next(self.request_ids), "charter": b64(charter),
                   "roster": b64(roster), "statement": b64(statement), "boxes": boxes}
        if word:
            request["word"] = word
        self.adopt(self.server.call("POST", "/parties", request, self.token)["party"])
        self.key, self.statement_version = key, 1
        return party, secret

    def join(self, party: bytes, secret: bytes):
        self.party = party
        path = f"/parties/{r.base32(party)}"
        invite = r.InviteKeys(secret, party)
        # What the invite opens: the party's records and a box with its key.
        nonce = os.urandom(16) + r.u64(int(time.time() * 1000))
        proof = r.prove_invite(invite, party, self.server.binding, self.device.peer, nonce)
        opening = self.server.call("POST", f"{path}/invites/{r.base32(invite.id)}/open",
                                   {"nonce": b64(nonce), "signature": b64(proof)}, self.token)
        log = [unb64(record) for record in opening["log"]]
        roster = [record for record in log if r.opened(record)[0] == "roster"][-1]
        self.key, root, epoch = r.unseal(invite.box, unb64(opening["box"]), roster)
        # Don't take the server's word: the party's id is its root key's, and that key signed.
        assert r.id_of(root) == party and r.holds(log[0], party, root)
        assert r.opened(roster)[1].endswith(r.commitment(self.key, party, epoch))
        body = r.admission(roster, epoch, invite, self.device, r.head(party, log))
        admission = r.record("admission", party, body, invite.signing, self.device.identity)
        body = r.statement(self.device, 1, self.nick, opening["vip"])
        statement = r.record("statement", party, body, self.device.identity)
        request = {"request_id": next(self.request_ids), "admission": b64(admission),
                   "statement": b64(statement), "known_records": len(log)}
        answer = self.server.call("POST", f"{path}/join", request, self.token)
        self.adopt(answer["party"], log)
        self.statement_version = 1

    # ---- what the player knows of the party ----

    def adopt(self, party, known=()):
        """A snapshot: replaces what we knew, but for the records that we asked to leave out."""
        self.log = list(known)[: party["log_from"]] + [unb64(x) for x in party["log"]]
        self.peers = {peer["peer_id"]: peer for peer in party["peers"]}
        self.seq = party["seq"]
        assert self.digest() == unb64(party["digest"]), "the server's digest isn't ours"

    def digest(self) -> bytes:
        versions = {}  # of each member's latest statement
        for kind, body, _ in map(r.opened, self.log):
            if kind == "statement":
                versions[r.base32(r.id_of(body[:32]))] = int.from_bytes(body[32:40], "big")
        rows = [(unb64(p["identity"]), unb64(p["wireguard_key"]), unb64(p["box_key"]), p["vip"],
                 p["nick"], versions[p["peer_id"]]) for p in self.peers.values()]
        return r.digest(self.party, self.seq, self.log, rows)

    # ---- the WebSocket ----

    async def connect(self, resume=False):
        """Subscribes to the party, or goes on where the last connection ended."""
        self.socket = await self.server.websocket(self.token)
        hello = {"type": "hello", "version": 1, "client": "control_plane.py"}
        party = r.base32(self.party)
        if resume:
            hello["resume"] = [{"party_id": party, "incarnation": self.incarnation,
                                "seq": self.seq}]
        await self.send(hello)
        self.incarnation = (await self.until("welcome"))["incarnation"]
        if not resume:
            await self.send({"type": "subscribe", "party_id": party})
        await self.until("caught_up")

    async def send(self, message):
        await self.socket.send(json.dumps(message))

    async def until(self, wanted):
        """Takes in messages up to one of this type."""
        while True:
            message = json.loads(await asyncio.wait_for(self.socket.recv(), 20))
            self.take_in(message)
            if message["type"] == wanted:
                return message

    def take_in(self, message):
        kind = message["type"]
        print(f"  {self.nick} hears {brief(message)}")
        if kind == "party_update":
            return self.adopt(message["party"])
        if kind == "error":
            raise Refused("error", {"code": message["code"], "detail": message["message"]})
        self.log += [unb64(record) for record in message.get("records", [])]
        if kind == "peer_joined":
            self.peers[message["peer"]["peer_id"]] = message["peer"]
        if kind == "peer_updated":  # a patch: what is absent stays
            changes = ("nick", "vip", "nat_type", "public_endpoint")
            self.peers[message["peer_id"]].update(
                {key: message[key] for key in changes if key in message})
        if kind == "presence":
            self.peers[message["peer_id"]]["online"] = message["online"]
        if kind == "peer_left":
            del self.peers[message["peer_id"]]
        if kind not in ("ack", "caught_up"):
            self.seq = message.get("seq", self.seq)
        if kind == "caught_up":
            assert message["seq"] == self.seq
            assert unb64(message["digest"]) == self.digest(), "our state differs from the server's"

    async def rename(self, nick: str):
        self.nick, self.statement_version = nick, self.statement_version + 1
        body = r.statement(self.device, self.statement_version, nick, self.peers[self.id]["vip"])
        await self.command("update_peer", "statement", r.record("statement", self.party, body,
                                                                self.device.identity))

    async def leave(self):
        body = r.leave(self.device, r.head(self.party, self.log))
        await self.command("leave_party", "record", r.record("leave", self.party, body,
                                                             self.device.identity))

    async def command(self, kind, field, record):
        await self.send({"type": kind, "party_id": r.base32(self.party),
                         "request_id": next(self.request_ids), field: b64(record)})
        await self.until("ack")


def brief(message) -> str:
    words = {key: value for key, value in message.items()
             if key in ("seq", "nick", "online", "peer_id", "request_id", "reason")}
    if message["type"] == "peer_joined":
        words["nick"] = message["peer"]["nick"]
    return " ".join([message["type"], *(f"{key}={value}" for key, value in words.items())])


def challenge_body(device) -> dict:
    return {"identity": b64(r.public(device.identity))}


def register_body(device, binding: bytes, nonce: bytes) -> dict:
    return {**challenge_body(device), "nonce": b64(nonce),
            "signature": b64(r.prove_identity(device, binding, nonce))}


async def demo(url, pin, word):
    ann, bob = Player(Server(url, pin), "Ann"), Player(Server(url, pin), "Bob")
    for player in (ann, bob):
        player.register()
        print(f"{player.nick} is registered as {player.id}")
    party, secret = ann.create("LAN night", word)
    print(f"Ann has created {r.base32(party)}; the invite's secret is {r.base32(secret)}")
    await ann.connect()
    bob.join(party, secret)
    print(f"Bob has joined with {bob.peers[bob.id]['vip']}")
    await ann.until("peer_joined")
    assert bob.key == ann.key, "and the server never saw it"

    await bob.connect()
    await bob.rename("Bobby")
    await ann.until("peer_updated")
    assert ann.peers[bob.id]["nick"] == "Bobby"

    await ann.socket.close()
    print("Ann's connection is gone; meanwhile Bobby changes the nick again")
    await bob.rename("Robert")
    await ann.connect(resume=True)
    assert ann.peers[bob.id]["nick"] == "Robert" and ann.digest() == bob.digest()
    print(f"Ann has caught up at seq {ann.seq}, with the same digest as Robert")

    await bob.leave()
    await ann.until("peer_left")
    assert list(ann.peers) == [ann.id]
    await ann.socket.close()
    await bob.socket.close()
    path = f"/parties/{r.base32(party)}"
    try:
        bob.server.call("GET", path, token=bob.token)
    except Refused as refused:
        print(f"Robert asks for the party: {refused}")
    closing = {"request_id": next(ann.request_ids)}
    print(f"Ann closes it at seq {ann.server.call('DELETE', path, closing, ann.token)['seq']}")


def keys_from(path: str) -> r.DeviceKeys:
    file = pathlib.Path(path)
    if not file.exists():
        file.touch(mode=0o600)
        file.write_bytes(os.urandom(96))
    seeds = file.read_bytes()
    return r.DeviceKeys([seeds[:32], seeds[32:64], seeds[64:]])


def main():
    parser = argparse.ArgumentParser(usage=__doc__.strip())
    parser.add_argument("what", choices=["demo", "pinned", "challenge", "register", "peer"])
    parser.add_argument("rest", nargs="+")
    parser.add_argument("--pin")
    parser.add_argument("--word")
    given = parser.parse_args()
    first, *others = given.rest
    if given.what == "demo":
        asyncio.run(demo(first, given.pin, given.word))
    elif given.what == "pinned":
        print("sha256//" + b64(Server(first, given.pin).binding))
    elif given.what == "peer":
        print(r.base32(keys_from(first).peer))
    elif given.what == "challenge":
        print(json.dumps(challenge_body(keys_from(first))))
    else:
        binding = Server(others[0], given.pin).binding
        print(json.dumps(register_body(keys_from(first), binding, unb64(others[1]))))


if __name__ == "__main__":
    main()
