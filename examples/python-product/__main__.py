"""A small product to start from: an HTTP server by the product port's protocol, with Python's standard library alone."""

import argparse
import os
import signal
import threading

from ledger import Ledger
from product import Product
from server import Server
from signature import read_secrets

EPILOG = """
The signing secret is taken from the environment, because command lines can be read by everybody on the machine:

  export SIGNING_SECRET="whsec_$(head -c 32 /dev/urandom | base64)"
  python3 examples/python-product --port 4100 --file accounts.sqlite

Two secrets with a blank between are both accepted, so that a secret can be changed without a pause.
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python-product", description=__doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=4100, help="port to listen on, 0 for any free one (%(default)s)")
    parser.add_argument("--file", default=":memory:", help="SQLite file that keeps everything (in memory only)")
    parser.add_argument("--pending-ms", type=int, default=0, help="how long provisioning takes, milliseconds (%(default)s)")
    parser.add_argument("--refused-account", metavar="NAME", help="name of a Talkdesk account that is refused")
    options = parser.parse_args()
    try:
        keys = read_secrets(os.environ.get("SIGNING_SECRET", ""))
    except ValueError as error:
        parser.error(f"SIGNING_SECRET in the environment {error}")

    ledger = Ledger(options.file)
    server = Server((options.host, options.port), Product(ledger, options.pending_ms, options.refused_account), keys)

    def stop(*_: object) -> None:
        # shutdown() waits for serve_forever(), which this handler interrupts: so from a thread of its own.
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    print(f"python-product listens on http://{options.host}:{server.server_address[1]}", flush=True)
    server.serve_forever(poll_interval=0.1)
    server.server_close()
    ledger.close()


if __name__ == "__main__":
    main()
