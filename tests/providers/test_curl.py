"""Requests as commands: bash is asked what it makes of them, with a `curl` that writes down what it was given."""

import asyncio
import base64
import json
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import strategies as st

from bot.domain.requests import Picture
from bot.providers import curl
from bot.providers.http import Call, Inline, Uploaded
from tests.fuzzed import fuzzed
from tests.shell import require
from tests.vendors.onemin import OneminVendor

SECRET = {"Authorization": "Bearer $KLING_API_KEY"}

STAND_IN = """#!/bin/bash
number=$(ls -d "$RECORD"/*.args 2>/dev/null | wc -l)
printf '%s\\0' "$@" > "$RECORD/$number.args"
for argument in "$@"; do [ "$argument" = "@-" ] && cat > "$RECORD/$number.body"; done
printf '{"path": "assets/%s \\\\"boat\\\\".png"}' "$number"
"""


@dataclass(frozen=True)
class Ran:
    """A run of `curl`."""

    args: list[str]
    body: bytes | None

    def all(self, option: str) -> list[str]:
        return [self.args[place + 1] for place, known in enumerate(self.args) if known == option]


def run(script: str, folder: Path) -> list[Ran]:
    """What `curl` is given when bash runs a script."""
    require("bash")
    stand_in = folder / "bin" / "curl"
    stand_in.parent.mkdir()
    stand_in.write_text(STAND_IN)
    stand_in.chmod(0o755)
    record = folder / "record"
    record.mkdir()
    environment = {
        "PATH": f"{stand_in.parent}:/usr/local/bin:/usr/bin:/bin",
        "RECORD": str(record),
        "KLING_API_KEY": "s3cret",
        "LC_ALL": "C.UTF-8",
    }
    done = subprocess.run(
        ["bash", "-euc", script], env=environment, cwd=folder, capture_output=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    return [
        Ran(
            file.read_bytes().decode().split("\0")[:-1],
            body.read_bytes() if (body := file.with_suffix(".body")).exists() else None,
        )
        for file in sorted(record.glob("*.args"))
    ]


def picture(blob: str, media_type: Any = "image/png") -> Picture:
    return Picture(blob=blob * 32, media_type=media_type, width=1, height=1)


def commands(*calls: Call, base_url: str = "https://api.example/v1", **known: Any) -> str:
    usual: dict[str, Any] = {"secret_headers": SECRET, "inputs": {}}
    return curl.commands(calls, base_url=base_url, **usual | known)


NASTY = [
    "$(touch owned) `touch owned` ${HOME} $KLING_API_KEY $1 $$",
    "\\ \\\\ \\n \\$x \\`x\\` \\\\$(touch owned)",
    "first\nJSON\nlast",
    "JSON",
    "\nJSON\n",
    "'single' \"double\" !history !!",
    "ёж \U0001f6f6 \u2028\u200b\u240e \u240e0\u240e",
    "\t\r\n\x00\x01\x1f\x7f",
    "<<JSON <(ls) ; | & # *",
    "ends with a backslash\\",
    "",
]


@pytest.mark.parametrize("prompt", NASTY)
def test_a_prompt_reaches_curl_as_it_was_written(tmp_path: Path, prompt: str) -> None:
    body = {"prompt": prompt, prompt or "x": [prompt, {"a": prompt}], "n": 5, "f": 0.5, "t": True, "z": None}
    [ran] = run(commands(Call("POST", "/create", body)), tmp_path)
    assert ran.body is not None
    assert json.loads(ran.body) == body
    assert not list(tmp_path.rglob("owned"))


@fuzzed(
    "prompts in commands",
    examples=40,
    prompt=st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from("$`\\\"'\n(){}JSON!")),
)
def test_no_prompt_is_understood_by_the_shell(prompt: str) -> None:
    with TemporaryDirectory() as folder:
        [ran] = run(commands(Call("POST", "/create", {"prompt": prompt})), Path(folder))
    assert ran.body is not None
    assert json.loads(ran.body) == {"prompt": prompt}


FILES = [
    "boat.png",
    "my boat.png",
    'it\'s "quoted".png',
    "$(touch owned) `x`.png",
    "a;type=b,c.png",
    "-",
    "бот\\n.png",
    "new\nline.png",
]


@pytest.mark.parametrize("name", FILES)
def test_pictures_are_read_when_the_command_runs(tmp_path: Path, name: str) -> None:
    one, two = picture("aa"), picture("bb")
    inputs = {one.blob: Path(name), two.blob: tmp_path / "mask.png"}
    contents = {one.blob: bytes(range(256)) * 40, two.blob: b""}
    for blob, content in contents.items():
        (tmp_path / inputs[blob]).write_bytes(content)
    body = {
        "image": Inline(one, prefix="data:image/png;base64,"),
        "masks": (Inline(two), {"again": Inline(one, prefix="$HOME`")}),
        "prompt": "$(cat)",
    }
    [ran] = run(commands(Call("POST", "/create", body), inputs=inputs), tmp_path)
    assert ran.body is not None
    text = base64.b64encode(contents[one.blob]).decode()
    assert json.loads(ran.body) == {
        "image": f"data:image/png;base64,{text}",
        "masks": ["", {"again": f"$HOME`{text}"}],
        "prompt": "$(cat)",
    }
    assert not list(tmp_path.rglob("owned"))


def test_the_request_is_spelled_out_and_only_the_key_is_filled_in(tmp_path: Path) -> None:
    call = Call("GET", "/tasks", query={"id": "a b&c='$(x)"}, headers={"X-Request": 'it\'s $HOME "7"'})
    script = commands(call)
    [ran] = run(script, tmp_path)
    assert ran.args[:3] == ["--request", "GET", "https://api.example/v1/tasks?id=a+b%26c%3D'$(x)"]
    assert ran.all("--header") == ["Authorization: Bearer s3cret", 'X-Request: it\'s $HOME "7"']
    assert ran.body is None
    assert "s3cret" not in script


def test_a_body_is_announced_as_json(tmp_path: Path) -> None:
    [ran] = run(commands(Call("POST", "/create", {})), tmp_path)
    assert ran.all("--header") == ["Authorization: Bearer s3cret", "Content-Type: application/json"]
    assert ran.all("--data") == ["@-"]


def test_what_an_upload_answered_goes_where_the_picture_stands(tmp_path: Path) -> None:
    one, two = picture("aa"), picture("bb", "image/jpeg")
    inputs = {one.blob: Path("it's.png"), two.blob: Path("two.jpg")}
    calls = [
        Call("POST", "/assets", upload=("asset", one)),
        Call("POST", "/assets", upload=("asset", two)),
        Call("POST", "/create", {"images": [Uploaded(two), Uploaded(one)], "prompt": "$ASSET1"}),
    ]
    # What comes from the vendor is text in JSON: this stand-in answers with quotes, so they are taken out.
    path = '.path | gsub("\\""; "")'
    first, second, create = run(commands(*calls, inputs=inputs, asset_path=path), tmp_path)
    assert first.all("--form") == ["asset=@it's.png;type=image/png"]
    assert second.all("--form") == ["asset=@two.jpg;type=image/jpeg"]
    assert create.body is not None
    assert json.loads(create.body) == {
        "images": ["assets/1 boat.png", "assets/0 boat.png"],
        "prompt": "$ASSET1",
    }


@pytest.mark.parametrize("name", [name for name in FILES if name not in {"-", "new\nline.png"}])
async def test_the_real_curl_finds_the_picture_to_upload(tmp_path: Path, name: str) -> None:
    require("bash", "curl", "jq")
    content = bytes(range(256))
    (tmp_path / name).write_bytes(content)
    async with OneminVendor().serve() as vendor:
        script = commands(
            Call("POST", "/api/assets", upload=("asset", picture("aa"))),
            base_url=vendor.url,
            inputs={"aa" * 32: Path(name)},
            secret_headers={"API-KEY": vendor.key},
        )
        process = await asyncio.create_subprocess_exec(
            "bash", "-ec", script, cwd=tmp_path, stderr=asyncio.subprocess.PIPE,
            env={"PATH": "/usr/local/bin:/usr/bin:/bin", "no_proxy": "*"},
        )  # fmt: skip
        _, complaint = await process.communicate()
        assert process.returncode == 0, complaint.decode()
        assert [seen.body["asset"][1:] for seen in vendor.seen] == [("image/png", content)]


def test_commands_are_the_same_each_time() -> None:
    call = Call("POST", "/create", {"image": Inline(picture("aa")), "prompt": "p"})
    known = {"aa" * 32: Path("boat.png")}
    assert commands(call, inputs=known) == commands(call, inputs=known)
    assert shlex.quote("boat.png") in commands(call, inputs=known)
