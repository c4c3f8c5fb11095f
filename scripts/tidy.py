#!/usr/bin/env python3
"""Runs clang-tidy over src/ and apps/, as many at once as there are processors.

Usage: tidy.py BUILD_DIR [--all] [FILE...]
The time goes into other people's headers: every check visits all of them. So a unit that includes
Asio or CLI11 gets only FEW_CHECKS, and one that includes Beast or Asio's TLS none (half a minute
each). --all, and naming files, gives every unit all checks and the static analyzer. A unit that
passed isn't looked at again until it, a header of ours that it includes, .clang-tidy or this script
changes (stamps in BUILD_DIR/tidy).
"""

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from check_dependencies import Tree

ROOT = Path(__file__).resolve().parent.parent
TIDY = "clang-tidy-19"
HUGE = re.compile(r"#\s*include\s*<boost/(beast|asio/ssl)")
LARGE = re.compile(r"#\s*include\s*<(boost/asio|CLI/)")
FEW_CHECKS = ("-*,readability-identifier-naming,bugprone-use-after-move,bugprone-dangling-handle,"
              "modernize-use-override,google-explicit-constructor,bugprone-unused-raii,"
              "readability-inconsistent-declaration-parameter-name")


def units(build: Path) -> list[str]:
    commands = json.loads((build / "compile_commands.json").read_text(encoding="utf-8"))
    files = {os.path.relpath(command["file"], ROOT) for command in commands}
    return sorted(file for file in files if file.startswith(("src/", "apps/")))


def text_of(file: str) -> str:
    return (ROOT / file).read_text(encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("build", type=Path)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("files", nargs="*")
    arguments = parser.parse_args()

    thorough = arguments.all or bool(arguments.files)
    stamps = arguments.build / "tidy"
    stamps.mkdir(parents=True, exist_ok=True)
    tree = Tree(ROOT)
    settings = text_of(".clang-tidy") + Path(__file__).read_text(encoding="utf-8")

    def parts(file: str) -> list[str]:
        return sorted({file} | tree.reached_from(file))

    def includes(file: str, pattern: re.Pattern) -> bool:
        return any(pattern.search(text_of(part)) for part in parts(file))

    def checks(file: str) -> list[str]:
        if thorough:
            return ["--checks=clang-analyzer-*"]  # adds to those of .clang-tidy
        return [f"--checks={FEW_CHECKS}"] if includes(file, LARGE) else []

    def key(file: str, options: list[str]) -> str:
        digest = hashlib.sha256("\0".join([settings, *options]).encode())
        for part in parts(file):
            digest.update(f"\0{part}\0{text_of(part)}".encode())
        return digest.hexdigest()

    def run(file: str) -> bool:
        options = checks(file)
        stamp = stamps / key(file, options)
        if stamp.exists():
            return True
        result = subprocess.run([TIDY, "--quiet", "-p", str(arguments.build), *options, file],
                                cwd=ROOT, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            print(result.stdout, end="", file=sys.stderr, flush=True)
            if "error:" not in result.stdout:
                print(result.stderr, end="", file=sys.stderr, flush=True)
            return False
        stamp.touch()
        return True

    chosen = arguments.files or units(arguments.build)
    left_out = [] if thorough else [file for file in chosen if includes(file, HUGE)]
    chosen = [file for file in chosen if file not in left_out]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        passed = list(pool.map(run, chosen))
    failed = [file for file, good in zip(chosen, passed) if not good]
    print(f"clang-tidy: {len(chosen)} units, {len(failed)} with findings"
          + (f"; left out for their size: {' '.join(left_out)}" if left_out else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
