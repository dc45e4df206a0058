"""Runs as programs that need no sma: `export_torch`, `export_onnx`."""
