from __future__ import annotations

import socket

import pytest

from toolkit.errors import ImageInvalid
from toolkit.media import Image, fetch


@pytest.fixture
def png(pictures):
    return pictures.encode(pictures.drawing())


def test_named_host_is_asked_at_the_first_need_and_once(pictures, png):
    with pictures.web({"/ads/ad.png": (200, {"Content-Type": "image/png"}, png)}) as (base, asked):
        image = Image(f"{base}/ads/ad.png?token=geheim", allow_url=["127.0.0.1"])
        assert asked == []
        assert image.digest == Image(png).digest
        assert image.size == (120, 90)
        assert asked == ["/ads/ad.png?token=geheim"]
        assert image.name == "ad.png"
        assert "geheim" not in repr(image) + image.describe()


def test_loopback_and_private_hosts_are_refused_unless_named(pictures, png):
    with pictures.web({"/ad.png": (200, {}, png)}) as (base, asked):
        with pytest.raises(ImageInvalid, match=r"leads to 127.0.0.1, which may not be asked") as caught:
            _ = Image(f"{base}/ad.png", allow_url=True).digest
        assert "allow_url=['127.0.0.1']" in caught.value.hint
        with pytest.raises(ImageInvalid, match="may not be asked"):
            _ = Image(base.replace("127.0.0.1", "localhost") + "/ad.png", allow_url=True).digest
        with pytest.raises(ImageInvalid, match="may not be asked"):
            Image(f"{base}/ad.png", allow_url="example.org")
        assert asked == []


def test_redirect_may_not_lead_where_the_first_address_might_not(pictures, png):
    routes = {"/ad.png": (200, {}, png)}
    with pictures.web(routes) as (inner, asked):
        hop = inner.replace("127.0.0.1", "localhost") + "/ad.png"
        outer = {"/moved": (302, {"Location": hop}, b"")}
        outer |= {f"/{kind}": (302, {"Location": f"{kind}://127.0.0.1/a.png"}, b"") for kind in ("file", "ftp")}
        with pictures.web(outer) as (base, _):
            with pytest.raises(ImageInvalid, match="leads to localhost"):
                _ = Image(f"{base}/moved", allow_url=["127.0.0.1"]).digest
            assert asked == []
            assert Image(f"{base}/moved", allow_url=["127.0.0.1", "localhost"]).size == (120, 90)
            for kind in ("file", "ftp"):
                with pytest.raises(ImageInvalid, match="cannot be had: HTTP 302"):
                    _ = Image(f"{base}/{kind}", allow_url=["127.0.0.1"]).digest


def test_endless_redirect_ends(pictures):
    with (
        pictures.web({"/a": (302, {"Location": "/a"}, b"")}) as (base, _),
        pytest.raises(ImageInvalid, match="cannot be had: HTTP 302"),
    ):
        _ = Image(f"{base}/a", allow_url=["127.0.0.1"]).digest


def test_missing_page_and_web_page_are_named(pictures):
    routes = {"/gone.png": (404, {}, b""), "/login": (200, {}, b"<!doctype html><title>Log in</title>")}
    with pictures.web(routes) as (base, _):
        with pytest.raises(ImageInvalid, match=r"'gone.png' at 127.0.0.1 cannot be had: HTTP 404"):
            _ = Image(f"{base}/gone.png", allow_url=["127.0.0.1"]).digest
        with pytest.raises(ImageInvalid, match="is a web page"):
            _ = Image(f"{base}/login", allow_url=["127.0.0.1"]).size


def test_answer_without_end_is_cut_off(pictures, monkeypatch):
    monkeypatch.setattr(fetch, "FETCH_BYTES", 100_000)
    with pictures.web({"/a": (200, {}, b"x" * 300_000)}) as (base, _), pytest.raises(ImageInvalid, match="more than"):
        _ = Image(f"{base}/a", allow_url=["127.0.0.1"]).digest


def test_silent_server_is_left(monkeypatch):
    monkeypatch.setattr(fetch, "FETCH_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(ImageInvalid, match=r"did not come within 0.1 seconds"):
            _ = Image(f"http://127.0.0.1:{port}/a", allow_url=["127.0.0.1"]).digest


def test_refused_connection_is_one_plain_line():
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    for scheme in ("http", "https"):
        with pytest.raises(ImageInvalid, match=r"the image 'a' at 127.0.0.1 cannot be fetched. Download it"):
            _ = Image(f"{scheme}://127.0.0.1:{port}/a", allow_url=["127.0.0.1"]).digest


def test_proxy_of_the_environment_is_not_asked(pictures, png, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with pictures.web({"/ad.png": (200, {}, png)}) as (base, _):
        assert Image(f"{base}/ad.png", allow_url=["127.0.0.1"]).size == (120, 90)


@pytest.mark.parametrize("url", ["http://", "https://:80/a.png", "http://host:port/a.png", "http://[::1/a.png"])
def test_address_without_sense_is_refused(url):
    with pytest.raises(ImageInvalid, match="the web address given"):
        Image(url, allow_url=True)


def test_secrets_of_an_address_stay_out_of_its_errors():
    with pytest.raises(ImageInvalid) as caught:
        Image("https://anna:geheim@example.org/ads/ad.png?key=sk-geheim#geheim")
    assert "geheim" not in str(caught.value)
    assert "'ad.png' at example.org" in str(caught.value)
