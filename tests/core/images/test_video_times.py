"""Times that begin anew midway, and damaged ones, of packets made here."""

from collections.abc import Iterator
from fractions import Fraction
from io import BytesIO

import av
import pytest

from core.images.video_times import RunningTimes, without_strays

MILLISECONDS = Fraction(1, 1000)


def packets_at(times: list[tuple[int, int]]) -> Iterator[av.Packet]:
    """Packets of these streams and times in ms, each lasting 100 ms."""
    with av.open(BytesIO(), "w", format="mpegts") as file:
        streams = [file.add_stream("libx264", rate=10), file.add_stream("aac", rate=48000)]
        for stream, time in times:
            packet = av.Packet(b"")
            packet.stream, packet.time_base = streams[stream], MILLISECONDS
            packet.dts, packet.pts, packet.duration = time, time + 50, 100
            yield packet


def run_on(times: list[tuple[int, int]]) -> list[int]:
    """What becomes of such packets."""
    running, moved = RunningTimes(), []
    for packet in packets_at(times):
        running.run_on(packet)
        assert packet.dts is not None and packet.pts == packet.dts + 50
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


def kept(times: list[int]) -> list[int | None]:
    """The times in ms of one stream's packets without strays, between those of another."""
    both = [pair for time in times for pair in ((1, 5000), (0, time))]
    found = [packet for packet in without_strays(packets_at(both)) if packet.stream.index == 0]
    assert len(found) == len(times)
    assert all((packet.pts is None) == (packet.dts is None) for packet in found)
    return [packet.dts for packet in found]


@pytest.mark.parametrize("damaged", [9_000_000, 0])
def test_a_single_time_far_from_both_beside_it_does_not_count(damaged: int) -> None:
    times = [5000, 5100, damaged, 5300, 5400, damaged, 5600]
    assert kept(times) == [None if time == damaged else time for time in times]


@pytest.mark.parametrize(
    "times",
    [
        [5000, 5100, 90_000, 90_100, 90_200],  # a pause
        [5000, 5100, 5200, 0, 100, 200],  # a part that begins anew
        [5000, 4100, 5100, 5900, 5200],
        [5000, 9_000_000],
        [5000],
    ],
)
def test_times_that_may_be_meant_are_kept(times: list[int]) -> None:
    assert kept(times) == times
