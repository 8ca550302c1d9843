"""The browser that pages are looked at with: Debian's Chromium, on its own and asking nobody for anything."""

import shutil

PROGRAM = shutil.which("chromium")
"""None where it is not installed."""

FLAGS = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--disable-dev-shm-usage",  # containers give it 64 MB
    "--force-color-profile=srgb",
)
