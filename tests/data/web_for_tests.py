"""A server of the web on this machine, for tests of files behind URLs."""

from __future__ import annotations

import threading
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class WebServer:
    """Serves ``files`` by name; ``asked`` are the methods and paths; ``cut`` closes after half of a file."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        self.status, self.cut = 200, False
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def stop(self) -> None:
        """Serve no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(server: WebServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer()

        def do_GET(self) -> None:
            body = self._answer()
            self.wfile.write(body[: len(body) // 2] if server.cut else body)

        def _answer(self) -> bytes:
            server.asked.append(f"{self.command} {self.path}")
            body = server.files.get(self.path.partition("?")[0].lstrip("/"))
            status = 404 if body is None else server.status
            self.send_response(status)
            body = body if body is not None and status == 200 else b""
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", f'"{zlib.crc32(body)}"')
            self.end_headers()
            return body

        def log_message(self, *_: object) -> None:
            pass

    return Handler
