"""Whether a path lies on a network home, where SQLite's write-ahead log corrupts."""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["network_filesystem"]

NETWORK = frozenset(
    {
        *("9p", "acfs", "afp_fuse", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "davfs2", "fuse.ceph"),
        *("fuse.davfs2", "fuse.gcsfuse", "fuse.glusterfs", "fuse.rclone", "fuse.s3fs", "fuse.sshfs", "gfs", "gfs2"),
        *("glusterfs", "gpfs", "lustre", "ncp", "ncpfs", "nfs", "nfs4", "ocfs2", "pvfs2", "smb2", "smb3", "smbfs"),
        "webdav",
    }
)
"""Names of network file systems, as the kernel's mount table has them."""

_MOUNTS = Path("/proc/self/mounts")
_OCTAL = re.compile(r"\\([0-7]{3})")


def network_filesystem(path: str | Path, mounts: str | None = None) -> str | None:
    """Return the name of the network file system a path lies on, or None for a local one or when nobody can say.

    Args:
        path: A file or folder; it need not exist yet.
        mounts: A mount table in the format of ``/proc/self/mounts``; by default this machine's.

    Example:
        >>> network_filesystem("/home/ada/study", "server:/home /home nfs4 rw 0 0")
        'nfs4'
    """
    if mounts is None:
        try:
            mounts = _MOUNTS.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None
    place = Path(path).resolve()
    best, name = -1, None
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:  # noqa: PLR2004  # device, mount point, type
            continue
        point = Path(_OCTAL.sub(lambda match: chr(int(match[1], 8)), fields[1]))
        depth = len(point.parts)
        if depth >= best and (point == place or point in place.parents):
            best, name = depth, fields[2]
    return name if name in NETWORK else None
