"""The doors: each passes commands to `ChatService`, and sends events to its clients."""
