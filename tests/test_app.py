"""What is checked before anything is opened, and how it is left."""

import asyncio
import errno
import os
from contextlib import AsyncExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot import app as application
from bot.domain.duties import Duty, Role, Shards
from bot.domain.errors import CatalogueInvalid
from bot.engine import load_catalogue
from bot.settings import Settings, SettingsInvalid
from bot.signals import Stop
from bot.stores import open_stores
from tests.patience import PATIENCE_S

ROW = """
[[model]]
provider = "aimlapi"
id = "kling-video/v9"
name = "Kling 9"
tasks = ["text_to_video"]
qualities = ["pro"]
durations_s = [5]
parameters = ["prompt"]
price.per_second = { pro = 10 }
"""


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Settings:
    """Of somebody who has only the local renderer."""
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    return Settings(data_dir=tmp_path)


def own(settings: Settings, text: str) -> Path:
    path = settings.data_dir / "models.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_rows_that_come_along_are_understood(settings: Settings) -> None:
    assert [spec.provider for spec in load_catalogue(settings).specs] == ["local"]


@pytest.mark.parametrize("wire", ['{ path = "legacy", mask_names = "url" }', '{ key = "any_field" }', "{}"])
def test_a_row_of_ones_own_may_say_what_its_provider_understands(settings: Settings, wire: str) -> None:
    own(settings, f"{ROW}wire = {wire}\n")
    load_catalogue(settings)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            ROW + 'wire.path = "legcy"\n',
            "kling-video/v9: in wire, 'path' cannot be 'legcy'; it can be 'legacy' or 'universal'.",
        ),
        (
            ROW + 'wire = { path = "legacy", mask_name = "url" }\n',
            (
                "kling-video/v9: in wire, 'mask_name' is nothing that aimlapi knows; it knows "
                "'camera', 'end_frame', 'key', 'mask_names', 'path', 'shots', 'sound' or 'upstream'."
            ),
        ),
        (
            ROW.replace("aimlapi", "aimlap"),
            "kling-video/v9: there is no provider aimlap; it can be kling, kkiai, aimlapi, onemin or local.",
        ),
        (
            '[defaults.onemin]\nwire = { path = "legacy" }\n',
            "kling/2.5: onemin takes no wire; leave it out.",
        ),
    ],
)
def test_a_misspelt_row_stops_the_start_even_where_its_provider_is_not_used(
    settings: Settings, text: str, words: str
) -> None:
    path = own(settings, text)
    with pytest.raises(CatalogueInvalid) as raised:
        load_catalogue(settings)
    assert str(raised.value) == f"{path}, {words}"


async def test_a_data_dir_that_cannot_be_written_is_a_fault_of_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Path) -> None:  # as root no folder can be made read-only
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr("bot.stores.ensure_writable", refuse)
    async with AsyncExitStack() as stack:
        with pytest.raises(SettingsInvalid, match=f"DATA_DIR is {tmp_path}, .*: Read-only file system"):
            await open_stores(Settings.model_validate({"data_dir": tmp_path}), stack)


async def test_a_second_signal_ends_the_wait_for_what_is_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(application, "_PATIENCE_S", None)  # for ever
    stop, under_way = Stop(), asyncio.ensure_future(asyncio.Event().wait())
    stop.up()
    stop.ask()

    def ask_again(_why: object) -> None:
        stop.ask()

    app: Any = SimpleNamespace(
        gate=SimpleNamespace(shut=ask_again),
        runner=SimpleNamespace(park=lambda: {under_way}),
        client=SimpleNamespace(answering=set[Any]),
    )
    with capture_logs() as logs:
        await asyncio.wait_for(application._part(app, stop), PATIENCE_S)
    assert [entry["event"] for entry in logs] == ["stopping", "cut off"]
    under_way.cancel()


@pytest.mark.parametrize(
    ("url", "duty", "words"),
    [
        (
            "",
            Duty(Role.WORKER),
            "--role worker needs a database that processes share: set DATABASE_URL to postgresql",
        ),
        ("sqlite:///k.db", Duty(Role.GATEWAY), "--role gateway needs a database that processes share"),
        (
            "",
            Duty(shards=Shards((0, 1), 4)),
            "--shards 0-1/4 leaves servers to other processes.* --shards 0-3/4",
        ),
        (
            "postgresql://h/k",
            Duty(Role.WORKER, Shards((0,), 2)),
            "A worker is not connected .* leave --shards out",
        ),
    ],
)
async def test_a_part_of_the_work_that_nobody_shares_is_refused(
    settings: Settings, url: str, duty: Duty, words: str
) -> None:
    with pytest.raises(SettingsInvalid, match=words):
        await application.run(settings.model_copy(update={"database_url": url}), duty)
