import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_the_bot_starts_without_matplotlib() -> None:
    code = "import sys, bot.media.charts; sys.exit(any(m.startswith(('matplotlib', 'numpy')) for m in sys.modules))"
    assert subprocess.run((sys.executable, "-c", code), cwd=ROOT, check=False, timeout=60).returncode == 0


def test_the_bot_starts_without_decoders() -> None:
    code = "import sys, bot.engine; sys.exit(any(m.partition('.')[0] in ('PIL', 'av') for m in sys.modules))"
    assert subprocess.run((sys.executable, "-c", code), cwd=ROOT, check=False, timeout=60).returncode == 0
