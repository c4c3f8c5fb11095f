"""Drives a running server through every route of docs/protocol/openapi.yaml: each documented
answer must come, and nothing else may.

    rest_test.py LANRAGE_SERVER
"""

import re
import sys
import time

import limits
import refusals
import refusals_by_settings
from document import ROOT, Observer, OpenApi
from player import Device, Party, b64, fresh, r
from server import ENROLMENT_KEY, Running, rate

# What is documented and yet not provoked here, with the reason.
ALLOWED = {}


def routes_of_the_server():
    """The table in routes.cc: a route that nobody documented would show nowhere else."""
    text = (ROOT / "src/server/routes.cc").read_text(encoding="utf-8")
    rows = re.findall(r'\{(get|post|patch|del|put|head), "(/[^"]*)"', text)
    return {("DELETE" if method == "del" else method.upper(), anonymous(path))
            for method, path in rows}


def anonymous(path):
    """Whatever its parameters are called: OpenAPI has one name for one place."""
    return re.sub(r"\{[^}]+\}", "{}", path)


def bind_key():
    return b64(r.public(r.DeviceKeys().identity))


def everything_works(server, observer):
    """The answers of 2xx, in the order of a party's life, over a store that first refuses."""
    ann, bob, cat = (Device(server, observer, nick) for nick in ("Ann", "Bob", "Cat"))
    for path in ("/", "/health/live", "/health/ready", "/info", "/openapi.json"):
        assert ann.call("GET", path)[0] == 200
    assert ann.call("GET", "/openapi.json")[1] == observer.api.plain
    assert ann.call("GET", "/relays")[1]["relays"], "the server's own relay is listed"

    def stored(device, method, path, body, **headers):
        """While nothing can be stored, then with the same request_id when it can."""
        server.break_store()
        try:
            status, answer = device.call(method, path, body, **headers)
            assert (status, answer["code"]) == (503, "unavailable"), answer
        finally:
            server.mend_store()
        status, answer = device.call(method, path, body, **headers)
        assert status in (200, 204), answer
        return answer

    def wait_until_ready_is(status):
        """It looks at the store about once a second."""
        for _ in range(300):
            if ann.call("GET", "/health/ready")[0] == status:
                return
            time.sleep(0.1)
        raise AssertionError(f"readiness never became {status}")

    dan = Device(server, observer, "Dan", registered=False)
    body = dan.registration(dan.challenge())
    server.break_store()
    try:
        assert dan.call("POST", f"/auth/register?peer_id={dan.id}", body)[0] == 503
        wait_until_ready_is(503)
    finally:
        server.mend_store()
    assert ann.call("POST", "/auth/challenge", {"identity": b64(ann.identity)})[0] == 200
    body = dan.registration(dan.challenge())
    dan.token = stored(dan, "POST", f"/auth/register?peer_id={dan.id}", body)["token"]
    stored(dan, "DELETE", "/auth/token", None)

    key = {"Authorization": f"Bearer {ENROLMENT_KEY}"}
    body = refusals.relay_body(stun=["203.0.113.7:3478"], capacity=100, load=7)
    enrolled = stored(ann, "POST", "/relays", body, **key)
    assert enrolled["endpoints"] == ["127.0.0.1:51820"], "where the request came from"
    shown = ann.call("GET", "/relays/eu")[1]["relays"]
    assert [relay["id"] for relay in shown] == [body["relay_id"]]
    stored(ann, "DELETE", f"/relays/{body['relay_id']}", None, **key)

    party = Party(ann)
    hints = {"nat_type": "symmetric", "public_endpoint": "203.0.113.9:51820"}
    body = party.create_body(bind_key=bind_key(), hints=hints)
    created = stored(ann, "POST", "/parties", body)
    assert created["party_id"] == party.id and created["relay"] and created["public_url"]
    party.founded(body)

    assert bob.call("POST", party.open_path(), party.open_body(bob))[0] == 200
    body = party.join_body(bob, bind_key=bind_key(), hints=hints, known_records=2)
    joined = stored(bob, "POST", party.path + "/join", body)
    assert joined["party"]["log_from"] == 2 and joined["relay"]
    party.joined(bob, body)

    for path in ("", "?log_from=1", "/peers", "/signals", "/signals?after=1"):
        assert bob.call("GET", party.path + path)[0] == 200
    assert bob.call("GET", party.peer(ann))[1]["nick"] == "Ann"
    assert bob.call("POST", party.peer(bob) + "/heartbeat")[0] == 204
    heartbeat = {"seq": joined["seq"], "digest": joined["party"]["digest"]}
    assert bob.call("POST", party.peer(bob) + "/heartbeat", heartbeat)[0] == 204
    assert bob.call("POST", party.path + "/relay-token", {"bind_key": bind_key()})[0] == 200
    signal = {"to_peer_id": ann.id, "signal_data": b64(b"sealed")}
    assert bob.call("POST", party.path + "/signals", signal)[0] == 204
    assert ann.call("GET", party.path + "/signals")[1]["signals"]

    body = {**party.update_body(bob, nick="Bobby"), "nat_type": "open",
            "public_endpoint": "[2001:db8::9]:4242"}
    first = stored(bob, "PATCH", party.peer(bob), body)
    assert bob.call("PATCH", party.peer(bob), body)[1] == first, "repeating changes nothing"
    party.updated(bob, body)

    # As if the server had forgotten it: what another member told is news to it.
    record = party.statement(bob, nick="Bo")
    body = party.hand_back_body(record)
    stored(ann, "POST", party.path + "/log", body)
    party.updated(bob, {"statement": b64(record)})
    assert bob.call("GET", party.peer(bob))[1]["nick"] == "Bo"

    later = party.new_invite()
    body = party.invite_body(later)
    assert stored(ann, "POST", party.path + "/invites", body)["invite_id"] == r.base32(later.id)
    party.add(body["record"])
    party.invites[later] = [1, 0]
    body = party.rotate_body(drop=[later])
    stored(ann, "DELETE", f"{party.path}/invites/{r.base32(later.id)}", body)
    party.rotated(body, drop=[later])
    body = party.rotate_body()
    stored(ann, "POST", party.path + "/rotate", body)
    party.rotated(body)
    assert bob.call("GET", party.path)[1]["box"], "there is a box with the new key for each"

    body = party.leave_body(bob)
    stored(bob, "DELETE", party.peer(bob), body)
    party.left(bob, body)
    party.join(cat)
    fresh_invite = party.new_invite()  # Cat's goes with Cat
    body = party.rotate_body(without=[cat], drop=[party.invite])
    stored(ann, "DELETE", party.peer(cat), body)
    party.rotated(body, without=[cat], drop=[party.invite])
    party.invites = {fresh_invite: [16, 0]}
    body = party.invite_body(fresh_invite, uses=16)
    assert ann.call("POST", party.path + "/invites", body)[0] == 200
    party.add(body["record"])
    party.join(bob)
    body = party.charter_body(deputies=[bob.identity])
    stored(ann, "POST", party.path + "/charter", body)
    party.add(body["charter"])
    stored(ann, "DELETE", party.path, {"request_id": fresh()})


def too_often(program, observer):
    """One request of an address is all that this server takes."""
    once = rate(0.001, 1)
    with Running(program, limits={"requests_an_address": once}) as server:
        stranger = Device(server, observer, registered=False)
        assert stranger.call("GET", "/health/live")[0] == 200
        for method, route in observer.api.operations:
            target = re.sub(r"\{[^}]+\}", stranger.id, route)
            if route == "/ws":
                stranger.raw(method, target, refusals.UPGRADE)
            else:
                stranger.call(method, target)
    # The other limits that a caller may hit, at their own routes.
    tight = {name: once for name in ("requests_a_peer", "creations_a_peer")}
    with Running(program, limits=tight) as server:
        ann = Device(server, observer)
        assert ann.call("POST", "/parties", {})[0] == 400
        assert ann.call("GET", "/relays")[1]["code"] == "rate_limited"


def too_many_newcomers(program, observer):
    with Running(program, limits={"admissions": rate(0.001, 2)}) as server:
        ann = Device(server, observer)
        status, answer = ann.call("POST", "/auth/challenge", {"identity": b64(ann.identity)})
        assert (status, answer["code"]) == (503, "unavailable"), answer
        ann.raw("GET", "/ws", [*refusals.UPGRADE, f"Authorization: Bearer {ann.token}"])


def main():
    program = sys.argv[1]
    api = OpenApi()
    observer = Observer(api)
    documented = {(method, anonymous(path)) for method, path in api.operations if path != "/ws"}
    for operation in sorted(routes_of_the_server() ^ documented):
        observer.complain(f"{operation}: only in one of routes.cc and openapi.yaml")
    with Running(program, limits={"challenge_lifetime": '"5s"'}) as server:
        everything_works(server, observer)
        refusals.of_requests(server, observer)
        refusals.of_relays(server, observer)
        refusals.of_parties(server, observer)
        limits.hold(server, observer)
    refusals_by_settings.of_creating(program, observer)
    refusals_by_settings.of_full_parties(program, observer)
    refusals_by_settings.of_full_registries(program, observer)
    too_often(program, observer)
    too_many_newcomers(program, observer)
    for promise in observer.unseen(ALLOWED):
        observer.complain(f"documented, but never seen: {promise}")
    for complaint in dict.fromkeys(observer.complaints):
        print(complaint)
    print(f"{len(observer.seen)} kinds of answers seen, {len(observer.complaints)} complaints")
    sys.exit(1 if observer.complaints else 0)


if __name__ == "__main__":
    main()
