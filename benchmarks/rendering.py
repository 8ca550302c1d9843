"""The local renderer against ffmpeg's zoompan; see `benchmarks.local_renderer`, which measures."""

from benchmarks import local_renderer
from benchmarks.table import CannotRun, Table

NAME = "local_renderer"


def run(*, quick: bool) -> Table:
    """Let both take turns."""
    found = local_renderer.run(rounds=1) if quick else local_renderer.run()
    if found.ours is None or found.zoompan is None:
        raise CannotRun(found.skipped or "nothing was measured")
    return Table(
        title="Frames per second of a 5 s clip, 1280x720, on one core",
        columns=("", "frames/s", "CPU s", "KB"),
        rows=tuple(
            (name, f"{one.frames_per_s:.1f}", f"{one.cpu_s:.2f}", f"{one.clip_bytes / 1000:,.0f}")
            for name, one in (("Kinora", found.ours), ("ffmpeg zoompan", found.zoompan))
        ),
        notes=(f"Kinora / ffmpeg: {found.ratio:.2f}. Medians of {found.rounds} rounds in turns.",),
    )
