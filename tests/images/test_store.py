import hashlib
import os
import subprocess
import sys
from http.client import HTTPConnection
from pathlib import Path

import orjson
import pytest

from toolkit.errors import InvalidInput
from toolkit.images import ImageStore
from toolkit.images.files import HERE
from toolkit.images.places import file_name, session_name
from toolkit.images.plan import ImagePlan
from toolkit.images.renderer import Order
from toolkit.images.renderers.sketch import drawn

DATA = drawn(Order(ImagePlan("A red fox", size="96")))
HOSTILE = [
    "../x",
    "/etc/passwd",
    "..",
    ".",
    "",
    "a/b",
    "a\\b",
    "C:\\temp",
    "nul",
    "CON.txt",
    "x\0y",
    "é" * 300,
    "\n",
    ".hidden",
]


@pytest.fixture
def store(tmp_path):
    store = ImageStore(tmp_path / "images")
    yield store
    if store._server is not None:
        store._server.close()


def put(store, session="default", name="fox", about=None, data=DATA, image_type="scene"):
    with store.scratch() as scratch:
        digest = store.keep(data, "image/png", scratch)
    return store.place(
        digest, "image/png", session=session, image_type=image_type, size=(96, 96), name=name, about=about or {}
    )


def left_over(root):
    return [
        path for path in Path(root).rglob("*") if path.suffix in {".part", ".link", ".tmp"} or ".scratch/" in str(path)
    ]


# --- keeping ---


def test_bytes_on_disk_equal_the_bytes_given_and_the_record_is_whole(store):
    """S3-05."""
    stored = put(store, session="wave-1", image_type="portrait")
    assert stored.path.read_bytes() == DATA
    assert stored.path == store.root / "wave-1" / "portraits" / "fox.png"
    assert stored.storage_path == "media/images/wave-1/portraits/fox.png"
    assert (stored.sha256, stored.size_bytes) == (hashlib.sha256(DATA).hexdigest(), len(DATA))
    sidecar = orjson.loads((stored.path.parent / "fox.png.json").read_bytes())
    assert sidecar["sha256"] == stored.sha256
    assert sidecar["created_at"] == stored.created_at
    if sys.platform != "win32":
        assert stored.path.stat().st_mode & 0o077 == 0


def test_equal_bytes_lie_once_and_placing_again_changes_nothing(store):
    first = put(store, about={"note": "first"})
    again, other = put(store, about={"note": "second"}), put(store, session="other")
    assert again == first
    assert orjson.loads((first.path.parent / "fox.png.json").read_bytes())["note"] == "first"
    assert len(list((store.root / ".content").rglob("*.png"))) == 1
    assert other.path.samefile(first.path)


@pytest.mark.parametrize("session", HOSTILE)
def test_whatever_a_session_is_called_it_stays_inside_the_root(store, tmp_path, session):
    """S3-18."""
    before = set(tmp_path.iterdir())
    stored = put(store, session=session)
    assert stored.path.resolve().is_relative_to(store.root.resolve())
    assert len(stored.path.relative_to(store.root).parts) == 3
    assert set(tmp_path.iterdir()) - before <= {store.root}
    assert store.resolve(stored.storage_path) == stored.path


@pytest.mark.parametrize("name", HOSTILE)
def test_whatever_a_file_is_called_it_stays_inside_the_root(store, name):
    """S3-18."""
    stored = put(store, name=name)
    assert stored.path.parent == store.root / "default" / "scenes"
    assert stored.path.read_bytes() == DATA


def test_sessions_that_are_alike_once_they_are_safe_stay_apart():
    names = [session_name(one) for one in (*HOSTILE, "x", "b", "temp")]
    assert len(set(names)) == len(names)
    assert max(len(name.encode()) for name in names) < 240
    assert session_name("wave 1") == "wave 1"
    assert file_name("../../fox.PNG") == "fox.png"


def test_folder_that_is_a_link_out_of_the_root_is_not_followed(store, tmp_path):
    """S3-18."""
    outside = tmp_path / "outside"
    outside.mkdir()
    store.root.mkdir()
    (store.root / "evil").symlink_to(outside)
    with pytest.raises(InvalidInput, match="leads out of the image store"):
        put(store, session="evil")
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize(
    "path", ["../../etc/passwd", "media/images/../../x", "/etc/passwd", "default/scenes/x.png", ".content", "a\0b"]
)
def test_address_of_nothing_or_of_something_outside_is_refused(store, path):
    put(store)
    with pytest.raises(InvalidInput):
        store.resolve(path)


def test_name_that_leads_to_other_bytes_is_put_right(store):
    stored = put(store)
    stored.path.unlink()
    stored.path.write_bytes(b"something else")
    assert put(store).path.read_bytes() == DATA


def test_damaged_bytes_are_not_held(store):
    stored = put(store)
    assert store.holds(stored.sha256, "image/png")
    with store.content(stored.sha256, "image/png").open("r+b") as file:
        file.seek(40)
        file.write(b"\0\0\0\0")
    assert not store.holds(stored.sha256, "image/png")
    with store.scratch() as scratch:
        store.keep(DATA, "image/png", scratch)
    assert store.holds(stored.sha256, "image/png")


def test_damaged_sidecars_are_left_out_of_the_index(store):
    put(store, name="one"), put(store, name="two")
    (store.root / "default" / "scenes" / "one.png.json").write_bytes(b'{"half')
    (store.root / "default" / "scenes" / "three.png.json").write_bytes(b"{}")
    assert [Path(one["local_path"]).name for one in store.sidecars()] == ["two.png"]


def test_sidecar_that_cannot_be_written_does_not_fail_the_picture(store, caplog):
    """Metadata never fails an image."""
    stored = put(store, about={"bad": object()})
    assert stored.path.read_bytes() == DATA
    assert "sidecar could not be written" in stored.note
    assert "sidecar" in caplog.text
    assert left_over(store.root) == []


# --- temporary files ---


def test_nothing_temporary_is_left_however_the_block_ends(store):
    """S3-07."""
    with store.scratch() as scratch:
        (scratch / "half.png").write_bytes(b"half")
    with pytest.raises(FileNotFoundError), store.scratch() as scratch:
        (scratch / "half.png").rename(scratch / "nowhere" / "half.png")
    assert left_over(store.root) == []


def test_what_a_killed_process_left_goes_away_and_a_living_one_keeps_its_own(store):
    """S3-07."""
    dead = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True, check=True
    )
    folders = {name: store.root / ".scratch" / f"{HERE}.{name}.ab" for name in (dead.stdout.strip(), str(os.getppid()))}
    odd = store.root / ".scratch" / "something"
    old = store.root / ".scratch" / "0badhost.7.ab"
    for folder in (*folders.values(), odd, old):
        folder.mkdir(parents=True)
        (folder / "half.part").write_bytes(b"half")
    os.utime(old, (0, 0))
    put(ImageStore(store.root))
    assert not folders[dead.stdout.strip()].exists()
    assert not old.exists()
    assert folders[str(os.getppid())].exists()
    assert odd.exists()  # another machine may be at work on it, until a day has passed


# --- buckets ---


class Shelf:
    """A bucket of a test's own: a folder."""

    def __init__(self, folder, *, broken=False):
        self.folder, self.broken, self.puts = folder, broken, 0

    def put(self, storage_path, data, mime):
        self.puts += 1
        if self.broken:
            raise ConnectionError("the bucket is away, key sk-proj-" + "a" * 48)
        target = self.folder / storage_path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
        return f"shelf://{storage_path}"


def test_bucket_gets_a_copy_once(tmp_path):
    shelf = Shelf(tmp_path / "shelf")
    store = ImageStore(tmp_path / "images", bucket=shelf)
    stored = put(store)
    assert stored.bucket == "shelf://media/images/default/scenes/fox.png"
    assert (shelf.folder / stored.storage_path).read_bytes() == DATA
    assert put(store).bucket == stored.bucket
    assert shelf.puts == 1


def test_bucket_that_is_away_leaves_the_picture_here_and_is_tried_again_later(tmp_path, caplog):
    shelf = Shelf(tmp_path / "shelf", broken=True)
    store = ImageStore(tmp_path / "images", bucket=shelf)
    stored = put(store)
    assert stored.path.read_bytes() == DATA
    assert (stored.bucket, "not uploaded" in stored.note) == ("", True)
    assert "sk-proj-aaaa" not in stored.note + caplog.text
    shelf.broken = False
    assert put(store).bucket.startswith("shelf://")


def test_bucket_by_url_goes_through_fsspec(tmp_path):
    pytest.importorskip("fsspec")
    store = ImageStore(tmp_path / "images", bucket="memory://pictures/study")
    stored = put(store)
    assert stored.bucket == "memory://pictures/study/media/images/default/scenes/fox.png"


@pytest.mark.parametrize("wrong", [7, "", object()])
def test_what_is_no_bucket_is_refused(tmp_path, wrong):
    with pytest.raises(InvalidInput):
        ImageStore(tmp_path / "images", bucket=wrong)


# --- serving ---


def fetched(server, path, host=None):
    link = HTTPConnection("127.0.0.1", int(server.address.rpartition(":")[2]), timeout=10)
    try:
        link.request("GET", path, headers={"Host": host} if host else {})
        reply = link.getresponse()
        return reply.status, reply.getheader("content-type"), reply.read()
    finally:
        link.close()


def path_of(url):
    return "/" + url.split("/", 3)[3]


def test_address_resolves_to_the_bytes_on_disk(store):
    """S3-06."""
    stored = put(store)
    assert store.url_of(stored.storage_path) == stored.proxy_url == f"/api/images/{stored.storage_path}"
    with store.serve() as server:
        assert store.url_of(stored.storage_path) == f"{server.address}{stored.proxy_url}"
        assert fetched(server, stored.proxy_url) == (200, "image/png", DATA)
        status, kind, small = fetched(server, path_of(server.url(stored.storage_path, side=32)))
        assert (status, kind[:6], 0 < len(small) < len(DATA)) == (200, "image/", True)
    assert store.url_of(stored.storage_path) == stored.proxy_url


def test_server_gives_nothing_without_its_key(store):
    stored = put(store)
    with store.serve(key=True) as server:
        assert len(server.key) > 20
        assert server.key not in repr(server)
        assert fetched(server, stored.proxy_url)[0] == 403
        assert fetched(server, f"{stored.proxy_url}?key=wrong")[0] == 403
        assert fetched(server, path_of(store.url_of(stored.storage_path)))[2] == DATA


@pytest.mark.parametrize(
    "path",
    ["/", "/etc/passwd", "/api/images/../../etc/passwd", "/api/images/%2e%2e/%2e%2e/etc/passwd", "/api/images/.content",
     "/api/images/media/images/default/scenes/fox.png.json", "/api/images/media/images/default/scenes/fox.png?side=7",
     "/api/images/media/images/default/scenes/fox.png?side=x", "/api/images/a%00b"],
)  # fmt: skip
def test_server_serves_pictures_and_nothing_else(store, path):
    """S3-18."""
    put(store)
    with store.serve() as server:
        assert fetched(server, path)[0] == 404


def test_page_elsewhere_cannot_reach_the_server_by_a_name_of_its_own(store):
    stored = put(store)
    with store.serve() as server:
        port = server.address.rpartition(":")[2]
        assert fetched(server, stored.proxy_url, host=f"evil.example:{port}")[0] == 403
        assert fetched(server, stored.proxy_url, host=f"localhost:{port}")[0] == 200


def test_port_that_is_taken_is_an_error_with_a_way_out(store):
    with store.serve() as server, pytest.raises(InvalidInput, match="port=0"):
        ImageStore(store.root / "other").serve(port=int(server.address.rpartition(":")[2]))
