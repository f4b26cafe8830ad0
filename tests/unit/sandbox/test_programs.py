"""sandbox.programs: what the compiler says, read without a container."""

from pathlib import Path

from sandbox import programs
from zkops.core.console import Step

LOG = Path("compile.log")


def fed(*said: str) -> tuple[programs.Progress, Step]:
    current = Step("compile")
    progress = programs.Progress(current)
    for line in said:
        progress.feed(line)
    return progress, current


def test_lines_come_whole_from_a_stream_in_pieces() -> None:
    assert list(programs.lines([b"one\ntw", b"o\r\n", b"\xc3", b"\xa9\nrest"])) == ["one", "two", "é", "rest"]


def test_progress_counts_packages_and_names_the_last() -> None:
    _, current = fed("stage: download", "stage: kubernetes", "internal/abi", "k8s.io/api/core/v1")
    assert current.detail == "2 packages compiled, k8s.io/api/core/v1"


def test_the_download_is_named_while_no_package_is_compiled() -> None:
    assert fed("stage: download")[1].detail == "downloading modules"
    assert fed("go: downloading k8s.io/api v0.36.3")[1].detail == "downloading k8s.io/api v0.36.3"


def test_the_processor_time_is_read_from_the_last_line() -> None:
    assert fed("unique", "cpu: 754")[0].cpu_seconds == 754


def test_a_failure_shows_what_the_compiler_said_and_where_all_of_it_is() -> None:
    mismatch = "go: k8s.io/api@v0.36.3: verifying go.sum: checksum mismatch"
    failure = fed("fmt", "go: downloading k8s.io/api v0.36.3", mismatch)[0].failure(LOG)
    assert f"| {mismatch}" in failure.what
    assert failure.what.count("|") == 1
    assert "compile.log" in failure.mend


def test_a_full_disk_is_named_as_such() -> None:
    failure = fed("write /go/cache/x: no space left on device")[0].failure(LOG)
    assert failure.what.startswith("the disk is full")
    assert "docker system df" in failure.mend


def test_changed_sources_have_the_programs_compiled_again_and_a_new_version_only_its_own() -> None:
    assert programs.tag_of("1.36") == programs.tag_of("1.36")
    assert programs.tag_of("1.36").rpartition("-")[2] != programs.tag_of("1.37").rpartition("-")[2]
