"""faults.py ADDRESS PORT SERVER:PORT FILE: passes GET and HEAD on to an S3 server and spoils answers as FILE says, which is read for
each request:

    {"fault": "slow_down", "of": "weights", "times": 3}

`of` is a part of the request's path; the first `times` answers to GET of it are spoiled: slow_down (503 before anything is
asked), etag (another than the object has), cut (half of the body, then the end), flip (a byte of the body is another). Beside
FILE, with the ending .spoiled, lies how many were.
"""

from __future__ import annotations

import http.client
import http.server
import json
import sys
import threading
from pathlib import Path

KEPT = ("content-type", "content-length", "content-range", "accept-ranges", "etag", "last-modified")
SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_name: str
    rules: Path
    lock = threading.Lock()
    spoiled: dict[str, int] = {}

    def do_HEAD(self) -> None:
        self.pass_on("")

    def do_GET(self) -> None:
        self.pass_on(self.fault())

    def fault(self) -> str:
        """Which one befalls this request; "" for none."""
        rule = json.loads(self.rules.read_text())
        with self.lock:
            key = json.dumps(rule)
            if not rule or rule["of"] not in self.path or self.spoiled.get(key, 0) >= rule["times"]:
                return ""
            self.spoiled[key] = self.spoiled.get(key, 0) + 1
            self.rules.with_suffix(".spoiled").write_text(str(self.spoiled[key]))
        return rule["fault"]

    def pass_on(self, fault: str) -> None:
        if fault == "slow_down":
            return self.answer(503, {"Content-Type": "application/xml", "Content-Length": str(len(SLOW_DOWN))}, SLOW_DOWN)
        upstream = http.client.HTTPConnection(self.server_name, timeout=60)
        upstream.request(self.command, self.path, headers=dict(self.headers))
        response = upstream.getresponse()
        body = response.read()
        upstream.close()
        headers = {name.lower(): value for name, value in response.getheaders()}
        headers = {name: value for name, value in headers.items() if name in KEPT or name.startswith("x-amz-")}
        if self.command == "GET":
            headers["content-length"] = str(len(body))
        if fault == "etag":
            headers["etag"] = '"' + "0" * 32 + '"'
        elif fault == "flip":
            body = bytes([body[0] ^ 1]) + body[1:]
        elif fault == "cut":
            body = body[: len(body) // 2]
            self.close_connection = True
        self.answer(response.status, headers, body)

    def answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing: the server behind says what was asked for."""


if __name__ == "__main__":
    Handler.server_name, Handler.rules = sys.argv[3], Path(sys.argv[4])
    http.server.ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()
