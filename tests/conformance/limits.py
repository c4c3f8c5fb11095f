"""Holds the limits that the document gives for fields of requests against the server: what is
within them passes the reading of the body, what is beyond is refused by name."""

import base64
import copy
import re

from player import Device, Party, b64, fresh, r


def unb64(text):
    return base64.b64decode(text, validate=True)


def base64_of(schema, size):
    return b64(b"\1" * size)


def within(api, schema):
    """The largest value that the schema takes."""
    schema = {**schema, **api.resolve(schema)} if "$ref" in schema else schema
    if "enum" in schema:
        return schema["enum"][-1]
    kind = schema["type"]
    if kind == "integer":
        return schema["maximum"]
    if kind == "array":
        return [within(api, schema["items"])]
    if kind == "object":
        return {key: within(api, schema["properties"][key]) for key in schema.get("required", [])}
    if "x-bytes" in schema:
        return base64_of(schema, schema["x-bytes"])
    if "maxLength" in schema:
        return "x" * schema["maxLength"]
    return {"^[a-z2-7]{26}$": "a" * 26}.get(schema["pattern"], "203.0.113.9:51820")


def beyond(api, schema):
    """Values that it doesn't take, each wrong in one way."""
    schema = {**schema, **api.resolve(schema)} if "$ref" in schema else schema
    yield None
    kind = schema["type"]
    yield "1" if kind == "integer" else 7
    if "enum" in schema:
        yield "teredo"
    elif kind == "integer":
        yield from (schema["minimum"] - 1, schema["maximum"] + 1, 1.5)
    elif kind == "array":
        yield [small(api, schema["items"])] * (schema["maxItems"] + 1)
    elif "x-bytes" in schema:
        yield base64_of(schema, schema["x-bytes"] + 1)
        yield "%%%%"
        yield ""
        if schema.get("minLength") == schema["maxLength"]:
            yield base64_of(schema, schema["x-bytes"] - 1)
    elif "maxLength" in schema:
        yield from ("x" * (schema["maxLength"] + 1), "", "a\nb")
    elif "pattern" in schema:
        yield "not that"


def small(api, schema):
    """So short that a list of them breaks no other limit."""
    schema = api.resolve(schema)
    if schema["type"] == "string":
        return "x"
    return {key: b64(b"\1") if key == "box" else within(api, part)
            for key, part in schema["properties"].items()}


def fields(api, schema):
    """Each field, nested ones too: its path and schema."""
    for name, part in api.resolve(schema).get("properties", {}).items():
        yield [name], part
        inner = api.resolve(part)
        if inner.get("type") == "object":
            yield from (([name, *path], deep) for path, deep in fields(api, inner))
        if inner.get("type") == "array":
            yield from (([name, 0, *path], deep) for path, deep in fields(api, inner["items"]))


def changed(body, path, value):
    body = copy.deepcopy(body)
    place = body
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    return body


def named(path):
    return re.sub(r"\.\[", "[", ".".join(f"[{x}]" if isinstance(x, int) else x for x in path))


def full(api, schema):
    """A body with every field, small enough to leave room for a large one."""
    body = within(api, schema)
    for name, part in api.resolve(schema).get("properties", {}).items():
        body.setdefault(name, within(api, part))
    for name, part in api.resolve(schema)["properties"].items():
        inner = api.resolve(part)
        if inner.get("x-bytes", 0) > 64:
            body[name] = b64(b"\1")
        if inner.get("type") == "object":
            body[name] = {key: within(api, deep) for key, deep in inner["properties"].items()}
    return body


def hold(server, observer):
    api = observer.api
    ann = Device(server, observer)
    party = Party(ann).create()
    names = {"party_id": party.id, "peer_id": ann.id, "invite_id": r.base32(party.invite.id),
             "id": "eu"}
    checked = 0
    for (method, route), operation in api.operations.items():
        schema = api.body_schema(method, route)
        if schema is None:
            continue
        target = re.sub(r"\{(\w+)\}", lambda m: names[m[1]], route)
        if route == "/auth/register":
            target += f"?peer_id={ann.id}"
        forms = [(target, schema)]
        if "anyOf" in api.resolve(schema):  # leaving, or taking another out
            own, other = api.resolve(schema)["anyOf"]
            forms = [(target, own), (target.replace(ann.id, "a" * 26), other)]
        for target, schema in forms:
            checked += hold_route(observer, ann, method, target, schema,
                                  ann.authority(method, route))
    assert checked > 200, checked


def hold_route(observer, ann, method, target, schema, authority):
    api, count = observer.api, 0
    body = full(api, schema)

    def answer(changed_body):
        if "request_id" in changed_body and isinstance(changed_body["request_id"], str) \
                and len(changed_body["request_id"]) not in (0, 64, 65) \
                and "\n" not in changed_body["request_id"]:
            changed_body["request_id"] = fresh()
        return ann.call(method, target, changed_body, **authority)[1] or {}
    for path, part in fields(api, schema):
        for value in beyond(api, part):
            problem = answer(changed(body, path, value))
            if (problem.get("code"), problem.get("field")) != ("invalid_field", named(path)):
                observer.complain(f"{method} {target}: {named(path)} = {str(value)[:60]!r} is "
                                  f"beyond the document, got {problem}")
            count += 1
        problem = answer(changed(body, path, within(api, part)))
        if problem.get("code") in ("invalid_field", "missing_field"):
            observer.complain(f"{method} {target}: {named(path)} at its limit is refused: "
                              f"{problem}")
    for name in api.resolve(schema).get("required", []):
        problem = answer({key: value for key, value in body.items() if key != name})
        if (problem.get("code"), problem.get("field")) != ("missing_field", name):
            observer.complain(f"{method} {target}: without {name}: {problem}")
    return count
