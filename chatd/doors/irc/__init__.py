"""The IRC door: clients of IRC, over TCP, TLS and WebSocket."""
