"""The page beside an ONNX model of texts that predicts in a browser, with onnxruntime-web."""

from __future__ import annotations

from html import escape
from string import Template

from sma_export.interface import Interface

PAGE = "predict.html"
RUNTIME = "ort.wasm.min.mjs"
"""File of the npm package onnxruntime-web that the page imports from its own folder."""
_PAGE = Template("""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>$title</title>
<p>Rows, one on each line: <textarea id="rows" rows="4" cols="60"></textarea></p>
<p><button id="predict">Predict</button></p>
<pre id="results"></pre>
<script type="module">
// Put ort.wasm.min.mjs and ort-wasm-simd-threaded.* of onnxruntime-web (npm) here, and serve this folder.
import * as ort from "./$runtime";

const about = await (await fetch("model.json")).json();
const session = await ort.InferenceSession.create("model.onnx");
const { tokenizer, max_length: longest } = about.inputs;

function encode(texts) {
  const rows = texts.map((text) =>
    [...new TextEncoder().encode(text)].slice(0, longest - 1).map((byte) => byte + tokenizer.offset)
      .concat(tokenizer.separator));
  const length = Math.max(2, ...rows.map((row) => row.length));
  const ids = new BigInt64Array(rows.length * length).fill(BigInt(tokenizer.pad));
  rows.forEach((row, at) => row.forEach((id, place) => { ids[at * length + place] = BigInt(id); }));
  return new ort.Tensor("int64", ids, [rows.length, length]);
}

async function predict(texts) {
  const { data, dims } = (await session.run({ ids: encode(texts) }))[about.output];
  const size = data.length / dims[0];
  return texts.map((text, at) => [text, Array.from(data.slice(at * size, (at + 1) * size))]);
}

async function show() {
  const texts = document.getElementById("rows").value.split("\\n").filter((text) => text);
  const lines = (await predict(texts)).map((line) => JSON.stringify(line));
  document.getElementById("results").textContent = lines.join("\\n");
}

document.getElementById("predict").onclick = show;
if (location.hash) {
  document.getElementById("rows").value = decodeURIComponent(location.hash.slice(1));
  await show();
}
</script>
</html>
""")


def web_page(interface: Interface) -> str:
    """Return the page."""
    return _PAGE.substitute(title=escape(f"{interface.run}, in a browser"), runtime=RUNTIME)
