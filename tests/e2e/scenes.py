"""The whole bot on one side, people in the sandbox on the other."""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
from PIL import Image

from bot.app import App
from bot.db import audit, jobs
from bot.domain.jobs import Job
from bot.sandbox import App as Application
from bot.sandbox import Channel, File, Message, Person, Sandbox, Server, shows
from bot.settings import Settings

ROOT = Path(__file__).parents[2]
TOKEN = "a-token-for-tests"
CLIP_TIMEOUT_S = 180.0
"""A renderer shares the machine with whatever else it does."""


def picture(width: int = 640, height: int = 360, kind: str = "PNG") -> bytes:
    """A picture with something to see in it."""
    gradient: Any = Image.linear_gradient("L")
    image = gradient.resize((width, height)).convert("RGB")
    image.paste((200, 60, 40), (width // 4, height // 4, width // 2, height // 2))
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


PICTURE = File("boat.png", picture())


@dataclass
class Scene:
    """A guild with the bot in it, and people who use it."""

    sandbox: Sandbox
    application: Application
    guild: Server
    channel: Channel
    mia: Person
    settings: Settings

    @property
    def folder(self) -> Path:
        """Where other processes run, because there is no `.env`."""
        return self.settings.data_dir.parent

    def environment(self) -> dict[str, str]:
        """The settings as another process gets them."""
        return {
            "PYTHONPATH": str(ROOT),
            "DISCORD_TOKEN": TOKEN,
            "DISCORD_API_URL": self.sandbox.api_url,
            "DISCORD_GATEWAY_URL": self.sandbox.gateway_url,
            "DATA_DIR": str(self.settings.data_dir),
            "WEB_PORT": "0",
            "LOG_LEVEL": "info",
            "LOG_FORMAT": "json",
        }

    async def clip_of(self, card: Message, *, timeout_s: float = CLIP_TIMEOUT_S) -> Message:
        """The message with the clip that belongs to a card, once the card says that it is there."""
        await shows(card, lambda message: "See the clip" in message.text, timeout_s=timeout_s)
        return self.clips()[-1]

    def clips(self) -> list[Message]:
        """Every message with a clip, wherever it was posted."""
        places = [*self.guild.channels.values(), *self.guild.threads]
        found = {message.id: message for place in places for message in place.messages if _has_clip(message)}
        return [message for message in found.values() if message.author.id == self.application.user.id]


def _has_clip(message: Message) -> bool:
    return any(file.filename.endswith(".mp4") for file in message.files)


@dataclass
class Bot:
    """The bot in this process."""

    app: App

    async def job(self, job_id: int = 1) -> Job:
        return await self.app.db.read(jobs.get(job_id))

    async def is_sound(self) -> bool:
        return await self.app.db.read(audit.discrepancies()) == 0


@dataclass(frozen=True)
class Seen:
    """What a decoder finds in a clip."""

    width: int
    height: int
    frames: int
    seconds: float


def decoded(data: bytes) -> Seen:
    """Decode every frame."""
    container: Any
    with av.open(io.BytesIO(data)) as container:
        stream: Any = container.streams.video[0]
        frames = [(frame.width, frame.height, float(frame.time or 0)) for frame in container.decode(stream)]
        frame_s = 1 / float(stream.average_rate)
    width, height, last_s = frames[-1]
    return Seen(width, height, len(frames), last_s + frame_s)
