"""Refusals that need a server with settings of their own."""

import base64
import os

from player import Device, Ed25519PrivateKey, Party, b64, fresh, r
from refusals import WEAK, bent_statements, refused, relay_body
from server import ENROLMENT_KEY, Running


def of_full_registries(program, observer):
    with Running(program, limits={"relays": 0}) as server:
        stranger = Device(server, observer, registered=False)
        refused(stranger.call("POST", "/relays", relay_body(),
                              Authorization=f"Bearer {ENROLMENT_KEY}"), "limit_reached")



def of_creating(program, observer):
    with Running(program, create_policy='"listed"', creator=f'["{"a" * 26}"]') as server:
        ann = Device(server, observer)
        refused(ann.call("POST", "/parties", Party(ann).create_body()), "forbidden")
    with Running(program, create_policy='"word"', limits={"parties_a_host": 1}) as server:
        ann = Device(server, observer)
        word = {"word": server.facts["word"]}
        body = Party(ann).create_body()
        refused(ann.call("POST", "/parties", body), "wrong_word", "word")
        refused(ann.call("POST", "/parties", {**body, "word": "guess"}), "wrong_word", "word")
        founders_mistakes(ann, Device(server, observer), word)
        first = Party(ann).create(**word)
        refused(ann.call("POST", "/parties", Party(ann).create_body(**word)), "limit_reached")
        again = first.create_body(**word)
        refused(ann.call("POST", "/parties", again), "party_exists")
        used = {**again, "request_id": fresh()}
        assert ann.call("PATCH", first.peer(ann), {"request_id": used["request_id"],
                                                   "nat_type": "open"})[0] == 200
        refused(ann.call("POST", "/parties", used), "request_id_reused")


def founders_mistakes(ann, bob, word):
    def create(code, party=None, **bent):
        body = (party or Party(ann)).create_body(**bent, **word)
        refused(ann.call("POST", "/parties", body), code)
    stranger = Ed25519PrivateKey.generate()
    party = Party(ann)
    charter = party.charter()

    def roster(**bent):
        return party.roster(charter, [charter], **bent)
    create("invalid_request_id", request_id="has spaces")
    create("malformed_record", charter=b"x")
    create("bad_signature", party, charter=party.charter(signer=stranger))
    create("wrong_actor", party, charter=party.charter(host=bob.identity))
    party.vips[bob] = party.vip(1)
    create("wrong_actor", party, statement=party.statement(bob))
    create("wrong_signer", party, roster=roster(signer=stranger))
    create("invalid_charter", party, charter=party.charter(version=2))
    create("invalid_name", party, charter=party.charter(name=" name"))
    create("invalid_prefix", party, charter=party.charter(prefix="192.0.2.0/24"))
    create("invalid_roster", party, charter=charter, roster=roster(epoch=2))
    create("too_many_invites", Party(ann, invites=33), boxes=[])
    twice = party.terms() * 2
    create("invite_exists", party, charter=charter, roster=roster(terms=twice))
    create("invalid_invite", Party(ann, uses=0))
    row = party.rows()[0]
    create("weak_key", party, charter=charter,
           roster=roster(rows=[row[:32] + WEAK + row[64:]]), boxes=[])
    create("key_in_use", party, charter=charter,
           roster=roster(rows=[row[:64] + row[32:64] + row[96:]]), boxes=[])
    for code, statement in bent_statements(party, ann, party.vip(9)):
        if code == "stale_statement":  # nothing is older than a first statement but this
            body = r.statement(ann.keys, 0, "Ann", party.vip(1))
            statement = party.sign("statement", body, ann.keys.identity)
        create(code, party, statement=statement)
    create("invalid_hint", hints={"public_endpoint": "127.0.0.1:1"})
    create("missing_box", boxes=[{"recipient": b64(WEAK), "box": b64(b"x")}])


def of_full_parties(program, observer):
    party = {"peers": 2, "open_invites": 1}
    with Running(program, party=party, limits={"signals_waiting_in_all": 1}) as server:
        ann, bob, cat = (Device(server, observer) for _ in range(3))
        party = Party(ann).create()
        party.join(bob)
        refused(cat.call("POST", party.open_path(), party.open_body(cat)), "party_full")
        refused(cat.call("POST", party.path + "/join", party.join_body(cat)), "party_full")
        refused(ann.call("POST", party.path + "/invites",
                         party.invite_body(party.new_invite())), "too_many_invites")
        body = party.hand_back_body(party.admission(cat), party.statement(cat))
        refused(ann.call("POST", party.path + "/log", body), "party_full")
        invite = base64.b64decode(party.invite_body(party.new_invite())["record"])
        refused(ann.call("POST", party.path + "/log", party.hand_back_body(invite)),
                "too_many_invites")
        signal = {"to_peer_id": ann.id, "signal_data": b64(b"x")}
        assert bob.call("POST", party.path + "/signals", signal)[0] == 204
        signal["to_peer_id"] = bob.id
        refused(ann.call("POST", party.path + "/signals", signal), "unavailable")
    with Running(program, party={"log_bytes": 65_536}) as server:
        of_a_full_log(Device(server, observer), Device(server, observer))


def of_a_full_log(ann, cat):
    party = Party(ann).create()
    many = [bytes([6]) + os.urandom(8) + b"\1" * 8 + bytes([0, 80])] * 16
    many = [candidate[:1] + b"\x20\x01" + candidate[3:] for candidate in many]
    while True:
        body = party.update_body(ann, candidates=many)
        status, answer = ann.call("PATCH", party.peer(ann), body)
        if status != 200:
            break
        party.updated(ann, body)
    refused((status, answer), "log_full")
    # What is left is too little for any of these.
    assert 65_536 - sum(map(len, party.log)) < 600
    nobody = "a" * 26
    wide = {"terms": [r.terms(party.new_invite(), 1, party.not_after) for _ in range(8)],
            "boxes": []}
    long = {"deputies": [os.urandom(32) for _ in range(20)]}
    for method, path, body in [
            ("POST", "/join", party.join_body(cat, statement=party.statement(
                cat, vip=party.vip(2), candidates=many))),
            ("POST", "/rotate", party.rotate_body(**wide)),
            ("DELETE", f"/peers/{nobody}", party.rotate_body(**wide)),
            ("DELETE", f"/invites/{nobody}", party.rotate_body(**wide)),
            ("POST", "/log", party.hand_back_body(party.statement(ann, candidates=many))),
            ("POST", "/charter", party.charter_body(**long))]:
        device = cat if path == "/join" else ann
        refused(device.call(method, party.path + path, body), "log_full")
    while True:  # an invite is shorter than a statement with all its candidates
        body = party.update_body(ann)
        status, answer = ann.call("PATCH", party.peer(ann), body)
        if status != 200:
            break
        party.updated(ann, body)
    refused(ann.call("POST", party.path + "/invites", party.invite_body(party.new_invite())),
            "log_full")
