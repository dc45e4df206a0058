"""The page of an exported model gives the run's own predictions in a browser.

It needs Chromium, and in SMA_ONNXRUNTIME_WEB the folder ``dist`` of the npm package onnxruntime-web.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import threading
from functools import partial
from html import unescape
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pytest

import sma_core
from tests.support.browser import CHROMIUM

RUNTIME = os.environ.get("SMA_ONNXRUNTIME_WEB", "")
WORDS = ["kato", "mi", "requisulanvexka"]


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder without a log."""

    def guess_type(self, path):
        return "text/javascript" if str(path).endswith(".mjs") else super().guess_type(path)

    def log_message(self, *_):
        pass


@pytest.fixture
def serve():
    """Return a function that serves a folder on this machine, and gives its address."""
    servers = []

    def start(folder):
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def shown_by_browser(address, tmp_path):
    command = [
        CHROMIUM,
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        f"--user-data-dir={tmp_path / 'browser'}",
    ]
    command += ["--no-proxy-server", "--virtual-time-budget=60000", "--dump-dom", address]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=True)
    results = re.search(r'<pre id="results">(.*?)</pre>', done.stdout, re.DOTALL)
    assert results is not None
    return [json.loads(line) for line in unescape(results[1]).splitlines()]


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")
@pytest.mark.skipif(not RUNTIME, reason="SMA_ONNXRUNTIME_WEB does not name the files of onnxruntime-web")
def test_a_browser_gives_the_predictions_of_the_run(toy, tmp_path, serve):
    pytest.importorskip("onnxscript")
    from sma_export.export_onnx import export_onnx

    settings = {"training.epochs": 1.0, "baselines": False}
    run = sma_core.finetune(toy, task="vowels", settings=settings, out=tmp_path / "run").run
    folder = export_onnx(run, tmp_path / "onnx").out
    for file in Path(RUNTIME).glob("ort*wasm*"):
        shutil.copy(file, folder)
    lines = shown_by_browser(f"{serve(folder)}/predict.html#{quote(chr(10).join(WORDS))}", tmp_path)
    assert [text for text, _ in lines] == WORDS
    values = [value for _, value in lines]
    np.testing.assert_allclose(values, sma_core.load(run).predict(WORDS), rtol=1e-4, atol=1e-5)


def test_the_page_is_written_for_onnx_models_of_bytes(toy, numbers, tmp_path):
    from sma_export.export_torch import export_torch

    run = sma_core.train(toy, settings={"training.steps": 2}, out=tmp_path / "run").run
    assert not (export_torch(run, tmp_path / "torch").out / "predict.html").exists()
    pytest.importorskip("onnxscript")
    pytest.importorskip("onnxruntime")
    from sma_export.export_onnx import export_onnx

    page = (export_onnx(run, tmp_path / "onnx").out / "predict.html").read_text()
    assert './ort.wasm.min.mjs"' in page
    assert 'split("\\n")' in page
    boxes = sma_core.train(numbers, settings={"training.steps": 2}, out=tmp_path / "boxes").run
    assert not (export_onnx(boxes, tmp_path / "table").out / "predict.html").exists()
