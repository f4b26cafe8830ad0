"""Pages of metrics become plain samples; what is no page is said to be none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.fakes.servers import recorded
from zkops.status.sample import NAMES
from zkops.zookeeper.metrics import Page, parse


def test_the_samples_of_a_real_page_are_found_by_name_and_labels() -> None:
    page = parse(recorded("leader.metrics"))
    assert page.label("zookeeper_server_info", "state") == "leader"
    assert page.value("quorum_size") == 3
    assert page.value("jvm_memory_bytes_used", area="heap") != page.value("jvm_memory_bytes_used", area="nonheap")
    assert page.value("jvm_memory_bytes_used") is None, "there is none without a label"


def test_everything_that_is_asked_for_is_on_the_page_of_a_real_leader() -> None:
    told = {name for name, _labels in parse(recorded("leader.metrics")).samples}
    assert set(NAMES) <= told


def test_a_quantile_of_no_values_is_no_number() -> None:
    page = parse('# TYPE readlatency summary\nreadlatency{quantile="0.5"} NaN\nreadlatency_count 0\n')
    assert page.value("readlatency", quantile="0.5") is None
    assert page.value("readlatency_count") == 0


@pytest.mark.parametrize("text", ['a{b="c} 1\n', "a one\n", "a{b=1} 2\n", "# TYPE a\na 1\n", "<html>\n", "a\n"])
def test_what_is_no_page_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="no page of metrics"):
        parse(text)


@given(st.text(alphabet=st.characters(codec="utf-8")) | st.text(alphabet='ab{}="\\ #\n01.eNaTYPEHL_,'))
def test_any_text_is_a_page_or_is_told_to_be_none(text: str) -> None:
    _read(text)


@given(st.integers(0, 20_000), st.integers(0, 200))
def test_a_page_with_a_part_missing_is_read_or_told_to_be_none(place: int, length: int) -> None:
    whole = recorded("follower.metrics")
    _read(whole[:place] + whole[place + length :])


def _read(text: str) -> None:
    try:
        page = parse(text)
    except ValueError as error:
        assert "no page of metrics" in str(error)
    else:
        assert isinstance(page, Page)
