"""The gallery's pictures (`gallery.pictures`), and what models make of them."""

import sys

if sys.argv[:1] == ["-m"]:  # as `python -m gallery.build` begins
    import core.starting  # noqa: F401
