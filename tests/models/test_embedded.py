"""The embedded model's process, without its weights: what is refused, and starts that hang, fail or babble."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from toolkit.errors import BadRequest, InvalidInput, ModelUnavailable, ProviderDown, WeightsMissing
from toolkit.models import embedded, weights
from toolkit.models import open_model as open_any
from toolkit.models._embedded_server import Order, release, shared
from toolkit.models.call import Call, Message, Schema, Tool, Tools

SAY_ADDRESS = 'print(\'{"address": "http://127.0.0.1:9"}\', flush=True)'
UNTIL_CLOSED = "sys.stdin.read()"


class User:
    """Somebody who uses a server."""


@pytest.fixture
def home(tmp_path, monkeypatch):
    place = tmp_path / "home"
    monkeypatch.setenv("TOOLKIT_DATA_HOME", str(place))
    return place


@pytest.fixture
def installed(home, tmp_path):
    """Weights that are a gguf by their magic only."""
    path = tmp_path / "tiny.gguf"
    path.write_bytes(b"GGUF" + bytes(200))
    return weights.install(source=path)


@pytest.fixture
def order(tmp_path):
    """Orders for a child that runs the given Python lines; stopped after the test."""
    user, given = User(), []

    def make(*lines, start_seconds=20.0):
        script = "\n".join(("import os, sys, time, json", f"os.chdir({str(tmp_path)!r})", *lines))
        one = Order(
            weights=tmp_path / "weights.gguf",
            alias="fake",
            context=2048,
            threads=1,
            jinja=False,
            defaults=(("temp", 0.3),),
            start_seconds=start_seconds,
            command=(sys.executable, "-c", script),
        )
        given.append(one)
        return one, user

    yield make
    for one in given:
        release(one, user)


async def address_of(order):
    return await shared(*order).address()


def ask(text="Hello"):
    return Call((Message("user", (text,)),), seed=1)


# --- what is refused before anything starts ---


def test_missing_weights_name_the_command_that_brings_them(home):
    with pytest.raises(WeightsMissing, match=r"not installed\. Run `toolkit model install`\.$"):
        open_any("embedded")


def test_damaged_weights_are_refused(installed):
    os.truncate(installed, 3)
    with pytest.raises(WeightsMissing, match="damaged"):
        embedded.open_model()


def test_other_weights_than_asked_for_are_refused(installed):
    with pytest.raises(InvalidInput, match="'smollm2-135m' is not installed, 'tiny' is"):
        open_any("embedded:smollm2-135m")


@pytest.mark.parametrize(("name", "value"), [("context", 10), ("threads", 0)])
def test_numbers_out_of_range_are_named(installed, name, value):
    with pytest.raises(InvalidInput, match=f"{name} is {value}"):
        embedded.open_model(**{name: value})


def test_a_missing_package_names_the_extra(installed):
    code = """
import importlib.metadata as metadata
real = metadata.version
def version(name):
    if name == "xllamacpp":
        raise metadata.PackageNotFoundError(name)
    return real(name)
metadata.version = version
from toolkit.models import open_model
open_model("embedded")
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "xllamacpp, which is not installed. Install dramatis-toolkit[embedded]." in ended.stderr


def test_importing_the_module_imports_no_server_and_no_sdk():
    code = "import sys, toolkit.models.embedded; print({'xllamacpp', 'openai', 'numpy'} & set(sys.modules))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout == "set()\n"


def test_identity_names_the_weights_really_used_and_no_path_or_port(installed):
    identity = embedded.open_model().identity
    assert str(identity) == "embedded:tiny"
    assert identity.detail["weights"] == weights.installed().sha256
    assert set(identity.detail) == {"weights", "server", "context", "settings"}
    assert str(installed.parent).encode() not in identity.json


def test_it_never_claims_to_stand_for_people(installed):
    abilities = embedded.open_model(context=512).abilities
    assert not abilities.stands_for_people
    assert not abilities.images
    assert (abilities.schema, abilities.seed, abilities.logprobs, abilities.context) == (True, True, True, 512)


def test_it_calls_no_functions_and_starts_nothing_for_them(installed):
    """The weights here cannot be loaded, which a start would say."""
    offered = Tools((Tool(Schema("guess", {"type": "object", "properties": {}}), "Guess."),), choice="guess")
    model = embedded.open_model()
    assert not model.abilities.tools
    with pytest.raises(BadRequest, match="embedded:tiny calls no functions"):
        asyncio.run(model.complete(Call((Message("user", ("Which?",)),), schema=offered)))


def test_weights_that_cannot_be_loaded_fail_with_the_cause_and_are_not_tried_for_ever(installed):
    async def go():
        model = embedded.open_model()
        with pytest.raises(ModelUnavailable, match=r"cannot be loaded from tiny-.*\.gguf: .*gguf") as caught:
            await model.complete(ask())
        await model.close()
        return str(caught.value)

    pytest.importorskip("xllamacpp")
    message = asyncio.run(go())
    assert "\n" not in message
    assert str(installed.parent) not in message


# --- starting ---


def test_a_start_that_hangs_is_killed_and_tried_once_more(order, tmp_path):
    hanging = order(
        "first = not os.path.exists('tried')",
        "open('tried', 'a').close()",
        "time.sleep(600) if first else None",
        SAY_ADDRESS,
        UNTIL_CLOSED,
        start_seconds=1.0,
    )
    assert asyncio.run(address_of(hanging)) == "http://127.0.0.1:9"


def test_a_start_that_hangs_twice_is_given_up(order, tmp_path):
    hanging = order("open('starts', 'a').write('x')", "time.sleep(600)", start_seconds=0.5)
    with pytest.raises(ProviderDown, match=r"did not start within 0\.5 s, 2 times"):
        asyncio.run(address_of(hanging))
    assert (tmp_path / "starts").read_text() == "xx"


def test_after_a_failed_start_the_next_call_starts_anew(order, tmp_path):
    flaky = order(
        "first = not os.path.exists('tried')",
        "open('tried', 'a').close()",
        "sys.exit(3) if first else None",
        SAY_ADDRESS,
        UNTIL_CLOSED,
    )

    async def go():
        failed = shared(*flaky)
        with pytest.raises(ModelUnavailable, match="the process ended with 3"):
            await failed.address()
        assert await failed.gone(30)
        return await address_of(flaky)

    assert asyncio.run(go()) == "http://127.0.0.1:9"


def test_first_calls_at_once_start_one_process_and_do_not_block_the_loop(order, tmp_path):
    slow = order("open('starts', 'a').write('x')", "time.sleep(0.5)", SAY_ADDRESS, UNTIL_CLOSED)

    async def go():
        waiting = [asyncio.create_task(address_of(slow)) for _ in range(20)]
        turns = 0
        while not waiting[0].done():
            await asyncio.sleep(0.01)
            turns += 1
        await asyncio.gather(*waiting)
        return turns

    assert asyncio.run(go()) > 5
    assert (tmp_path / "starts").read_text() == "x"


def test_a_cancelled_caller_does_not_disturb_the_start_for_others(order):
    slow = order("time.sleep(0.5)", SAY_ADDRESS, UNTIL_CLOSED)

    async def go():
        impatient = asyncio.create_task(address_of(slow))
        patient = asyncio.create_task(address_of(slow))
        await asyncio.sleep(0.05)
        impatient.cancel()
        return await patient

    assert asyncio.run(go()) == "http://127.0.0.1:9"


def test_a_loop_that_ended_during_the_start_is_harmless(order):
    slow = order("time.sleep(0.5)", SAY_ADDRESS, UNTIL_CLOSED)

    async def leave():
        task = asyncio.create_task(address_of(slow))
        await asyncio.sleep(0.05)
        task.cancel()

    asyncio.run(leave())
    assert asyncio.run(address_of(slow)) == "http://127.0.0.1:9"


def test_closing_during_a_start_ends_it(order):
    slow, user = order("time.sleep(600)")

    async def go():
        server = shared(slow, user)
        waiting = asyncio.create_task(server.address())
        await asyncio.sleep(0.2)
        await asyncio.to_thread(release, slow, user)
        with pytest.raises(ProviderDown):
            await waiting
        return server

    assert asyncio.run(go()).ended


@pytest.mark.parametrize("answer", ["print('welcome')", "print('[1]')", "print('{\"port\": 1}')", "pass"])
def test_a_child_that_says_something_else_is_refused(order, answer):
    with pytest.raises(ModelUnavailable, match="cannot be loaded"):
        asyncio.run(address_of(order(answer)))


def test_the_log_kept_for_errors_holds_neither_key_nor_path(order, tmp_path):
    leaking = order(
        "told = json.loads(sys.stdin.readline())",
        "print('0.1 E failed with', told['key'], 'on', told['weights'], file=sys.stderr)",
    )
    with pytest.raises(ModelUnavailable, match=r"failed with \[key\] on weights\.gguf") as caught:
        asyncio.run(address_of(leaking))
    assert str(tmp_path) not in str(caught.value)


def test_a_chatty_child_never_blocks_and_its_log_stays_short(order):
    chatty = order(
        "print('x' * 500_000, file=sys.stderr)", "print('y\\n' * 50_000, file=sys.stderr)", SAY_ADDRESS, UNTIL_CLOSED
    )
    assert asyncio.run(address_of(chatty)) == "http://127.0.0.1:9"
    assert len(shared(*chatty).last_words()) <= 300


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks into /proc")
def test_the_key_stands_neither_on_the_command_line_nor_in_the_environment(order, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-somebody-else-0123456789")
    running = order(SAY_ADDRESS, UNTIL_CLOSED)
    asyncio.run(address_of(running))
    server = shared(*running)
    process = Path(f"/proc/{server.pid}")
    seen = process.joinpath("cmdline").read_bytes() + process.joinpath("environ").read_bytes()
    assert server.key.encode() not in seen
    assert b"sk-of-somebody" not in seen
    assert server.key not in repr(server)


# --- ending ---


def test_the_last_user_to_go_ends_the_process(order):
    one, first = order(SAY_ADDRESS, UNTIL_CLOSED)
    second = User()
    server = shared(one, first)
    assert shared(one, second) is server
    asyncio.run(server.address())
    release(one, first)
    assert not server.ended
    release(one, first)
    assert not server.ended
    release(one, second)
    assert server.ended


def test_a_child_that_does_not_go_is_killed(order):
    deaf, user = order(SAY_ADDRESS, "time.sleep(600)")
    server = shared(deaf, user)
    asyncio.run(server.address())
    release(deaf, user)
    assert server.exit_code < 0


STARTED = f"""
import asyncio, os, sys, warnings
from pathlib import Path
from toolkit.models._embedded_server import Order, release, shared
class User: pass
user = User()
command = (sys.executable, "-c", {f"import sys; {SAY_ADDRESS}; {UNTIL_CLOSED}"!r})
order = Order(Path("w"), "fake", 2048, 1, False, (), 20.0, command)
server = shared(order, user)
asyncio.run(server.address())
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_a_forked_process_leaves_its_parents_child_alone():
    code = f"""{STARTED}
warnings.simplefilter("ignore")
child = os.fork()
if child == 0:
    release(order, user)
    sys.exit(0)
os.waitpid(child, 0)
print("ended" if server.ended else "running")
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60)
    assert (ended.stdout, ended.stderr) == ("running\n", "")


def test_the_child_is_gone_when_its_process_ends_normally():
    code = f"{STARTED}print(server.pid)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert ended.stderr == ""
    with pytest.raises(ProcessLookupError):
        os.kill(int(ended.stdout), 0)
