"""docs/protocol as data: what the server may answer, and whether it did."""

import copy
import json
import pathlib
import re

import jsonschema
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
METHODS = ("get", "post", "patch", "delete", "put")


def closed(schemas):
    """The same schemas, refusing properties that they don't name."""
    schemas = copy.deepcopy(schemas)
    for schema in schemas.values():
        if "properties" in schema:
            schema["additionalProperties"] = False
    return schemas


class OpenApi:
    def __init__(self):
        path = ROOT / "docs/protocol/openapi.yaml"
        self.plain = yaml.safe_load(path.read_text(encoding="utf-8"))
        self.strict = copy.deepcopy(self.plain)
        self.strict["components"]["schemas"] = closed(self.plain["components"]["schemas"])
        self.resolver = jsonschema.RefResolver.from_schema(self.strict)
        self.operations = {(method.upper(), path): item[method]
                           for path, item in self.plain["paths"].items()
                           for method in METHODS if method in item}
        self.patterns = [(re.compile("^" + re.sub(r"\{[^}]+\}", "[^/]+", path) + "$"), path)
                         for path in self.plain["paths"]]

    def resolve(self, part):
        while "$ref" in part:
            part = self.resolver.resolve(part["$ref"])[1]
        return part

    def merged(self, schema):
        """A schema that extends the one it refers to, in one piece."""
        base = self.resolve({"$ref": schema["$ref"]}) if "$ref" in schema else {}
        return {"type": "object",
                "required": schema["required"] + base.get("required", []),
                "properties": {**schema["properties"], **base.get("properties", {})}}

    def errors(self, instance, schema):
        checker = jsonschema.Draft202012Validator(schema, resolver=self.resolver)
        return [f"{error.json_path}: {error.message[:200]}" for error in
                checker.iter_errors(instance)]

    def route(self, target):
        path = target.split("?")[0]
        exact = [route for _, route in self.patterns if route == path]
        return (exact or [route for pattern, route in self.patterns if pattern.match(path)]
                or [None])[0]

    def responses(self, method, route):
        operation = self.operations[method, route]
        return {int(status): self.resolve(answer)
                for status, answer in operation["responses"].items()}

    def security(self, method, route):
        """What the route wants to be shown: token, enrolment or nothing."""
        asked = self.operations[method, route].get("security", self.plain["security"])
        return next(iter(asked[0])) if asked else None

    def body_schema(self, method, route):
        body = self.operations[method, route].get("requestBody")
        return body and body["content"]["application/json"]["schema"]

    def promised(self):
        """Every (method, route, status, code) of the document; no code below 400."""
        for method, route in self.operations:
            for status, answer in self.responses(method, route).items():
                if status < 400:
                    yield method, route, status, None
                    continue
                schema = answer["content"]["application/problem+json"]["schema"]
                for code in schema["properties"]["code"]["enum"]:
                    yield method, route, status, code


class Observer:
    """Holds every answer against the document and remembers what it has seen."""

    def __init__(self, api):
        self.api, self.seen, self.complaints = api, set(), []

    def complain(self, what):
        self.complaints.append(what)

    def saw(self, method, target, status, headers, body, sent=None):
        route = self.api.route(target)
        what = f"{method} {target[:80]} -> {status}"
        if (method, route) not in self.api.operations:
            return self.saw_elsewhere(what, route, status, headers, body)
        answer = self.api.responses(method, route).get(status)
        if answer is None:
            return self.complain(f"{what}: this status isn't documented: {body[:200]!r}")
        problem = self.check_body(what, answer, headers, body)
        for name, header in answer.get("headers", {}).items():
            self.check_header(what, name, header, headers)
        if headers.get("Cache-Control") != "no-store" and status != 101:
            self.complain(f"{what}: no Cache-Control: no-store")
        if problem and str(problem.get("retry_after", "")) != headers.get("Retry-After", ""):
            self.complain(f"{what}: Retry-After isn't the body's retry_after")
        self.seen.add((method, route, status, problem and problem["code"]))
        schema = self.api.body_schema(method, route)
        if status < 300 and sent is not None and schema:
            for error in self.api.errors(sent, schema):
                self.complain(f"{what}: taken, though the document forbids the request: {error}")

    def check_body(self, what, answer, headers, body):
        if "content" not in answer:
            if body or "Content-Type" in headers:
                self.complain(f"{what}: a body where none is documented")
            return None
        (kind, content), = answer["content"].items()
        if headers.get("Content-Type") != kind:
            self.complain(f"{what}: Content-Type {headers.get('Content-Type')}, not {kind}")
        value = json.loads(body)
        for error in self.api.errors(value, content["schema"]):
            self.complain(f"{what}: {error}")
        return value if kind == "application/problem+json" else None

    def check_header(self, what, name, header, headers):
        text = headers.get(name)
        if text is None:
            if header.get("required"):
                self.complain(f"{what}: no {name}")
            return
        value = int(text) if header["schema"]["type"] == "integer" else text
        for error in self.api.errors(value, header["schema"]):
            self.complain(f"{what}: {name}: {error}")

    def saw_elsewhere(self, what, route, status, headers, body):
        """Paths and methods that the document doesn't have: 404, or 405 with Allow."""
        problem = json.loads(body)
        for error in self.api.errors(problem, {"$ref": "#/components/schemas/Problem"}):
            self.complain(f"{what}: {error}")
        if problem["code"] in ("rate_limited", "malformed_request"):
            return
        known = sorted(method for method, path in self.api.operations if path == route
                       and not self.api.operations[method, path].get("x-websocket"))
        wanted = (405, "method_not_allowed") if known else (404, "not_found")
        if (status, problem["code"]) != wanted:
            self.complain(f"{what}: {problem['code']}, expected {wanted}")
        if known and sorted(headers.get("Allow", "").split(", ")) != known:
            self.complain(f"{what}: Allow: {headers.get('Allow')}, documented are {known}")

    def unseen(self, allowances):
        return sorted(promise for promise in self.api.promised()
                      if promise not in self.seen and promise not in allowances)
