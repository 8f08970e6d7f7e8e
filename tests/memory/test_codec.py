from __future__ import annotations

import datetime as dt
from collections import namedtuple
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal, assert_index_equal, assert_series_equal

from toolkit.memory.codec import Unreadable, decode, encode, packed_json


def frame() -> pd.DataFrame:
    made = pd.DataFrame(
        {
            "int": [1, 2, 3],
            "float": [0.1, np.nan, -np.inf],
            "float32": np.array([0.1, 2, 3], dtype="f4"),
            "uint8": np.array([1, 2, 255], dtype="u1"),
            "complex": np.array([1 + 2j, 2, 3]),
            "bool": [True, False, True],
            "text": ["a", None, "ü\n"],
            "object": pd.Series(["a", 1, (2, [3.5])], dtype=object),
            "text as object": pd.Series(["a", "b", None], dtype=object),
            "string": pd.array(["a", None, "b"], dtype="string"),
            "ordered": pd.Categorical(["x", "y", None], categories=["y", "x", "unused"], ordered=True),
            "numbered": pd.Categorical([3, 1, 3], categories=[3, 2, 1]),
            "time": pd.to_datetime(["2020-01-01", "2021-01-01 01:02:03.123456789", None], format="ISO8601"),
            "seconds": np.array(["2020-01-01", "NaT", "1900-01-01"], dtype="M8[s]"),
            "berlin": pd.to_datetime(["2020-10-25 00:30", "2021-01-01", None], format="ISO8601").tz_localize(
                "Europe/Berlin"
            ),
            "utc": pd.date_range("2020", periods=3, tz="UTC"),
            "offset": pd.date_range("2020", periods=3, tz=dt.timezone(dt.timedelta(hours=2))),
            "span": pd.to_timedelta(["1D", None, "2h"]),
            "Int64": pd.array([1, None, 3], dtype="Int64"),
            "Float32": pd.array([1.5, None, 3], dtype="Float32"),
            "boolean": pd.array([True, None, False], dtype="boolean"),
            "month": pd.period_range("2020-01", periods=3, freq="M"),
            "interval": pd.interval_range(0, 3),
        },
        index=pd.Index([10, 20, 20], name="id"),
    )
    made.attrs["source"] = "survey"
    return made


def back(value: Any) -> Any:
    return decode(encode(value))


def test_frame_comes_back_exactly() -> None:
    made, found = frame(), back(frame())
    assert_frame_equal(found, made, check_exact=True)
    assert list(found.dtypes) == list(made.dtypes)
    assert found.attrs == made.attrs


@pytest.mark.parametrize("column", list(frame().columns))
def test_series_and_index_of_every_kind_come_back_exactly(column: str) -> None:
    series = frame()[column]
    assert_series_equal(back(series), series, check_exact=True)
    index = pd.Index(series.array, dtype=series.dtype, name="n")
    assert_index_equal(back(index), index, exact=True)


@pytest.mark.parametrize(
    "made",
    [
        pd.DataFrame(),
        pd.DataFrame(index=[1, 2]),
        pd.DataFrame(columns=["a", "b"]),
        pd.DataFrame(np.zeros((0, 3))),
        frame()[["int", "int"]],
        frame().set_index(["int", "text"])[["bool"]],
        pd.DataFrame({"a": [1, 2]}, index=pd.date_range("2020", periods=2, freq="D")),
        pd.DataFrame({("a", 1): [1], ("b", 2): [2]}),
        pd.DataFrame([[1, 2]], columns=pd.CategoricalIndex(["p", "q"], name="c")),
        pd.DataFrame([[1, "a"]], columns=[0, "x"]),
    ],
)
def test_frame_of_every_shape_comes_back_exactly(made: pd.DataFrame) -> None:
    found = back(made)
    assert_frame_equal(found, made, check_exact=True, check_freq=True)
    assert type(found.index) is type(made.index)
    assert type(found.columns) is type(made.columns)


@pytest.mark.parametrize(
    "made",
    [
        np.arange(6).reshape(2, 3),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(10)[::2],
        np.array(5),
        np.zeros((0, 3)),
        np.array(["a", "bcd"]),
        np.array([""]),
        np.array([b"a"]),
        np.array(["2020", "NaT"], dtype="M8[D]"),
        np.array([1, 2], dtype=">i4"),
        np.array([1, np.nan, np.inf], dtype="f2"),
        np.array([True]),
        np.array([(1, 2.5)], dtype=[("a", "i4"), ("b", "f8")]),
        np.array([(1, [1, 2])], dtype=[("a", "i4"), ("b", "f8", (2,))]),
        np.array([None, [1], {"a": (1,)}], dtype=object),
    ],
    ids=lambda made: f"{made.dtype}{made.shape}",
)
def test_array_comes_back_exactly_and_can_be_written(made: np.ndarray[Any, Any]) -> None:
    found = back(made)
    assert (found.dtype, found.shape) == (made.dtype, made.shape)
    assert found.tolist() == made.tolist() if made.dtype == object else found.tobytes() == made.tobytes()
    assert found.flags.writeable
    if made.flags.f_contiguous or made.flags.c_contiguous:
        assert found.flags.f_contiguous == made.flags.f_contiguous


@pytest.mark.parametrize(
    "made",
    [
        *(None, True, 0, -0.0, 1.0, 1e300, 2**64 - 1, -(2**63), 2**64, -(2**63) - 1, 10**5000),
        *(float("nan"), float("inf"), float("-inf"), "", "ü\0", [], {}, (), (1, (2, [3, ()]))),
        *({"$tuple": [1]}, {"$x": 1, "y": (2,)}, {"$dict": {"$int": "0x1"}}, {"": {"": [None]}}),
        *(np.float64(1.5), np.float32(0.1), np.int8(3), np.bool_(True), np.str_("x"), np.datetime64("2020")),
        *(pd.Timestamp("2020-10-25 00:30", tz="Europe/Berlin"), pd.Timestamp("2020-01-01 00:00:00.000000001")),
        *(pd.Timedelta("1D"), pd.Timedelta(1, "ns"), pd.NaT, pd.NA),
        *(dt.date(2020, 1, 1), dt.datetime(2020, 1, 1, 2, 3, 4, 5), dt.datetime(2020, 1, 1, tzinfo=dt.UTC)),  # noqa: DTZ001
    ],
    ids=lambda made: f"{type(made).__name__}",
)
def test_value_comes_back_as_itself(made: Any) -> None:
    found = back({"deep": [made]})["deep"][0]
    assert type(found) is type(made)
    assert found is made or found == made or (found != found and made != made)  # noqa: PLR0124  # NaN
    assert isinstance(made, int) or repr(found) == repr(made)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text() | st.just("$tuple"), inner),
    max_leaves=20,
)


@given(json_values)
def test_any_nesting_comes_back_as_itself(made: Any) -> None:
    assert repr(back(made)) == repr(made)


class Text(str):
    __slots__ = ()


Pair = namedtuple("Pair", "a b")  # noqa: PYI024
loop: list[Any] = []
loop.append(loop)


@pytest.mark.parametrize(
    ("made", "kind"),
    [
        ({1, 2}, "set"),
        (b"x", "bytes"),
        (Text("a"), "Text"),
        (Pair(1, 2), "Pair"),
        ({1: 2}, "int as a key"),
        (object(), "object"),
        (1j, "complex"),
        (len, "builtin_function_or_method"),
        (dt.timedelta(1), "timedelta"),
        ("\ud800", "surrogates"),
        (loop, "holds itself"),
        (np.ma.array([1]), "MaskedArray"),
        (np.rec.array([(1,)], dtype=[("a", "i4")]), "recarray"),
        (np.array([{1}], dtype=object), "set"),
        (pd.DataFrame({"a": [{1}]}), "set"),
        (pd.Series(pd.arrays.SparseArray([0, 1])), "SparseArray"),
    ],
)
def test_anything_else_is_a_type_error_that_names_it(made: Any, kind: str) -> None:
    with pytest.raises(TypeError, match=kind) as caught:
        encode({"deep": [made]}, "the result of ads/rate")
    assert "the result of ads/rate" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "body",
    [
        b"nonsense",
        b'{"$unknown":1}',
        b'{"$tuple":3}',
        b'{"$int":"0xzz"}',
        b'{"$array":{"dtype":"<f8","shape":[1000000000000],"data":""}}',
        b'{"$array":{"dtype":"<f8","shape":[-1,-1],"data":"AAAAAAAAAAA="}}',
        b'{"$array":{"dtype":"|O","shape":[1],"data":"AAAAAAAAAAA="}}',
        b'{"$array":{"dtype":[["a","|O"]],"shape":[1],"data":"AAAAAAAAAAA="}}',
        b'{"$frame":{"columns":{"range":[0,2,1]},"index":{"range":[0,1,1]},"data":[]}}',
        b'{"$series":{}}',
        b"[" * 2000 + b"]" * 2000,
    ],
)
def test_body_that_encode_does_not_write_is_unreadable(body: bytes) -> None:
    with pytest.raises(Unreadable):
        decode(body)


def test_reply_stays_plain_json() -> None:
    reply = {"$schema": "x", "text": "ü", "value": [1, 2.5, None, True, {"a": -0.0}]}
    assert orjson.loads(packed_json(reply, "a reply")) == reply
    for wrong in ({"a": (1,)}, {"a": float("nan")}, {1: 2}, {"a": 2**70}, {"a": {1}}):
        with pytest.raises(TypeError, match="the reply is not made of JSON values"):
            packed_json(wrong, "the reply")
