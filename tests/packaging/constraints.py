"""``python -m tests.packaging.constraints``: write constraints.txt from the pins in pyproject.toml, or check it."""

import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
HEAD = "# Made by `python -m tests.packaging.constraints` from [tool.uv] constraint-dependencies in pyproject.toml.\n"


def expected() -> str:
    """Return what constraints.txt must hold."""
    pins = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["uv"]["constraint-dependencies"]
    return HEAD + "".join(f"{pin}\n" for pin in pins)


def main() -> int:
    """Write the file, or with --check say whether it is as it must be."""
    target = ROOT / "constraints.txt"
    if "--check" in sys.argv:
        same = target.exists() and target.read_text(encoding="utf-8") == expected()
        if not same:
            sys.stderr.write(
                "constraints.txt is not what pyproject.toml pins; run python -m tests.packaging.constraints\n"
            )
        return 0 if same else 1
    target.write_text(expected(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
