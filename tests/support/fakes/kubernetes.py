"""A Kubernetes API in memory, with what the code under test relies on: compare-and-set, and answers that fail."""

import threading
from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from zkops.core.errors import Failed

Object = dict[str, Any]


class Api:
    """The methods of `zkops.kube.client.Kube` that are used, over a dict."""

    namespace = "zookeeper"

    def __init__(self, *nodes: Object) -> None:
        self.objects: dict[tuple[str, str], Object] = {}
        self.time = datetime(2026, 1, 1, tzinfo=UTC)
        self.away = False
        self.loses_answers = False
        """Whether writes are done and their answers lost."""
        self.before: Callable[[str], None] = lambda _what: None
        """Called before each request."""
        self.asked: list[str] = []
        self._revision = 0
        self._one = threading.RLock()
        for item in ({"kind": "Namespace", "metadata": {"name": "zookeeper"}}, *nodes):
            self._store(deepcopy(item))

    def tick(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)

    def version(self) -> tuple[str, str]:
        self._request("version")
        return "v1.33.0", format_datetime(self.time, usegmt=True)

    def get(self, item: Object) -> Object | None:
        with self._one:
            self._request("get")
            return deepcopy(self.objects.get(_key(item)))

    def create(self, item: Object) -> Object:
        with self._one:
            self._request("create")
            space = item["metadata"].get("namespace")
            if _key(item) in self.objects or (space and ("Namespace", space) not in self.objects):
                raise Failed(f"cannot create {_key(item)}")
            return self._answer(self._store(deepcopy(item)))

    def replace(self, item: Object) -> Object | None:
        with self._one:
            self._request("replace")
            live = self.objects.get(_key(item))
            if not live or live["metadata"]["resourceVersion"] != item["metadata"].get("resourceVersion"):
                return None
            return self._answer(self._store(deepcopy(item)))

    def delete(self, item: Object) -> bool:
        with self._one:
            self._request("delete")
            return self.objects.pop(_key(item), None) is not None

    def config_maps(self, _instance: str) -> tuple[Object, ...]:
        return self._of("ConfigMap")

    def nodes(self) -> tuple[Object, ...]:
        return self._of("Node")

    def annotate(self, item: Object, key: str, value: str | None) -> None:
        self._merge(item, "annotations", key, value)

    def label_node(self, name: str, key: str, value: str) -> None:
        self._merge({"kind": "Node", "metadata": {"name": name}}, "labels", key, value)

    def unlabel_node(self, name: str, key: str) -> None:
        self._merge({"kind": "Node", "metadata": {"name": name}}, "labels", key, None)

    def _of(self, kind: str) -> tuple[Object, ...]:
        with self._one:
            self._request(f"list {kind}")
            return tuple(deepcopy(item) for (found, _), item in self.objects.items() if found == kind)

    def _merge(self, item: Object, part: str, key: str, value: str | None) -> None:
        with self._one:
            self._request(f"{part} {key}={value}")
            live = deepcopy(self.objects[_key(item)])
            merged = (live["metadata"].get(part) or {}) | {key: value}
            live["metadata"][part] = {name: text for name, text in merged.items() if text is not None}
            self._store(live)

    def _request(self, what: str) -> None:
        self.before(what)
        self.asked.append(what)
        if self.away:
            raise Failed("the Kubernetes API does not answer", "wait")

    def _store(self, item: Object) -> Object:
        self._revision += 1
        item["metadata"]["resourceVersion"] = str(self._revision)
        self.objects[_key(item)] = item
        return item

    def _answer(self, item: Object) -> Object:
        if self.loses_answers:
            raise Failed("the connection broke", "try again")
        return deepcopy(item)


def _key(item: Object) -> tuple[str, str]:
    return item["kind"], item["metadata"]["name"]
