"""Sending notifications to push services (Web Push, RFC 8030).  Knows no chat."""
