"""Times that begin anew midway, of packets made here."""

from fractions import Fraction
from io import BytesIO

import av
import pytest

from core.images.video_times import RunningTimes

MILLISECONDS = Fraction(1, 1000)


def run_on(times: list[tuple[int, int]]) -> list[int]:
    """What becomes of packets of these streams and times in ms, each lasting 100 ms."""
    running, moved = RunningTimes(), []
    with av.open(BytesIO(), "w", format="mpegts") as file:
        streams = [file.add_stream("libx264", rate=10), file.add_stream("aac", rate=48000)]
        for stream, time in times:
            packet = av.Packet(b"")
            packet.stream, packet.time_base = streams[stream], MILLISECONDS
            packet.dts, packet.pts, packet.duration = time, time + 50, 100
            running.run_on(packet)
            assert packet.pts == packet.dts + 50
            moved.append(packet.dts)
    return moved


def test_all_streams_of_a_part_are_moved_by_the_same() -> None:
    times = [(0, 5000), (1, 5030), (0, 6000), (0, 0), (1, 6030), (1, 20), (0, 100), (1, 120)]
    assert run_on(times) == [5000, 5030, 6000, 6100, 6030, 6120, 6200, 6220]


def test_what_goes_back_a_little_is_left_as_it_is() -> None:
    times = [(0, 5000), (0, 4100), (0, 5100)]
    assert run_on(times) == [5000, 4100, 5100]


def test_times_beyond_all_numbers_are_an_error() -> None:
    with pytest.raises(OverflowError):
        run_on([(0, 2**63 - 200), (0, 5000), (0, 10_000)])
