"""The doors: each carries commands to `ChatService` and events to its clients."""
