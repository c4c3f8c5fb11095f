"""Drives a running server's WebSocket by Debian's python3-websockets: every message of
docs/protocol/websocket.yaml is sent or received and held against its schema.

    websocket_test.py LANRAGE_SERVER
"""

import asyncio
import base64
import json
import sys
import time

import jsonschema
import websockets
import yaml

import limits
from document import ROOT, Observer, OpenApi
from player import Device, Party, b64, fresh, r
from server import Running, rate

# Documented and not provoked, with the reason.
ALLOWED = {
    ("server", "party_closed", "expired"): "needs a party that nobody used for 30 days",
}


class Protocol:
    """websocket.yaml, and what was seen of it."""

    def __init__(self, api):
        path = ROOT / "docs/protocol/websocket.yaml"
        self.text = yaml.safe_load(path.read_text(encoding="utf-8"))
        self.client, self.server = self.text["client"], self.text["server"]
        self.api, self.seen, self.complaints = api, set(), []
        self.plain = jsonschema.RefResolver.from_schema(api.plain)

    def complain(self, what):
        self.complaints.append(what)

    def check(self, what, message, schema, resolver):
        checker = jsonschema.Draft202012Validator({**schema, "unevaluatedProperties": False},
                                                  resolver=resolver)
        for error in checker.iter_errors(message):
            self.complain(f"{what}: {error.json_path}: {error.message[:200]}")

    def received(self, message, text):
        kind = message.get("type")
        if not text.startswith('{"type":'):
            self.complain(f"{kind}: type doesn't stand first")
        if kind not in self.server:
            return self.complain(f"the server sent {kind}, which isn't documented")
        self.check(f"server's {kind}", message, self.server[kind], self.api.resolver)
        self.seen.add(("server", kind, message.get("reason")))

    def taken(self, message):
        """A message that the server took without an error."""
        kind = message["type"]
        self.seen.add(("client", kind, None))
        self.check(f"client's {kind}", message, self.client[kind]["schema"], self.plain)

    def codes(self, kind):
        entry = self.client[kind]
        if "as" not in entry:
            return set(entry["codes"])
        method, route = entry["as"].split()
        http_only = ("malformed_request", "missing_token", "malformed_token", "unknown_token",
                     "expired_token", "body_too_large", "unsupported_media_type",
                     "headers_too_large", "peer_id_mismatch")
        return {code for m, path, _, code in self.api.promised()
                if (m, path) == (method, route) and code and code not in http_only}

    def promised(self):
        for kind, schema in self.server.items():
            reasons = schema["properties"].get("reason", {}).get("enum", [None])
            yield from (("server", kind, reason) for reason in reasons)
        for kind, entry in self.client.items():
            yield "client", kind, None
            yield from (("code", kind, code) for code in entry.get("codes", []))
            yield from (("close", kind, code) for code in entry.get("closes", []))
        yield from (("code", "any", code) for code in self.text["any_message"]["codes"])
        yield from (("close", "any", code) for code in self.text["any_message"]["closes"])
        yield from (("closed", code, None) for code in self.text["close_codes"])


class Session:
    """One WebSocket of a device."""

    def __init__(self, device, protocol):
        self.device, self.protocol, self.seqs = device, protocol, {}
        self.closed = None

    async def open(self, *resume, hello=True):
        self.socket = await websockets.connect(
            self.device.running.url.replace("https", "wss", 1) + "/ws", ssl=self.device.tls,
            compression=None, max_size=None, ping_interval=None,
            extra_headers={"Authorization": f"Bearer {self.device.token}"})
        if hello:
            await self.send("hello", version=1, client="conformance", features=[],
                            resume=list(resume))
            self.incarnation = (await self.next("welcome"))["incarnation"]
        return self

    async def send(self, kind, **fields):
        await self.socket.send(json.dumps({"type": kind, **fields}))
        self.protocol.taken({"type": kind, **fields})

    async def receive(self):
        text = await asyncio.wait_for(self.socket.recv(), 20)
        message = json.loads(text)
        self.protocol.received(message, text)
        self.follow(message)
        return message

    def follow(self, message):
        """Events come in the order of their seqs, without a gap."""
        kind, party = message["type"], message.get("party_id")
        if kind == "party_update":
            self.seqs[message["party"]["id"]] = message["party"]["seq"]
        elif kind == "caught_up":
            assert message["seq"] == self.seqs.setdefault(party, message["seq"]), message
        elif kind == "kicked" and "log" in message:
            pass  # told once more, to somebody who comes back
        elif "seq" in message and party in self.seqs:
            assert message["seq"] == self.seqs[party] + 1, message
            self.seqs[party] = message["seq"]

    async def next(self, kind, **wanted):
        while True:
            message = await self.receive()
            if message["type"] == "error" and kind != "error":
                raise AssertionError(message)
            if message["type"] == kind and wanted.items() <= message.items():
                return message

    async def done(self, kind, **fields):
        request = fields.setdefault("request_id", fresh())
        await self.send(kind, **fields)
        return await self.next("ack", request_id=request)

    async def refused(self, code, kind, field=None, **fields):
        """The message gets this error, which names the request and the party."""
        await self.socket.send(json.dumps({"type": kind, **fields}))
        error = await self.next("error")
        assert error["code"] == code, error
        assert field is None or error.get("field") == field, error
        for name in ("request_id", "party_id"):
            if kind != "auth" and isinstance(fields.get(name), str) and code != "rate_limited":
                assert error.get(name) == fields[name] or field == name, error
        protocol = self.protocol
        if kind in protocol.client and code in protocol.codes(kind):
            protocol.seen.add(("code", kind, code))
        elif code in protocol.text["any_message"]["codes"]:
            protocol.seen.add(("code", "any", code))
        else:
            protocol.complain(f"{kind} is refused with {code}, which isn't documented")

    async def ends(self, status, code=None, kind="any"):
        """The server closes with this status; with 1008 after an error of this code."""
        try:
            while True:
                last = await self.receive()
        except websockets.ConnectionClosed as closed:
            self.closed = closed.code
            assert closed.code == status, f"closed with {closed.code} {closed.reason}"
            if code:
                assert last["type"] == "error" and last["code"] == code == closed.reason, last
                self.protocol.seen.add(("close", kind, code))
            self.protocol.seen.add(("closed", status, None))

    async def close(self):
        await self.socket.close()


def resume_of(party, session, seq=None, incarnation=None):
    return {"party_id": party.id, "incarnation": incarnation or session.incarnation,
            "seq": session.seqs[party.id] if seq is None else seq}


async def a_partys_life(server, protocol, observer):
    ann, bob, cat = (Device(server, observer, nick) for nick in ("Ann", "Bob", "Cat"))
    bind_key = b64(ann.identity)
    party = Party(ann)
    a, b, c = [await Session(device, protocol).open() for device in (ann, bob, cat)]

    body = party.create_body(bind_key=bind_key)
    await a.send("register_party", **body)
    for kind in ("party_update", "caught_up", "ack", "relay_token"):
        await a.next(kind)
    party.founded(body)
    body = party.join_body(bob, bind_key=bind_key)
    await b.send("join_party", party_id=party.id, **body)
    for kind in ("party_update", "caught_up", "ack", "relay_token"):
        await b.next(kind)
    party.joined(bob, body)
    assert (await a.next("peer_joined"))["peer"]["nick"] == "Bob"
    assert (await a.next("presence", peer_id=bob.id))["online"]

    body = {**party.update_body(bob, nick="Bobby"), "nat_type": "open"}
    await b.done("update_peer", party_id=party.id, **body)
    party.updated(bob, body)
    updated = await a.next("peer_updated")
    assert updated["nick"] == "Bobby" and "public_endpoint" not in updated

    # Where a client stands: agreeing says nothing, differing brings a snapshot, once.
    about = {"party_id": party.id, "peer_id": bob.id}
    shown = bob.call("GET", party.path)[1]
    await b.send("heartbeat", seq=shown["seq"], digest=shown["party"]["digest"], **about)
    await b.send("heartbeat", seq=shown["seq"], digest=b64(bytes(32)), **about)
    await b.next("party_update")
    await b.next("caught_up")
    await b.send("heartbeat", seq=shown["seq"], digest=b64(bytes(32)), **about)
    await b.send("heartbeat", seq=shown["seq"] + 1, **about)

    sealed = {"party_id": party.id, "signal_data": b64(b"sealed")}
    await a.done("signal", to_peer_id=bob.id, **sealed)
    assert (await b.next("signal"))["from_peer_id"] == ann.id, "and no snapshot before it"
    party.join(cat)
    await a.done("signal", to_peer_id=cat.id, **sealed)
    await c.send("subscribe", party_id=party.id, request_id="sub")
    for kind in ("party_update", "caught_up", "signal", "ack"):
        await c.next(kind)
    await c.send("relay_token", party_id=party.id, bind_key=bind_key, request_id="relay")
    assert (await c.next("relay_token"))["request_id"] == "relay"

    known = resume_of(party, c)
    await c.close()
    assert not (await a.next("presence", peer_id=cat.id, online=False))["online"]
    await what_governs(party, ann, bob, a, b)
    await resuming(party, cat, protocol, known)
    await endings(server, party, ann, bob, cat, a, b, protocol)


async def what_governs(party, ann, bob, a, b):
    def govern(method, path, body):
        status, answer = ann.call(method, party.path + path, body)
        assert status == 200, answer

    keys = party.new_invite()
    body = party.invite_body(keys)
    govern("POST", "/invites", body)
    party.add(body["record"])
    party.invites[keys] = [1, 0]
    await b.next("invite_added", invite_id=r.base32(keys.id))
    body = party.rotate_body()
    govern("POST", "/rotate", body)
    party.rotated(body)
    rotated = await b.next("key_rotated")
    key, _, epoch = r.unseal(bob.keys.box, limits.unb64(rotated["box"]), party.last("roster"))
    assert (key, epoch) == (party.key, party.epoch) and rotated["removed"] == []
    for kind, bent in (("charter_changed", {"deputies": [bob.identity]}),
                       ("host_changed", {"host": bob.identity}),
                       ("host_changed", {"host": ann.identity})):
        body = party.charter_body(**bent)
        govern("POST", "/charter", body)
        party.add(body["charter"])
        await b.next(kind)
        await a.next(kind)


async def resuming(party, cat, protocol, known):
    """From where the client stood, from nowhere, and by another store's count."""
    session = await Session(cat, protocol).open(known)
    session.seqs[party.id] = known["seq"]
    for kind in ("invite_added", "key_rotated", "charter_changed", "host_changed", "host_changed",
                 "presence", "caught_up"):
        await session.next(kind)
    here = resume_of(party, session)
    await session.close()
    nothing = await Session(cat, protocol).open(here)
    assert (await nothing.receive())["type"] == "presence", "nothing was missed"
    await nothing.close()
    for other in ({**here, "incarnation": "another"}, {**here, "seq": 0},
                  {**here, "seq": here["seq"] + 1}):
        session = await Session(cat, protocol).open(other)
        assert (await session.receive())["type"] == "party_update"
        await session.close()
    session = await Session(cat, protocol).open({**here, "party_id": "a" * 26})
    error = await session.next("error")
    assert (error["code"], error["party_id"]) == ("unknown_party", "a" * 26)
    protocol.seen.add(("code", "hello", "unknown_party"))
    await session.close()


async def endings(server, party, ann, bob, cat, a, b, protocol):
    c = await Session(cat, protocol).open()
    await c.done("subscribe", party_id=party.id)
    body = party.rotate_body(without=[cat], drop=[party.invite])
    assert ann.call("DELETE", party.peer(cat), body)[0] == 200
    party.rotated(body, without=[cat], drop=[party.invite])
    assert (await c.next("kicked"))["peer_id"] == cat.id
    assert (await b.next("key_rotated", removed=[cat.id]))["box"]
    await c.refused("unknown_party", "subscribe", party_id=party.id, request_id=fresh())
    back = await Session(cat, protocol).open(
        {"party_id": party.id, "seq": 1, "incarnation": c.incarnation})
    shown = (await back.next("kicked"))["log"]
    assert [base64.b64decode(text) for text in shown] == party.log, "who signed that"
    await back.close()

    server.admin("kick", party.id, bob.id)
    for session in (a, b):
        assert (await session.next("kicked", peer_id=bob.id))["reason"] == "barred"
    await b.refused("unknown_party", "subscribe", party_id=party.id)
    await leave_and(party, ann, a, "peer_left")  # Bob is still on the books: not empty

    for reason, bent in (("host_closed", {}), ("host_left", {"host_leaves": 1}), ("empty", {})):
        closing = Party(ann)
        closing.create(charter=closing.charter(**bent))
        if reason != "empty":
            closing.join(cat)
        watcher = c if reason != "empty" else a
        await watcher.done("subscribe", party_id=closing.id)
        if reason == "host_closed":
            assert ann.call("DELETE", closing.path, {"request_id": fresh()})[0] == 200
        else:
            await leave_and(closing, ann, a, None)
        if reason != "empty":
            assert (await watcher.next("party_closed"))["reason"] == reason
        else:
            protocol.seen.add(("server", "party_closed", "empty"))  # nobody is left to hear it
        await a.refused("unknown_party", "heartbeat", party_id=closing.id, peer_id=ann.id, seq=1)
    for session in (a, b, c):
        await session.close()


async def leave_and(party, device, session, heard):
    body = party.leave_body(device)
    await session.send("leave_party", party_id=party.id, **body)
    if heard:
        await session.next(heard, peer_id=device.id)
    await session.next("ack", request_id=body["request_id"])


async def what_is_refused(server, protocol, observer):
    ann, bob = Device(server, observer), Device(server, observer)
    party = Party(ann).create()
    session = await Session(ann, protocol).open()
    for text in ("{", "[1]", '{"type":"x","type":"y"}'):
        await session.socket.send(text)
        assert (await session.next("error"))["code"] in ("malformed_json", "invalid_field")
    protocol.seen.add(("code", "any", "malformed_json"))
    await session.refused("unknown_type", "nonsense", "type", request_id="r1", party_id=party.id)
    about = {"party_id": party.id}
    await session.refused("peer_id_mismatch", "heartbeat", peer_id=bob.id, seq=1, **about)
    for to, code in ((bob.id, "unknown_peer"), (ann.id, "invalid_field")):
        await session.refused(code, "signal", to_peer_id=to, signal_data=b64(b"x"),
                              request_id=fresh(), **about)
    elsewhere = {"party_id": "a" * 26, "request_id": fresh()}
    for kind, fields in (("signal", {"to_peer_id": bob.id, "signal_data": b64(b"x")}),
                         ("relay_token", {"bind_key": b64(bytes(32))}),
                         ("update_peer", {"nat_type": "open"}),
                         ("leave_party", {"record": b64(b"x")})):
        await session.refused("unknown_party", kind, **fields, **elsewhere)
    await session.refused("party_exists", "register_party", **party.create_body())
    await session.refused("already_member", "join_party", **about, **party.join_body(ann))
    await session.refused("nothing_to_do", "update_peer", request_id=fresh(), **about)
    await field_limits(session, protocol)
    for n in range(3):
        another = Party(ann).create()
        if n < 2:
            await session.done("subscribe", party_id=another.id)
    await session.refused("limit_reached", "subscribe", party_id=another.id)

    old = ann.token
    ann.register()
    await session.send("auth", token=ann.token)
    await session.refused("unknown_token", "auth", token="A" * 43)
    old, ann.token = ann.token, old
    assert ann.call("DELETE", "/auth/token")[0] == 204
    await session.refused("expired_token", "auth", token=ann.token)
    ann.token = old
    assert ann.call("DELETE", "/auth/token")[0] == 204
    await session.ends(1008, "expired_token")


async def field_limits(session, protocol):
    """Each field of each message beyond its limit, and each one missing."""
    api, count = protocol.api, 0
    for kind, entry in protocol.client.items():
        schema = api.merged(entry["schema"])
        del schema["properties"]["type"]
        schema["required"] = [name for name in schema["required"] if name != "type"]
        if kind == "hello":
            schema["properties"]["version"] = {"type": "integer", "minimum": 0,
                                               "maximum": 1_000_000}
        body = limits.full(api, schema)
        for path, part in limits.fields(api, schema):
            for value in limits.beyond(api, part):
                # A token's value shows in no message, and neither does its kind of mistake.
                await session.refused("invalid_field", kind, limits.named(path),
                                      **limits.changed(body, path, value))
                count += 1
        for name in schema["required"]:
            await session.refused("missing_field", kind, name,
                                  **{key: body[key] for key in body if key != name})
    assert count > 150, count


async def who_is_closed(server, protocol, observer):
    ann, bob = Device(server, observer), Device(server, observer)

    async def silent():
        return await Session(ann, protocol).open(hello=False)
    session = await silent()
    await session.socket.send(json.dumps({"type": "auth", "token": ann.token}))
    await session.ends(1008, "invalid_field")
    session = await silent()
    await session.socket.send(json.dumps({"type": "hello", "version": 2, "client": "c"}))
    await session.ends(1008, "invalid_field", "hello")
    await (await silent()).ends(1008, "request_timeout")
    session = await Session(ann, protocol).open()
    await session.socket.send(json.dumps({"type": "auth", "token": bob.token}))
    await session.ends(1008, "peer_id_mismatch", "auth")
    oldest, second, third = [await Session(ann, protocol).open() for _ in range(3)]
    await oldest.ends(1008, "limit_reached")
    await second.socket.send(b"binary")
    await second.ends(1003)
    await third.socket.send("x" * 65_537)
    await third.ends(1009)
    session = await Session(ann, protocol).open()
    await session.socket.write_frame(True, 1, b"\xff")
    await session.ends(1007)
    session = await Session(ann, protocol).open()
    session.socket.transport.write(b"\xf1\x80\0\0\0\0")  # reserved bits
    await session.ends(1002)


async def too_much(program, protocol, observer):
    with Running(program, limits={"signals_a_peer": rate(0.001, 1), "signals_waiting_in_all": 1,
                                  "requests_a_peer": rate(0.001, 20)}) as server:
        ann, bob = Device(server, observer), Device(server, observer)
        party = Party(ann).create()
        party.join(bob)
        session = await Session(ann, protocol).open()
        signal = {"party_id": party.id, "to_peer_id": bob.id, "signal_data": b64(b"x")}
        await session.send("signal", **signal)
        other = await Session(bob, protocol).open()
        await other.refused("unavailable", "signal", **{**signal, "to_peer_id": ann.id})
        await session.refused("rate_limited", "signal", **signal)
        for _ in range(20):
            await session.socket.send(json.dumps({"type": "subscribe", "party_id": "a" * 26}))
        error = {}
        while error.get("code") != "rate_limited":
            error = await session.next("error")
        assert error["retry_after"]
        protocol.seen.add(("code", "any", "rate_limited"))
        server.process.terminate()
        await session.ends(1001)
        await other.ends(1001)


async def presence_is_gathered(server, protocol, observer):
    """A first change is told at once, what follows within half a second together."""
    ann, bob = Device(server, observer), Device(server, observer)
    party = Party(ann).create()
    party.join(bob)
    watcher = await Session(ann, protocol).open()
    await watcher.done("subscribe", party_id=party.id)
    told, ended, began = [], False, time.monotonic()
    for _ in range(10):
        session = await Session(bob, protocol).open()
        await session.done("subscribe", party_id=party.id)
        await session.close()
    took = time.monotonic() - began
    await watcher.send("subscribe", party_id=party.id, request_id="end")
    while not ended or told[-1:] != [False]:  # the last is told at the end of its half second
        message = await watcher.receive()
        ended = ended or message["type"] == "ack"
        if message["type"] == "presence":
            told.append(message["online"])
    assert len(told) <= 2 + took / 0.5, f"{len(told)} presences in {took} s"
    await watcher.close()


async def run(program, protocol, observer):
    settings = {"sessions_a_peer": 2, "parties_a_session": 2, "hello_time": '"1s"'}
    with Running(program, limits=settings) as server:
        await a_partys_life(server, protocol, observer)
        await what_is_refused(server, protocol, observer)
        await presence_is_gathered(server, protocol, observer)
        await who_is_closed(server, protocol, observer)
    await too_much(program, protocol, observer)


def main():
    api = OpenApi()
    protocol, observer = Protocol(api), Observer(api)
    asyncio.run(run(sys.argv[1], protocol, observer))
    for promise in protocol.promised():
        if promise not in protocol.seen and promise not in ALLOWED:
            protocol.complain(f"documented, but never seen: {promise}")
    complaints = list(dict.fromkeys(protocol.complaints + observer.complaints))
    print("\n".join(complaints))
    print(f"{len(protocol.seen)} kinds of messages and closings seen, "
          f"{len(complaints)} complaints")
    sys.exit(1 if complaints else 0)


if __name__ == "__main__":
    main()
