#!/usr/bin/env python3
"""Holds the code's own #includes against the floors and rules of CONTRIBUTING.md.

Usage: check_dependencies.py [--root DIR] [--graph]
Prints one line a violation, each with the reason for its rule, and exits 1 if there is any.
--graph prints the modules floor by floor with the arrows between them.
"""

import argparse
import re
import sys
from dataclasses import dataclass
from pathlib import Path

FLOORS = {
    "base": 1,
    "crypto": 2,
    "stun": 3, "wireguard": 3, "lan": 3, "games": 3, "party": 3,
    "protocol": 4, "relay": 4, "path": 4, "trust": 4,
    "io": 5, "portmap": 5, "store": 5, "xdp": 5,
    "server": 6, "cli": 6,
    "agent": 7,
    "apps": 8,
}
CORE = {"base", "crypto", "stun", "wireguard", "lan", "games", "party", "protocol", "relay", "path", "trust"}

# Arrows between modules of one floor, each with the reason why it may be.
SIDEWAYS: dict[tuple[str, str], str] = {
    ("portmap", "io"): "it holds and names its sockets by io's types, and asks its routes",
    ("xdp", "io"): "it asks the kernel by netlink where a packet would go",
}

# Downward arrows that only some files may draw: (from, to) -> those files, and why.
ONLY_IN: dict[tuple[str, str], tuple[frozenset, str]] = {
    ("agent", other): (frozenset({"src/agent/local_server.cc"}),
                       "an agent is a server's client, but for local mode, which starts one")
    for other in ("server", "store")
}

MAX_LINES = 500


@dataclass(frozen=True)
class Rule:
    pattern: re.Pattern
    reason: str
    only_in: frozenset = frozenset()  # modules that the rule doesn't bind
    core_only: bool = False

    def binds(self, module: str) -> bool:
        return module not in self.only_in and (not self.core_only or module in CORE)


def rule(pattern: str, reason: str, only_in: tuple = (), core_only: bool = False) -> Rule:
    return Rule(re.compile(pattern), reason, frozenset(only_in), core_only)


# Matched against what stands between the quotes or angle brackets of an #include.
INCLUDE_RULES = [
    rule(r"boost/beast|boost/beast\.hpp",
         "Beast takes 13 s and more a unit: it stays behind the plain interfaces of io/", ("io",)),
    rule(r"boost/asio", "core decides and does no I/O (docs/adr/0003)", core_only=True),
    rule(r"boost/(?!asio|beast|json)", "core needs no Boost but protocol's JSON", core_only=True),
    rule(r"boost/json", "JSON is the wire's form: of core modules only protocol knows it",
         ("protocol",), core_only=True),
    rule(r"(thread|mutex|shared_mutex|condition_variable|future|semaphore|latch|barrier"
         r"|stop_token|pthread\.h)$",
         "core has no threads: every object belongs to its caller's loop", core_only=True),
    rule(r"(iostream|ostream|istream|fstream|filesystem|print)$",
         "core neither prints nor reads files: results go back as values", core_only=True),
    rule(r"(spdlog|fmt)/", "core doesn't log: what is worth telling goes back as a value",
         core_only=True),
    rule(r"(unistd|fcntl|poll|signal|pthread|time)\.h$|ctime$|sys/|net/|netinet/|ifaddrs",
         "core has no file descriptors and no clock: shells do", core_only=True),
    rule(r"openssl/", "OpenSSL stays behind crypto/ and io/'s TLS", ("crypto", "io")),
    rule(r"toml\+\+/", "TOML is what people write: settings, and the table of games",
         ("server", "games")),
    rule(r"sqlite3\.h|libpq-fe\.h", "databases stay behind the Store interface", ("store",)),
    rule(r"gtest/|gmock/|benchmark/", "test libraries don't belong into what users run"),
]

# Matched against code with comments and string literals removed.
CODE_RULES = [
    rule(r"::now\s*\(", "core is told the time, so that tests run in virtual time", core_only=True),
    rule(r"\b(clock_gettime|gettimeofday|std::time)\s*\(",
         "core is told the time, so that tests run in virtual time", core_only=True),
    rule(r"\bstd::random_device\b|\bs?rand\s*\(",
         "randomness comes in as lanrage::Random, so that runs replay from a seed", core_only=True),
    rule(r"\bstd::(j?thread|async)\b", "core has no threads", core_only=True),
    rule(r"\.detach\s*\(", "every thread has an owner that ends it"),
]

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(["<])([^">]+)[">]', re.MULTILINE)
NOISE = re.compile(r"""//[^\n]*|/\*.*?\*/|R"\w*\(.*?\)\w*"|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])'""",
                   re.DOTALL)


def module_of(relative: str) -> str:
    parts = relative.split("/")
    return "apps" if parts[0] == "apps" else parts[1]


def sources(root: Path) -> list[str]:
    found = []
    for folder in ("src", "apps"):
        for path in sorted((root / folder).rglob("*")):
            if path.suffix in (".cc", ".hpp", ".c", ".h"):
                found.append(path.relative_to(root).as_posix())
    return found


class Tree:
    """The project's sources, their includes, and what is wrong with them."""

    def __init__(self, root: Path):
        self.root = root
        self.violations: list[str] = []
        self.edges: dict[str, list[str]] = {}  # file -> project files that it includes
        self.arrows: dict[str, set[str]] = {}  # module -> modules that it includes
        for relative in sources(root):
            self._read(relative)
        self._find_circles()

    def _report(self, where: str, what: str, reason: str):
        self.violations.append(f"{where}: {what}: {reason}")

    def _read(self, relative: str):
        text = (self.root / relative).read_text(encoding="utf-8")
        module = module_of(relative)
        self.edges[relative] = []
        if module not in FLOORS:
            self._report(relative, f"folder '{module}' has no floor",
                         "give it one in scripts/check_dependencies.py and CONTRIBUTING.md")
            return
        lines = text.count("\n")
        if lines > MAX_LINES:
            self._report(relative, f"{lines} lines", f"over {MAX_LINES} it does two things: split")
        for match in INCLUDE.finditer(text):
            line = text.count("\n", 0, match.start(2)) + 1
            self._check_include(relative, line, module, match[1] == '"', match[2])
        code = NOISE.sub(lambda m: re.sub(r"[^\n]", " ", m[0]), text)
        for bound in CODE_RULES:
            if not bound.binds(module):
                continue
            for match in bound.pattern.finditer(code):
                line = code.count("\n", 0, match.start()) + 1
                self._report(f"{relative}:{line}", match[0].strip(), bound.reason)

    def _check_include(self, relative: str, line: int, module: str, quoted: bool, target: str):
        where = f"{relative}:{line}"
        if not quoted:
            for bound in INCLUDE_RULES:
                if bound.binds(module) and bound.pattern.match(target):
                    self._report(where, f"<{target}>", bound.reason)
            return
        included = f"src/{target}"
        if ".." in target or not (self.root / included).is_file():
            self._report(where, f'"{target}"',
                         'our headers are included as "module/file.hpp", others in <>')
            return
        self.edges[relative].append(included)
        other = module_of(included)
        if other == module or other not in FLOORS:
            return
        self.arrows.setdefault(module, set()).add(other)
        files, reason = ONLY_IN.get((module, other), (frozenset({relative}), ""))
        if relative not in files:
            self._report(where, f'"{target}"', f"only {', '.join(sorted(files))} may: {reason}")
        if FLOORS[other] > FLOORS[module]:
            self._report(where, f'"{target}"',
                         f"arrow upwards: {module} is on floor {FLOORS[module]}, "
                         f"{other} on floor {FLOORS[other]}")
        elif FLOORS[other] == FLOORS[module] and (module, other) not in SIDEWAYS:
            self._report(where, f'"{target}"',
                         f"{module} and {other} share floor {FLOORS[module]} and know nothing of "
                         "each other; let the floor above join them")

    def _find_circles(self):
        done, trail = set(), []

        def visit(file: str):
            if file in trail:
                circle = trail[trail.index(file):] + [file]
                self._report(file, " -> ".join(circle), "a circle of includes has no bottom")
                return
            if file in done:
                return
            trail.append(file)
            for included in self.edges.get(file, []):
                visit(included)
            trail.pop()
            done.add(file)

        for file in self.edges:
            visit(file)

    def reached_from(self, file: str) -> set[str]:
        """The project files that `file` includes, directly or not."""
        reached, waiting = set(), [file]
        while waiting:
            for included in self.edges.get(waiting.pop(), []):
                if included not in reached:
                    reached.add(included)
                    waiting.append(included)
        return reached


def print_graph(tree: Tree):
    counts: dict[str, int] = {}
    for file in tree.edges:
        counts[module_of(file)] = counts.get(module_of(file), 0) + 1
    for floor in sorted(set(FLOORS.values()), reverse=True):
        for module in (m for m, f in FLOORS.items() if f == floor and m in counts):
            arrows = sorted(tree.arrows.get(module, ()), key=lambda m: (-FLOORS[m], m))
            print(f"{floor}  {module:<10} {counts[module]:>3} files  -> {' '.join(arrows) or '-'}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parent.parent)
    parser.add_argument("--graph", action="store_true")
    arguments = parser.parse_args()
    tree = Tree(arguments.root)
    if arguments.graph:
        print_graph(tree)
    for violation in tree.violations:
        print(violation, file=sys.stderr)
    print(f"{len(tree.edges)} files, {len(tree.violations)} violations")
    return 1 if tree.violations else 0


if __name__ == "__main__":
    sys.exit(main())
