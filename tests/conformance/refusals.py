"""Provokes every refusal that docs/protocol/openapi.yaml lists."""

import http.client
import os
import re
import time

from player import DAY, Device, Ed25519PrivateKey, Party, b64, fresh, now_ms, r
from server import ENROLMENT_KEY

UPGRADE = ["Host: localhost", "Connection: Upgrade", "Upgrade: websocket",
           "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="]


def refused(answer, code, field=None):
    status, problem = answer
    assert problem and problem.get("code") == code, f"{status} {problem}, expected {code}"
    if field:
        assert problem.get("field") == field, f"{problem}, expected field {field}"


# ---- whatever the route ----


def of_requests(server, observer):
    ann, stranger = Device(server, observer), Device(server, observer, registered=False)
    party = Party(ann).create()
    names = {"party_id": party.id, "peer_id": ann.id, "invite_id": r.base32(party.invite.id),
             "id": "eu"}
    gone = Device(server, observer)
    assert gone.call("DELETE", "/auth/token")[0] == 204
    tokens = {"missing_token": None, "malformed_token": "Bearer x",
              "unknown_token": "Bearer " + "A" * 43, "expired_token": f"Bearer {gone.token}"}
    for (method, route), operation in observer.api.operations.items():
        target = re.sub(r"\{(\w+)\}", lambda m: names[m[1]], route)
        refused(stranger.call(method, target, b"[" * 65_537), "body_too_large")
        refused(stranger.call(method, target, b"a=b", Content_Type="text/plain"),
                "unsupported_media_type", "Content-Type")
        refused(stranger.call(method, target, X_Filler="x" * 17_000), "headers_too_large")
        refused(stranger.raw(method, target, []), "malformed_request", "Host")
        if route == "/ws":
            of_upgrades(stranger, ann, tokens)
            continue
        for other in {"PUT", "HEAD", "OPTIONS"}:
            if other != "HEAD":  # its answer has no body to judge
                refused(stranger.call(other, target), "method_not_allowed")
        for code, token in tokens.items():
            wanted = observer.api.security(method, route)
            if wanted == "token" or (wanted == "enrolment" and code != "expired_token"):
                refused(stranger.call(method, target, Authorization=token), code)
        if "requestBody" in operation:
            of_bodies(ann, method, target, **ann.authority(method, route))
        for name in re.findall(r"\{(\w+_id)\}", route):
            bad = target.replace(names[name], names[name][:-1] + "1", 1)
            refused(ann.call(method, bad, {}), "invalid_field", name)
    refused(ann.call("GET", "/nothing/here"), "not_found")
    refused(ann.call("GET", "/parties/%zz"), "malformed_request")
    for query in ("?log_from=x", "?log_from=-1", "?log_from="):
        refused(ann.call("GET", party.path + query), "invalid_field", "log_from")
    refused(ann.call("GET", party.path + "/signals?after=1x"), "invalid_field", "after")
    assert "Allow" in head_of(ann, party.path), "HEAD is told what it may do"


def head_of(device, target):
    device.http.request("HEAD", target)
    response = device.http.getresponse()
    response.read()
    assert response.status == 405
    return dict(response.getheaders())


def of_bodies(ann, method, target, **authority):
    query = "" if "register" not in target else f"?peer_id={ann.id}"
    for text in (b"{", b'{"a":1,"a":2}', b'{"a":"\xff"}', b"[" * 17 + b"]" * 17, b"{} {}"):
        refused(ann.call(method, target + query, text, **authority), "malformed_json")
    refused(ann.call(method, target + query, [], **authority), "invalid_field")
    if not target.endswith("/heartbeat"):  # whose fields may all be absent
        refused(ann.call(method, target + query, {}, **authority), "missing_field")
    if query:
        refused(ann.call(method, target, {}), "missing_field", "peer_id")
        refused(ann.call(method, target + "?peer_id=x", {}), "invalid_field", "peer_id")


def of_upgrades(stranger, ann, tokens):
    refused(ann.call("GET", "/ws"), "not_found")
    for code, token in tokens.items():
        given = [] if token is None else [f"Authorization: {token}"]
        refused(stranger.raw("GET", "/ws", UPGRADE + given), code)
    own = f"Authorization: Bearer {ann.token}"
    bad_key = [line.replace("AAAAAA==", "AA==") for line in UPGRADE]
    refused(ann.raw("GET", "/ws", [*bad_key, own]), "malformed_request")
    other_version = [line.replace(": 13", ": 12") for line in UPGRADE]
    refused(ann.raw("GET", "/ws", [*other_version, own]), "upgrade_required")
    assert ann.raw("GET", "/ws", [*UPGRADE, own])[0] == http.client.SWITCHING_PROTOCOLS


# ---- parties' rules ----


def of_parties(server, observer):
    bad_nonce = of_registering(server, observer)
    ann, bob, eve = (Device(server, observer, nick) for nick in ("Ann", "Bob", "Eve"))
    party = Party(ann).create()
    bob_joined = party.join(bob)
    of_strangers(party, ann, eve)
    of_request_ids(party, ann)
    of_updates(party, ann, bob)
    of_joins(server, observer, party, bob, eve)
    of_opening(server, observer, party, bob, eve)
    of_invites(party, ann, bob)
    of_rosters(party, ann, bob)
    of_charters(party, ann, bob)
    of_handing_back(party, ann, bob)
    of_the_rest(party, ann, bob)
    body = party.leave_body(bob)
    assert bob.call("DELETE", party.peer(bob), body)[0] == 200
    refused(bob.call("POST", party.path + "/join", bob_joined), "unknown_party")
    device, path, body = bad_nonce()
    refused(device.call("POST", path, body), "expired_nonce", "nonce")


def of_registering(server, observer):
    dan = Device(server, observer, registered=False)
    early = dan.registration(dan.challenge())
    asked = time.monotonic()
    path = f"/auth/register?peer_id={dan.id}"
    refused(dan.call("POST", f"/auth/register?peer_id={'a' * 26}", early), "peer_id_mismatch")
    refused(dan.call("POST", path, dan.registration(b"made up")), "malformed_nonce", "nonce")
    refused(dan.call("POST", path, dan.registration(bytes(56))), "malformed_nonce", "nonce")
    body = dan.registration(dan.challenge())
    refused(dan.call("POST", path, {**body, "signature": early["signature"]}), "bad_signature")
    assert dan.call("POST", path, body)[0] == 200
    refused(dan.call("POST", path, body), "used_nonce", "nonce")

    def later():
        time.sleep(max(0.0, asked + 5.5 - time.monotonic()))  # challenge_lifetime is 5 s here
        return dan, path, early
    return later


def of_strangers(party, ann, eve):
    """Who isn't a member sees no difference to a party that doesn't exist."""
    nowhere = Party(eve)
    for there in (party, nowhere):
        there.log = party.log or there.log
    leave = {"request_id": fresh(), "record": b64(b"x")}
    signal = {"to_peer_id": ann.id, "signal_data": b64(b"x")}
    invite = party.invite_body(party.new_invite())
    rotation, charter = party.rotate_body(), party.charter_body()
    asks = [("GET", "", None), ("GET", "/peers", None), ("GET", f"/peers/{ann.id}", None),
            ("GET", "/signals", None), ("POST", "/signals", signal),
            ("POST", "/relay-token", {"bind_key": b64(bytes(32))}),
            ("PATCH", f"/peers/{eve.id}", {"request_id": fresh(), "nat_type": "open"}),
            ("POST", f"/peers/{eve.id}/heartbeat", {}), ("DELETE", f"/peers/{eve.id}", leave),
            ("DELETE", f"/peers/{'a' * 26}", rotation), ("POST", "/rotate", rotation),
            ("POST", "/charter", charter), ("POST", "/invites", invite),
            ("POST", "/log", party.hand_back_body(head=bytes(32))),
            ("DELETE", f"/invites/{'a' * 26}", rotation), ("DELETE", "", {"request_id": "x"})]
    for method, path, body in asks:
        bodies = [body]
        if body and "request_id" in body:
            bodies.append({**body, "request_id": "has spaces"})
        for sent in bodies:
            here = eve.call(method, party.path + path, sent)
            assert here == eve.call(method, nowhere.path + path, sent), (method, path)
        refused(eve.call(method, party.path + path, body), "unknown_party")
    # Joining is for strangers; but without an invite they learn nothing.
    guess = party.new_invite()
    admission = party.admission(eve, guess)
    body = party.join_body(eve, admission=admission)
    for sent in (body, {**body, "admission": b64(b"x")}, {**body, "request_id": "has spaces"},
                 {**body, "statement": b64(b"x")}):
        here = eve.call("POST", party.path + "/join", sent)
        assert here == eve.call("POST", nowhere.path + "/join", sent), here
    refused(eve.call("POST", party.path + "/join", body), "unknown_invite")
    body = party.open_body(eve, invite=guess)
    refused(eve.call("POST", party.open_path(guess), body), "unknown_invite")
    refused(eve.call("POST", f"{nowhere.path}/invites/{'a' * 26}/open", body), "unknown_invite")


def of_request_ids(party, ann):
    """Of every command: one that stood on another request, and one that is none."""
    used = fresh()
    hints = {"request_id": used, "nat_type": "open"}
    assert ann.call("PATCH", party.peer(ann), hints)[0] == 200
    commands = [("POST", "/parties", party.create_body()),
                ("POST", party.path + "/join", party.join_body(ann)),
                ("PATCH", party.peer(ann), {"nat_type": "symmetric"}),
                ("DELETE", party.peer(ann), party.leave_body(ann)),
                ("POST", party.path + "/rotate", party.rotate_body()),
                ("POST", party.path + "/charter", party.charter_body()),
                ("POST", party.path + "/invites", party.invite_body(party.new_invite())),
                ("POST", party.path + "/log", party.hand_back_body(party.statement(ann))),
                ("DELETE", f"{party.path}/invites/{'a' * 26}", party.rotate_body()),
                ("DELETE", party.path, {})]
    for method, path, body in commands:
        refused(ann.call(method, path, {**body, "request_id": used}), "request_id_reused",
                "request_id")
        refused(ann.call(method, path, {**body, "request_id": "has spaces"}),
                "invalid_request_id", "request_id")
        part = next((name for name in ("charter", "roster", "admission", "record")
                     if name in body), None)
        if part:
            broken = {**body, "request_id": fresh(), part: b64(b"\1\1 not a record")}
            refused(ann.call(method, path, broken), "malformed_record")


WEAK = bytes(32)
LOOPBACK = bytes([4, 127, 0, 0, 1, 0, 80])


def bent_statements(party, device, wrong_vip):
    """What may be wrong with a statement, wherever it stands."""
    yield "stale_statement", party.statement(device, version=party.versions.get(device, 0) or
                                             2**63, vip=None)
    yield "invalid_nick", party.statement(device, nick=" nick")
    yield "invalid_vip", party.statement(device, vip="192.0.2.1")
    yield "vip_bound", party.statement(device, vip=wrong_vip)
    yield "invalid_candidate", party.statement(device, candidates=[LOOPBACK])
    yield "bad_signature", party.statement(device, signer=Ed25519PrivateKey.generate())


def of_updates(party, ann, bob):
    def patch(code, statement=None, device=bob, path=None, **more):
        body = {"request_id": fresh(), **more}
        if statement:
            body["statement"] = b64(statement)
        refused(device.call("PATCH", path or party.peer(device), body), code)
    patch("peer_id_mismatch", path=party.peer(ann))
    patch("nothing_to_do")
    patch("invalid_hint", public_endpoint="127.0.0.1:80")
    patch("malformed_record", b"x")
    patch("wrong_actor", party.statement(ann))
    for code, statement in bent_statements(party, bob, party.free_vip()):
        patch(code, statement)
    refused(bob.call("POST", party.peer(ann) + "/heartbeat", {}), "peer_id_mismatch")


def of_joins(server, observer, party, bob, eve):
    path = party.path + "/join"

    def join(code, device=eve, field=None, **bent):
        refused(device.call("POST", path, party.join_body(device, **bent)), code, field)
    forged = (Ed25519PrivateKey.generate(), eve.keys.identity)
    join("bad_signature", admission=party.admission(eve, signers=forged))
    join("stale_epoch", admission=party.admission(eve, roster=b"another"))
    join("stale_head", admission=party.admission(eve, seen=bytes(32)))
    join("already_member", bob)
    join("wrong_actor", admission=party.admission(bob), field="admission.identity")
    join("wrong_actor", statement=party.statement(bob), field="statement.identity")
    join("vip_taken", statement=party.statement(eve, vip=party.vips[bob]))
    join("invalid_hint", hints={"public_endpoint": "0.0.0.0:1"})
    stolen = r.DeviceKeys()
    stolen.identity, stolen.wireguard = eve.keys.identity, bob.keys.wireguard
    join("key_in_use", admission=party.admission(eve, keys=stolen))
    record = bytearray(party.admission(eve))
    record[6 + 32 + 4 + 64: 6 + 32 + 4 + 96] = WEAK  # the WireGuard key
    body = bytes(record[6: 6 + 196])
    join("weak_key", admission=party.sign("admission", body, party.invite.signing,
                                          eve.keys.identity))
    # Who was here before has a version and an address.
    party.join(eve)
    body = party.leave_body(eve)
    assert eve.call("DELETE", party.peer(eve), body)[0] == 200
    party.left(eve, body)
    for code, statement in bent_statements(party, eve, "10.66.0.200"):
        join(code, statement=statement)
    # Barred by the operator.
    fay = Device(server, observer, "Fay")
    party.join(fay)
    server.admin("kick", party.id, fay.id)
    join("barred", fay)
    refused(fay.call("POST", party.open_path(), party.open_body(fay)), "barred")
    leave = party.sign("leave", r.leave(fay.keys, party.head), fay.keys.identity)
    again = party.admission(fay, seen=r.head(party.id_bytes, [*party.log, leave]))
    body = party.hand_back_body(leave, again, party.statement(fay))
    refused(bob.call("POST", party.path + "/log", body), "barred")
    # Invites that are over.
    ended = Party(bob, not_after=now_ms() - DAY).create()
    refused(eve.call("POST", ended.open_path(), ended.open_body(eve)), "invite_expired")
    refused(eve.call("POST", ended.path + "/join", ended.join_body(eve)), "invite_expired")
    single = Party(bob, uses=1).create()
    single.join(fay)
    refused(eve.call("POST", single.open_path(), single.open_body(eve)), "invite_used_up")
    refused(eve.call("POST", single.path + "/join", single.join_body(eve)), "invite_used_up")
    revoked = Party(bob).create()
    body = revoked.rotate_body(drop=[revoked.invite])
    assert bob.call("POST", revoked.path + "/rotate", body)[0] == 200
    refused(eve.call("POST", revoked.open_path(), revoked.open_body(eve)), "invite_revoked")


def of_opening(server, observer, party, bob, eve):
    path = party.open_path()
    refused(eve.call("POST", path, party.open_body(eve, nonce=b"short")), "malformed_nonce")
    old = bytes(16) + r.u64(now_ms() - 11 * 60 * 1000)
    refused(eve.call("POST", path, party.open_body(eve, nonce=old)), "expired_nonce")
    stolen = party.open_body(eve, signer=party.new_invite())
    refused(eve.call("POST", path, stolen), "bad_signature")
    small = Party(bob, prefix="10.66.0.0/29").create()
    for _ in range(5):
        small.join(Device(server, observer))
    refused(eve.call("POST", small.open_path(), small.open_body(eve)), "no_vip_free")


def of_invites(party, ann, bob):
    def add(code, keys=None, **bent):
        keys = keys or party.new_invite()
        body = party.invite_body(keys, **{key: value for key, value in bent.items()})
        refused(ann.call("POST", party.path + "/invites", body), code)
    outsider = Ed25519PrivateKey.generate()
    add("wrong_signer", signer=bob.keys.identity)
    add("stale_epoch", roster=b"another")
    add("invite_exists", party.invite)
    add("invalid_invite", uses=0)
    add("invalid_invite", used=1)
    add("invalid_invite", not_after=now_ms() - 1000)
    add("weak_key", box_key=WEAK)
    add("key_in_use", box_key=r.public(bob.keys.box))
    add("missing_box", box=b"x" * 147)
    body = r.invite(party.root, party.last("roster"), r.terms(party.new_invite(), 1, now_ms()))
    forged = r.record("invite", party.id_bytes, body, outsider)
    refused(ann.call("POST", party.path + "/invites",
                     {"request_id": fresh(), "record": b64(forged), "box": b64(b"x")}),
            "bad_signature")


def of_handing_back(party, ann, bob):
    def back(code, *records, **bent):
        refused(ann.call("POST", party.path + "/log", party.hand_back_body(*records, **bent)), code)
    record = party.statement(bob)
    back("stale_head", record, after=len(party.log) + 1)
    back("split_history", record, head=bytes(32))
    back("split_history", record, after=len(party.log) - 1, 
         head=r.head(party.id_bytes, party.log[:-1]))
    back("record_refused", b"x")
    back("record_refused", party.statement(bob, signer=Ed25519PrivateKey.generate()))
    box = {"recipient": b64(r.public(bob.keys.box)), "box": b64(b"x" * 147)}
    back("missing_box", record, boxes=[box])


def of_rosters(party, ann, bob):
    """A plain rotation, a kick and a revoked invite are judged alike."""
    nobody, no_invite = r.base32(os.urandom(16)), r.base32(os.urandom(16))
    routes = [("POST", party.path + "/rotate"), ("DELETE", f"{party.path}/peers/{nobody}"),
              ("DELETE", f"{party.path}/invites/{no_invite}")]

    def new_terms(uses=1, box_key=None, keys=None):
        given = r.terms(keys or party.new_invite(), uses, party.not_after)
        return [given if box_key is None else given[:32] + box_key + given[64:]]
    two = r.terms(party.new_invite(), 1, party.not_after)
    bends = [("bad_signature", {"claimed": party.root, "signer": Ed25519PrivateKey.generate()}),
             ("wrong_signer", {"signer": bob.keys.identity}),
             ("stale_epoch", {"previous": b"another"}),
             ("invalid_roster", {"epoch": 7}), ("invalid_roster", {"rows": []}),
             ("invite_exists", {"terms": [two, two]}),
             ("invalid_invite", {"terms": new_terms(uses=0)}),
             ("weak_key", {"terms": new_terms(box_key=WEAK)}),
             ("key_in_use", {"terms": new_terms(box_key=r.public(bob.keys.box))}),
             ("missing_box", {"boxes": []}),
             ("too_many_invites", {"terms": [new_terms()[0] for _ in range(33)], "boxes": []})]
    for method, path in routes:
        for code, bent in bends:
            refused(ann.call(method, path, party.rotate_body(**bent)), code)
    refused(ann.call("DELETE", party.peer(bob), party.rotate_body()), "invalid_field", "roster")
    kept = f"{party.path}/invites/{r.base32(party.invite.id)}"
    refused(ann.call("DELETE", kept, party.rotate_body()), "invalid_field", "roster")
    refused(bob.call("DELETE", party.peer(bob), party.leave_body(bob, seen=bytes(32))),
            "stale_head")
    refused(bob.call("DELETE", party.peer(bob), party.leave_body(ann)), "wrong_actor")
    forged = party.leave_body(bob, signer=Ed25519PrivateKey.generate())
    refused(bob.call("DELETE", party.peer(bob), forged), "bad_signature")


def of_charters(party, ann, bob):
    def change(code, **bent):
        refused(ann.call("POST", party.path + "/charter", party.charter_body(**bent)), code)
    change("bad_signature", signer=bob.keys.identity)
    change("invalid_charter", name="Another name")
    change("invalid_charter", deputies=[os.urandom(32)])
    other = Party(ann).create()
    body = {"request_id": fresh(), "charter": other.charter_body()["charter"]}
    refused(ann.call("POST", party.path + "/charter", body), "wrong_party")


def of_the_rest(party, ann, bob):
    refused(bob.call("DELETE", party.path, {"request_id": fresh()}), "not_host")
    refused(bob.call("GET", f"{party.path}/peers/{'a' * 26}"), "unknown_peer", "peer_id")
    signal = {"to_peer_id": "a" * 26, "signal_data": b64(b"x")}
    refused(bob.call("POST", party.path + "/signals", signal), "unknown_peer", "to_peer_id")
    signal["to_peer_id"] = bob.id
    refused(bob.call("POST", party.path + "/signals", signal), "invalid_field", "to_peer_id")


def of_relays(server, observer):
    ann = Device(server, observer)
    own = ann.call("GET", "/relays")[1]["relays"][0]["id"]
    key = {"Authorization": f"Bearer {ENROLMENT_KEY}"}
    refused(ann.call("POST", "/relays", relay_body(relay_id=own), **key), "forbidden", "relay_id")
    refused(ann.call("DELETE", f"/relays/{own}", **key), "forbidden")
    refused(ann.call("DELETE", f"/relays/{'a' * 26}", **key), "not_found", "relay_id")
    for bent in ({"region": "Europe"}, {"endpoints": []}, {"endpoints": ["239.0.0.1:1"]}):
        refused(ann.call("POST", "/relays", relay_body(**bent), **key), "invalid_field")


def relay_body(**bent):
    return {"relay_id": r.base32(os.urandom(16)), "region": "eu",
            "endpoints": ["0.0.0.0:51820"], **bent}
