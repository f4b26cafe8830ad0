"""What is sent to change a membership: the super user's digest, and whom it is sent to."""

from zkops.zookeeper import reconfig as membership
from zkops.zookeeper.membership import Seat

SERVERS = "10.0.0.1:2181,10.0.0.2:2181,10.0.0.3:2181"


def test_the_digest_is_the_one_that_zookeeper_makes() -> None:
    # As `java -cp … org.apache.zookeeper.server.auth.DigestAuthenticationProvider super:superpw` prints it.
    assert membership.super_digest("superpw") == "super:g9oN2HttPfn8MMWJZ2r45Np/LIA="


def test_each_secret_has_a_password_of_its_own_and_its_digest() -> None:
    first, second = membership.super_secret(), membership.super_secret()
    assert first["password"] != second["password"]
    assert len(first["password"]) >= 43, "256 bits"
    assert first == {"password": first["password"], "digest": membership.super_digest(first["password"])}
    assert first["password"] not in first["digest"]


def test_who_is_to_leave_is_asked_last() -> None:
    seat = Seat(id=1, ip="10.0.0.1", quorum=2888, election=3888, client=2181)
    assert membership._last(SERVERS, seat) == "10.0.0.2:2181,10.0.0.3:2181,10.0.0.1:2181"
    assert membership._last("127.0.0.1:4001,127.0.0.1:4002", seat) == "127.0.0.1:4001,127.0.0.1:4002"
    assert membership._last(SERVERS, None) == SERVERS
