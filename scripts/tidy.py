#!/usr/bin/env python3
"""Runs clang-tidy over src/ and apps/, as many at once as there are processors.

Usage: tidy.py BUILD_DIR [--all] [FILE...]
The time goes into other people's headers: every check visits all of them. So units are read many at
once, as one that includes them (tidy_batches.py); where that has a finding, each is read again by
itself, and that counts. A unit that includes Asio or CLI11 gets only FEW_CHECKS, and one that includes
Beast or Asio's TLS none (half a minute each). --all, and naming files, gives every unit all checks and
the static analyzer, by itself. A unit that passed isn't looked at again until it, a header of ours that
it includes, .clang-tidy or this script changes (stamps in BUILD_DIR/tidy).
"""

import argparse
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from itertools import dropwhile
from pathlib import Path

from check_dependencies import Tree
from tidy_batches import batches

ROOT = Path(__file__).resolve().parent.parent
TIDY = "clang-tidy-19"
HUGE = re.compile(r"#\s*include\s*<boost/(beast|asio/ssl)")
LARGE = re.compile(r"#\s*include\s*<(boost/asio|CLI/)")
FEW_CHECKS = ("-*,readability-identifier-naming,bugprone-use-after-move,bugprone-dangling-handle,"
              "modernize-use-override,google-explicit-constructor,bugprone-unused-raii,"
              "readability-inconsistent-declaration-parameter-name")


def flags_of_units(build: Path) -> dict[str, tuple[str, ...]]:
    """Units of src/ and apps/, each with what the compiler is told but for input and output."""
    found = {}
    for command in json.loads((build / "compile_commands.json").read_text(encoding="utf-8")):
        file = os.path.relpath(command["file"], ROOT)
        words = list(dropwhile(lambda word: not word.startswith("-"), shlex.split(command["command"])))
        output = words.index("-o")
        if file.startswith(("src/", "apps/")):
            found[file] = tuple(word for word in words[:output] + words[output + 2:]
                                if word not in ("-c", command["file"]))
    return dict(sorted(found.items()))


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

    def stamp_of(file: str) -> Path:
        return stamps / key(file, checks(file))

    def run(file: str) -> bool:
        options = checks(file)
        result = subprocess.run([TIDY, "--quiet", "-p", str(arguments.build), *options, file],
                                cwd=ROOT, capture_output=True, text=True, check=False)
        if result.returncode != 0:
            print(result.stdout, end="", file=sys.stderr, flush=True)
            if "error:" not in result.stdout:
                print(result.stderr, end="", file=sys.stderr, flush=True)
            return False
        stamp_of(file).touch()
        return True

    def run_together(batch: list[str]) -> list[str]:
        """Those that have findings."""
        if len(batch) > 1:
            with tempfile.NamedTemporaryFile("w", suffix=".cc", dir=stamps) as together:
                together.writelines(f'#include "{ROOT / file}"  // NOLINT\n' for file in batch)
                together.flush()
                # The compiler's own warnings are for single units to have.
                result = subprocess.run([TIDY, "--quiet", *checks(batch[0]), together.name, "--",
                                         *flags[batch[0]], "-Wno-error"],
                                        cwd=ROOT, capture_output=True, check=False)
            if result.returncode == 0:
                for file in batch:
                    stamp_of(file).touch()
                return []
        return [file for file in batch if not run(file)]

    flags = flags_of_units(arguments.build)
    chosen = arguments.files or list(flags)
    left_out = [] if thorough else [file for file in chosen if includes(file, HUGE)]
    chosen = [file for file in chosen if file not in left_out]
    unknown = [file for file in chosen if not stamp_of(file).exists()]
    together = [[file] for file in unknown]
    if not thorough:
        together = batches({file: (text_of(file), (tuple(checks(file)), flags[file]))
                            for file in unknown})
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        failed = [file for found in pool.map(run_together, together) for file in found]
    print(f"clang-tidy: {len(chosen)} units, {len(failed)} with findings"
          + (f"; left out for their size: {' '.join(left_out)}" if left_out else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
