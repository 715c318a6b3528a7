"""The doors: Twisted's glue between a transport and `ChatService`.  No door knows another."""
