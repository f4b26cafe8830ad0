"""What is waited for is given when it comes, and named when it does not."""

import pytest

from tests.support.waiting import eventually, until
from zkops.core.errors import Failed


def test_the_first_true_value_is_given() -> None:
    values = iter([0, 0, 3, 4])
    assert until(lambda: next(values), "three") == 3
    assert eventually(lambda: next(values)) == 4


def test_what_never_comes_is_named() -> None:
    with pytest.raises(Failed, match="a leader"):
        until(lambda: False, "a leader", within=0)
    with pytest.raises(AssertionError, match="last was 0"):
        eventually(lambda: 0, within=0)
