"""Running a chat: settings, and where they come from."""
