"""From a study's memory and ledger to what a capsule must hold, so that every row of the study replays."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from toolkit.engine.cache import encode_error
from toolkit.engine.ledger import Row
from toolkit.errors import CallError
from toolkit.memory import REPLIES, Entry, Store

__all__ = ["replayable"]

_WINDOW = 512


def replayable(store: Store, rows: Iterable[Row]) -> Iterator[Entry]:
    """Yield one entry for each call in the ledger: what memory holds, or the failure where nothing ever came.

    A failure that a later call of the same key made good is left out. Times are left out of failures, so that equal
    studies freeze to equal bytes.
    """
    failed: dict[str, Row] = {}
    for row in rows:
        if row.status != "cancelled":
            failed[row.key] = row
    keys = list(failed)
    for start in range(0, len(keys), _WINDOW):
        window = keys[start : start + _WINDOW]
        found = store.get_many(REPLIES, window)
        for key in window:
            if key in found:
                yield found[key]
            elif failed[key].status == "failed":
                yield _failure(failed[key])


def _failure(row: Row) -> Entry:
    error = CallError.of(row.kind, row.message, request_id=row.request_id or None)
    error.tries = row.tries
    return Entry(
        func=REPLIES,
        key=row.key,
        body=encode_error(error),
        stage=row.stage,
        item=row.item,
        model=row.model,
        created=0.0,
    )
