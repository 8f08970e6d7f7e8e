import pytest

from toolkit.errors import InvalidInput
from toolkit.resources import data_file, data_names


def test_shipped_file_and_folder_are_found():
    assert data_file("populations").is_dir()
    assert data_file("populations/us-adults-2012.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["../pyproject.toml", "populations/../../pyproject.toml", "/etc/passwd", "..", "/"])
def test_name_that_leaves_the_data_folder_is_refused(name):
    with pytest.raises(InvalidInput, match="relative to data/") as caught:
        data_file(name)
    assert repr(name) in str(caught.value)
    with pytest.raises(InvalidInput, match="relative to data/"):
        data_names(name)


def test_missing_file_is_named_with_what_there_is():
    with pytest.raises(InvalidInput, match=r"no shipped data file 'populations/mars.toml'.*us-adults-2012"):
        data_file("populations/mars.toml")
    with pytest.raises(InvalidInput, match=r"no shipped data file 'mars/x\\0y'|no shipped data file"):
        data_file("mars/x\0y")


def test_names_are_sorted_and_without_the_suffix():
    names = data_names("populations", ".toml")
    assert "us-adults-2012" in names
    assert names == sorted(names)
    assert not any(name.startswith("README") for name in data_names("populations"))
    assert data_names("no-such-folder") == []
