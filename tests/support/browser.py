"""Chromium without a window, which measures a page of HTML as readers see it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def measured(page: str, folder: Path, width: int, *expressions: str) -> list[Any]:
    """Return the values of expressions in JavaScript on a page, in a window of that width, after it has loaded."""
    found = f"document.title = JSON.stringify([{', '.join(expressions)}])"
    checked = folder / "checked.html"
    script = f"<script>onload = () => {{ {found} }}</script>"
    checked.write_text(page.replace("</body>", f"{script}</body>"), encoding="utf-8")
    command = [
        *(
            str(CHROMIUM),
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            f"--user-data-dir={folder / 'browser'}",
        ),
        *(f"--window-size={width},2000", "--virtual-time-budget=5000", "--dump-dom"),
        checked.as_uri(),
    ]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
    title = re.search(r"<title>(\[.*\])</title>", shown)
    assert title is not None
    values: list[Any] = json.loads(title[1])
    return values
