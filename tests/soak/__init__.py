"""What strangers send, by the thousand: broken files of every kind, odd requests, crowds, kills, a full disk.

    python -m tests.soak --count 2000 --seed 7

Every mutant must be read, or refused in one sentence of our own. The table at the end counts both; the
exit code is 1 where anything else came, or where nothing was read at all. The same seed makes the same
mutants. `tests/test_soak.py` runs a short part with the tests.

- `mutants.py`: how bytes and values are changed, what counts as a fault
- `files.py`: pictures, videos, logs, models, recipes, addresses
- `page.py`: a page in a process of its own, to be asked, filled and killed
- `requests.py`: calls of every endpoint, broken requests, 64 visitors, on a busy machine too
- `endings.py`: kills of writers, commands and the page; a full disk; memory after work
"""
