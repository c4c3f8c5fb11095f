#!/usr/bin/env python3
"""What systemd says of packaging/*.service: each must be without a mistake, and no more exposed than
docs/guide/security.md says (`NAME.service` exposure N.N)."""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77
ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAMS = "/usr/local/bin/"


def analyze(*words: str) -> subprocess.CompletedProcess:
    return subprocess.run(["systemd-analyze", *words], capture_output=True, text=True, check=False)


def mistakes(unit: pathlib.Path, folder: pathlib.Path) -> list[str]:
    """With programs that are there, for systemd looks for them."""
    text = unit.read_text()
    for program in re.findall(re.escape(PROGRAMS) + r"(\S+)", text):
        stand_in = folder / program
        stand_in.write_text("")
        stand_in.chmod(0o755)
    copy = folder / unit.name
    copy.write_text(text.replace(PROGRAMS, f"{folder}/"))
    verified = analyze("verify", "--man=no", str(copy))
    # What it ignores it only warns of.
    lines = [line for line in verified.stderr.splitlines() if unit.name in line]
    return lines or ([verified.stderr] if verified.returncode != 0 else [])


def exposure(unit: pathlib.Path) -> float | None:
    said = analyze("security", "--offline=true", "--no-pager", str(unit)).stdout
    level = re.search(r"Overall exposure level for \S+: (\d+\.\d+)", said)
    return float(level.group(1)) if level else None


def check(unit: pathlib.Path, allowed: dict[str, float]) -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        out = mistakes(unit, pathlib.Path(folder))
    level = exposure(unit)
    if level is None:
        out.append(f"{unit.name}: systemd-analyze security says no exposure level")
    elif unit.name not in allowed:
        out.append(f"{unit.name}: exposure {level}, which docs/guide/security.md doesn't say")
    elif level > allowed[unit.name]:
        out.append(f"{unit.name}: exposure {level}, more than docs/guide/security.md says "
                   f"({allowed[unit.name]})")
    return out


def main() -> int:
    if shutil.which("systemd-analyze") is None:
        print("skipped: systemd-analyze is missing (Debian: apt install systemd)")
        return SKIPPED
    guide = (ROOT / "docs/guide/security.md").read_text()
    allowed = {name: float(level)
               for name, level in re.findall(r"`(\S+\.service)` exposure (\d+\.\d+)", guide)}
    units = [pathlib.Path(name) for name in sys.argv[1:]] or sorted(ROOT.glob("packaging/*.service"))
    found = [line for unit in units for line in check(unit, allowed)]
    print("\n".join(found) or f"{len(units)} units are sound")
    return 1 if found or not units else 0


if __name__ == "__main__":
    sys.exit(main())
