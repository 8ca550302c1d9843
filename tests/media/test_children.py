"""Children that die, hang, swell or lie fail the work that they were given, and no other."""

import asyncio
import json
import os
import select
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from subprocess import PIPE, Popen
from typing import BinaryIO, cast

import pytest

from bot.language import speaking
from bot.media import children as module
from bot.media.children import Answer, ChildFailed, Children, Patience, Why
from bot.media.confined import HEAD, Bounds
from bot.media.errors import Fit, TooSmall
from tests.patience import PATIENCE_S

ODD = "tests.media.odd_child"
ROOT = Path(__file__).resolve().parents[2]
BOUNDS = Bounds(memory_bytes=300_000_000, cpu_s=60, file_bytes=1000)
PATIENCE = Patience(silent_s=60, whole_s=60)

linux = pytest.mark.skipif(sys.platform != "linux", reason="of Linux")
posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such bounds")


def odd(
    *,
    count: int = 1,
    memory_bytes: int = BOUNDS.memory_bytes,
    cpu_s: int = 60,
    silent_s: float = 60,
    whole_s: float = 60,
    idle_s: float = 60,
) -> Children:
    bounds = Bounds(memory_bytes=memory_bytes, cpu_s=cpu_s, file_bytes=BOUNDS.file_bytes)
    patience = Patience(silent_s=silent_s, whole_s=whole_s, idle_s=idle_s)
    return Children(ODD, count=count, bounds=bounds, patience=patience)


@pytest.fixture
async def children() -> AsyncIterator[Children]:
    async with odd() as opened:
        yield opened


async def said(children: Children, words: str = "hello") -> Answer:
    answer = await children.run("echo", {"say": words}, words.encode())
    assert (answer.facts["said"], answer.body) == (words, words.encode())
    return answer


async def why_not(children: Children, work: str, **facts: object) -> Why:
    """The reason why the work is not done."""
    with pytest.raises(ChildFailed) as failure:
        await children.run(work, facts)
    return failure.value.why


def held(children: Children) -> None:
    """Its one child does not answer any more."""
    [child] = children._idle
    child.process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, child.process.pid, os.WSTOPPED | os.WNOWAIT)


async def begun(children: Children) -> None:
    while not children._busy:  # noqa: ASYNC110 - nothing but the set knows
        await asyncio.sleep(0)


async def test_a_child_stays_for_the_next_order(children: Children) -> None:
    first, second = await said(children, "one"), await said(children, "two")
    assert first.facts["pid"] == second.facts["pid"] != os.getpid()


async def test_large_bodies_go_both_ways(children: Children) -> None:
    body = os.urandom(1 << 20) * 25
    assert (await children.run("echo", {"say": ""}, body)).body == body


async def test_there_are_no_more_children_than_told_and_each_answers_its_own_caller() -> None:
    async with odd(count=2) as children:
        answers = await asyncio.gather(*(said(children, f"word {n}") for n in range(12)))
        assert len({answer.facts["pid"] for answer in answers}) <= 2
        assert len(children._idle) <= 2


@posix
async def test_the_event_loop_goes_on_while_a_child_works(children: Children) -> None:
    await said(children)
    held(children)
    async with asyncio.TaskGroup() as group:
        group.create_task(said(children))
        await begun(children)
        [child] = children._busy
        child.process.send_signal(signal.SIGCONT)  # a blocked loop would never get here


async def test_a_child_that_died_over_its_work_fails_it_and_is_replaced(children: Children) -> None:
    first = await said(children)
    assert await why_not(children, "crash") is Why.DIED
    assert (await said(children)).facts["pid"] != first.facts["pid"]


async def test_what_only_killed_a_child_once_is_done_by_another(children: Children, tmp_path: Path) -> None:
    path = tmp_path / "crash"
    path.touch()
    answer = await children.run("crash once", {"path": str(path)})
    assert answer.facts["said"] == "better now"


@pytest.mark.parametrize("is_known", [True, False])
async def test_a_child_that_was_killed_meanwhile_is_replaced(children: Children, *, is_known: bool) -> None:
    await said(children)
    [child] = children._idle
    child.process.kill()
    if is_known:  # to be dead; else that is found out in the middle
        await child.process.wait()
    await said(children)


async def test_a_child_that_hangs_fails_its_work_and_those_who_wait_get_theirs() -> None:
    async with odd(silent_s=3) as children:
        await said(children)
        async with asyncio.TaskGroup() as group:
            hung = group.create_task(why_not(children, "hang"))
            await begun(children)
            [child] = children._busy
            waiting = [group.create_task(said(children)) for _ in range(2)]
        assert hung.result() is Why.TOO_LONG
        assert child.process.returncode == -signal.SIGKILL
        assert all(task.result() for task in waiting)


async def test_signs_of_life_prolong_the_silence_and_not_the_whole() -> None:
    async with odd(silent_s=2) as children:
        await said(children)
        await children.run("beat on", {"for_s": 3})
    async with odd(silent_s=2, whole_s=3) as children:
        await said(children)
        assert await why_not(children, "beat on", for_s=600) is Why.TOO_LONG


@posix
async def test_processor_time_is_bounded_for_each_piece_of_work() -> None:
    async with odd(cpu_s=1) as children:
        await said(children)
        assert await why_not(children, "spin") is Why.TOO_LONG
        await said(children)


@linux
async def test_memory_is_bounded(children: Children) -> None:
    await said(children)
    assert await why_not(children, "swell") is Why.TOO_MUCH_MEMORY
    await said(children)


@posix
async def test_files_are_bounded(children: Children) -> None:
    await children.run("write", {"many": 1000})
    assert await why_not(children, "write", many=2000) is Why.BROKEN


@linux
async def test_a_child_has_none_of_the_bots_files_and_settings_and_yields_to_it(
    children: Children, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", "secret")
    with (tmp_path / "inheritable").open("wb") as file:
        os.set_inheritable(file.fileno(), True)
        facts = (await children.run("disclose", {})).facts
    assert "secret" not in facts["environment"].values()
    assert set(facts["environment"]) <= {*module._INHERITED, "MALLOC_ARENA_MAX", "LC_CTYPE"}
    assert [name for name in facts["files"] if not name.startswith(("pipe:", "socket:"))] == []
    assert facts["nice"] >= 5


async def test_what_a_library_prints_is_no_answer(children: Children) -> None:
    assert (await children.run("mutter", {})).facts["said"] == "an answer"
    await said(children)


async def test_a_refusal_is_the_childs_in_the_callers_language(children: Children) -> None:
    with speaking("de"), pytest.raises(TooSmall, match="1 mal 2 Pixel") as refusal:
        await children.run("raise", {"what": "refusal"})
    assert (refusal.value.min_side_px, refusal.value.remedies) == (3, (Fit.PAD, Fit.ENLARGE))
    await said(children)


async def test_the_disks_faults_are_told_as_they_are(children: Children) -> None:
    with pytest.raises(OSError, match="No space left on device"):
        await children.run("raise", {"what": "full disk"})


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("bug", Why.BROKEN),
        ("forged", Why.BROKEN),
        ("of no child", Why.BROKEN),
        ("no memory", Why.TOO_MUCH_MEMORY),
    ],
)
async def test_what_else_a_child_raises_is_not_told_on(children: Children, what: str, why: Why) -> None:
    assert await why_not(children, "raise", what=what) is why
    await said(children)


async def test_what_a_cancelled_caller_wanted_is_not_given_to_the_next(children: Children) -> None:
    await said(children)
    task = asyncio.ensure_future(children.run("hang", {}))
    await begun(children)
    [child] = children._busy
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert child.process.returncode == -signal.SIGKILL
    await said(children)


async def test_a_child_is_replaced_after_many_works(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MAX_WORKS", 2)
    async with odd() as children:
        pids = [(await said(children)).facts["pid"] for _ in range(3)]
    assert pids[0] == pids[1] != pids[2]


async def test_an_idle_child_leaves_and_another_comes() -> None:
    async with odd(idle_s=0) as children, asyncio.timeout(PATIENCE_S):
        first = await said(children)
        [child] = children._idle
        assert await child.process.wait() == 0
        assert (await said(children)).facts["pid"] != first.facts["pid"]


async def test_closing_ends_what_is_done_and_what_waits() -> None:
    children = odd()
    await said(children)
    tasks = [asyncio.ensure_future(why_not(children, "hang")) for _ in range(3)]
    await begun(children)
    await children.close()
    assert await asyncio.gather(*tasks) == [Why.NO_PROCESS] * 3
    assert await why_not(children, "echo") is Why.NO_PROCESS


async def test_closing_while_a_child_starts_leaves_none_behind() -> None:
    children = odd()
    task = asyncio.ensure_future(why_not(children, "hang"))
    await asyncio.sleep(0)
    await children.close()
    assert await task is Why.NO_PROCESS
    assert not children._idle
    assert not children._busy


async def test_closing_lets_an_idle_child_end_of_its_own_accord(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FAREWELL_S", 60)  # a busy machine is not a fault
    async with odd() as children:
        await said(children)
        [child] = children._idle
    assert child.process.returncode == 0


@posix
async def test_closing_ends_an_idle_child_that_does_not_react(monkeypatch: pytest.MonkeyPatch) -> None:
    async with odd() as children:
        await said(children)
        [child] = children._idle
        held(children)
        monkeypatch.setattr(module, "_FAREWELL_S", 0.05)
    assert child.process.returncode == -signal.SIGKILL


@posix
async def test_a_child_that_closes_its_output_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_FAREWELL_S", 0.2)
    async with odd() as children:
        assert await why_not(children, "close output") is Why.DIED


async def test_that_no_child_can_be_started_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "nowhere"))
    async with odd() as children:
        assert await why_not(children, "echo") is Why.NO_PROCESS


def message(
    facts: bytes, body: bytes = b"", *, facts_bytes: int | None = None, body_bytes: int | None = None
) -> bytes:
    return HEAD.pack(facts_bytes or len(facts), body_bytes or len(body)) + facts + body


BAD_ANSWERS = {
    "none": b"",
    "half a head": b"\0\0",
    "endless facts": message(b"{", facts_bytes=0xFFFFFFFF),
    "an endless body": message(b'{"is":"done"}', body_bytes=0xFFFFFFFF),
    "half a body": message(b'{"is":"done"}', b"half", body_bytes=1000),
    "no JSON": message(b"\xff\xfe{"),
    "deep JSON": message(b"[" * 50_000),
    "a list": message(b"[]"),
    "nothing known": message(b'{"is":"fine"}'),
    "an unknown refusal": message(b'{"is":"refused","name":"SystemExit","facts":{}}'),
    "a refusal without facts": message(b'{"is":"refused","name":"TooSmall","facts":{}}'),
    "a refusal with words": message(
        b'{"is":"refused","name":"CannotFit","facts":{"smallest_bytes":"@everyone","max_bytes":1}}'
    ),
    "a refusal of no kind": message(b'{"is":"refused","name":[],"facts":7}'),
    "an error without its number": message(b'{"is":"fault","errno":"28"}'),
}


@posix
@pytest.mark.parametrize("answer", BAD_ANSWERS.values(), ids=BAD_ANSWERS)
async def test_a_child_that_does_not_answer_well_fails_its_work(
    answer: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "answer").write_bytes(answer)
    stand_in = tmp_path / "python"
    stand_in.write_text(f"#!/bin/sh\ncat {tmp_path}/answer\necho 'no answer today' >&2\nexec sleep 0.1\n")
    stand_in.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(stand_in))
    async with odd() as children:
        assert await why_not(children, "echo") in {Why.BROKEN, Why.DIED}
        assert not children._busy


# A parent whose child is idle or at work; it says the child's process id and waits to be killed.
PARENT = """
import asyncio, sys
from tests.media import test_children as tests

async def main():
    async with tests.odd() as children:
        await tests.said(children)
        if sys.argv[1] == "busy":
            task = asyncio.ensure_future(children.run("hang", {}))
            await tests.begun(children)
        [child] = children._busy or children._idle
        print(child.process.pid, flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs Linux's process handles")
@pytest.mark.parametrize("state", ["idle", "busy"])
def test_a_child_does_not_outlive_a_killed_parent(state: str) -> None:
    with Popen((sys.executable, "-c", PARENT, state), stdout=PIPE, cwd=ROOT) as parent:
        assert parent.stdout is not None
        handle = os.pidfd_open(int(parent.stdout.readline()))
        try:
            parent.kill()
            gone, _, _ = select.select([handle], [], [], 30)
            assert gone
        finally:
            os.close(handle)


# A child that goes on after an answer only when its next order has come: its parent is quick.
SLOW = """
import time
from bot.media import confined
from tests.media.odd_child import WORKS

send, opened = confined._send, []

class Orders(confined._Orders):
    def __init__(self, pipe):
        opened.append(self)
        super().__init__(pipe)

def send_and_wait(pipe, facts, body):
    send(pipe, facts, body)
    while facts["is"] == "done" and opened[0]._queue.empty():
        time.sleep(0.001)

confined._send, confined._Orders = send_and_wait, Orders
confined.serve(WORKS)
"""


def order(work: str, **facts: object) -> bytes:
    said = json.dumps({"work": work, **facts}).encode()
    return HEAD.pack(len(said), 0) + said


def heard(answers: BinaryIO) -> str:
    facts_bytes, body_bytes = HEAD.unpack(answers.read(HEAD.size))
    facts = json.loads(answers.read(facts_bytes))
    answers.read(body_bytes)
    return facts["is"]


def test_a_child_that_is_ordered_to_go_on_at_once_does_not_outlive_its_parent() -> None:
    command = (sys.executable, "-c", SLOW, BOUNDS.to_json())
    with Popen(command, stdin=PIPE, stdout=PIPE, cwd=ROOT) as child:
        orders, answers = cast("BinaryIO", child.stdin), cast("BinaryIO", child.stdout)
        try:
            orders.write(order("echo", say="hello"))
            orders.flush()
            assert [heard(answers), heard(answers)] == ["going on", "done"]
            orders.write(order("hang"))
            orders.flush()
            assert heard(answers) == "going on"
            orders.close()
            child.wait(timeout=PATIENCE_S)
        finally:
            child.kill()


def test_a_child_does_not_outlive_a_parent_that_ended_in_the_middle_of_an_order() -> None:
    with Popen((sys.executable, "-m", ODD, BOUNDS.to_json()), stdin=PIPE, cwd=ROOT) as child:
        try:
            orders = cast("BinaryIO", child.stdin)
            orders.write(order("echo", say="hello")[:-1])
            orders.close()
            assert child.wait(timeout=PATIENCE_S) == 0
        finally:
            child.kill()
