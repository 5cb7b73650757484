"""The times in a video: without those that are damaged, and running on where they begin anew midway.

times = RunningTimes()
for packet in without_strays(source.demux()):
    times.run_on(packet)
"""

from collections.abc import Iterable, Iterator
from fractions import Fraction

import av

BACK = Fraction(1)  # s: a stream that goes back by more begins anew


def is_stray(before: int | None, time: int | None, after: int | None, time_base: Fraction) -> bool:
    """Whether a time is far from those before and after it, though these follow each other: so a
    single one looks that is damaged, and neither a pause nor times that begin anew.

    Args:
        before, time, after: of one stream, in units of `time_base`, which is in s; None where a
            time is not known, of which nothing can be said then.
    """
    if before is None or time is None or after is None:
        return False
    back = BACK / time_base
    return before <= after and not before - back <= time <= after + back


def without_strays(packets: Iterable[av.Packet]) -> Iterator[av.Packet]:
    """The packets, of which those with a damaged time have none. Each waits for the next of its
    stream, so that the order between streams may change.
    """
    waiting: dict[int, av.Packet] = {}
    before: dict[int, int | None] = {}  # stream: the time of what came before the one that waits
    for packet in packets:
        stream = packet.stream.index
        held = waiting.pop(stream, None)
        if held is not None:
            if is_stray(before.get(stream), held.dts, packet.dts, packet.time_base):
                held.dts = held.pts = None
            else:
                before[stream] = held.dts
            yield held
        if packet.dts is None:
            yield packet
        else:
            waiting[stream] = packet
    yield from waiting.values()


def steady_frames(
    items: Iterable[av.Packet | av.VideoFrame], time_base: Fraction
) -> Iterator[av.Packet | av.VideoFrame]:
    """Packets as they come, and frames, all of which have a time: one that is damaged becomes that
    in the middle between the frames beside it. Each frame waits for the next.

    Args:
        time_base: of the frames, in s.
    """
    before: int | None = None
    held: av.VideoFrame | None = None
    for item in items:
        if isinstance(item, av.Packet):
            yield item
            continue
        if held is not None:
            if is_stray(before, held.pts, item.pts, time_base):
                assert before is not None and item.pts is not None
                held.pts = (before + item.pts) // 2
            before = held.pts
            yield held
        held = item
    if held is not None:
        yield held


class RunningTimes:
    """Of one file: in several recordings put one after the other, each has times of its own.

    Where a part begins anew, its times are moved behind all that came before; all streams of it by
    the same, so that sound and picture stay together. A stream goes on to the next part when its
    own times go back, as a demuxer may hand on the last of one stream after the first of another.
    """

    def __init__(self) -> None:
        self._shifts = [Fraction(0)]  # s, by which each part is moved
        self._end = Fraction(0)  # s, of all that came so far, moved
        self._parts: dict[int, int] = {}  # stream: which part it is in
        self._last: dict[int, Fraction] = {}  # stream: its last time in s, as the file has it

    def run_on(self, packet: av.Packet) -> None:
        """Move the times of the next packet; one without times stays as it is.

        Raises:
            OverflowError: they are beyond what a packet can hold.
        """
        if packet.dts is None and packet.pts is None:
            return
        stream = packet.stream.index
        if packet.dts is not None:
            time = packet.dts * packet.time_base
            gap = time - self._last.get(stream, time)
            self._last[stream] = time
            if gap < -BACK:
                self._next_part(stream, time)
            lasts = Fraction((packet.duration or 0) * packet.time_base) or max(gap, Fraction(0))
            self._end = max(self._end, time + self._shifts[self._parts.get(stream, 0)] + lasts)
        ticks = round(self._shifts[self._parts.get(stream, 0)] / packet.time_base)
        if packet.dts is not None:
            packet.dts += ticks
        if packet.pts is not None:
            packet.pts += ticks

    def _next_part(self, stream: int, time: Fraction) -> None:
        """A stream begins anew, at a time in s."""
        part = self._parts[stream] = self._parts.get(stream, 0) + 1
        if part == len(self._shifts):
            self._shifts.append(self._end - time)
