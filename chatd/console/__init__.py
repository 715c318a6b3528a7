"""The console: `chatd account`, `chatd invite`, `chatd ban`, for the operator of the server."""
