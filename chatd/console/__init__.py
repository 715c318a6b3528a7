"""The console: `chatd account`, `chatd invite`, `chatd ban`, for whoever runs the server."""
