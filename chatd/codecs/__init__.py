"""Events to bytes, and bytes to commands: pure, without Twisted."""
