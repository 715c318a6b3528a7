"""What chatd's speed is, beside its peers' on the same machine: `make bench`."""
