"""Readings become vital signs: state, lag, rates, the margin of the quorum, who leads; in words that are true."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import factories
from tests.support.fakes.servers import recorded
from zkops.config.cluster import Cluster
from zkops.ensemble.observed import Member
from zkops.status.ensemble import Ensemble, Scene, ensemble, member_json
from zkops.status.sample import Figures, Reading, figures
from zkops.status.vitals import Lag, Moment, Track, Vitals, per_second
from zkops.zookeeper.four_letter import parse_srvr
from zkops.zookeeper.metrics import parse

IMAGE = "registry.example/zkops/zookeeper@sha256:" + "a" * 64
NOW = 1000.0
EPOCH = factories.EPOCH


def told(mode: str | None, counter: int = 0, at: float = NOW, epoch: int = 7, **named: Any) -> Reading:
    server = factories.server(mode, counter)
    server = replace(server, zxid=(epoch << 32) + counter) if mode else server
    return Reading(at=at, server=server, figures=Figures(state=mode or "looking", **named))


def scene(cluster: Cluster, *readings: Reading | list[Reading] | None, **named: Any) -> Scene:
    """What three machines told: nothing, one reading or several."""
    members = named.pop("members", factories.members(cluster, IMAGE, None, None, None))
    lists = [found if isinstance(found, list) else [found] if found else [] for found in readings]
    by_id = {machine.id: found for machine, found in zip(cluster.machines, lists, strict=True)}
    moment = Moment(now=NOW, interval=1, **named)
    return Scene(name="demo", members=tuple(replace(m, server=None) for m in members), readings=by_id, moment=moment)


def states(now: Ensemble) -> list[str]:
    return [found.state for found in now.members]


def test_the_figures_of_a_real_page() -> None:
    found = figures(parse(recorded("leader.metrics")))
    assert found.state == "leader"
    assert found.voters == 3
    assert found.heap_used is not None
    assert found.heap_max is not None
    assert 0 < found.heap_used < found.heap_max
    assert found.disk_free is not None
    assert found.disk_size is not None
    assert 0 < found.disk_free <= found.disk_size
    assert None not in vars(found).values(), "a leader under load tells all"


def test_a_server_without_a_quorum_tells_its_state_and_nothing_of_the_data() -> None:
    found = figures(parse(recorded("looking.metrics")))
    assert (found.state, found.znodes, found.uptime_ms, found.voters) == ("looking", None, None, None)
    assert found.heap_used


def test_the_disk_with_the_smaller_share_free_is_told() -> None:
    text = "".join(
        f'zookeeper_disk_{what}_bytes{{dir="{name}"}} {value}\n'
        for name, free, size in (("data", 90, 100), ("log", 40, 1000))
        for what, value in (("free", free), ("size", size))
    )
    found = figures(parse(text))
    assert (found.disk_free, found.disk_size) == (40, 1000)


# Lag


def track(*points: tuple[float, int]) -> Track:
    return Track(7, tuple(at for at, _count in points), tuple(count for _at, count in points))


def test_who_has_all_of_the_leaders_transactions_is_not_behind() -> None:
    assert track((0, 10), (1, 20)).lag(1.0, EPOCH + 20) == Lag(transactions=0, ms=0)


def test_members_that_are_asked_at_different_moments_are_compared_at_the_same() -> None:
    assert track((0, 0), (1, 100)).lag(0.5, EPOCH + 50) == Lag(transactions=0, ms=0)


def test_lag_in_time_is_since_the_leader_was_where_the_member_is() -> None:
    lag = track((0, 0), (10, 1000)).lag(10.0, EPOCH + 400)
    assert lag
    assert lag.transactions == 600
    assert lag.ms == pytest.approx(6000)
    assert not lag.at_least


def test_a_member_behind_from_the_first_reading_on_is_behind_for_at_least_as_long() -> None:
    lag = track((0, 500), (10, 1000)).lag(10.0, EPOCH + 400)
    assert lag == Lag(transactions=600, ms=10_000, at_least=True, lagging=True)


def test_a_member_of_an_older_epoch_lacks_all_of_the_leaders() -> None:
    lag = track((0, 0), (1, 30)).lag(1.0, (6 << 32) + 999)
    assert lag
    assert lag.transactions == 30


def test_a_member_of_a_newer_epoch_than_the_leader_that_is_known_has_no_lag_that_could_be_told() -> None:
    assert track((0, 5)).lag(1.0, 8 << 32) is None
    assert Track().lag(1.0, EPOCH) is None


def test_a_burst_after_a_rest_makes_nobody_lagging() -> None:
    # It may have come just before the leader was asked, and after the member was.
    lag = track((0, 0), (60, 5000)).lag(60.0, EPOCH)
    assert lag
    assert not lag.lagging


@given(st.floats(0.1, 50), st.floats(10, 5000), st.floats(0.5, 5))
def test_with_even_writes_lag_in_time_is_right_to_one_interval(behind: float, rate: float, interval: float) -> None:
    times = [interval * number for number in range(60)]
    leader = track(*((at, int(rate * at)) for at in times))
    at = times[-1]
    lag = leader.lag(at, EPOCH + max(0, int(rate * (at - behind))))
    assert lag
    if not lag.at_least and at > behind:
        assert abs(lag.ms / 1000 - behind) <= interval + 1 / rate


# States


def test_a_whole_ensemble_serves(cluster: Cluster) -> None:
    now = ensemble(scene(cluster, told("follower"), told("leader"), told("follower")))
    assert states(now) == ["serving"] * 3
    assert (now.leader, now.epoch, now.split_words()) == ("demo-2", 7, "")
    assert [found.words for found in now.members] == [""] * 3


def test_a_member_that_is_far_behind_is_lagging(cluster: Cluster) -> None:
    leader = [told("leader", count, at) for count, at in ((0, NOW - 5), (100, NOW - 4), (900, NOW))]
    now = ensemble(scene(cluster, told("follower", 900), leader, told("follower", 40)))
    assert states(now) == ["serving", "serving", "lagging"]
    assert "transactions behind the leader" in now.members[2].words


def test_a_member_that_stops_answering_is_silent_and_its_old_figures_are_not_shown(cluster: Cluster) -> None:
    old = told("follower", at=NOW - 9, znodes=5.0)
    failed = Reading(at=NOW, trouble="no answer in time")
    now = ensemble(scene(cluster, [old, failed], told("leader"), told("follower")))
    silent = now.members[0]
    assert (silent.state, silent.role, silent.figures.znodes) == ("silent", None, None)
    assert silent.words == "it does not answer, for 9 s now: no answer in time"


def test_one_answer_that_fails_does_not_make_a_member_silent(cluster: Cluster) -> None:
    now = ensemble(scene(cluster, [told("follower", at=NOW - 1), Reading(at=NOW)], told("leader"), told("follower")))
    assert states(now) == ["serving"] * 3


def test_a_machine_where_nothing_listens_any_more_is_down_at_once(cluster: Cluster) -> None:
    readings = [told("follower", at=NOW - 1), Reading(at=NOW, refused=True)]
    now = ensemble(scene(cluster, readings, told("leader"), told("follower")))
    assert states(now)[0] == "down"
    assert now.margin_words() == "2 of 3 serving: one more loss stops writes"


@pytest.mark.parametrize(
    ("changes", "state", "word"),
    [
        ({"node_ready": False}, "lost", "not ready for Kubernetes"),
        ({"drained": True, "pod": None}, "drained", "invoke undrain --node=demo-1"),
        ({"pod": None}, "no pod", "invoke plan"),
        ({}, "silent", "does not answer"),
        (
            {"pod": factories.pod("demo-1", IMAGE, state={"waiting": {"reason": "CrashLoopBackOff"}})},
            "down",
            "CrashLoopBackOff",
        ),
    ],
)
def test_why_a_member_does_not_answer_is_told(cluster: Cluster, changes: Any, state: str, word: str) -> None:
    members: tuple[Member, ...] = factories.members(cluster, IMAGE, None, None, None)
    members = (replace(members[0], **changes), *members[1:])
    failed = Reading(at=NOW, trouble="timed out")
    found = ensemble(scene(cluster, failed, told("leader"), told("follower"), members=members)).members[0]
    assert found.state == state
    assert word in found.words


def test_a_member_that_serves_on_a_node_that_kubernetes_lost_serves(cluster: Cluster) -> None:
    members = factories.members(cluster, IMAGE, None, None, None)
    members = (replace(members[0], node_ready=False), *members[1:])
    found = ensemble(scene(cluster, told("follower"), told("leader"), None, members=members)).members[0]
    assert (found.state, found.role) == ("serving", "follower")
    assert "its node is not ready" in found.words


def test_nothing_is_said_of_nodes_and_pods_while_kubernetes_has_not_told(cluster: Cluster) -> None:
    bare = [replace(m, pod=None, node_ready=False) for m in factories.members(cluster, IMAGE, None, None, None)]
    now = ensemble(scene(cluster, None, Reading(at=NOW), told("leader"), members=bare, kubernetes=False))
    assert states(now) == ["asked", "silent", "serving"]
    assert now.members[2].words == ""


@pytest.mark.parametrize(
    ("word", "state"), [("looking", "looking"), ("stopping", "stopping"), ("starting", "starting")]
)
def test_a_server_without_a_quorum_says_what_it_does(cluster: Cluster, word: str, state: str) -> None:
    lone = replace(told(None), figures=Figures(state=word))
    assert states(ensemble(scene(cluster, lone, None, None)))[0] == state


def test_a_recorded_server_without_a_quorum_is_looking(cluster: Cluster) -> None:
    page = figures(parse(recorded("looking.metrics")))
    lone = Reading(at=NOW, server=parse_srvr(recorded("looking.srvr")), figures=page)
    now = ensemble(scene(cluster, lone, None, None))
    assert (states(now)[0], now.members[0].role, now.margin) == ("looking", None, -2)


# The ensemble


@pytest.mark.parametrize(
    ("serving", "voters", "words"),
    [
        (3, 3, "3 of 3 serving: one may be lost"),
        (2, 3, "2 of 3 serving: one more loss stops writes"),
        (1, 3, "1 of 3 serving: NO QUORUM is seen, reads and writes wait; one more is needed"),
        (0, 3, "0 of 3 serving: NO QUORUM is seen, reads and writes wait; two more are needed"),
        (5, 5, "5 of 5 serving: two may be lost"),
        (4, 5, "4 of 5 serving: one more may be lost"),
        (1, 1, "1 of 1 serving: one loss stops writes"),
        (3, 4, "3 of 4 serving: one more loss stops writes"),
    ],
)
def test_the_margin_of_the_quorum_in_words(cluster: Cluster, serving: int, voters: int, words: str) -> None:
    gone = Reading(at=NOW, refused=True)
    now = ensemble(scene(cluster, gone, gone, gone))
    assert replace(now, serving=serving, voters=voters).margin_words() == words


def test_a_quorum_that_cannot_be_seen_from_here_is_not_said_to_be_lost(cluster: Cluster) -> None:
    silent = Reading(at=NOW, trouble="no answer in time")
    now = ensemble(scene(cluster, silent, silent, None))
    assert now.margin_words() == "0 of 3 serving, three cannot be asked: whether there is a quorum is not known"


def test_voters_are_those_the_leader_counts_and_observers_do_not_help(cluster: Cluster) -> None:
    now = ensemble(scene(cluster, told("leader", voters=5.0), told("follower"), told("observer")))
    assert (now.serving, now.voters, now.margin) == (2, 5, -1)


def test_followers_without_a_vote_are_no_voters(cluster: Cluster) -> None:
    """The last turn of a roll: the former leader follows without its vote, and losing either voter stops writes."""
    voteless = told("leader", voters=2.0, voters_in_sync=2.0)
    now = ensemble(scene(cluster, voteless, told("follower"), told("follower")))
    assert now.margin_words() == "2 of 2 serving: one loss stops writes"
    silent = told("leader", voters=2.0)
    assert ensemble(scene(cluster, silent, told("follower"), told("follower"))).margin == 0


def test_voters_that_are_not_described_any_more_count(cluster: Cluster) -> None:
    now = ensemble(scene(cluster, told("leader", voters=5.0, voters_in_sync=5.0), told("follower"), told("follower")))
    assert (now.margin, now.margin_words()) == (2, "5 of 5 serving: two may be lost")


def test_a_leader_counts_the_voters_that_are_in_sync_with_it() -> None:
    text = "quorum_size 5\nsynced_followers 3\nsynced_non_voting_followers 1\n"
    found = figures(parse(text))
    assert (found.voters, found.voters_in_sync) == (5, 3)


def test_two_leaders_claimed_are_a_split_view(cluster: Cluster) -> None:
    now = ensemble(scene(cluster, told("leader", epoch=6), [told("leader", at=NOW - 2), told("leader")], None))
    assert now.leader == "demo-2"
    assert now.split_words().startswith("SPLIT VIEW: two leaders claimed: demo-1 (epoch 6), demo-2 (epoch 7);")


def test_leadership_that_was_handed_over_between_two_readings_is_no_split_view(cluster: Cluster) -> None:
    now = ensemble(scene(cluster, told("leader", epoch=6, at=NOW - 1), told("leader", at=NOW), told("follower")))
    assert (now.leader, now.former, now.split_words()) == ("demo-2", "demo-1", "")


def test_the_last_election_is_told_by_who_won_it_and_when(cluster: Cluster) -> None:
    now = ensemble(scene(cluster, told("follower"), told("leader", leading_ms=192_000.0), told("follower")))
    assert (now.leader, now.epoch, now.leading_ms) == ("demo-2", 7, 192_000)


def test_the_write_rate_is_counted_by_the_leaders_transactions(cluster: Cluster) -> None:
    leader = [told("leader", 10, NOW - 2), told("leader", 50, NOW - 1), told("leader", 70, NOW)]
    now = ensemble(scene(cluster, told("follower"), leader, told("follower")))
    assert (now.writes_history, now.writes) == ((40, 20), 20)


def test_a_count_that_begins_anew_gives_no_rate() -> None:
    assert per_second([(0, 100), (1, 150), (2, 10), (3, None), (4, 20), (5, 30)]) == (50, None, None, None, 10)


def test_what_we_ask_ourselves_is_no_request_of_clients(cluster: Cluster) -> None:
    idle = [told("leader", at=NOW - 2 + n, requests=500.0 + n) for n in range(3)]
    busy = [told("follower", at=NOW - 2 + n, requests=500.0 + 11 * n) for n in range(3)]
    now = ensemble(scene(cluster, idle, busy, None))
    assert [found.requests for found in now.members] == [0, 10, None]


def test_the_time_of_fsync_is_the_mean_of_the_last_ten_seconds(cluster: Cluster) -> None:
    sums = [(NOW - 60, 1000.0, 10.0), (NOW - 8, 5000.0, 100.0), (NOW, 5090.0, 130.0)]
    readings = [told("leader", at=at, fsync_sum_ms=total, fsync_count=count) for at, total, count in sums]
    assert ensemble(scene(cluster, readings, None, None)).members[0].fsync_mean_ms == 3


def test_everything_can_be_written_as_json(cluster: Cluster) -> None:
    full = [Reading(at=NOW - back, server=factories.server("leader", 9), figures=_real()) for back in (1, 0)]
    now = ensemble(scene(cluster, full, Reading(at=NOW, refused=True), None))
    rows: list[Vitals] = list(now.members)
    written = json.dumps([now.as_json(), *map(member_json, rows)], allow_nan=False)
    leader = json.loads(written)[1]
    assert leader["requests_per_second"] == 0
    assert [key for key, value in leader.items() if value is None] == ["fsync_mean_ms", "config"]
    assert set(leader) == set(json.loads(written)[2])


def _real() -> Figures:
    return figures(parse(recorded("leader.metrics")))
