import logging
import threading

from toolkit.events import EventStream


def test_listeners_hear_in_the_order_they_came():
    stream, heard = EventStream(), []
    stream.subscribe(lambda event: heard.append(("first", event.kind)))
    stream.subscribe(lambda event: heard.append(("second", event.kind)))
    stream.emit("a")
    stream.emit("b")
    assert heard == [("first", "a"), ("second", "a"), ("first", "b"), ("second", "b")]


def test_listener_hears_only_the_kinds_it_asked_for():
    stream, heard = EventStream(), []
    stream.subscribe(heard.append, "call.", without="call.finished")
    for kind in ("call.started", "call.finished", "run.started"):
        stream.emit(kind, n=1)
    assert [(event.kind, dict(event.data)) for event in heard] == [("call.started", {"n": 1})]


def test_failing_listener_is_logged_once_scrubbed_and_dropped_while_others_go_on(caplog):
    stream, heard = EventStream(), []

    def fail(event):
        raise LookupError("no row for ada@example.org")

    stream.subscribe(fail, "run")
    stream.subscribe(heard.append)
    with caplog.at_level(logging.ERROR):
        stream.emit("run.started")
        stream.emit("run.finished")
    assert [event.kind for event in heard] == ["run.started", "run.finished"]
    assert len(caplog.records) == 1
    assert "'run' events failed and is dropped" in caplog.text
    assert "LookupError: no row for [email]" in caplog.text
    assert "ada@example.org" not in caplog.text


def test_unsubscribing_twice_is_harmless_and_ends_one_subscription_only():
    stream, heard = EventStream(), []
    stop = stream.subscribe(heard.append)
    stream.subscribe(heard.append)
    stop()
    stop()
    stream.emit("a")
    assert len(heard) == 1


def test_listener_may_unsubscribe_itself_while_it_is_called():
    stream, heard = EventStream(), []
    stops = []

    def once(event):
        heard.append(event.kind)
        stops[0]()

    stops.append(stream.subscribe(once))
    stream.emit("a")
    stream.emit("b")
    assert heard == ["a"]


def test_data_may_have_a_kind_of_its_own():
    stream, heard = EventStream(), []
    stream.subscribe(heard.append)
    stream.emit("call.failed", kind="rate_limited")
    assert heard[0].kind == "call.failed"
    assert heard[0].data == {"kind": "rate_limited"}


def test_threads_may_subscribe_emit_and_stop_at_once():
    stream, heard = EventStream(), []
    stream.subscribe(heard.append, "kept")

    def work():
        for _ in range(200):
            stop = stream.subscribe(lambda event: None)
            stream.emit("kept")
            stop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(heard) == 800
    assert len(stream._listeners) == 1
