"""The line door, for telnet, netcat and every other client that sends lines."""
