"""Pictures of the demo: eight contents, eight styles, more styles,
and the user's own (see :mod:`gallery.pictures`).
"""
