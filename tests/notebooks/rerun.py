"""``python -m tests.notebooks.rerun [NOTEBOOK …]``: run notebooks from their recordings, and keep the outputs.

For changes in how results look. What is asked does not change; where it does, ``toolkit capsule rebuild`` records anew.
"""

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


def rerun(path: Path) -> None:
    """Run one notebook and write it back without timings and widget states."""
    cells = nbformat.read(path, as_version=4)
    NotebookClient(cells, timeout=600, resources={"metadata": {"path": str(path.parent)}}).execute()
    cells.metadata.pop("widgets", None)
    for cell in cells.cells:
        cell.metadata.pop("execution", None)
        for output in cell.get("outputs", []):
            output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)
    nbformat.write(cells, path)


def main() -> None:
    """Run those that are named, or all."""
    for path in [Path(name) for name in sys.argv[1:]] or sorted(NOTEBOOKS.glob("*.ipynb")):
        rerun(path)
        print(path.name, f"{path.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
