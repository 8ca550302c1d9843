from pathlib import Path

import pytest

from audit.locks import Locked, differences, installed, unlocked

ROOT = Path(__file__).parents[2]
HASH = "    --hash=sha256:" + "a" * 64


def locked(tmp_path: Path, text: str) -> Locked:
    path = tmp_path / "requirements.lock"
    path.write_text(text)
    return Locked(path)


def test_a_lock_is_read_with_its_markers(tmp_path: Path) -> None:
    text = f"""# a comment
Discord.Py[speed]==2.7.1 \\
{HASH} \\
{HASH}
    # via kinora
colorama==0.4.6 ; sys_platform == 'nowhere' \\
{HASH}
"""
    lock = locked(tmp_path, text)
    assert (lock.problems, lock.versions) == ([], {"discord-py": "2.7.1"})


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (f"aiohttp>=3 \\\n{HASH}", "aiohttp is not pinned"),
        (f"aiohttp==3.* \\\n{HASH}", "aiohttp is not pinned"),
        (f"aiohttp @ https://example.com/a.whl \\\n{HASH}", "aiohttp is not pinned"),
        ("aiohttp==3.1", "aiohttp has no hash"),
        ("aiohttp==3.1 \\\n    --hash=md5:abcdef", "aiohttp has no hash"),
        (f"aiohttp==3.1 \\\n{HASH} \\\n    --index-url=https://example.com", "aiohttp has no hash"),
        ("--index-url https://example.com/simple", "is no requirement"),
        ("-e .", "is no requirement"),
    ],
)
def test_what_could_be_anything_is_said(tmp_path: Path, entry: str, said: str) -> None:
    problems = locked(tmp_path, entry + "\n").problems
    assert any(said in problem for problem in problems), problems


def test_what_is_installed_and_what_is_locked_are_compared() -> None:
    lock = {"aiohttp": "3.1", "pillow": "12.0", "av": "18"}
    there = {"aiohttp": "3.2", "pillow": "12.0", "left-pad": "1", "pip": "25", "kinora": "0.1.0"}
    assert differences(lock, there, project="kinora") == [
        "aiohttp is installed as 3.2, and locked as 3.1",
        "av 18 is locked, and not installed",
        "left-pad 1 is installed, and not locked",
    ]


def test_what_is_asked_for_is_locked_for_both(tmp_path: Path) -> None:
    project = tmp_path / "pyproject.toml"
    project.write_text(
        '[project]\nname = "x"\nversion = "1"\ndependencies = ["a>=1", "b ; sys_platform == \'nowhere\'"]\n'
        '[project.optional-dependencies]\ndev = ["c"]\n'
    )
    assert unlocked(project, {"a": "1"}, {"a": "1", "c": "1"}) == []
    assert unlocked(project, {"d": "1"}, {"d": "2"}) == [
        "a is asked for in pyproject.toml, and not locked",
        "c is asked for in pyproject.toml, and not locked",
        "d 1 is locked for the bot, and 2 for its tests",
    ]


def test_the_locks_of_this_project_are_whole() -> None:
    run, dev = Locked(ROOT / "requirements.lock"), Locked(ROOT / "requirements-dev.lock")
    assert [*run.problems, *dev.problems] == []
    assert unlocked(ROOT / "pyproject.toml", run.versions, dev.versions) == []
    assert installed().items() >= {"aiohttp": dev.versions["aiohttp"]}.items()
