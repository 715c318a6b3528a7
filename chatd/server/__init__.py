"""Running a server: settings and their sources, startup, signals, graceful shutdown."""
