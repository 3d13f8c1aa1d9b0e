"""Serve an OpenStack WSGI module: `wsgi_runner.py MODULE ADDRESS PORT`. Runs in the OpenStack venv.

The module is imported before the port is opened, so an open port means a service that answers; and the
services parse sys.argv as their own, so nothing of this command line may be left in it.
"""

import importlib
import sys
from socketserver import TCPServer, ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer


class Server(ThreadingMixIn, WSGIServer):
    """A thread for each request."""

    daemon_threads = True
    request_queue_size = 128

    def server_bind(self) -> None:
        """Bind without asking a name server for our own name, as the base class does."""
        TCPServer.server_bind(self)
        host, self.server_port = self.server_address[:2]
        self.server_name = str(host)
        self.setup_environ()


def main(module: str, address: str, port: str) -> None:
    """Import the application, then serve it until the process is ended."""
    sys.argv = [module]
    application = importlib.import_module(module).application
    with Server((address, int(port)), WSGIRequestHandler) as server:
        server.set_app(application)
        server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
