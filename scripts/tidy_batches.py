"""Which units clang-tidy may read as one: those of one folder and the same flags, of whose anonymous
namespaces no two declare the same name."""

import re
from collections import defaultdict
from collections.abc import Hashable, Mapping
from pathlib import PurePath

LARGEST = 12  # of Asio's that's 0.7 GB
NAMESPACE = re.compile(r"^namespace \{$(.*?)^\}  // namespace$", re.MULTILINE | re.DOTALL)
# clang-format leaves what a namespace declares in the first column.
DECLARED = (re.compile(r"(?:struct|class|enum class|enum|union)\s+(\w+)"),
            re.compile(r"using (\w+) ="),
            re.compile(r"[A-Za-z_][^=({;]*?(?<![\w:])(\w+)\s*[=({;[]"))
NOTHING_OF_ITS_OWN = re.compile(r"using (?!\w+ =)|namespace |template\b")


def local_names(text: str) -> set[str]:
    """Names that anonymous namespaces declare. May miss one: then a batch doesn't compile, and its
    units are read one by one."""
    names = set()
    for body in NAMESPACE.findall(text):
        for line in body.splitlines():
            if NOTHING_OF_ITS_OWN.match(line):
                continue
            found = next(filter(None, (pattern.match(line) for pattern in DECLARED)), None)
            if found:
                names.add(found.group(1))
    return names


def batches(units: Mapping[str, tuple[str, Hashable]]) -> list[list[str]]:
    """`units`: file to its text and what must be the same throughout a batch. Largest first."""
    groups = defaultdict(list)
    for file, (text, same) in units.items():
        groups[PurePath(file).parent, same].append((file, local_names(text)))
    found = []
    for members in groups.values():
        open_batches = []
        for file, names in members:
            for batch, taken in open_batches:
                if len(batch) < LARGEST and not taken & names:
                    batch.append(file)
                    taken |= names
                    break
            else:
                open_batches.append(([file], set(names)))
        found += [batch for batch, _ in open_batches]
    return sorted(found, key=len, reverse=True)
