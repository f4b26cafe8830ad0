"""The bill of materials: valid, complete, true, and made from nothing but the image."""

import hashlib
import io
import json
import re
import uuid
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

from zkops import ROOT
from zkops.config.cluster import Cluster
from zkops.images import sbom

from . import contents

Component = Mapping[str, Any]


@dataclass(frozen=True)
class Inside:
    """What the image holds: the hash of each file, the target of each link, the text of small files."""

    hashes: Mapping[str, str]
    links: Mapping[str, str]
    texts: Mapping[str, str]


@pytest.fixture(scope="session")
def text(cluster: Cluster, image: str) -> str:
    assert image
    return sbom.read(cluster)


@pytest.fixture(scope="session")
def bill(text: str) -> Mapping[str, Any]:
    return dict(json.loads(text))


@pytest.fixture(scope="session")
def inside(image: str) -> Inside:
    hashes, links, texts = {}, {}, {}
    with contents.whole(image) as archive:
        for member in archive:
            name = f"/{member.name}"
            file = archive.extractfile(member) if member.isreg() else None
            if file:
                content = file.read()
                hashes[name] = hashlib.sha256(content).hexdigest()
                if name.startswith(("/var/lib/dpkg/", "/usr/share/doc/")):
                    texts[name] = content.decode(errors="replace")
            elif member.issym():
                links[name] = member.linkname
    # The Engine lays these over a container, they are not in the image.
    laid = {"/.dockerenv", "/etc/hostname", "/etc/hosts", "/etc/resolv.conf", "/dev/console"}
    return Inside({name: value for name, value in hashes.items() if name not in laid}, links, texts)


def all_components(components: list[Component]) -> Iterator[Component]:
    for component in components:
        yield component
        yield from all_components(component.get("components", []))


def debian(bill: Mapping[str, Any]) -> dict[str, Component]:
    """Give the Debian packages of the bill by name."""
    return {one["name"]: one for one in bill["components"] if one.get("purl", "").startswith("pkg:deb/")}


def jars(bill: Mapping[str, Any]) -> list[Component]:
    return [one for one in bill["components"] if one.get("bom-ref", "").startswith("jar/")]


def sha256(component: Component) -> str:
    (found,) = [one["content"] for one in component["hashes"] if one["alg"] == "SHA-256"]
    return str(found)


def needs(bill: Mapping[str, Any], ref: str) -> list[str]:
    (found,) = [one["dependsOn"] for one in bill["dependencies"] if one["ref"] == ref]
    return list(found)


def test_it_is_valid_by_the_strict_schema(text: str) -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None


def test_what_is_not_a_bill_is_found_out(bill: Mapping[str, Any]) -> None:
    broken = json.dumps({**bill, "components": [{"name": "without a type"}]})
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(broken) is not None


def test_it_holds_no_time_and_its_number_is_made_from_its_content(text: str, bill: Mapping[str, Any]) -> None:
    assert "timestamp" not in text
    serial = bill["serialNumber"]
    digest = hashlib.md5(text.replace(serial, "").encode(), usedforsecurity=False).digest()
    assert serial == f"urn:uuid:{uuid.UUID(bytes=digest, version=3)}"


def test_every_file_of_the_image_is_listed_with_its_true_hash(bill: Mapping[str, Any], inside: Inside) -> None:
    paths = [one for one in all_components(bill["components"]) if one["name"].startswith("/")]
    listed = {one["name"]: sha256(one) for one in paths}
    assert len(listed) == len(paths)
    assert listed == {name: value for name, value in inside.hashes.items() if name != sbom.INSIDE}


def test_every_package_is_listed_as_its_control_file_and_the_lock_say(bill: Mapping[str, Any], inside: Inside) -> None:
    place = "/var/lib/dpkg/status.d/"
    controls = {name.removeprefix(place): text for name, text in inside.texts.items() if name.startswith(place)}
    packages = debian(bill)
    assert packages.keys() == controls.keys()
    lock = [line.split() for line in (ROOT / "image" / "packages.lock").read_text().splitlines()]
    for name, control in controls.items():
        fields = dict(re.findall(r"^(Version|Architecture): (.+)$", control, re.MULTILINE))
        package = PackageURL.from_string(packages[name]["purl"])
        assert packages[name]["version"] == package.version == fields["Version"]
        assert package.qualifiers["arch"] == fields["Architecture"]
        (line,) = [one for one in lock if one[1:2] == [name] and one[3] == fields["Architecture"]]
        assert line[2] == package.version
        assert sha256(packages[name]) == line[4]
        assert package.qualifiers["distro"] == {"trixie": "debian-13"}.get(line[0], line[0])


def test_every_address_is_written_as_scanners_write_it(bill: Mapping[str, Any]) -> None:
    addresses = [one["purl"] for one in all_components(bill["components"]) if "purl" in one]
    assert len(addresses) > 10
    assert [one for one in addresses if PackageURL.from_string(one).to_string() != one] == []


def test_every_package_has_its_licences_in_the_image(bill: Mapping[str, Any], inside: Inside) -> None:
    for name, package in debian(bill).items():
        place = f"/usr/share/doc/{inside.links.get(f'/usr/share/doc/{name}', name)}/copyright"
        names = [one["license"]["name"] for one in package["licenses"]]
        assert names
        for licence in names:
            assert licence == f"see /usr/share/doc/{name}/copyright" or licence in inside.texts[place]
        for common in re.findall(r"/usr/share/common-licenses/[\w.-]*\w", inside.texts[place]):
            assert common in inside.hashes or common in inside.links, f"{name} refers to {common}"


def test_every_class_comes_from_a_jar_that_is_listed_with_its_true_hash(
    bill: Mapping[str, Any], image: str, packages: str
) -> None:
    files = contents.directory(packages, "/packages/usr/share/java")
    by_hash = {hashlib.sha256(content).hexdigest(): content for content in files.values()}
    known: set[str] = set()
    for jar in jars(bill):
        known.update(zipfile.ZipFile(io.BytesIO(by_hash[sha256(jar)])).namelist())
    merged = contents.directory(image, "/opt/zookeeper")["zookeeper.jar"]
    classes = [name for name in zipfile.ZipFile(io.BytesIO(merged)).namelist() if name.endswith(".class")]
    assert len(classes) > 1000
    assert [name for name in classes if name not in known and not name.startswith("zkops/")] == []


def test_every_jar_names_its_version_and_the_package_it_came_from(bill: Mapping[str, Any]) -> None:
    packages = {one["bom-ref"]: one for one in debian(bill).values()}
    found = {}
    for jar in jars(bill):
        (package,) = needs(bill, jar["bom-ref"])
        found[jar["name"]] = packages[package]["name"]
        assert jar["version"] in packages[package]["version"] or jar["version"].removesuffix(".Final") in package
    assert found["zookeeper"] == found["zookeeper-jute"] == "libzookeeper-java"
    assert found["netty-handler"] == "libnetty-java"
    assert sorted(needs(bill, "zookeeper.jar")) == sorted(jar["bom-ref"] for jar in jars(bill))


def test_the_java_runtime_is_listed_with_the_modules_it_has(bill: Mapping[str, Any], image: str) -> None:
    (runtime,) = [one for one in bill["components"] if one.get("bom-ref") == "runtime"]
    release = contents.directory(image, "/opt/zookeeper/jre/release")["release"].decode()
    version, modules = re.findall(r'^(?:JAVA_VERSION|MODULES)="(.*)"$', release, re.MULTILINE)
    assert runtime["version"] == version
    listed = [
        one["name"]
        for one in runtime["components"]
        if one["bom-ref" if "bom-ref" in one else "name"].startswith("module/")
    ]
    assert sorted(listed) == sorted(modules.split())
    assert any("openjdk-25" in package for package in needs(bill, "runtime"))


def test_all_that_is_needed_is_described(bill: Mapping[str, Any]) -> None:
    described = {one["bom-ref"] for one in all_components(bill["components"]) if "bom-ref" in one}
    described.add(bill["metadata"]["component"]["bom-ref"])
    for one in bill["dependencies"]:
        assert {one["ref"], *one["dependsOn"]} <= described
    assert needs(bill, "image") == [one["bom-ref"] for one in bill["components"]]
