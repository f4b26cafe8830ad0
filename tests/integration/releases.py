"""A release of ZooKeeper laid out like Apache's, signed with a key of the test, on a web server of the test."""

import gzip
import hashlib
import io
import platform
import tarfile
import threading
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from pysequoia import SignatureMode, Tsk, sign

from . import contents

VERSION = "3.9.6"
NAME = f"apache-zookeeper-{VERSION}-bin.tar.gz"
NAMES = {"metrics-core.jar": "metrics-core-3.2.6.jar", "servlet-api.jar": "javax.servlet-api-4.0.1.jar"}
"""What Debian's files have for names where they are not Maven's."""

WANTED = (
    *("zookeeper-3", "zookeeper-jute-", "commons-cli-", "snappy-java-", "metrics-core.", "servlet-api."),
    *("netty-buffer-", "netty-codec-4", "netty-common-", "netty-handler-4", "netty-resolver-4", "netty-transport-4"),
    *("netty-transport-native-epoll-", "netty-transport-native-unix-common-"),
)


def archive(packages: str, version: str = VERSION) -> bytes:
    """Make the release's archive from Debian's jars, which the image *packages* holds below /packages."""
    machine = platform.machine()
    files = contents.directory(packages, "/packages/usr/share/java")
    lib = {NAMES.get(name, name): content for name, content in files.items() if name.startswith(WANTED)}
    native = contents.directory(packages, f"/packages/usr/lib/{machine}-linux-gnu/jni")["libsnappyjava.so"]
    (snappy,) = [name for name in lib if name.startswith("snappy-java-")]
    lib[snappy] = _added(lib[snappy], f"org/xerial/snappy/native/Linux/{machine}/libsnappyjava.so", native)
    # What is left out of the image; were it not, the build would fail on it.
    for name in ("logback-classic-1.2.13", "jetty-server-9.4.57.v20241219", "slf4j-api-1.7.30", "jackson-core-2.15.2"):
        lib[f"{name}.jar"] = b"no jar"
    lib["netty-common-4.1.48.Final.LICENSE.txt"] = b"licence of Netty"
    top = f"apache-zookeeper-{version}-bin"
    inside = {f"{top}/lib/{name}": content for name, content in lib.items()}
    return _tar(inside | {f"{top}/LICENSE.txt": b"licence", f"{top}/NOTICE.txt": b"notice"})


def _added(jar: bytes, name: str, content: bytes) -> bytes:
    stream = io.BytesIO(jar)
    with zipfile.ZipFile(stream, "a") as file:
        file.writestr(name, content)
    return stream.getvalue()


def _tar(files: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as file:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            file.addfile(member, io.BytesIO(content))
    return gzip.compress(stream.getvalue(), 1)


@dataclass
class Signer:
    """A release manager's key."""

    key: Tsk = field(default_factory=lambda: Tsk.generate("Test <test@example.org>"))

    @property
    def keys(self) -> str:
        """The file KEYS that has this key in it, and prose around it as Apache's has."""
        return f"This file contains the PGP keys of various developers.\n\n{self.key.extract_certificate()}\n"

    def published(self, content: bytes, name: str = NAME) -> dict[str, bytes]:
        """Give the three files as Apache publishes them, by their paths on a server."""
        return {
            f"/{name}": content,
            f"/{name}.sha512": f"{hashlib.sha512(content).hexdigest()}  {name}\n".encode(),
            f"/{name}.asc": sign(self.key.signer(), content, mode=SignatureMode.DETACHED),
        }


@dataclass
class Site:
    """A web server's files, which a test may ruin."""

    files: dict[str, bytes]
    url: str = ""
    breaks_off_at: int | None = None
    """So many bytes of an archive come, of all that are announced."""
    asked: list[str] = field(default_factory=list)


@contextmanager
def served(files: Mapping[str, bytes]) -> Iterator[Site]:
    """Serve *files* on a free port of this machine."""
    site = Site(dict(files))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site.asked.append(self.path)
            content = site.files.get(self.path)
            if content is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: site.breaks_off_at] if self.path.endswith(".gz") else content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site.url = f"http://127.0.0.1:{server.server_port}/{NAME}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
