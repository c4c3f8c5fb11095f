"""Runs the commands of docs/guide/control-plane.md, one after the other, against a real server:
what they print must look as the guide says.

    guide_test.py LANRAGE_SERVER
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

from document import ROOT
from server import Running

BLOCK = re.compile(r"^```(sh|text)\n(.*?)^```$", re.M | re.S)
END = "@@ end of block @@"


def shape(text):
    """What is the same in every run. Who is told of whose presence is a matter of moments."""
    lines = [line for line in text.strip().splitlines() if "hears presence" not in line]
    text = "\n".join(lines)
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME", text)
    text = re.sub(r"[A-Za-z0-9+/_-]{26,}={0,2}", "BYTES", text)
    text = re.sub(r'"(version|uptime_s)":[^,}]+', r'"\1":ANY', text)
    return re.sub(r"-[0-9a-f]{8}-", "-HEX-", text)


def main():
    guide = (ROOT / "docs/guide/control-plane.md").read_text(encoding="utf-8")
    blocks, outputs = [], []
    for kind, text in BLOCK.findall(guide):
        if kind == "sh":
            blocks.append(text)
            outputs.append("")
        else:
            outputs[-1] = text
    script = "set -euo pipefail\n" + "".join(f"{text}echo '{END}'\n" for text in blocks)
    with Running(sys.argv[1]) as server, tempfile.TemporaryDirectory() as folder:
        for example in (ROOT / "docs/guide/examples").glob("*.py"):
            pathlib.Path(folder, example.name).symlink_to(example)
        environment = {**os.environ, "URL": server.url, "PIN": server.pin,
                       "PATH": "/usr/bin:" + os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(["bash", "-c", script], cwd=folder, env=environment, timeout=120,
                              stdout=subprocess.PIPE, text=True, check=False)
    printed = done.stdout.split(END)
    wrong = done.returncode != 0
    for block, expected, got in zip(blocks, outputs, printed):
        if shape(expected) != shape(got):
            wrong = True
            print(f"--- {block}--- should print what looks like\n{expected}--- but printed\n{got}")
    if wrong or len(printed) != len(blocks) + 1:
        sys.exit(f"the guide isn't right (status {done.returncode}):\n{done.stdout[-2000:]}")
    print(f"{len(blocks)} blocks do what the guide says")


if __name__ == "__main__":
    main()
