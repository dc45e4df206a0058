"""The Arrow store of prepared rows: file format, writer, and memory-mapped reader."""
