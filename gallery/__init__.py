"""Pictures of the demo: eight contents, eight styles, more styles,
and the user's own (see :mod:`gallery.pictures`).
"""

import sys

if sys.argv[:1] == ["-m"]:  # as `python -m gallery.build` begins
    import core.starting  # noqa: F401
