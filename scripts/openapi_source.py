#!/usr/bin/env python3
"""Writes the OpenAPI document, a YAML file, as a C++ source that holds it as JSON."""

import json
import sys

import yaml


def main(source: str, target: str) -> None:
    with open(source, encoding="utf-8") as file:
        document = json.dumps(yaml.safe_load(file), separators=(",", ":"), ensure_ascii=True)
    assert ')json"' not in document
    with open(target, "w", encoding="utf-8") as file:
        file.write('#include "server/openapi.hpp"\n\nnamespace lanrage::server {\n\n')
        file.write("std::string_view openapi_json() {\n  return ")
        # Compilers need only take literals of 64 KiB.
        pieces = [document[i : i + 16_000] for i in range(0, len(document), 16_000)]
        file.write("\n         ".join(f'R"json({piece})json"' for piece in pieces))
        file.write(";\n}\n\n}  // namespace lanrage::server\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
