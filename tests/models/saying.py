"""An HTTP server on loopback that says what a test lets it say: for replies no well-behaved server would send."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Saying:
    """A chat-completions endpoint.

    Args:
        says: The reply's text for a request's body, or (HTTP status, message) for a refusal.
        finish: Why the model stopped.
    """

    def __init__(self, says, finish="stop"):
        self.bodies = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = json.loads(self.rfile.read(int(self.headers["content-length"])))
                outer.bodies.append(body)
                said = says(body)
                status = 200
                if isinstance(said, tuple):
                    status, answer = said[0], {"error": {"message": said[1], "type": "invalid_request_error"}}
                else:
                    message = {"role": "assistant", "content": said}
                    answer = {"choices": [{"index": 0, "message": message, "finish_reason": finish}], "usage": {}}
                sent = json.dumps(answer).encode()  # escapes what is not ASCII, half a surrogate pair too
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(sent)))
                self.end_headers()
                self.wfile.write(sent)

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}/v1"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05})

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
