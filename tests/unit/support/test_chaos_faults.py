"""What a fault of a chaos run explains: which members are down, and from when until when."""

import pytest

from tests.chaos.faults import disturbance
from tests.chaos.schedule import Fault, Moment, Round, World

HOSTS = {1: "a", 2: "b", 3: "c"}
HERE = World(machines=(1, 2, 3), image="a", setting=1)


def upgrade(fault: Fault) -> Round:
    return Round(
        number=1,
        action="upgrade",
        fault=fault,
        moment=Moment(unit="seconds", count=1),
        hold=5,
        target=0,
        victim=2,
        other=3,
        before=HERE,
        after=HERE,
    )


@pytest.mark.parametrize(
    ("fault", "victims", "end"),
    [
        ("node killed", "b", 22),  # whoever is connected to it may learn later that its session ended
        ("partition", "bc", 20),
        ("API server restarted", "", 20),
        ("isolated", "b", 20),
        ("dying image", "abc", 20),  # undone: nobody has it any more
        ("late image", "abc", 50),  # until the mending has replaced it everywhere
    ],
)
def test_a_fault_explains_its_victims_from_its_begin_until_they_are_rid_of_it(
    fault: Fault, victims: str, end: float
) -> None:
    span = disturbance(upgrade(fault), begun=10, settled=20, mended=50, hosts=HOSTS, slow=2)
    assert span
    assert (span.begin, span.end, span.victims) == (10, end, frozenset(victims))


def test_a_fault_that_never_began_explains_nothing() -> None:
    assert disturbance(upgrade("partition"), begun=0, settled=20, mended=50, hosts=HOSTS, slow=2) is None
