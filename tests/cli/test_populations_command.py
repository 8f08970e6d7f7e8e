"""``toolkit populations``."""

import json
import os
import subprocess
import sys
from pathlib import Path

PROGRAM = "import sys; from toolkit.cli import main; sys.argv[0] = 'toolkit'; main()"


def run(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TOOLKIT_", "OPENAI_"))}
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *words],
        cwd=folder,
        env={**kept, "COLUMNS": "100"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_list_names_every_shipped_population_with_source_and_licence(tmp_path: Path) -> None:
    done = run("populations", folder=tmp_path)
    head, *rows = [line.split("\t") for line in done.stdout.splitlines()]
    assert head == ["name", "people", "attributes", "year", "source", "licence"]
    assert [row[:4] for row in rows] == [
        ["us-adults-2012", "1561", "12", "2012"],
        ["us-voters-1996", "944", "10", "1996"],
    ]
    assert all(len(row) == len(head) and "ublic domain" in row[5] for row in rows)
    assert done.returncode == 0


def test_json_is_all_there_is_on_standard_output(tmp_path: Path) -> None:
    """S0-01"""
    rows = json.loads(run("populations", "--json", folder=tmp_path).stdout)
    assert [row["people"] for row in rows] == [1561, 944]
    one = json.loads(run("populations", "us-voters-1996", "--json", folder=tmp_path).stdout)
    vote = next(each for each in one["attributes"] if each["name"] == "vote")
    assert vote["levels"] == ["Bill Clinton", "Bob Dole"]
    assert abs(sum(vote["shares"]) - 1) < 1e-5
    assert vote["told"] is False
    assert vote["question"].endswith("?")


def test_one_population_is_shown_with_levels_and_shares(tmp_path: Path) -> None:
    said = run("populations", "us-voters-1996", folder=tmp_path).stdout
    assert "944 people" in said
    assert "vote (Vote for president; not told to the model)\n  Bill Clinton 58.4%; Bob Dole 41.6%\n" in said
    assert "no survey weights" in said
    assert max(len(line) for line in said.splitlines()) <= 100


def test_unknown_population_is_one_line_and_exit_code_2(tmp_path: Path) -> None:
    done = run("populations", "us-voters", folder=tmp_path)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert "nearest: 'us-voters-1996'" in done.stderr


def test_population_of_ones_own_is_shown_by_its_path(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("sex\nfemale\nmale\n", encoding="utf-8")
    (tmp_path / "t.toml").write_text(
        'table = "t.csv"\n[attributes.sex]\nlevels = ["female", "male"]\n', encoding="utf-8"
    )
    done = run("populations", "t.toml", folder=tmp_path)
    assert done.stdout == "t (2 people)\n\nsex (Sex)\n  female 50.0%; male 50.0%\n"


def test_list_is_aligned_and_cut_on_a_terminal(tmp_path: Path) -> None:
    import pty

    main, other = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "populations"], stdout=other, cwd=tmp_path, env={**os.environ, "COLUMNS": "70"}
    )
    os.close(other)
    said = b""
    while True:
        try:
            part = os.read(main, 4096)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        said += part
    os.close(main)
    assert child.wait(timeout=60) == 0
    lines = said.decode().splitlines()
    assert all(len(line) <= 70 for line in lines)
    assert lines[0].index("year") == lines[1].rindex("2012")
