"""The HTTP door's tree of resources."""
