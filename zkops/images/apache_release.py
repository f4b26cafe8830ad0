"""Apache's own release of ZooKeeper: got, checked against its published hash, and laid out for the build.

The signature is checked within the build, by a locked tool and against `image/KEYS`: the machine needs no PGP of its
own, and no image can be made of an archive that is not signed.
"""

import hashlib
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import requests
from requests.exceptions import RequestException

from zkops import ROOT
from zkops.config.cluster import Cluster
from zkops.config.sections import Apache
from zkops.core.console import Step, say, step
from zkops.core.errors import BadInput, Failed

CACHE = ROOT / ".cache" / "downloads"
"""Archives, named by their SHA-512: what has a name is whole."""

TIMEOUT = (10, 60)
"""Seconds to connect, and for the next bytes to come."""

SMALL = 1_000_000
"""A hash or a signature is never larger, in bytes."""

AGAIN = "run `invoke build` again, or fetch it yourself and name it as image.apache.file"
TAMPERED = "do not use it: fetch it anew, from another mirror if it stays so"

_REFUSED = re.compile(r"\| refused: (?P<what>.*)\n *\| mend: (?P<mend>.*)")


@dataclass(frozen=True, kw_only=True)
class Release:
    """A release whose archive has the published hash; whether it is signed shows in the build."""

    version: str
    archive: Path
    sha512: str
    signature: bytes

    @property
    def name(self) -> str:
        """The archive's name as Apache publishes it, whatever the file is called here."""
        return f"apache-zookeeper-{self.version}-bin.tar.gz"


def obtain(cluster: Cluster, described: Apache) -> Release:
    """Give the release that the description names, from a file or by download.

    Raises:
        BadInput: when archive, hash or signature is missing or the archive is not the one the hash means.
        Failed: when the network is in the way.
    """
    if described.file:
        return _local(cluster.file(described.file), described.version)
    return _fetched(str(described.url), described.version)


def _local(file: Path, version: str) -> Release:
    try:
        actual = _sha512(file)
    except OSError as error:
        raise _unreadable(file, error) from error
    found = {suffix: _read(Path(f"{file}{suffix}")) for suffix in (".sha512", ".asc")}
    sha512 = published(found[".sha512"].decode(errors="replace"), file.name, f"{file}.sha512")
    if actual != sha512:
        raise _another(f"image.apache.file: {file}", actual, f"{file}.sha512", sha512)
    return Release(version=version, archive=file, sha512=sha512, signature=found[".asc"])


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise _unreadable(file, error) from error


def _unreadable(file: Path, error: OSError) -> BadInput:
    return BadInput(
        f"image.apache.file: {file} cannot be read: {error.strerror}",
        "put the archive and its .sha512 and .asc, as Apache publishes them, beside each other",
    )


def _another(what: str, actual: str, where: str, sha512: str) -> BadInput:
    return BadInput(f"{what} is not the release: its sha512 is {actual}, {where} says {sha512}", TAMPERED)


def published(text: str, name: str, where: str) -> str:
    """Read a published hash: as `sha512sum` writes it, or in groups as older releases have it.

    Raises:
        BadInput: when *text* holds no SHA-512, or that of another file than *name*.
    """
    plain = re.fullmatch(r"\s*([0-9a-fA-F]{128})(?:\s+\*?(\S+))?\s*", text)
    grouped = re.fullmatch(r"\s*(\S+):((?:\s*[0-9A-Fa-f]{2,16})+)\s*", text)
    digest, of = (plain[1], plain[2]) if plain else (grouped[2], grouped[1]) if grouped else ("", "")
    digest = "".join(digest.split()).lower()
    if len(digest) != 128:
        raise BadInput(f"image.apache: {where} holds no SHA-512", "take the .sha512 file that lies beside the archive")
    if of and of.rpartition("/")[2] != name:
        raise BadInput(f"image.apache: {where} is the SHA-512 of {of}, not of {name}", "take the one of the archive")
    return digest


def _sha512(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha512").hexdigest()


def _fetched(url: str, version: str) -> Release:
    name = urlsplit(url).path.rpartition("/")[2]
    sha512 = published(_small(f"{url}.sha512").decode(errors="replace"), name, f"{url}.sha512")
    signature = _small(f"{url}.asc")
    archive = CACHE / f"{sha512}.tar.gz"
    if archive.exists() and _sha512(archive) == sha512:
        say(f"{name} was fetched before")
    else:
        _download(url, archive, sha512)
    return Release(version=version, archive=archive, sha512=sha512, signature=signature)


def _small(url: str) -> bytes:
    found = b""
    for chunk in _chunks(url):
        found += chunk
        if len(found) > SMALL:
            raise BadInput(f"image.apache.url: {url} is no hash and no signature: it is too large", "mend the URL")
    return found


def _download(url: str, archive: Path, sha512: str) -> None:
    """Fetch the archive under another name, and give it its own once it is the one that is meant."""
    archive.parent.mkdir(parents=True, exist_ok=True)
    with step(f"fetch {url}") as current, tempfile.TemporaryDirectory(dir=archive.parent) as temporary:
        part = Path(temporary) / archive.name
        with part.open("wb") as stream:
            for chunk in _chunks(url, current):
                stream.write(chunk)
        actual = _sha512(part)
        if actual != sha512:
            raise _another(f"image.apache.url: {url}", actual, f"{url}.sha512", sha512)
        part.replace(archive)


def _chunks(url: str, current: Step | None = None) -> Iterator[bytes]:
    got, size = 0, 0
    try:
        # As it is: else requests would unpack what a server declares to be packed on the way.
        with requests.get(url, stream=True, timeout=TIMEOUT, headers={"Accept-Encoding": "identity"}) as answer:
            _check(url, answer)
            length = answer.headers.get("Content-Length", "")
            size = int(length) if length.isdecimal() else 0
            for chunk in answer.iter_content(1 << 16):
                got += len(chunk)
                if current:
                    current.update(f"{got / 1e6:.1f} of {size / 1e6:.1f} MB" if size else f"{got / 1e6:.1f} MB")
                yield chunk
    except RequestException as error:
        if got:
            raise Failed(f"{url} broke off after {got} of {size or 'unknown'} bytes", AGAIN) from error
        raise Failed(f"{url} cannot be fetched: {_brief(error)}", AGAIN) from error
    if got < size:
        raise Failed(f"{url} broke off after {got} of {size} bytes", AGAIN)


def _check(url: str, answer: requests.Response) -> None:
    said = f"{answer.status_code} {answer.reason}".strip()
    if 400 <= answer.status_code < 500:
        raise BadInput(
            f"image.apache.url: {url} is not to be had, the server says {said}",
            "mend the URL; archive, .sha512 and .asc must lie beside each other, and mirrors keep new releases only",
        )
    if not answer.ok:
        raise Failed(f"{url} cannot be fetched: the server says {said}", AGAIN)


def _brief(error: Exception) -> str:
    if "timed out" in str(error).lower():
        return "no answer in time"
    return str(error).rsplit(": ", 1)[-1].strip("'\") ")


@contextmanager
def context(release: Release, directory: Path) -> Iterator[Path]:
    """Give a copy of *directory* with the release in it, to build from; tell in a sentence when the build refuses it.

    Raises:
        BadInput: when the build found no good signature, or another release than the one named.
    """
    with tempfile.TemporaryDirectory(prefix="zkops-") as temporary:
        root = Path(temporary) / "image"
        shutil.copytree(directory, root)
        place = root / "apache"
        place.mkdir()
        shutil.copyfile(release.archive, place / release.name)
        (place / f"{release.name}.sha512").write_text(f"{release.sha512}  {release.name}\n", encoding="utf-8")
        (place / f"{release.name}.asc").write_bytes(release.signature)
        try:
            yield root
        except Failed as failure:
            refused = _REFUSED.search(failure.what)
            if not refused:
                raise
            raise BadInput(f"image.apache: {refused['what']}", refused["mend"]) from failure
