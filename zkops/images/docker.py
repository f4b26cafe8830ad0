"""The Docker Engine, spoken to for images and what runs in them: progress as it goes, sentences where it fails."""

import errno
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError, ContainerError, DockerException, ImageNotFound
from docker.utils import parse_repository_tag
from requests.exceptions import RequestException
from urllib3.exceptions import HTTPError

from zkops import ROOT
from zkops.core.console import Step
from zkops.core.errors import Failed
from zkops.images.daemon import NoEngine, connect, ensure

__all__ = ["NoEngine", "build", "connect", "ensure", "explained", "image_id", "pull", "run", "tail_of"]

LOGS = ROOT / ".cache" / "logs"
TAIL_LINES = 15

FULL = "no space left on device"
ROOM = "make room for the Docker Engine (see `docker system df`), then run the same again"

_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_STEP = re.compile(r"Step \d+/\d+ : .*")


def image_id(client: docker.DockerClient, reference: str) -> str | None:
    """Give the id of a local image, None where it is not there."""
    try:
        return str(client.api.inspect_image(reference)["Id"])
    except ImageNotFound:
        return None


class Transcript:
    """What a build said so far: the step it is at, the last lines, the image it made."""

    def __init__(self) -> None:
        self.at = ""
        self.image = ""
        self.tail: deque[str] = deque(maxlen=TAIL_LINES)
        self._rest = ""

    def feed(self, event: Mapping[str, Any]) -> Iterator[str]:
        """Take one event of the build stream and yield the lines it completes.

        Raises:
            Failed: when the event is an error.
        """
        self.image = event.get("aux", {}).get("ID", self.image)
        status = f"{event['status']}\n" if "status" in event else ""
        text = self._rest + _ANSI.sub("", event.get("stream", "")) + status
        *lines, self._rest = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        for line in filter(str.strip, lines):
            if _STEP.fullmatch(line):
                self.at = line
                self.tail.clear()
            else:
                self.tail.append(line)
            yield line
        if "error" in event:
            raise self.failure(_ANSI.sub("", str(event["error"])))

    def failure(self, error: str) -> Failed:
        """Explain *error*, with the step and its last lines."""
        tail = "".join(f"\n  | {line}" for line in self.tail)
        if FULL in error.lower():
            return Failed(f"the disk is full: {error}", ROOM)
        if FULL in tail.lower():  # a command of the build met it, and the Engine only tells that command's exit code
            return Failed(f"the disk is full, at {self.at or 'its beginning'}: {error.strip()}{tail}", ROOM)
        return Failed(f"the image build failed at {self.at or 'its beginning'}: {error.strip()}{tail}")


def build(
    context: Path,
    tag: str,
    *,
    args: Mapping[str, str] | None = None,
    labels: Mapping[str, str] | None = None,
    step: Step | None = None,
    **options: Any,
) -> str:
    """Build the Dockerfile in *context* with the classic builder, tag it, and give the image's id.

    The whole output is kept in `.cache/logs/`. The other *options* are those of the Engine's client, such as `nocache`.

    Raises:
        Failed: naming the step that failed, with its last lines.
    """
    LOGS.mkdir(parents=True, exist_ok=True)
    log_file = LOGS / f"build-{re.sub(r'[^a-z0-9.-]+', '-', tag)}.log"
    transcript, client = Transcript(), connect()
    settings: dict[str, Any] = {"buildargs": dict(args or {}), "labels": dict(labels or {})} | options
    try:
        with closing(client), explained(f"building {tag}"), log_file.open("w", encoding="utf-8") as log:
            stream = client.api.build(path=str(context), tag=tag, rm=True, forcerm=True, decode=True, **settings)
            for line in (line for event in stream for line in transcript.feed(event)):
                log.write(f"{line}\n")
                if step:
                    step.update(f"{transcript.at}  {'' if line == transcript.at else line}")
            if not transcript.image:
                raise gone(f"building {tag}", "its answer ended before the image was made")
    except Failed as failure:
        raise Failed(failure.what, failure.mend or f"see {log_file} for the whole output") from failure
    return transcript.image


def run(
    client: docker.DockerClient,
    image: str,
    command: list[str] | None = None,
    stderr: bool = False,
    **options: Any,
) -> bytes:
    """Run *command* in a container of a local image to its end, and give what it printed, its errors too if *stderr*.

    The container goes with its volumes: `containers.run(remove=True)` of the Engine's client leaves those behind that
    the image names. The other *options* are those of `containers.create`.

    Raises:
        ContainerError: when the command does not succeed; it holds what was printed as errors.
        DockerException, RequestException: when the Engine does not do it.
    """
    container = client.containers.create(image, command, **options)
    try:
        container.start()
        if code := container.wait()["StatusCode"]:
            raise ContainerError(container, code, command, image, container.logs(stdout=False, stderr=True))
        printed: bytes = container.logs(stdout=True, stderr=stderr)
        return printed
    finally:
        container.remove(force=True, v=True)


def pull(reference: str, step: Step | None = None) -> None:
    """Pull *reference*, telling *step* how far it is.

    Raises:
        Failed: in one sentence, when it cannot be pulled.
    """
    repository, tag = parse_repository_tag(reference)
    with closing(connect()) as client, explained(f"pulling {reference}"):
        layers: dict[str, bool] = {}
        try:
            events = client.api.pull(repository, tag=tag or "latest", stream=True, decode=True)
        except APIError as error:
            raise cannot_pull(reference, str(error.explanation)) from error
        for event in events:
            follow_pull(event, layers, reference)
            if step and layers:
                step.update(f"{sum(layers.values())} of {len(layers)} layers")


def follow_pull(event: Mapping[str, Any], layers: dict[str, bool], reference: str) -> None:
    """Note in *layers* which layer the event completes.

    Raises:
        Failed: when the event is an error.
    """
    if "error" in event:
        raise cannot_pull(reference, str(event["error"]))
    status = event.get("status", "")
    if "id" in event and not status.startswith("Pulling from"):
        layers[event["id"]] = status in {"Pull complete", "Already exists"}


def cannot_pull(reference: str, error: str) -> Failed:
    """Give the error for an image that cannot be pulled."""
    return Failed(
        f"{reference} cannot be pulled: {error.strip()}",
        "set sources.pull_prefix to a mirror that has it, or sources.mode to archive to need no registry",
    )


@contextmanager
def explained(doing: str) -> Iterator[None]:
    """Turn what the Docker SDK raises into one sentence that says what was being done."""
    try:
        yield
    except APIError as error:
        raise Failed(f"{doing}: the Docker Engine says: {error.explanation or error}") from error
    except (DockerException, RequestException, HTTPError, ConnectionError) as error:
        raise gone(doing, str(error)) from error
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        raise Failed(f"{doing}: the disk is full", "make room, then run the same command again") from error


def gone(doing: str, error: str) -> Failed:
    """Give the error for an Engine that stopped answering in the middle."""
    return Failed(
        f"{doing}: the Docker Engine went away: {error}", "see that it runs (`docker info`), then run the same again"
    )


def tail_of(lines: Iterable[str]) -> str:
    """Give the last lines of *lines*, indented, for an error."""
    return "".join(f"\n  | {line}" for line in deque(lines, maxlen=TAIL_LINES))
