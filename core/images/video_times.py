"""The times of a video's packets, made to run on where they begin anew midway.

times = RunningTimes()
for packet in source.demux():
    times.run_on(packet)
"""

from fractions import Fraction

import av

BACK = Fraction(1)  # s: a stream that goes back by more begins anew


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
