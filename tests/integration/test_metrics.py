"""/metrics: the names of ZooKeeper's own Prometheus provider, a format any scraper reads, and a mntr like ever."""

import math
import re
from collections.abc import Collection, Iterator

import pytest

from tests.support.alert_rules import SMALL
from tests.support.waiting import eventually
from zkops.zookeeper import four_letter as fourletter

from .scrapes import answer, metrics
from .servers import Ensemble, Server, client, container, serving

# Read in ZooKeeper 3.9's source (ServerMetrics, registerMetrics) and in that of client_java 0.9 (DefaultExports).
MEMBER_GAUGES = "quorum_size synced_observers"
LEADER_GAUGES = """
last_proposal_size leader_uptime learners max_proposal_size min_proposal_size pending_syncs synced_followers
synced_non_voting_followers
"""
GAUGES = """
approximate_data_size auth_failed_count avg_latency connection_drop_probability ephemerals_count global_sessions
last_client_response_size local_sessions max_client_response_size max_file_descriptor_count max_latency
min_client_response_size min_latency non_mtls_local_conn_count non_mtls_remote_conn_count num_alive_connections
open_file_descriptor_count outstanding_requests outstanding_tls_handshake packets_received packets_sent
quota_bytes_limit_per_namespace quota_bytes_usage_per_namespace quota_count_limit_per_namespace
quota_count_usage_per_namespace uptime watch_count znode_count
"""
COUNTERS = """
add_dead_watcher_stall_time bytes_received_count cnxn_closed_without_zk_server_running commit_count
connection_drop_count connection_rejected connection_request_count connection_revalidate_count
dead_watchers_cleared dead_watchers_queued diff_count digest_mismatches_count ensemble_auth_fail
ensemble_auth_skip ensemble_auth_success insecure_admin_count large_requests_rejected
learner_commit_received_count learner_proposal_received_count looking_count outstanding_changes_queued
outstanding_changes_removed prep_processor_request_queued proposal_count quit_leading_due_to_disloyal_voter
quota_exceeded_error_per_namespace request_commit_queued request_throttle_wait_count
requests_not_forwarded_to_commit_processor response_bytes response_packet_cache_hits
response_packet_cache_misses response_packet_get_children_cache_hits response_packet_get_children_cache_misses
restore_error_count restore_rate_limited_count revalidate_count sessionless_connections_expired
skip_learner_request_to_next_processor_count snap_count snapshot_error_count snapshot_rate_limited_count
stale_replies stale_requests stale_requests_dropped stale_sessions_expired sync_processor_request_queued
throttled_ops tls_handshake_exceeded unrecoverable_error_count unsuccessful_handshake watch_bytes
"""
BASIC_SUMMARIES = """
commit_commit_proc_req_queued commit_process_time concurrent_request_processing_in_commit_processor
connection_token_deficit dbinittime election_time follower_sync_time fsynctime inflight_diff_count
inflight_snap_count leader_unavailable_time learner_handler_qp_size learner_request_processor_queue_size
netty_queued_buffer_capacity node_changed_watch_count node_children_watch_count node_created_watch_count
node_deleted_watch_count observer_sync_time pending_session_queue_size prep_process_time
prep_processor_queue_size proposal_process_time read_commit_proc_issued read_commit_proc_req_queued
read_per_namespace reads_after_write_in_session_queue reads_issued_from_session_queue requests_in_session_queue
restore_time session_queues_drained snapshottime socket_closing_time startup_snap_load_time
startup_txns_load_time startup_txns_loaded sync_process_time sync_processor_batch_size
sync_processor_queue_size time_waiting_empty_pool_in_commit_processor_read_ms unavailable_time
write_batch_time_in_commit_processor write_commit_proc_issued write_commit_proc_req_queued write_per_namespace
"""
ADVANCED_SUMMARIES = """
ack_latency close_session_prep_time commit_propagation_latency dead_watchers_cleaner_latency jvm_pause_time_ms
learner_handler_qp_time_ms local_write_committed_time_ms om_commit_process_time_ms om_proposal_process_time_ms
prep_processor_queue_time_ms propagation_latency proposal_ack_creation_latency proposal_latency
quorum_ack_latency read_commitproc_time_ms read_final_proc_time_ms readlatency request_throttle_queue_time_ms
server_write_committed_time_ms sync_processor_queue_and_flush_time_ms sync_processor_queue_flush_time_ms
sync_processor_queue_time_ms updatelatency write_commitproc_time_ms write_final_proc_time_ms
"""
JVM_GAUGES = """
jvm_buffer_pool_capacity_bytes jvm_buffer_pool_used_buffers jvm_buffer_pool_used_bytes jvm_classes_loaded
jvm_info jvm_memory_bytes_committed jvm_memory_bytes_init jvm_memory_bytes_max jvm_memory_bytes_used
jvm_memory_pool_bytes_committed jvm_memory_pool_bytes_init jvm_memory_pool_bytes_max jvm_memory_pool_bytes_used
jvm_memory_pool_collection_used_bytes
jvm_threads_current jvm_threads_daemon jvm_threads_deadlocked jvm_threads_deadlocked_monitor jvm_threads_peak
jvm_threads_state process_max_fds process_open_fds process_resident_memory_bytes process_start_time_seconds
process_virtual_memory_bytes
"""
JVM_COUNTERS = """
jvm_classes_loaded_total jvm_classes_unloaded_total jvm_memory_pool_allocated_bytes_total
jvm_threads_started_total process_cpu_seconds_total
"""
OURS = """
zookeeper_server_info zookeeper_disk_free_bytes zookeeper_disk_size_bytes zookeeper_snapshot_age_seconds
zookeeper_autopurge_interval_hours zookeeper_busiest_client_cnxns zookeeper_certificate_expiry_timestamp_seconds
zookeeper_config_info zookeeper_epoch zookeeper_last_zxid zookeeper_max_client_cnxns zookeeper_member_info
zookeeper_serving
"""
JVM = (
    dict.fromkeys(JVM_GAUGES.split(), "gauge")
    | dict.fromkeys(JVM_COUNTERS.split(), "counter")
    | {"jvm_gc_collection_seconds": "summary"}
)
EVERYWHERE = (
    dict.fromkeys((GAUGES + OURS).split(), "gauge")
    | dict.fromkeys(COUNTERS.split(), "counter")
    | dict.fromkeys((BASIC_SUMMARIES + ADVANCED_SUMMARIES).split(), "summary")
    | JVM
)
FOLLOWER = EVERYWHERE | dict.fromkeys(MEMBER_GAUGES.split(), "gauge")
LEADER = FOLLOWER | dict.fromkeys(LEADER_GAUGES.split(), "gauge")

NOT_METRICS = {"zk_version", "zk_server_state", "zk_peer_state"}
"""What mntr tells beside metrics; /metrics has version and state as labels."""


@pytest.fixture(scope="module")
def used(image: str) -> Iterator[Server]:
    """Give a lone server that has answered reads and writes in two namespaces, one of them oddly named."""
    with serving(image, {"ZOO_4LW_COMMANDS_WHITELIST": "srvr,mntr,ruok,srst"}) as running:
        with client(running) as zookeeper:
            for number in range(20):
                zookeeper.create(f"/plain/n{number}", b"x" * 100, makepath=True)
                zookeeper.get(f"/plain/n{number}")
            zookeeper.create('/od"d\\name', b"")
            zookeeper.get('/od"d\\name')
        yield running


def test_the_content_type_is_that_of_the_text_format(used: Server) -> None:
    head, _ = answer(used, "/metrics")
    assert "content-type: text/plain; version=0.0.4; charset=utf-8" in head.lower()


def test_a_standalone_server_has_every_metric_of_its_own_provider_by_name_and_type(used: Server) -> None:
    # Taken at the first scrape: what a gauge set or a set of summaries has no key for yet has its header all the same.
    assert metrics(used, "?set=all").types == EVERYWHERE


def test_leader_and_followers_have_every_metric_of_their_own_provider_by_name_and_type(three: Ensemble) -> None:
    assert metrics(three.leader(), "?set=all").types == LEADER
    assert [metrics(member, "?set=all").types for member in three.followers()] == [FOLLOWER, FOLLOWER]


def test_the_small_set_is_the_list_in_the_image_and_known_to_a_leader(three: Ensemble) -> None:
    assert len(SMALL) == len(set(SMALL))
    assert set(SMALL) <= LEADER.keys()
    scrape = metrics(three.leader())
    assert scrape.types == {name: LEADER[name] for name in SMALL}
    assert all(scrape.helps[name] != name for name in SMALL)


def test_the_small_set_has_all_gauges_but_those_per_namespace() -> None:
    gauges = (GAUGES + MEMBER_GAUGES + LEADER_GAUGES + OURS).split()
    assert {name for name in gauges if not name.endswith("_per_namespace")} <= set(SMALL)


def test_the_default_set_is_a_setting_and_a_scrape_may_ask_for_the_other(image: str, used: Server) -> None:
    small = metrics(used).types.keys()
    assert metrics(used, "?set=small").types.keys() == small
    with serving(image, {"ZOO_METRICS": "all"}) as generous:
        assert metrics(generous).types == EVERYWHERE
        assert metrics(generous, "?set=small").types.keys() == small


def test_an_unknown_set_is_refused_naming_the_two(used: Server) -> None:
    head, body = answer(used, "/metrics?set=tiny")
    assert head.startswith("HTTP/1.1 400 ")
    assert body == 'set is "tiny"; it must be small or all\n'


@pytest.mark.parametrize("key", ["name[]", "name%5B%5D"])
def test_samples_are_asked_for_by_name_in_any_set(used: Server, key: str) -> None:
    scrape = metrics(used, f"?{key}=updatelatency_sum&{key}=jvm_threads_state&{key}=no_such_metric")
    assert scrape.names() == {"updatelatency_sum", "jvm_threads_state"}


def test_summaries_have_count_sum_and_the_quantiles_of_their_level(used: Server) -> None:
    scrape = metrics(used, "?set=all")
    assert scrape.labels("fsynctime", "quantile") == {"0.5"}
    assert scrape.labels("updatelatency", "quantile") == {"0.5", "0.9", "0.99"}
    assert scrape.value("readlatency_count") >= 20
    quantiles = [scrape.value("updatelatency", quantile=share) for share in ("0.5", "0.9", "0.99")]
    assert quantiles == sorted(quantiles)
    assert quantiles[2] <= float(fourletter.parse_mntr(used.ask("mntr"))["zk_max_updatelatency"])


def test_every_summary_has_the_quantiles_of_its_level(three: Ensemble) -> None:
    # The leader counts what it sends to each follower, which it pings all the time.
    eventually(lambda: "learner_handler_qp_time_ms" in metrics(three.leader(), "?set=all").names())
    scrape = metrics(three.leader(), "?set=all")
    assert {tuple(sorted(scrape.labels(name, "quantile"))) for name in BASIC_SUMMARIES.split()} <= {(), ("0.5",)}
    assert {tuple(sorted(scrape.labels(name, "quantile"))) for name in ADVANCED_SUMMARIES.split()} <= {
        (),
        ("0.5", "0.9", "0.99"),
    }
    assert scrape.labels("learner_handler_qp_time_ms_count", "key") <= {"1", "2", "3"}


def test_a_summary_without_values_says_nan(used: Server) -> None:
    scrape = metrics(used, "?set=all")
    assert scrape.value("observer_sync_time_count") == 0
    assert math.isnan(scrape.value("observer_sync_time", quantile="0.5"))


def test_keys_are_labels_and_escaped(used: Server) -> None:
    assert {"plain", 'od\\"d\\\\name'} <= metrics(used, "?set=all").labels("write_per_namespace_count", "key")


def test_every_metric_of_mntr_is_in_metrics(three: Ensemble) -> None:
    for member in three.members:
        families = metrics(member, "?set=all").types.keys()
        keys = fourletter.parse_mntr(member.ask("mntr")).keys() - NOT_METRICS
        assert {key for key in keys if not known(key.removeprefix("zk_"), families)} == set()


def known(key: str, families: Collection[str]) -> bool:
    """Whether a key of mntr, such as `p99_1_ack_latency` or `avg_readlatency`, is of one of the families."""
    plain = re.sub(r"^(avg|min|max|cnt|sum|p50|p95|p99|p999)_", "", key)
    parts = plain.split("_")
    return key in families or any("_".join(parts[start:]) in families for start in range(len(parts)))


def test_mntr_has_the_keys_it_has_with_zookeepers_default_provider(image: str, used: Server) -> None:
    theirs = {"ZOO_CFG_EXTRA": "metricsProvider.className=org.apache.zookeeper.metrics.impl.DefaultMetricsProvider"}
    with container(image, theirs) as made:
        other = Server(made)
        eventually(lambda: "Mode: standalone" in other.probe("4lw", "srvr").text)
        with client(other) as zookeeper:
            zookeeper.ensure_path("/plain")
            zookeeper.create('/od"d\\name', b"")
            zookeeper.get("/plain")
            zookeeper.get('/od"d\\name')
        expected = fourletter.parse_mntr(other.ask("mntr")).keys()
    assert fourletter.parse_mntr(used.ask("mntr")).keys() == expected


def test_mntr_and_metrics_tell_the_same_values(used: Server) -> None:
    scrape, told = metrics(used, "?set=all"), fourletter.parse_mntr(used.ask("mntr"))
    for name in ("znode_count", "approximate_data_size", "proposal_count", "prep_processor_request_queued"):
        assert scrape.value(name) == float(told[f"zk_{name}"])
    for name in ("updatelatency", "readlatency", "fsynctime", "dbinittime"):
        assert scrape.value(f"{name}_count") == float(told[f"zk_cnt_{name}"])
        assert scrape.value(f"{name}_sum") == float(told[f"zk_sum_{name}"])


def test_srst_resets_the_server_s_statistics(image: str) -> None:
    with serving(image, {"ZOO_4LW_COMMANDS_WHITELIST": "srvr,mntr,ruok,srst"}) as running:
        with client(running) as zookeeper:
            zookeeper.ensure_path("/a/b/c/d/e/f/g/h")
        before = metrics(running).value("packets_received")
        assert running.ask("srst") == "Server stats reset.\n"
        assert metrics(running).value("packets_received") < before


def test_version_and_disks_are_told(used: Server) -> None:
    scrape = metrics(used)
    assert scrape.value("zookeeper_server_info", version="3.9.6", state="standalone") == 1
    for directory in ("data", "log"):
        free = scrape.value("zookeeper_disk_free_bytes", dir=directory)
        assert 0 < free <= scrape.value("zookeeper_disk_size_bytes", dir=directory)
    # A server writes a snapshot when it begins to serve.
    assert scrape.value("zookeeper_snapshot_age_seconds") >= 0


def test_the_process_is_told_as_it_is(used: Server) -> None:
    scrape = metrics(used)
    assert 0 < scrape.value("jvm_memory_bytes_used", area="heap") <= scrape.value("jvm_memory_bytes_max", area="heap")
    assert scrape.value("process_open_fds") <= scrape.value("process_max_fds")
    assert scrape.value("process_cpu_seconds_total") > 0
    assert scrape.labels("jvm_gc_collection_seconds_count", "gc")


def test_without_exportjvminfo_nothing_is_told_of_the_jvm(image: str) -> None:
    with serving(image, {"ZOO_CFG_EXTRA": "metricsProvider.exportJvmInfo=false"}) as quiet:
        assert metrics(quiet, "?set=all").types.keys() == EVERYWHERE.keys() - JVM.keys()
