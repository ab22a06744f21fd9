"""Imported before a client: from then on this process connects to 127.0.0.1 or fails."""

import sys


def refuse_others(event, arguments):
    if event == "socket.connect" and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    elif event == "socket.getaddrinfo":
        host = arguments[0]
    else:
        return
    if host not in ("127.0.0.1", b"127.0.0.1"):
        raise RuntimeError(f"a connection to {host} was wanted")


sys.addaudithook(refuse_others)
