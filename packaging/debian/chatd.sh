#!/bin/sh
# The libraries beside the server are for it only; workers inherit the path.
PYTHONPATH=/usr/lib/chatd exec /usr/bin/python3 -s -m chatd "$@"
