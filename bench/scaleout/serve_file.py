"""Serves one folder's files over HTTP with sendfile: python3 -m scaleout.serve_file FOLDER ADDRESS PORT

Stands for the place that models come from. One thread a connection; the kernel copies, so that it fills a link of several Gbit/s.
"""

from __future__ import annotations

import functools
import http.server
import sys


class SendfileHandler(http.server.SimpleHTTPRequestHandler):
    """Whole files only, which is all that the demo asks for."""

    protocol_version = "HTTP/1.1"

    def copyfile(self, source, outputfile) -> None:
        self.connection.sendfile(source)


if __name__ == "__main__":
    handler = functools.partial(SendfileHandler, directory=sys.argv[1])
    http.server.ThreadingHTTPServer((sys.argv[2], int(sys.argv[3])), handler).serve_forever()
