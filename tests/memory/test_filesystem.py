from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.memory import MemoryWarning
from toolkit.memory.database import Database
from toolkit.memory.entry import Tally
from toolkit.memory.filesystem import network_filesystem

MOUNTS = """\
/dev/sda1 / ext4 rw 0 0
server:/home /home nfs4 rw,relatime 0 0
/dev/sdb1 /home/local ext4 rw 0 0
//nas/my\\040share /mnt/my\\040share cifs rw 0 0
host:/ /mnt/ssh fuse.sshfs rw 0 0
malformed
"""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/home/ada/studies/ads/memory.sqlite", "nfs4"),
        ("/home", "nfs4"),
        ("/home/local/ads", None),
        ("/homely/ads", None),
        ("/srv/ads", None),
        ("/mnt/my share/ads", "cifs"),
        ("/mnt/ssh/ads", "fuse.sshfs"),
    ],
)
def test_network_home_is_told_from_a_local_disk(path: str, expected: str | None) -> None:
    assert network_filesystem(path, MOUNTS) == expected


def test_this_machine_answers_without_error(tmp_path: Path) -> None:
    assert network_filesystem(tmp_path) is None or isinstance(network_filesystem(tmp_path), str)


def test_memory_on_a_network_home_takes_the_rollback_journal_with_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "m.sqlite"
    with pytest.warns(MemoryWarning, match="lies on nfs4"):
        database = Database(
            path, heal=True, read_only=False, journal="auto", tally=Tally(), mounts="server:/ / nfs4 rw 0 0"
        )
    connection = database.connect(write=True)
    connection.execute("INSERT INTO functions VALUES ('f', x'00')")
    assert connection.execute("PRAGMA journal_mode").fetchone() == (b"delete",)
    assert database.journal == "rollback"
    assert {file.name for file in tmp_path.iterdir()} == {"m.sqlite", "m.sqlite.lock"}
    connection.close()
