"""Serves one folder's files as the objects of one S3 bucket: python3 -m scaleout.serve_models FOLDER ADDRESS PORT

Stands for the place that models come from: GetObject with ranges and If-Match, HeadObject and ListObjectsV2, path style, for anybody.
One thread a connection; the kernel copies, so that it fills a link of several Gbit/s.
"""

from __future__ import annotations

import hashlib
import http.server
import re
import sys
import urllib.parse
from pathlib import Path
from xml.sax.saxutils import escape

BUCKET = "models"


class Bucket:
    """The folder's files with their MD5 sums, read once."""

    def __init__(self, folder: Path) -> None:
        self.objects = {path.name: path for path in sorted(folder.iterdir()) if path.is_file()}
        self.etags = {}
        for name, path in self.objects.items():
            with open(path, "rb") as content:
                self.etags[name] = '"' + hashlib.file_digest(content, "md5").hexdigest() + '"'

    def listing(self, prefix: str) -> bytes:
        entries = "".join(
            f"<Contents><Key>{escape(name)}</Key><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
            f"<ETag>{escape(self.etags[name])}</ETag><Size>{path.stat().st_size}</Size><StorageClass>STANDARD</StorageClass></Contents>"
            for name, path in self.objects.items() if name.startswith(prefix))
        return (f'<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
                f"<Name>{BUCKET}</Name><Prefix>{escape(prefix)}</Prefix><KeyCount>{entries.count('<Contents>')}</KeyCount>"
                f"<MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated>{entries}</ListBucketResult>").encode()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    bucket: Bucket

    def do_HEAD(self) -> None:
        self.serve(with_body=False)

    def do_GET(self) -> None:
        self.serve(with_body=True)

    def serve(self, with_body: bool) -> None:
        url = urllib.parse.urlsplit(self.path)
        _, bucket, *key = urllib.parse.unquote(url.path).split("/", 2)
        name = key[0] if key else ""
        if bucket == BUCKET and not name:
            query = urllib.parse.parse_qs(url.query)
            self.answer(200, self.bucket.listing(query.get("prefix", [""])[0]), {"Content-Type": "application/xml"})
        elif bucket != BUCKET or name not in self.bucket.objects:
            self.answer(404, b"<Error><Code>NoSuchKey</Code></Error>" if with_body else b"", {})
        elif self.headers.get("If-Match", self.bucket.etags[name]) != self.bucket.etags[name]:
            self.answer(412, b"<Error><Code>PreconditionFailed</Code></Error>", {})
        else:
            self.send_object(name, with_body)

    def answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for header, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(header, value)
        self.end_headers()
        self.wfile.write(body)

    def send_object(self, name: str, with_body: bool) -> None:
        size = self.bucket.objects[name].stat().st_size
        first, last = 0, size - 1
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if wanted:
            first, last = int(wanted[1]), min(int(wanted[2] or last), last)
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(last - first + 1))
        self.send_header("ETag", self.bucket.etags[name])
        self.send_header("Accept-Ranges", "bytes")
        if wanted:
            self.send_header("Content-Range", f"bytes {first}-{last}/{size}")
        self.end_headers()
        if with_body:
            self.wfile.flush()
            with open(self.bucket.objects[name], "rb") as content:
                self.connection.sendfile(content, first, last - first + 1)

    def log_message(self, format: str, *arguments: object) -> None:
        """Nothing: the counters tell what was asked for."""


if __name__ == "__main__":
    Handler.bucket = Bucket(Path(sys.argv[1]))
    server = http.server.ThreadingHTTPServer((sys.argv[2], int(sys.argv[3])), Handler)
    server.serve_forever()
