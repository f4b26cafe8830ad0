"""`doctor` lints the description before it examines anything."""

import pytest

from tests.conftest import MakeCluster
from zkops.commands import doctor
from zkops.core.errors import BadInput


@pytest.mark.parametrize("deep", [True, False])
def test_a_setting_no_server_takes_is_refused_before_anything_is_asked(make_cluster: MakeCluster, deep: bool) -> None:
    with pytest.raises(BadInput, match=r"zoo_cfg.tickTime: '?2s'? is "):
        doctor.examine(make_cluster(zoo_cfg={"tickTime": "2s"}), deep=deep)
