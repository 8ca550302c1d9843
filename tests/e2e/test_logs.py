"""The logs of a whole run: one job can be followed through them."""

import json
import sys
from asyncio.subprocess import PIPE, create_subprocess_exec
from typing import Any

from bot import settings as environment
from bot.sandbox import shows
from tests.e2e.scenes import CLIP_TIMEOUT_S, PICTURE, Scene

LIFE = ["accepted", "admitted", "accepted by provider", "moved", "moved", "delivered"]


async def test_one_job_is_followed_by_its_number_among_others(scene: Scene) -> None:
    process = await create_subprocess_exec(
        sys.executable,
        "-m",
        "bot",
        "run",
        env=environment.inherited(**scene.environment()),
        cwd=scene.folder,
        stderr=PIPE,
    )
    await scene.application.ready()
    cards = [
        await (
            await scene.mia.slash("animate", scene.channel, image=PICTURE, prompt=prompt, duration=5)
        ).response()
        for prompt in ("It drifts", "It sinks")
    ]
    for card in cards:
        await shows(card, lambda message: "See the clip" in message.text, timeout_s=CLIP_TIMEOUT_S)
    process.terminate()
    _, said = await process.communicate()
    lines: list[dict[str, Any]] = [json.loads(line) for line in said.splitlines()]
    for number in (1, 2):
        ours = [line for line in lines if line.get("job") == number]
        events = [line["event"] for line in ours]
        assert [events.index(event) for event in LIFE] == sorted(events.index(event) for event in LIFE)
        assert [line["state"] for line in ours if line["event"] == "moved"] == [
            "rendering",
            "fetching",
            "delivering",
            "done",
        ]
        carried = ours[events.index("accepted by provider") :]
        assert {line["guild"] for line in carried if "guild" in line} == {scene.guild.id}
        assert {line["attempt"] for line in carried if "attempt" in line} == {f"{number}-1"}
        for line in carried:
            if line["event"] in LIFE:
                assert (line["provider"], line["guild"]) == ("local", scene.guild.id)
