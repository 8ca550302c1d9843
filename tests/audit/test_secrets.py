import os
import subprocess
from pathlib import Path

import pytest

from audit import secrets

# Put together here, so that this file holds none.
PLANTED = {
    "a Discord token": "MTA" + "x" * 23 + ".GaBcDe." + "y" * 38,
    "a Discord webhook": "https://discord.com/api/webhooks/" + "1" * 19 + "/" + "w" * 68,
    "an API key": "sk-" + "proj-" + "Ab1" * 12,
    "an AWS key": "AKIA" + "ABCD1234" * 2,
    "a Google key": "AIza" + "b" * 35,
    "a GitHub token": "ghp_" + "c" * 36,
    "a Slack token": "xoxb-" + "1234567890-" * 3,
    "a JSON web token": "eyJ" + "h" * 20 + ".eyJ" + "p" * 20 + "." + "s" * 43,
    "a webhook secret": "whsec_" + "Q" * 40,
    "a private key": "-----BEGIN RSA " + "PRIVATE KEY-----\n" + "M" * 64,
    "a setting of the bot": "KLING_API_" + "KEY=" + "d" * 32,
}
HARMLESS = (
    "DISCORD_TOKEN=\n",
    "KLING_API_KEY=sk-...\n",
    "DISCORD_TOKEN=your-token-here\n",
    "sha256:" + "0" * 64,
    "https://cdn.discordapp.com/attachments/1/2/boat.png?ex=1&is=2&hm=" + "f" * 64,
    "-----BEGIN PRIVATE KEY-----\n",
)


class Repository:
    def __init__(self, root: Path) -> None:
        self.root = root
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str) -> None:
        who = {
            f"GIT_{role}_{what}": "t@example.com"
            for role in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        }
        known = {**os.environ, **who, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
        subprocess.run(["git", "-C", str(self.root), *arguments], check=True, env=known)

    def commit(self, name: str, data: str | bytes) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        self.git("add", "-f", "--", name)
        self.git("commit", "-q", "-m", "a change")


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


@pytest.mark.parametrize("kind", PLANTED)
def test_what_looks_like_a_secret_is_found_and_not_repeated(kind: str) -> None:
    secret = PLANTED[kind]
    found = secrets.in_bytes(f"first line\n{secret}\nlast line\n".encode(), "notes.txt")
    assert kind in {one.kind for one in found}
    for one in found:
        assert str(one).startswith("notes.txt: ")
        assert secret not in str(one)
        assert len(one.begins) <= 8


@pytest.mark.parametrize("text", HARMLESS)
def test_what_everybody_writes_is_no_secret(text: str) -> None:
    assert secrets.in_bytes(text.encode(), "notes.txt") == []


def test_binary_files_are_not_read_for_words() -> None:
    assert secrets.in_bytes(b"\0" + PLANTED["an API key"].encode(), "clip.mp4") == []


def test_a_secret_is_found_before_it_is_committed(repository: Repository) -> None:
    repository.commit(".gitignore", ".env\n")
    (repository.root / "notes.txt").write_text(PLANTED["an API key"])
    (repository.root / ".env").write_text(PLANTED["a setting of the bot"])  # where it belongs
    assert [str(found) for found in secrets.in_tree(repository.root)] == ["notes.txt: an API key, sk-proj-…"]


def test_a_secret_that_was_taken_out_again_is_still_found(repository: Repository) -> None:
    repository.commit("a folder/müsli.txt", PLANTED["a Discord token"])
    repository.commit("a folder/müsli.txt", "nothing")
    assert secrets.in_tree(repository.root) == []
    [found] = secrets.in_history(repository.root)
    assert found.kind == "a Discord token"
    assert found.where.startswith("a folder/müsli.txt (")


def test_a_secret_on_another_branch_is_found(repository: Repository) -> None:
    repository.commit("README.md", "hello")
    repository.git("checkout", "-q", "-b", "other")
    repository.commit("key.pem", PLANTED["a private key"])
    repository.git("checkout", "-q", "main")
    assert [found.kind for found in secrets.in_history(repository.root)] == ["a private key"]


def test_it_is_said_whether_all_commits_were_there(repository: Repository, tmp_path: Path) -> None:
    repository.commit("a.txt", "a")
    repository.commit("b.txt", "b")
    assert secrets.is_whole(repository.root)
    shallow = tmp_path / "shallow"
    repository.git("clone", "-q", "--depth", "1", repository.root.as_uri(), str(shallow))
    assert not secrets.is_whole(shallow)


def test_this_repository_has_none() -> None:
    root = Path(__file__).parents[2]
    assert secrets.in_tree(root) == []
