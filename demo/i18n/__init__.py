"""The page in the visitor's language: one catalogue, and the places where text leaves the server."""
