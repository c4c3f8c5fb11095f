#!/usr/bin/env python3
"""Runs clang-tidy over src/ and apps/, as many at once as there are processors.

Usage: tidy.py BUILD_DIR [--all] [FILE...]
Units that include Asio's TLS or Beast take half a minute each here, so they are left out unless
--all is given. A unit that passed isn't looked at again until it, a header of ours that it includes,
or .clang-tidy changes (stamps in BUILD_DIR/tidy).
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
SLOW = re.compile(r"#\s*include\s*<boost/(beast|asio/ssl)")


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

    stamps = arguments.build / "tidy"
    stamps.mkdir(parents=True, exist_ok=True)
    tree = Tree(ROOT)
    settings = text_of(".clang-tidy")

    def key(file: str) -> str:
        digest = hashlib.sha256(settings.encode())
        for part in sorted({file} | tree.reached_from(file)):
            digest.update(f"\0{part}\0{text_of(part)}".encode())
        return digest.hexdigest()

    def is_slow(file: str) -> bool:
        return any(SLOW.search(text_of(part)) for part in {file} | tree.reached_from(file))

    def run(file: str) -> bool:
        stamp = stamps / key(file)
        if stamp.exists():
            return True
        result = subprocess.run([TIDY, "--quiet", "-p", str(arguments.build), file], cwd=ROOT,
                                capture_output=True, text=True, check=False)
        if result.returncode != 0:
            print(result.stdout, end="", file=sys.stderr, flush=True)
            if "error:" not in result.stdout:
                print(result.stderr, end="", file=sys.stderr, flush=True)
            return False
        stamp.touch()
        return True

    chosen = arguments.files or units(arguments.build)
    left_out = [] if arguments.all or arguments.files else [f for f in chosen if is_slow(f)]
    chosen = [file for file in chosen if file not in left_out]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        passed = list(pool.map(run, chosen))
    failed = [file for file, good in zip(chosen, passed) if not good]
    print(f"clang-tidy: {len(chosen)} units, {len(failed)} with findings"
          + (f"; left out for their size: {' '.join(left_out)}" if left_out else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
