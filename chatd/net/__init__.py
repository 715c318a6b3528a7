"""What Twisted's TCP lacks: direct writes, an epoll group, connection limits, deadlines, stalls."""
