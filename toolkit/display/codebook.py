"""What the columns of a result's frame hold, as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["codebook_of"]


def codebook_of(frame: pd.DataFrame, meanings: Mapping[str, str]) -> pd.DataFrame:
    """Return one row a column of a frame: ``column``, ``type``, ``values`` (of a category, in order), ``meaning``.

    Args:
        frame: The frame.
        meanings: What its columns mean, by name.

    Example:
        >>> import pandas as pd
        >>> codebook_of(pd.DataFrame({"n": [1, 2]}), {"n": "how many"}).to_dict("records")
        [{'column': 'n', 'type': 'int64', 'values': '', 'meaning': 'how many'}]
    """
    import pandas as pd

    rows = []
    for name in frame.columns:
        dtype = frame[name].dtype
        listed = ", ".join(map(str, dtype.categories)) if isinstance(dtype, pd.CategoricalDtype) else ""
        rows.append((name, str(dtype), listed, meanings.get(name, "")))
    return pd.DataFrame(rows, columns=["column", "type", "values", "meaning"])
