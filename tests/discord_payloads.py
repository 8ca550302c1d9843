"""Requests as discord.py itself builds them, for tests of what judges requests."""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import discord
from discord import app_commands, ui
from discord.http import MultipartParameters, handle_message_parameters
from discord.webhook.async_ import interaction_message_response_params

MESSAGES = "/channels/{channel_id}/messages"
MESSAGE = "/channels/{channel_id}/messages/{message_id}"
ORIGINAL = "/webhooks/{webhook_id}/{webhook_token}/messages/@original"
FOLLOW_UP = "/webhooks/{webhook_id}/{webhook_token}"
CALLBACK = "/interactions/{interaction_id}/{interaction_token}/callback"
THREADS = "/channels/{channel_id}/threads"
COMMANDS = "/applications/{application_id}/commands"


@dataclass(frozen=True)
class Payload:
    """One request: the template of its path, its decoded body, and the names of its files."""

    name: str
    method: str
    route: str
    body: Any
    files: Sequence[str] = ()


def _of(name: str, method: str, route: str, parameters: MultipartParameters) -> Payload:
    form = parameters.multipart
    body = json.loads(cast("str", form[0]["value"])) if form else parameters.payload
    return Payload(
        name,
        method,
        route,
        body,
        [cast("str", part["filename"]) for part in form or () if "filename" in part],
    )


def _clip(name: str = "clip.mp4", **options: Any) -> discord.File:
    return discord.File(io.BytesIO(b"video"), name, **options)


def _layout(clip: discord.File) -> ui.LayoutView:
    cancel: ui.Button[ui.LayoutView] = ui.Button(label="Cancel", custom_id="job:1:cancel")
    link: ui.Button[ui.LayoutView] = ui.Button(label="Terms", url="https://example.org/terms")
    styles: ui.Select[ui.LayoutView] = ui.Select(
        custom_id="job:1:style",
        placeholder="Style",
        options=[discord.SelectOption(label="Plain", value="plain", default=True)],
    )
    section: ui.Section[ui.LayoutView] = ui.Section(
        "Twice", accessory=ui.Thumbnail[ui.LayoutView]("https://example.org/cat.png")
    )
    container: ui.Container[ui.LayoutView] = ui.Container(
        ui.TextDisplay("A cat on a chair"),
        section,
        ui.Separator(),
        ui.MediaGallery(discord.MediaGalleryItem(clip.uri, description="The clip")),
        ui.ActionRow(cancel, link),
        ui.ActionRow(styles),
        accent_colour=discord.Colour.blurple(),
    )
    return ui.LayoutView(timeout=None).add_item(container)


def _buttons() -> ui.View:
    view = ui.View(timeout=None)
    view.add_item(ui.Button(label="Again", custom_id="job:1:again", emoji="🔁"))
    view.add_item(ui.UserSelect(custom_id="job:1:who"))
    return view


def _embed() -> discord.Embed:
    embed = discord.Embed(
        title="Queue", description="Two jobs", colour=0x00FF00, timestamp=datetime(2026, 1, 1, tzinfo=UTC)
    )
    embed.add_field(name="First", value="a minute").set_footer(text="Kinora").set_author(name="mia")
    return embed.set_image(url="attachment://still.png")


def _kept() -> discord.Attachment:
    data: Any = {
        "id": "900000000000000001",
        "filename": "old.mp4",
        "size": 5,
        "url": "https://cdn.example.org/old.mp4",
        "proxy_url": "https://media.example.org/old.mp4",
        "width": 640,
        "height": 480,
        "content_type": "video/mp4",
    }
    return discord.Attachment(data=data, state=cast("Any", SimpleNamespace(http=None)))


def messages() -> list[Payload]:
    """Messages created and edited by the bot, and follow-ups."""
    none = discord.AllowedMentions.none()
    reference: Any = discord.MessageReference(message_id=11, channel_id=12, guild_id=13).to_dict()
    ping = discord.AllowedMentions(everyone=False, roles=False, users=[discord.Object(14)], replied_user=True)
    poll = discord.Poll("Again?", timedelta(hours=24)).add_answer(text="Yes").add_answer(text="No")
    clip, again = _clip(), _clip(spoiler=True, description="A cat")
    silent = discord.MessageFlags(suppress_notifications=True, suppress_embeds=True)
    return [
        _of("text", "POST", MESSAGES, handle_message_parameters("Hello", allowed_mentions=none, flags=silent)),
        _of(
            "reply that pings one",
            "POST",
            MESSAGES,
            handle_message_parameters("<@14>", message_reference=reference, allowed_mentions=ping, mention_author=True),
        ),
        _of("file with nonce", "POST", MESSAGES, handle_message_parameters(file=_clip(), nonce="j1z.0")),
        _of("gallery", "POST", MESSAGES, handle_message_parameters(file=clip, view=_layout(clip), nonce="j1z.1")),
        _of("buttons and embed", "POST", MESSAGES, handle_message_parameters(embed=_embed(), view=_buttons(), file=_clip("still.png"))),
        _of("poll", "POST", MESSAGES, handle_message_parameters(poll=poll)),
        _of("edit", "PATCH", MESSAGE, handle_message_parameters("Done", embed=None, view=None, allowed_mentions=none)),
        _of("edit that keeps a file", "PATCH", MESSAGE, handle_message_parameters("Done", attachments=[_kept(), _clip()])),
        _of("result in place of the answer", "PATCH", ORIGINAL, handle_message_parameters(attachments=[again], view=_layout(again), content=None, embeds=[])),
        _of("follow-up", "POST", FOLLOW_UP, handle_message_parameters("Ready", flags=discord.MessageFlags(ephemeral=True))),
    ]  # fmt: skip


def threads() -> list[Payload]:
    """Threads as `HTTPClient.start_thread_*` and `ForumChannel.create_thread` send them."""
    post = handle_message_parameters(
        "A post",
        file=_clip(),
        channel_payload={
            "name": "Cats",
            "auto_archive_duration": 1440,
            "rate_limit_per_user": None,
            "type": 11,
        },
        applied_tags=cast("Any", ["15"]),
    )
    body = json.loads(cast("str", cast("Any", post.multipart)[0]["value"]))
    body["applied_tags"] = body["message"].pop("applied_tags")  # create_thread names them beside the message
    thread = {"name": "Cats", "auto_archive_duration": 60, "rate_limit_per_user": None}
    return [
        Payload("forum post", "POST", THREADS, body, ["clip.mp4"]),
        Payload("thread from a message", "POST", f"{MESSAGE}/threads", thread),
        Payload("stand-alone thread", "POST", THREADS, {**thread, "type": 11, "invitable": True}),
        Payload("archiving", "PATCH", "/channels/{channel_id}", {"archived": True, "locked": False}),
        Payload("direct messages", "POST", "/users/@me/channels", {"recipient_id": 16}),
    ]


class _Ask(ui.Modal, title="Animate"):
    words: ui.TextDisplay[Any] = ui.TextDisplay("What should move?")
    prompt: ui.Label[Any] = ui.Label(
        text="Prompt",
        description="What the video shows",
        component=ui.TextInput(style=discord.TextStyle.paragraph, max_length=1500, custom_id="prompt"),
    )
    quality: ui.Label[Any] = ui.Label(
        text="Quality",
        component=ui.RadioGroup(
            custom_id="quality",
            options=[discord.RadioGroupOption(label=name, value=name) for name in ("std", "pro")],
        ),
    )
    end: ui.Label[Any] = ui.Label(
        text="Last frame", component=ui.FileUpload(custom_id="end", required=False, min_values=0)
    )
    model: ui.Label[Any] = ui.Label(
        text="Model",
        component=ui.Select(custom_id="model", options=[discord.SelectOption(label="One", value="1")]),
    )


class _Consent(ui.Modal, title="Consent"):
    terms: ui.Label[Any] = ui.Label(text="I agree", component=ui.Checkbox(custom_id="terms"))
    uses: ui.Label[Any] = ui.Label(
        text="Uses",
        component=ui.CheckboxGroup(
            custom_id="uses",
            options=[discord.CheckboxGroupOption(label="Show", value="show")],
            required=False,
            min_values=0,
        ),
    )
    name: ui.TextInput[Any] = ui.TextInput(label="Name", custom_id="name", min_length=2)


def callbacks() -> list[Payload]:
    """The first answers to an interaction."""
    clip = _clip()
    bodies: list[tuple[str, Any]] = [
        ("deferral", {"type": 5}),
        ("ephemeral deferral", {"type": 5, "data": {"flags": 64}}),
        ("deferred update", {"type": 6}),
        (
            "choices",
            {"type": 8, "data": {"choices": [app_commands.Choice(name="Kling", value="kling").to_dict()]}},
        ),
        ("modal", {"type": 9, "data": _Ask(custom_id="ask:1").to_dict()}),
        ("modal with boxes", {"type": 9, "data": _Consent(custom_id="ask:2").to_dict()}),
    ]
    return [
        _of("ephemeral answer", "POST", CALLBACK, interaction_message_response_params(type=4, content="No", flags=discord.MessageFlags(ephemeral=True))),
        _of("layout in place", "POST", CALLBACK, interaction_message_response_params(type=7, view=_layout(clip), attachments=[clip])),
        *(Payload(name, "POST", CALLBACK, body) for name, body in bodies),
    ]  # fmt: skip


def commands() -> list[Payload]:
    """A sync of every kind of command."""
    tree = app_commands.CommandTree(discord.Client(intents=discord.Intents.none()))

    @tree.command(description="Make a video")
    @app_commands.guild_only()
    @app_commands.default_permissions(manage_guild=True)
    @app_commands.choices(quality=[app_commands.Choice(name="Standard", value="std")])
    async def animate(  # noqa: PLR0917 - discord.py passes options by name
        _: discord.Interaction,
        image: discord.Attachment,
        prompt: app_commands.Range[str, 1, 1500],
        model: str = "",
        quality: str = "std",
        guidance: app_commands.Range[float, 0.0, 1.0] = 0.5,
        duration: app_commands.Range[int, 1, 60] = 5,
    ) -> None: ...

    async def models(_: discord.Interaction, _typed: str) -> list[app_commands.Choice[str]]:
        return []

    animate.autocomplete("model")(models)
    quota = app_commands.Group(name="quota", description="Quotas", nsfw=True)
    grants = app_commands.Group(name="grants", description="Grants", parent=quota)

    @quota.command(description="Yours")
    async def me(interaction: discord.Interaction) -> None: ...

    @grants.command(description="Give")
    async def add(
        interaction: discord.Interaction, who: discord.Member, where: discord.TextChannel
    ) -> None: ...

    tree.add_command(quota)

    @tree.context_menu(name="Animate this")
    async def menu(interaction: discord.Interaction, message: discord.Message) -> None: ...

    return [Payload("sync", "PUT", COMMANDS, [command.to_dict(tree) for command in _all(tree)])]


def _all(tree: app_commands.CommandTree[Any]) -> list[Any]:
    kinds = (discord.AppCommandType.chat_input, discord.AppCommandType.message, discord.AppCommandType.user)
    return [command for kind in kinds for command in tree.get_commands(type=kind)]


def everything() -> list[Payload]:
    """All of them."""
    return [*messages(), *threads(), *callbacks(), *commands()]
