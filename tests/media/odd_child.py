"""A child that does what no decoder should: `python -m tests.media.odd_child BOUNDS`."""

import ctypes
import os
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from bot.media.confined import Answer, Beat, serve
from bot.media.errors import BlobFault, Fit, MediaError, TooSmall


def echo(facts: Mapping[str, Any], body: bytes, _: Beat) -> Answer:
    return {"said": facts["say"], "pid": os.getpid()}, body


def crash(_: Mapping[str, Any], __: bytes, ___: Beat) -> Answer:
    ctypes.string_at(0)
    raise AssertionError


def crash_once(facts: Mapping[str, Any], body: bytes, _: Beat) -> Answer:
    """Where the file stands, not any more."""
    path = Path(facts["path"])
    if path.exists():
        path.unlink()
        ctypes.string_at(0)
    return {"said": "better now"}, body


def hang(_: Mapping[str, Any], __: bytes, ___: Beat) -> Answer:
    time.sleep(600)
    raise AssertionError


def beat_on(facts: Mapping[str, Any], _: bytes, beat: Beat) -> Answer:
    until_s = time.monotonic() + facts["for_s"]
    while time.monotonic() < until_s:
        beat()
        time.sleep(0.01)
    return {}, b""


def spin(_: Mapping[str, Any], __: bytes, ___: Beat) -> Answer:
    while True:
        pass


def swell(_: Mapping[str, Any], __: bytes, ___: Beat) -> Answer:
    kept: list[bytes] = []
    while True:
        kept.append(bytes(10_000_000))


def write(facts: Mapping[str, Any], _: bytes, __: Beat) -> Answer:
    with tempfile.TemporaryFile() as file:
        file.write(bytes(facts["many"]))
    return {}, b""


def disclose(_: Mapping[str, Any], __: bytes, ___: Beat) -> Answer:
    files: list[str] = []
    for number in range(3, 64):
        with suppress(OSError):  # it is not open
            files.append(str(Path(f"/proc/self/fd/{number}").readlink()))
    return {"environment": dict(os.environ), "files": files, "nice": os.nice(0)}, b""


def mutter(_: Mapping[str, Any], __: bytes, ___: Beat) -> Answer:
    print("not an answer", flush=True)  # noqa: T201
    os.write(1, b"nor this")
    return {"said": "an answer"}, b""


def close_output(_: Mapping[str, Any], __: bytes, ___: Beat) -> Answer:
    os.closerange(1, 64)
    time.sleep(600)
    raise AssertionError


def raise_(facts: Mapping[str, Any], _: bytes, __: Beat) -> Answer:
    class Forged(MediaError):
        """None of ours."""

    raised: dict[str, Exception] = {
        "refusal": TooSmall(width=1, height=2, min_side_px=3, remedies=(Fit.PAD, Fit.ENLARGE)),
        "full disk": OSError(28, "whatever"),
        "bug": ZeroDivisionError("in the middle of it"),
        "no memory": OSError(12, "whatever"),
        "forged": Forged(),
        "of no child": BlobFault("<@1> look here"),
    }
    raise raised[facts["what"]]


WORKS = {
    "echo": echo,
    "crash": crash,
    "crash once": crash_once,
    "hang": hang,
    "beat on": beat_on,
    "spin": spin,
    "swell": swell,
    "write": write,
    "disclose": disclose,
    "mutter": mutter,
    "close output": close_output,
    "raise": raise_,
}

if __name__ == "__main__":
    serve(WORKS)
