"""Everything of the bot's that says what somebody wrote, or has a button: one of each, in one server."""

from dataclasses import dataclass, field
from typing import Any

from bot.db import guilds
from bot.sandbox import Channel, File, Message, Modal, Permission, Person, Used, shows
from tests.e2e.scenes import PICTURE, Bot, Scene, picture
from tests.e2e.studio import Studio

MODELS = """
[[model]]
provider = "local"
id = "local-camera"
name = "The local renderer"
tasks = ["image_to_video", "text_to_video"]
qualities = ["std", "pro"]
durations_s = [5, 8]
parameters = ["prompt", "negative_prompt", "end_frame", "shots", "motion", "camera"]
price.per_second = { std = 1, pro = 2 }
"""
SMALL, OTHER = File("small.png", picture(200, 200)), File("tree.png", picture(400, 400))


@dataclass
class Exhibits:
    """Mia asks for things with a prompt, and Ada moderates."""

    scene: Scene
    studio: Studio
    prompt: str
    ada: Person
    log: Channel
    shown: list[tuple[Person, Message]] = field(default_factory=list[tuple[Person, Message]])
    """What stands before whom."""
    modals: list[Modal] = field(default_factory=list[Modal])

    @classmethod
    def of(cls, scene: Scene, studio: Studio, prompt: str) -> "Exhibits":
        """Before the bot is started."""
        scene.settings.data_dir.mkdir(parents=True)
        (scene.settings.data_dir / "models.toml").write_text(MODELS, encoding="utf-8")
        crew = scene.guild.add_role("crew", permissions=Permission.MANAGE_GUILD | Permission.MANAGE_THREADS)
        ada = scene.guild.add_member("ada", roles=[crew])
        return cls(scene, studio, prompt, ada, scene.guild.add_channel("mod-log"))

    async def gather(self, bot: Bot) -> None:
        """Use everything."""
        await self.prefer(bot, log_channel_id=self.log.id)
        clip = await self.clips()
        await self.answers_to(clip)
        await self.modals_of(clip)
        await self.lists()
        await self.questions(bot)
        self.studio.hold()
        await self.keep(await self.asks("video", prompt=self.prompt))
        self.shown += [(self.ada, message) for message in self.log.messages]

    async def prefer(self, bot: Bot, **columns: object) -> None:
        caps = self.scene.settings.default_limits
        await bot.app.db.write(guilds.prefer(self.scene.guild.id, columns, defaults=caps))

    async def asks(self, name: str, person: Person | None = None, **options: object) -> Used:
        return await (person or self.scene.mia).slash(name, self.scene.channel, **options)

    async def keep(self, used: Used, person: Person | None = None) -> Message:
        message = await used.response()
        self.shown.append((person or self.scene.mia, message))
        return message

    async def clips(self) -> Message:
        """Six drafts, so that lists have pages; the first one's clip."""
        options: dict[str, Any] = {
            "image": PICTURE,
            "prompt": self.prompt,
            "negative": self.prompt,
            "draft": True,
        }
        for number in range(6):
            card = await self.keep(await self.asks("animate", **options))
            clip = await self.scene.clip_of(card)
            if not number:
                self.shown.append((self.scene.mia, clip))
        _, (_, first), *_ = self.shown
        await self.keep(await self.asks("animate", image=SMALL, prompt=self.prompt))
        return first

    async def answers_to(self, clip: Message) -> None:
        """A report of the clip, and a reply that only pings."""
        mia, place = self.scene.mia, self.scene.sandbox.world.channel(clip.channel_id)
        modal = await (await mia.click(clip, "Report")).modal()
        await self.keep(await mia.submit(modal, {"reason": self.prompt[:200]}))
        reply = await mia.send(place, self.prompt, reply_to=clip)
        question = await place.next_message(
            lambda found: found.reference is not None and found.reference.message_id == reply.id, since=reply
        )
        self.shown.append((mia, await shows(question, lambda found: found.buttons)))

    async def modals_of(self, clip: Message) -> None:
        """What is begun in a modal and given back, and what is prefilled."""
        mia, ada = self.scene.mia, self.ada
        self.modals.append(await (await mia.click(clip, "Edit")).modal())
        two = await mia.send(self.scene.channel, "two", files=[PICTURE, OTHER])
        choice = await self.keep(await mia.menu("Animate", two))
        composed = await (await mia.click(choice, choice.buttons[0].custom_id or "")).modal()
        await self.keep(await mia.submit(composed, {"prompt": f"{self.prompt} --unknown {self.prompt}"}))
        board = await (await self.asks("storyboard", image=PICTURE)).modal()
        await self.keep(await mia.submit(board, {"shots": self.prompt}))
        rules = await (await self.asks("settings rules", ada)).modal()
        texts = [one.custom_id for one in rules.fields]
        await self.keep(await ada.submit(rules, dict.fromkeys(texts, f"( | {self.prompt}"[:1000])), ada)

    async def lists(self) -> None:
        """Everything that lists or repeats."""
        ada = self.ada
        for name in ("jobs", "queue", "quota me", "privacy forget"):
            await self.keep(await self.asks(name))
        await self.keep(await self.asks("job", id=1))
        await self.keep(await self.asks("job", id=2, share=True))
        for number in range(12):
            reason = {"reason": self.prompt[:100]} if number else {}
            await self.keep(
                await self.asks("quota grant", ada, credits=5, member=self.scene.mia, **reason), ada
            )
        for name in ("quota log", "settings show", "jobs"):
            await self.keep(await self.asks(name, ada), ada)

    async def questions(self, bot: Bot) -> None:
        """A price to be agreed to, and a moderator's word to be waited for."""
        await self.prefer(bot, confirm_above=1)
        await self.keep(await self.asks("video", prompt=self.prompt))
        await self.prefer(bot, confirm_above=None, approval_role_id=4)
        question = await self.keep(await self.asks("video", prompt=self.prompt))
        self.shown.append((self.ada, question))
        await self.prefer(bot, approval_role_id=None)
