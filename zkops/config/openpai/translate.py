"""OpenPAI's words → ours: which fields are read, what each becomes, and which are told to be wrong in its own words."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from zkops.config import yaml_file as document
from zkops.config.keys import Key, shown
from zkops.config.yaml_file import Document
from zkops.core.errors import BadInput

NAME = "zookeeper"
DOCKER_HUB = "docker.io"
DATA_PATH = "/datastorage"
"""Where OpenPAI keeps data when `data-path` is not set."""

REGISTRY_KEYS: Mapping[str, Mapping[str, str]] = {
    "docker-registry": {key: key for key in ("domain", "namespace", "tag", "username", "password", "secret-name")},
    "docker-registry-info": {
        "domain": "docker-registry-domain",
        "namespace": "docker-namespace",
        "tag": "docker-tag",
        "username": "docker-username",
        "password": "docker-password",
        "secret-name": "secret-name",
    },
}
"""What OpenPAI says of its registry, in the later and in the earlier spelling."""

WITHOUT_QOS: Mapping[str, Any] = {
    "memory": {"request": "512Mi", "limit": "1Gi"},
    "cpu": {"request": "100m"},
}
"""`qos-switch: "false"` took the resources away, for small machines; a member that asks for none dies first."""


@dataclass
class Draft:
    """Plain data as `cluster.yaml` would hold it, under translation."""

    documents: tuple[Document, Document]
    data: dict[str, Any] = field(default_factory=dict)
    origins: dict[Key, tuple[Document, Key]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def put(self, key: Key, value: Any, found: Document, original: Key) -> None:
        """Set *key* of ours, made from *original*; None sets nothing, but tells where the value is missing."""
        self.origins[key] = found, original
        target: Any = self.data
        for part in key[:-1]:
            target = target[part] if isinstance(part, int) else target.setdefault(part, {})
        if value is not None:
            target[key[-1]] = value


def translate_documents(machines: Document, services: Document) -> Draft:
    """Translate; nothing is checked but what the words need."""
    draft = Draft(documents=(machines, services))
    draft.data["name"] = NAME
    draft.data["machines"] = []
    _put_machines(draft, machines)
    _put_registry(draft, services)
    path = _data_path(services)
    draft.put(("paths", "data"), _text(services, path) or DATA_PATH, services, path)
    if not _switch(services, ("cluster", "common", "qos-switch"), default=True):
        draft.put(("resources",), dict(WITHOUT_QOS), services, ("cluster", "common", "qos-switch"))
    return draft


def _put_machines(draft: Draft, found: Document) -> None:
    machines = found.data.get("machine-list")
    if not isinstance(machines, list) or not machines:
        problem = "is not a list of machines" if machines else "is missing or empty"
        raise BadInput(f"{found.place(('machine-list',))}: {problem}", "write one `- hostname: …` entry a machine")
    for index in range(len(machines)):
        origin: Key = ("machine-list", index)
        if not isinstance(machines[index], dict):
            raise BadInput(f"{found.place(origin)}: is not a mapping", "write `- hostname: …`, `  hostip: …` and so on")
        if _is_member(draft, found, origin):
            _put_member(draft, found, origin)
    if not draft.data["machines"]:
        raise BadInput(
            f'{found.place(("machine-list",))}: no machine has pai-master: "true" and a zkid',
            'give those that carry ZooKeeper pai-master: "true" and a zkid, "1" to "255"',
        )


def _is_member(draft: Draft, found: Document, origin: Key) -> bool:
    """Take every machine with a zkid.

    OpenPAI wrote those into zoo.cfg, but ran pods on the pai-master machines and told clients of those alone.
    """
    master = _switch(found, (*origin, "pai-master"), default=False)
    has_id = _text(found, (*origin, "zkid")) is not None
    if master and not has_id:
        raise BadInput(
            f"{found.place((*origin, 'zkid'))}: is missing, yet the machine is a pai-master",
            'add it: zkid: "N", the machine\'s own number, 1 to 255; or take pai-master away',
        )
    if has_id and not master:
        draft.warnings.append(
            f"{found.place((*origin, 'zkid'))}: the machine is no pai-master, so OpenPAI ran no ZooKeeper there; it is"
            " a member now; take the zkid away if that is not meant"
        )
    return has_id


def _put_member(draft: Draft, found: Document, origin: Key) -> None:
    target: Key = ("machines", len(draft.data["machines"]))
    draft.data["machines"].append({})
    draft.origins[target] = found, origin
    # As paictl did: the kubelet was started under the nodename, and that was the address where none is given.
    name = "nodename" if _text(found, (*origin, "nodename")) is not None else "hostip"
    address = _text(found, (*origin, "hostip"))
    if name == "hostip" and isinstance(address, str) and not re.fullmatch(r"[0-9.]+|.*[{$%].*", address):
        raise BadInput(
            f"{found.place((*origin, name))}: {shown(address)} is no IPv4 address",
            "write the machine's own address, such as 10.0.0.11",
        )
    draft.put((*target, "hostname"), _text(found, (*origin, name)), found, (*origin, name))
    draft.put((*target, "ip"), address, found, (*origin, "hostip"))
    number = _text(found, (*origin, "zkid"))
    if isinstance(number, str) and re.fullmatch(r"[0-9]{1,9}", number):
        number = int(number)
    draft.put((*target, "id"), number, found, (*origin, "zkid"))


def _put_registry(draft: Draft, found: Document) -> None:
    spellings = [name for name in REGISTRY_KEYS if _text(found, ("cluster", name)) is not None]
    if len(spellings) == 2:
        raise BadInput(f"{found.place(('cluster', spellings[1]))}: stands beside {spellings[0]}", "keep one of them")
    if not spellings:
        for key in ("domain", "namespace"):
            draft.origins["registry", key] = found, ("cluster", "docker-registry", key)
        draft.data["registry"] = {}
        return
    at: Key = ("cluster", spellings[0])
    keys = REGISTRY_KEYS[spellings[0]]
    read = {name: _text(found, (*at, key)) for name, key in keys.items()}
    if read["domain"] in (None, "", "public"):
        read["domain"] = DOCKER_HUB
    for name in ("domain", "namespace", "tag"):
        draft.put(("registry", name), read[name], found, (*at, keys[name]))
    if _has_login(found, at, keys, read):
        draft.put(("registry", "credentials"), {"file": found.file.name, "key": ".".join(map(str, at))}, found, at)
        draft.put(("registry", "pull_secret"), read["secret-name"], found, (*at, "secret-name"))


def _has_login(found: Document, at: Key, keys: Mapping[str, str], read: Mapping[str, Any]) -> bool:
    """Tell whether a user name and a password are there; their values are read again when somebody logs in."""
    for name, other in (("username", "password"), ("password", "username")):
        if isinstance(read[name], list | dict):
            raise BadInput(f"{found.place((*at, keys[name]))}: is not a text", "write it in one line, in quotes")
        if read[name] and not read[other]:
            raise BadInput(
                f"{found.place((*at, keys[other]))}: is missing, yet {keys[name]} is given",
                "give both, or neither where the registry asks for no login",
            )
    return bool(read["username"])


def _data_path(found: Document) -> Key:
    """Give the key that data-path stands at: the later place, else the earlier."""
    later, earlier = ("cluster", "common", "data-path"), ("cluster", "data-path")
    return earlier if _text(found, later) is None and _text(found, earlier) is not None else later


def _switch(found: Document, key: Key, *, default: bool) -> bool:
    """Read one of OpenPAI's "true" and "false"."""
    written = _text(found, key)
    words = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
    if written is None:
        return default
    if not isinstance(written, str) or written.lower() not in words:
        value = "" if isinstance(written, list | dict) else f"{shown(written)} "
        raise BadInput(f"{found.place(key)}: {value}is neither true nor false", 'write "true" or "false"')
    return words[written.lower()]


def _text(found: Document, key: Key) -> Any:
    """Give the value at *key*, a number in the very words it was written in; None where it is missing or empty."""
    for length in range(1, len(key)):
        around = document.value(found.data, key[:length])
        if around is not None and not isinstance(around, list | dict):
            raise BadInput(
                f"{found.place(key[:length])}: is not a mapping of keys to values", "write `key: value` lines"
            )
    value = document.value(found.data, key)
    if isinstance(value, bool | int | float):
        value = found.written[key]
    if isinstance(value, str) and value.startswith("your_"):
        raise BadInput(f"{found.place(key)}: still has the example's word", "write your own, or take the key away")
    return value
