"""`is_ready.py PORT [PATH]` ends with 0 if what listens there answers GET PATH by 200; without a path, if it listens.

Runs every few seconds in each container, so it imports next to nothing.
"""

import socket
import sys

_, port, *path = sys.argv
with socket.create_connection(("127.0.0.1", int(port)), timeout=3) as connection:
    if path:
        connection.sendall(f"GET {path[0]} HTTP/1.0\r\n\r\n".encode())
        status_line = connection.makefile("rb").readline()
        sys.exit(b" 200 " not in status_line)
