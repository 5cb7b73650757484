"""The sentences for what cannot be done, whoever says them."""

FULL = "The server's disk is full at the moment; try again in a few minutes."
NO_MEMORY = "There is not enough memory for this on the server; choose a smaller size."
OUR_FAULT = "Something went wrong on the server; its log says what."
UNREADABLE = "This request cannot be understood: it lacks something, or something in it is of the wrong type."
CLOSING = "The page is being closed on its server."
