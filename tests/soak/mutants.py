"""Bytes and values changed at random, and what counts as a fault."""

import json
import random
import struct
import time
import zlib
from collections.abc import Callable
from typing import Any

READ, REFUSED = "read", "refused"
MOST_LETTERS = 1000  # of a sentence, which may list the gallery's paintings
MOST_SECONDS = 20.0  # of the processor, for anything small
ODD: tuple[Any, ...] = (
    *(None, True, -1, 0, 1e308, 10**30, 0.5, "", "x", "\u202e", "a\0b", "\ud800"),
    *([], [[]], {}, {"a": 1}, [1, 2, 3], "refined", "instant", {"path": "x" * 5000}),
    *({"path": "/etc/passwd", "meta": {"_type": "gradio.FileData"}}, {"path": None}),
    *({"url": "file:///etc/passwd"}, [{"path": 1}], {"__type__": "update"}, "../../etc/passwd"),
)


def mutated(data: bytes, rng: random.Random) -> bytes:
    """The bytes with some of them changed, left out, doubled or cut off."""
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 5, 20))):
        place = rng.randrange(max(1, len(changed)))
        length = rng.choice((1, 2, 4, 16, 200))
        way = rng.randrange(9)
        if way < 3:
            changed[place : place + length] = rng.randbytes(length)
        elif way < 4:
            changed[place : place + 1] = bytes((rng.randrange(256),))
        elif way < 5:
            del changed[place : place + length]
        elif way < 6:
            changed[place:place] = changed[place : place + length]
        elif way < 8:
            changed[place : place + 4] = rng.choice((b"\xff" * 4, bytes(4), b"\x7f\xff\xff\xff"))
        else:
            del changed[rng.randrange(len(changed) + 1) :]
    return bytes(changed)


def with_checksums(png: bytes) -> bytes:
    """A PNG whose parts have the right checksums again, so that what is in them is looked at."""
    whole, place = bytearray(png), 8
    while place + 12 <= len(whole):
        (length,) = struct.unpack_from(">I", whole, place)
        end = place + 8 + length
        if end + 4 > len(whole):
            break
        struct.pack_into(">I", whole, end, zlib.crc32(whole[place + 4 : end]))
        place = end + 4
    return bytes(whole)


def odd(value: Any, rng: random.Random) -> Any:
    """A JSON value in which one thing, however deep, is another, is missing or is there twice."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        key = rng.choice(sorted(value))
        if rng.random() < 0.1:
            return value | {rng.choice(("x", "\n", "\ud800", "x" * 5000)): value[key]}
        if rng.random() < 0.15:
            return {name: part for name, part in value.items() if name != key}
        return value | {key: odd(value[key], rng)}
    if isinstance(value, list) and value and rng.random() < 0.8:
        place = rng.randrange(len(value))
        if rng.random() < 0.2:
            return value[:place] + value[place + 1 :] + value[:1] * rng.randrange(3)
        return [*value[:place], odd(value[place], rng), *value[place + 1 :]]
    if isinstance(value, int | float) and not isinstance(value, bool) and rng.random() < 0.5:
        return rng.choice((-value, value * 1000, value + 0.5, str(value), float("nan"), 1 - value))
    return rng.choice(ODD)


def odd_json(value: Any, rng: random.Random) -> bytes:
    """`odd` as JSON, sometimes with bytes changed too."""
    for _ in range(rng.choice((1, 1, 2, 4))):
        value = odd(value, rng)
    data = json.dumps(value).encode()
    return mutated(data, rng) if rng.random() < 0.2 else data


def wrong_words(text: object) -> str | None:
    """What is wrong with what somebody is told, None where it is one sentence for people."""
    if not isinstance(text, str) or not text.rstrip("`").endswith((".", "?")) or "\n" in text:
        return f"not a sentence: {str(text)[:120]!r}"
    if any(sign in text for sign in ("Traceback", "object at 0x", "Errno", "Error:", "<class")):
        return f"not for people: {text[:120]!r}"
    if len(text) > MOST_LETTERS:
        return f"too long: {text[:120]!r}"
    if not text.isprintable():
        return f"not printable: {text[:120]!r}"
    return None


def tried(work: Callable[[], object], refusals: tuple[type[Exception], ...]) -> str:
    """READ, REFUSED, or what went wrong."""
    begun = time.process_time()
    try:
        work()
    except refusals as error:
        outcome = wrong_words(str(error)) or REFUSED
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:120]}"
    else:
        outcome = READ
    seconds = time.process_time() - begun
    return outcome if seconds < MOST_SECONDS else f"took {seconds:.0f} s"
