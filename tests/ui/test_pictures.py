from types import SimpleNamespace
from typing import Any

import discord
import pytest
from discord.components import _component_factory
from discord.http import Route

from bot.ui.pictures import Found, clip_in, job_in, pictures_in

US, MIA = 7, 8
STATE: Any = SimpleNamespace(http=None)
CDN = "https://cdn.discordapp.com/attachments/1"
PROXY = "https://media.discordapp.net/attachments/1"
EXTERNAL = "https://images-ext-1.discordapp.net/external/abc/https/example.com/boat.png"


def attachment(number: int, name: str, kind: str | None = "image/png", **changed: Any) -> discord.Attachment:
    data: Any = {
        "id": str(number),
        "filename": name,
        "size": 100,
        "url": f"{CDN}/{number}/{name}?ex=1",
        "proxy_url": f"{PROXY}/{number}/{name}?ex=1",
        **({"content_type": kind} if kind else {}),
        **changed,
    }
    return discord.Attachment(data=data, state=STATE)


def embed(**shown: Any) -> discord.Embed:
    return discord.Embed.from_dict({"type": "rich", **shown})


def media(url: str, **known: Any) -> dict[str, Any]:
    return {"url": url, "proxy_url": url, **known}


def components(*data: dict[str, Any]) -> list[Any]:
    data_of_any: Any = data
    return [_component_factory(one, STATE) for one in data_of_any]


def message(
    *files: discord.Attachment,
    embeds: tuple[discord.Embed, ...] = (),
    shown: list[Any] | None = None,
    copies: tuple[Any, ...] = (),
    author: int = MIA,
) -> Any:
    return SimpleNamespace(
        attachments=list(files),
        embeds=list(embeds),
        components=shown or [],
        message_snapshots=list(copies),
        author=SimpleNamespace(id=author),
    )


def urls(found: tuple[Found, ...]) -> list[str]:
    return [one.url for one in found]


def test_attachments_are_found_in_their_order_with_what_is_said_of_them() -> None:
    hidden = attachment(2, "SPOILER_b.jpg", "image/jpeg", size=9)
    assert pictures_in(message(attachment(1, "a.png"), hidden)) == (
        Found(f"{CDN}/1/a.png?ex=1", 100),
        Found(f"{CDN}/2/SPOILER_b.jpg?ex=1", 9, is_spoiler=True),
    )


@pytest.mark.parametrize(
    ("name", "kind", "is_one"),
    [
        ("a.webp", "image/webp", True),
        ("a.GIF", None, True),
        ("a", "image/png", True),
        ("a.png", "image/png; charset=x", True),
        ("a.mp4", "video/mp4", False),
        ("a.png", "video/mp4", False),
        ("a.svg", "image/svg+xml", False),
        ("a.heic", None, False),
        ("a", None, False),
    ],
)
def test_the_claimed_type_decides_and_without_one_the_name(
    name: str, kind: str | None, *, is_one: bool
) -> None:
    assert bool(pictures_in(message(attachment(1, name, kind)))) is is_one


def test_embeds_are_taken_by_discords_copy() -> None:
    found = pictures_in(
        message(
            embeds=(
                embed(image={"url": "https://example.com/boat.png", "proxy_url": EXTERNAL}),
                embed(thumbnail={"url": f"{CDN}/3/c.png", "proxy_url": f"{PROXY}/3/c.png"}),
                embed(video={"url": "https://example.com/v.mp4", "proxy_url": EXTERNAL}),
            )
        )
    )
    assert urls(found) == [EXTERNAL, f"{CDN}/3/c.png"]


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:8080/a.png",
        "http://169.254.169.254/latest/a.png",
        "https://example.com/a.png",
        "http://cdn.discordapp.com/attachments/1/1/a.png",
        "https://cdn.discordapp.com:8443/a.png",
        "https://user@cdn.discordapp.com/a.png",
        "https://cdn.discordapp.com.evil.example/a.png",
        "https://discord.com/api/v10/users/@me",
        "file:///etc/passwd",
        "attachment://a.png",
        "http://[",
        "//cdn.discordapp.com/a.png",
    ],
)
def test_nothing_is_fetched_from_where_people_point(url: str) -> None:
    shown = components({"type": 12, "items": [{"media": {"url": url, "proxy_url": url}}]})
    assert pictures_in(message(embeds=(embed(image={"url": url, "proxy_url": url}),), shown=shown)) == ()


def test_a_local_discord_that_was_configured_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "http://127.0.0.1:4000/cdn/a.png"
    one = embed(image={"url": url, "proxy_url": url})
    assert pictures_in(message(embeds=(one,))) == ()
    monkeypatch.setattr(Route, "BASE", "http://127.0.0.1:4000/api/v10")
    assert urls(pictures_in(message(embeds=(one,)))) == [url]
    other = embed(image={"url": url.replace("4000", "4001")})
    assert pictures_in(message(embeds=(other,))) == ()


def test_components_are_searched_however_deep() -> None:
    gallery = {
        "type": 12,
        "items": [
            {"media": media(f"{CDN}/1/a.png", content_type="image/png"), "spoiler": True},
            {"media": media(f"{CDN}/2/b.mp4", content_type="video/mp4")},
        ],
    }
    text = {"type": 10, "id": 1, "content": "look"}
    thumbnail = {"type": 11, "media": media(f"{CDN}/3/c.png")}
    section = {"type": 9, "components": [text], "accessory": thumbnail}
    file = {"type": 13, "file": media(f"{CDN}/4/d.jpg"), "name": "d.jpg", "size": 5}
    document = {"type": 13, "file": media(f"{CDN}/5/e.pdf"), "name": "e.pdf", "size": 5}
    found = pictures_in(
        message(shown=components({"type": 17, "components": [gallery, section, file, document]}))
    )
    assert urls(found) == [f"{CDN}/1/a.png", f"{CDN}/3/c.png", f"{CDN}/4/d.jpg"]
    assert [one.is_spoiler for one in found] == [True, False, False]


def test_forwarded_copies_are_searched_too() -> None:
    copy = message(attachment(1, "a.png"), embeds=(embed(image={"url": f"{CDN}/2/b.png"}),))
    assert urls(pictures_in(message(copies=(copy,)))) == [f"{CDN}/1/a.png?ex=1", f"{CDN}/2/b.png"]


def test_a_picture_is_found_once_and_never_more_than_ten() -> None:
    same = embed(image={"url": f"{CDN}/0/p.png?ex=2", "proxy_url": f"{PROXY}/0/p.png"})
    found = pictures_in(message(*(attachment(n, "p.png") for n in range(12)), embeds=(same,)))
    assert len(found) == 10
    assert urls(pictures_in(message(attachment(0, "p.png"), embeds=(same,)))) == [f"{CDN}/0/p.png?ex=1"]


@pytest.mark.parametrize(
    ("name", "author", "number"),
    [
        ("kinora-12.mp4", US, 12),
        ("SPOILER_kinora-12.mp4", US, 12),
        ("kinora-12.mp4", MIA, None),
        ("kinora-12.mp4.png", US, None),
        ("kinora-x.mp4", US, None),
        (f"kinora-{'9' * 19}.mp4", US, None),
    ],
)
def test_a_clip_is_known_by_its_file_and_who_posted_it(name: str, author: int, number: int | None) -> None:
    assert clip_in(message(attachment(1, name, "video/mp4"), author=author), US) == number
    shown = components({"type": 12, "items": [{"media": media(f"{CDN}/1/{name}?ex=1")}]})
    assert clip_in(message(shown=shown, author=author), US) == number


@pytest.mark.parametrize(
    ("custom_id", "author", "number"),
    [
        ("job:12:cancel", US, 12),
        ("job:12:cancel", MIA, None),
        ("offer:12:pad", US, None),
        ("job:x:y", US, None),
    ],
)
def test_a_card_is_known_by_its_buttons_and_who_posted_it(
    custom_id: str, author: int, number: int | None
) -> None:
    row = {"type": 1, "components": [{"type": 2, "style": 2, "label": "x", "custom_id": custom_id}]}
    shown = components({"type": 17, "components": [row]})
    assert job_in(message(shown=shown, author=author), US) == number
