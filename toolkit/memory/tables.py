"""Arrays and tables as JSON values: numbers as base64 of their own bytes, so that every bit comes back."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable
from math import prod
from typing import TYPE_CHECKING, Any

from toolkit.memory import codec
from toolkit.memory.codec import Unreadable, unstorable

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

__all__ = ["pack", "unpack"]

_PLAIN = "biufcmMUS"
"""numpy's kinds whose bytes are their value."""


def pack(value: Any) -> Any:
    """Return an array, a scalar or a table as JSON values.

    Raises:
        TypeError: It is of another kind, or of a subclass.
    """
    import numpy as np

    kind: Any = type(value)
    if kind is np.ndarray:
        return {"$array": _pack_array(value)}
    if issubclass(kind, np.generic):
        array = np.asarray(value)
        if array.dtype.kind not in _PLAIN or type(array[()]) is not kind:
            raise unstorable(value)
        return {"$scalar": _pack_array(array)}
    return _pack_pandas(value)


def unpack(tag: str, content: Any) -> Any:
    """Return what ``pack`` was given.

    Raises:
        Unreadable: The tag is unknown.
    """
    unpacker = _UNPACKERS.get(tag)
    if unpacker is None:
        raise Unreadable(f"unknown tag {tag!r}")
    return unpacker(content)


# arrays


def _pack_array(array: np.ndarray[Any, Any]) -> dict[str, Any]:
    from numpy.lib.format import dtype_to_descr

    head: dict[str, Any] = {"dtype": array.dtype.str, "shape": list(array.shape)}
    if array.flags.f_contiguous and not array.flags.c_contiguous:
        head["order"] = "F"
    if array.dtype.kind == "O":
        return head | {"items": [codec.pack(one) for one in array.ravel(order="C").tolist()]}
    if array.dtype.kind == "V" and array.dtype.fields and not array.dtype.hasobject:
        head["dtype"] = dtype_to_descr(array.dtype)
        if _dtype(head["dtype"]) != array.dtype:
            raise unstorable(array, f" of {array.dtype}")
    elif array.dtype.kind not in _PLAIN:
        raise unstorable(array, f" of {array.dtype}")
    return head | {"data": b64encode(array.tobytes(order="C")).decode()}


def _unpack_array(content: dict[str, Any]) -> np.ndarray[Any, Any]:
    import numpy as np

    dtype = _dtype(content["dtype"])
    shape = tuple(content["shape"])
    if dtype.kind == "O":
        flat = np.empty(len(content["items"]), dtype=object)
        for place, one in enumerate(content["items"]):
            flat[place] = codec.unpack(one)
        array = flat.reshape(shape)
    else:
        data = b64decode(content["data"], validate=True)
        if dtype.hasobject or len(data) != prod(shape) * dtype.itemsize or any(side < 0 for side in shape):
            raise Unreadable(f"{len(data)} bytes are no array of {dtype}, {shape}")
        array = np.ndarray(shape, dtype=dtype, buffer=data) if data else np.empty(shape, dtype=dtype)
    return array.copy(order="F" if content.get("order") == "F" else "C")


def _dtype(described: Any) -> np.dtype[Any]:
    from numpy.lib.format import descr_to_dtype

    return descr_to_dtype(_tuples(described))


def _tuples(described: Any) -> Any:
    """Return a structured description with the tuples JSON has made lists of: a list of fields, each a tuple."""
    if not isinstance(described, list):
        return described
    fields = []
    for name, kind, *shape in described:
        title = tuple(name) if isinstance(name, list) else name
        fields.append((title, _tuples(kind), *(tuple(side) for side in shape)))
    return fields


# tables


def _pack_pandas(value: Any) -> Any:
    import pandas as pd

    packers: tuple[tuple[type, str, Callable[[Any], Any]], ...] = (
        (pd.DataFrame, "$frame", _pack_frame),
        (pd.Series, "$series", _pack_series),
        (pd.Timestamp, "$timestamp", _pack_timestamp),
        (pd.Timedelta, "$timedelta", lambda one: pack(one.to_timedelta64())),
    )
    for kind, tag, packer in packers:
        if type(value) is kind:
            return {tag: packer(value)}
    if isinstance(value, pd.Index) and type(value).__module__.partition(".")[0] == "pandas":
        return {"$index": _pack_index(value)}
    if value is pd.NaT or value is pd.NA:
        return {"$missing": "NaT" if value is pd.NaT else "NA"}
    raise unstorable(value)


def _pack_frame(frame: pd.DataFrame) -> dict[str, Any]:
    columns = [_pack_column(frame.iloc[:, place].array) for place in range(frame.shape[1])]
    head = {"columns": _pack_index(frame.columns), "index": _pack_index(frame.index), "data": columns}
    return head | ({"attrs": codec.pack(frame.attrs)} if frame.attrs else {})


def _unpack_frame(content: dict[str, Any]) -> pd.DataFrame:
    import pandas as pd

    index, columns = _unpack_index(content["index"]), _unpack_index(content["columns"])
    data = [_series(_unpack_column(one), index, None) for one in content["data"]]
    if len(data) != len(columns):
        raise Unreadable(f"{len(data)} columns under {len(columns)} names")
    frame = pd.DataFrame(dict(enumerate(data)), index=index)
    frame.columns = columns
    frame.attrs.update(codec.unpack(content.get("attrs", {})))
    return frame


def _pack_series(series: pd.Series[Any]) -> dict[str, Any]:
    head = {"index": _pack_index(series.index), "name": codec.pack(series.name), "data": _pack_column(series.array)}
    return head | ({"attrs": codec.pack(series.attrs)} if series.attrs else {})


def _unpack_series(content: dict[str, Any]) -> pd.Series[Any]:
    series = _series(_unpack_column(content["data"]), _unpack_index(content["index"]), codec.unpack(content["name"]))
    series.attrs.update(codec.unpack(content.get("attrs", {})))
    return series


def _series(values: Any, index: pd.Index[Any], name: Any) -> pd.Series[Any]:
    import pandas as pd

    series: pd.Series[Any] = pd.Series(values, index=index, name=name, dtype=values.dtype)
    return series


def _pack_index(index: pd.Index[Any]) -> dict[str, Any]:
    import pandas as pd

    if isinstance(index, pd.MultiIndex):
        return {
            "levels": [_pack_index(level) for level in index.levels],
            "codes": [_pack_array(codes) for codes in map(_signed, index.codes)],
            "names": [codec.pack(name) for name in index.names],
        }
    name = {} if index.name is None else {"name": codec.pack(index.name)}
    if isinstance(index, pd.RangeIndex):
        return {"range": [index.start, index.stop, index.step], **name}
    freq = getattr(index, "freqstr", None) if isinstance(index, pd.DatetimeIndex | pd.TimedeltaIndex) else None
    return {"values": _pack_column(index.array), **name, **({"freq": freq} if freq else {})}


def _signed(codes: Any) -> np.ndarray[Any, Any]:
    import numpy as np

    return np.asarray(codes)


def _unpack_index(content: dict[str, Any]) -> pd.Index[Any]:
    import pandas as pd

    if "levels" in content:
        levels: list[Any] = [_unpack_index(level) for level in content["levels"]]
        codes: list[Any] = [_unpack_array(one) for one in content["codes"]]
        return pd.MultiIndex(
            levels=levels,
            codes=codes,
            names=[codec.unpack(name) for name in content["names"]],
        )
    name = codec.unpack(content.get("name"))
    if "range" in content:
        start, stop, step = content["range"]
        return pd.RangeIndex(start, stop, step, name=name)
    values = _unpack_column(content["values"])
    index: pd.Index[Any] = pd.Index(values, dtype=values.dtype, name=name)
    if content.get("freq"):
        kind: Any = type(index)  # a DatetimeIndex or a TimedeltaIndex
        index = kind(index, freq=content["freq"])
    return index


# columns: numpy arrays, and pandas' own kinds


def _pack_column(column: Any) -> dict[str, Any]:
    import numpy as np
    import pandas as pd

    dtype = column.dtype
    if isinstance(dtype, np.dtype) or type(column) is pd.arrays.NumpyExtensionArray:
        return _pack_array(np.asarray(column))
    for kind, packer in (
        (pd.CategoricalDtype, _pack_categories),
        (pd.StringDtype, _pack_texts),
        (pd.DatetimeTZDtype, _pack_instants),
        (pd.PeriodDtype, _pack_periods),
        (pd.IntervalDtype, _pack_intervals),
    ):
        if isinstance(dtype, kind):
            return packer(column)
    if type(column) in _masked_arrays():
        plain = dtype.numpy_dtype
        values = column.to_numpy(dtype=plain, na_value=plain.type(0))
        return {"masked": _pack_array(values), "mask": _pack_array(column.isna())}
    raise unstorable(column, f" of {dtype}")


def _pack_categories(column: Any) -> dict[str, Any]:
    import numpy as np

    codes = _pack_array(np.asarray(column.codes))
    return {"codes": codes, "categories": _pack_index(column.categories), "ordered": bool(column.ordered)}


def _pack_texts(column: Any) -> dict[str, Any]:
    import pandas as pd

    dtype = column.dtype
    texts = [None if missing else str(one) for one, missing in zip(column, column.isna(), strict=True)]
    return {"texts": texts, "storage": dtype.storage, "missing": "NA" if dtype.na_value is pd.NA else "nan"}


def _pack_instants(column: Any) -> dict[str, Any]:
    return {"instants": _pack_array(column.asi8), "dtype_name": _named(column)}


def _pack_periods(column: Any) -> dict[str, Any]:
    return {"periods": _pack_array(column.asi8), "dtype_name": _named(column)}


def _pack_intervals(column: Any) -> dict[str, Any]:
    return {"left": _pack_index(column.left), "right": _pack_index(column.right), "closed": column.closed}


def _named(column: Any) -> str:
    """Return the name of a column's type, when it says everything: not every time zone has a name."""
    import pandas as pd

    name = str(column.dtype)
    try:
        known = pd.api.types.pandas_dtype(name) == column.dtype
    except (TypeError, ValueError):
        known = False
    if not known:
        raise unstorable(column, f" of {name}")
    return name


def _masked_arrays() -> tuple[Any, ...]:
    import pandas as pd

    return pd.arrays.IntegerArray, pd.arrays.FloatingArray, pd.arrays.BooleanArray


def _unpack_column(content: dict[str, Any]) -> Any:
    for sign, unpacker in _COLUMNS.items():
        if sign in content:
            return unpacker(content)
    return _unpack_array(content)


def _unpack_categories(content: dict[str, Any]) -> Any:
    import pandas as pd

    dtype = pd.CategoricalDtype(_unpack_index(content["categories"]), ordered=bool(content["ordered"]))
    return pd.Categorical.from_codes(_unpack_array(content["codes"]), dtype=dtype)


def _unpack_texts(content: dict[str, Any]) -> Any:
    import numpy as np
    import pandas as pd

    missing: Any = pd.NA if content["missing"] == "NA" else np.nan
    dtype = pd.StringDtype(content["storage"], na_value=missing)
    return pd.array(content["texts"], dtype=dtype)


def _unpack_instants(content: dict[str, Any]) -> Any:
    import numpy as np
    import pandas as pd

    dtype = pd.api.types.pandas_dtype(content["dtype_name"])
    if not isinstance(dtype, pd.DatetimeTZDtype):
        raise Unreadable(f"{content['dtype_name']!r} is no time zone's column type")
    instants = _unpack_array(content["instants"]).view(np.dtype(f"M8[{dtype.unit}]"))
    return pd.DatetimeIndex(instants).tz_localize("UTC").tz_convert(dtype.tz).array


def _unpack_periods(content: dict[str, Any]) -> Any:
    import pandas as pd

    dtype = pd.api.types.pandas_dtype(content["dtype_name"])
    if not isinstance(dtype, pd.PeriodDtype):
        raise Unreadable(f"{content['dtype_name']!r} is no type of periods")
    kind: Any = pd.PeriodIndex  # its stubs lack from_ordinals
    return kind.from_ordinals(_unpack_array(content["periods"]), freq=dtype.freq).array


def _unpack_intervals(content: dict[str, Any]) -> Any:
    import pandas as pd

    left, right = _unpack_index(content["left"]), _unpack_index(content["right"])
    return pd.arrays.IntervalArray.from_arrays(left, right, closed=content["closed"])


def _unpack_masked(content: dict[str, Any]) -> Any:
    values, mask = _unpack_array(content["masked"]), _unpack_array(content["mask"])
    integers, floats, booleans = _masked_arrays()
    kind = {"f": floats, "b": booleans}.get(values.dtype.kind, integers)
    return kind(values, mask)


def _pack_timestamp(value: pd.Timestamp) -> list[Any]:
    import pandas as pd

    index = pd.DatetimeIndex([value])
    if value.fold or index.as_unit(value.unit)[0] != value:
        raise unstorable(value, " with fold=1")
    return [_pack_index(index.as_unit(value.unit))]


def _unpack_timestamp(content: list[Any]) -> Any:
    return _unpack_index(content[0])[0]


def _unpack_timedelta(content: Any) -> Any:
    import pandas as pd

    return pd.Timedelta(codec.unpack(content))


def _unpack_missing(content: str) -> Any:
    import pandas as pd

    return pd.NaT if content == "NaT" else pd.NA


_COLUMNS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "codes": _unpack_categories,
    "texts": _unpack_texts,
    "instants": _unpack_instants,
    "periods": _unpack_periods,
    "left": _unpack_intervals,
    "masked": _unpack_masked,
}
_UNPACKERS: dict[str, Callable[[Any], Any]] = {
    "$array": _unpack_array,
    "$scalar": lambda content: _unpack_array(content)[()],
    "$frame": _unpack_frame,
    "$series": _unpack_series,
    "$index": _unpack_index,
    "$timestamp": _unpack_timestamp,
    "$timedelta": _unpack_timedelta,
    "$missing": _unpack_missing,
}
