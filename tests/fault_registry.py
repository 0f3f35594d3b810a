"""A registry that misbehaves, for tests/bad_input.py: each repository has one image and one fault, named by the repository."""
import http.server
import json
import threading

HTML = b"<html><body>Welcome to the login portal</body></html>"


class FaultRegistry:
    """Serves `objects`, {"manifests/latest" or "blobs/sha256:..": (media type, bytes)}, in every repository."""

    def __init__(self, objects):
        self.objects = dict(objects)
        self.overrides = {}  # repository -> {object: (media type, bytes)}
        self.asked = {}      # (repository, object) -> how often
        self.lock = threading.Lock()
        self.over = threading.Event()
        registry = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                registry.answer(self)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None  # clients that hang up
        self.host = "127.0.0.1:%d" % self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.over.set()
        self.server.shutdown()

    def answer(self, request):
        _, _, repository, name = request.path.split("/", 3)
        with self.lock:
            times = self.asked[repository, name] = self.asked.get((repository, name), 0) + 1
        found = self.overrides.get(repository, {}).get(name) or self.objects.get(name)
        fault = getattr(self, "fault_" + repository.replace("-", "_"), None)
        if fault and fault(request, name, found, times):
            return
        if found is None:
            self.send(request, 404, "application/json", json.dumps({"errors": [{"code": "MANIFEST_UNKNOWN"}]}).encode())
        else:
            self.send(request, 200, *found)

    @staticmethod
    def send(request, status, media_type, body, length=None, **headers):
        request.send_response(status)
        request.send_header("Content-Type", media_type)
        request.send_header("Content-Length", str(len(body) if length is None else length))
        for key, value in headers.items():
            request.send_header(key.replace("_", "-"), value)
        request.end_headers()
        try:
            request.wfile.write(body)
            request.wfile.flush()
        except OSError:
            pass

    # The faults: each returns whether it has answered.

    def fault_stalled_blob(self, request, name, found, _):
        if not name.startswith("blobs/") or len(found[1]) < 4096:
            return False
        self.send(request, 200, found[0], found[1][:2048], len(found[1]))
        self.over.wait()
        request.close_connection = True
        return True

    def fault_stalled_manifest(self, request, *_):
        self.over.wait()
        request.close_connection = True
        return True

    def fault_cut_blob(self, request, name, found, _):
        if not name.startswith("blobs/") or len(found[1]) < 4096:
            return False
        start = int(request.headers.get("Range", "bytes=0-")[6:].split("-")[0])
        end = min(start + 2048, 2048)  # never further
        total = len(found[1])
        if start:
            self.send(request, 206, found[0], b"", total - start, Content_Range=f"bytes {start}-{total - 1}/{total}")
        else:
            self.send(request, 200, found[0], found[1][:end], total)
        request.close_connection = True
        return True

    def promise_more(self, request, found):
        self.send(request, 200, found[0], found[1], len(found[1]) + 100)
        self.over.wait()
        request.close_connection = True
        return True

    def fault_promised_blob(self, request, name, found, _):
        return name.startswith("blobs/") and len(found[1]) >= 4096 and self.promise_more(request, found)

    def fault_promised_manifest(self, request, name, found, _):
        return name.startswith("manifests/") and self.promise_more(request, found)

    def fault_longer_blob(self, request, name, found, _):
        if not name.startswith("blobs/") or len(found[1]) < 4096:
            return False
        self.send(request, 200, found[0], found[1] + b"more")
        return True

    def fault_other_blob(self, request, name, found, _):
        if not name.startswith("blobs/") or len(found[1]) < 4096:
            return False
        self.send(request, 200, found[0], found[1][:-1] + bytes([found[1][-1] ^ 1]))
        return True

    def fault_other_manifest(self, request, name, found, _):
        if not name.startswith("manifests/"):
            return False
        self.send(request, 200, *self.objects["manifests/latest"])
        return True

    def fault_html_manifest(self, request, *_):
        self.send(request, 200, "text/html; charset=utf-8", HTML)
        return True

    def fault_html_blob(self, request, name, *_):
        if not name.startswith("blobs/"):
            return False
        self.send(request, 200, "text/html", HTML)
        return True

    def fault_error_500(self, request, *_):
        self.send(request, 500, "text/plain", b"the database is away")
        return True

    def fault_busy(self, request, *_):
        self.send(request, 429, "text/plain", b"slow down", Retry_After="1")
        return True

    def fault_busy_at_first(self, request, name, found, times):
        if times > 1:
            return False
        self.send(request, 429, "text/plain", b"slow down", Retry_After="1")
        return True

    def fault_login_needed(self, request, *_):
        self.send(request, 401, "text/plain", b"", WWW_Authenticate='Basic realm="here"')
        return True

    def fault_redirect_loop(self, request, *_):
        self.send(request, 307, "text/plain", b"", Location=request.path)
        return True

    def fault_redirect_to_file(self, request, *_):
        self.send(request, 307, "text/plain", b"", Location="file:///etc/passwd")
        return True
