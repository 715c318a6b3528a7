"""HTTP/1.1 with bounds: what `twisted.web` leaves to its users.  Nothing here knows the chat."""
