"""The verbs, one typed function a file; also the Python API."""
