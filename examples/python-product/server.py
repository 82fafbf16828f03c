"""The HTTP side: reads a request, checks its signature, hands the call to the product, writes the answer."""

import json
import sqlite3
import sys
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from product import CALLS, Answer, Product
from signature import is_signed

# Ten thousand users with long names take about four megabytes.
MAX_BODY_BYTES = 16 * 1024 * 1024
STATUS_PATH = "/v1/work/"


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], product: Product, keys: list[bytes]):
        super().__init__(address, Handler)
        self.product = product
        self.keys = keys

    def handle_error(self, request: Any, client_address: Any) -> None:
        # The service cuts calls off and asks again: not worth a traceback.
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    # Head and body of an answer leave together.
    wbufsize = -1
    # An idle connection is closed after this many seconds.
    timeout = 60

    def do_POST(self) -> None:
        length = self.headers.get("content-length", "")
        if not length.isdecimal() or int(length) > MAX_BODY_BYTES:
            self.close_connection = True
            return self.reply(Answer(413, {}))
        body = self.rfile.read(int(length))
        if not is_signed(self.server.keys, self.headers, body):
            return self.reply(Answer(401, {}))
        try:
            call = json.loads(body)
            # The signature covers the body alone: a signed body that is sent to another path is not what was signed.
            if self.path != f"/v1/{call['call']}" or call["call"] not in CALLS:
                return self.reply(Answer(404, {}))
            self.reply(self.server.product.answer(call))
        except (ValueError, KeyError, TypeError, sqlite3.ProgrammingError):
            traceback.print_exc()
            self.reply(Answer(400, {}))

    def do_GET(self) -> None:
        if not is_signed(self.server.keys, self.headers, self.path.encode("latin-1")):
            return self.reply(Answer(401, {}))
        self.reply(self.server.product.answer_about(self.path.removeprefix(STATUS_PATH)))

    def reply(self, answer: Answer) -> None:
        encoded = json.dumps(answer.body).encode()
        self.send_response(answer.status)
        if answer.work_id is not None:
            self.send_header("location", f"{STATUS_PATH}{answer.work_id}")
            self.send_header("retry-after", str(-(-answer.retry_after_ms // 1_000)))
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(encoded)))
        self.end_headers()
        self.wfile.write(encoded)

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not logged: a real product has a log of its own."""
