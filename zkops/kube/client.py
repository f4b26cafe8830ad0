"""Kubernetes: the only room that imports its client. Objects go in and come out as plain parsed YAML.

Every failure of the client, the API server or the network becomes a `Failed` that says what to do.
"""

import hashlib
import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import urllib3
import websocket
import yaml
from kubernetes import client, config
from kubernetes.client.exceptions import ApiException
from kubernetes.dynamic import DynamicClient
from kubernetes.dynamic.exceptions import ConflictError, NotFoundError, ResourceNotFoundError
from kubernetes.stream import portforward
from kubernetes.utils.quantity import parse_quantity

from zkops import ROOT
from zkops.config.cluster import Cluster
from zkops.core.errors import BadInput, Failed, Unanswered
from zkops.manifests import monitoring
from zkops.manifests.objects import Object
from zkops.zookeeper.four_letter import Ask, ask_socket

FIELD_MANAGER = "zkops"
TIMEOUT = (5, 30)
"""Seconds to connect, and to wait for an answer, of every request."""


# Opening a stream takes no time-out of its own: a kubelet that accepts and never answers would hold us for ever.
websocket.setdefaulttimeout(TIMEOUT[0])


class Kube:
    """One Kubernetes, reached as the cluster description says."""

    def __init__(self, cluster: Cluster) -> None:
        self._where = cluster.kubernetes.kubeconfig or "kubeconfig"
        self._sandbox = cluster.sandbox is not None
        self.namespace = cluster.kubernetes.namespace
        file = str(cluster.file(cluster.kubernetes.kubeconfig)) if cluster.kubernetes.kubeconfig else None
        try:
            self._client = config.new_client_from_config(file, context=cluster.kubernetes.context)
        except (config.ConfigException, yaml.YAMLError, OSError, KeyError, TypeError, ValueError) as error:
            raise BadInput(f"kubernetes: {self._where} cannot be used: {error}", self._mend()) from error
        # A dead API server is told at once: the caller decides about trying again.
        self._client.configuration.retries = urllib3.Retry(0)
        self._client.rest_client = client.rest.RESTClientObject(self._client.configuration)
        with self._explained("find out what the API server offers"):
            self._dynamic = DynamicClient(self._client, cache_file=_discovered(self._client.configuration))

    def _mend(self) -> str:
        if self._sandbox:
            return "run: invoke sandbox.up"
        return "check kubernetes.kubeconfig and kubernetes.context; `kubectl get nodes` must work with them"

    @contextmanager
    def _explained(self, doing: str) -> Iterator[None]:
        try:
            yield
        except ApiException as error:
            if isinstance(error.__context__, KeyboardInterrupt):  # opening a stream takes Ctrl-C for an error
                raise KeyboardInterrupt from error
            raise Failed(*explain(doing, error.status, _message(error))) from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            what = f"cannot {doing}: the Kubernetes API does not answer: {_root(error)}"
            raise Unanswered(what, self._mend()) from error

    def _resource(self, item: Mapping[str, Any]) -> Any:
        try:
            return self._dynamic.resources.get(api_version=item["apiVersion"], kind=item["kind"])
        except ResourceNotFoundError as error:
            raise _unknown(item) from error

    def _list(self, kind: str, version: str = "v1", **selection: str) -> tuple[Object, ...]:
        with self._explained(f"list {kind}s"):
            resource = self._dynamic.resources.get(api_version=version, kind=kind)
            return tuple(resource.get(_request_timeout=TIMEOUT, **selection).to_dict()["items"])

    def nodes(self) -> tuple[Object, ...]:
        """Give all nodes."""
        return self._list("Node")

    def pods(self, instance: str) -> tuple[Object, ...]:
        """Give the pods of the ensemble *instance*."""
        return self._list("Pod", namespace=self.namespace, label_selector=_selector(instance))

    def objects(self, kind: str, version: str = "v1", **selection: str) -> tuple[Object, ...]:
        """Give the objects of a kind in all namespaces, or as `namespace` and `label_selector` select them."""
        return self._list(kind, version, **selection)

    def version(self) -> tuple[str, str]:
        """Give the version of Kubernetes, and the time as the API server's HTTP header `Date` tells it."""
        with self._explained("ask for the version"):
            answer = client.VersionApi(self._client).get_code_with_http_info(_request_timeout=TIMEOUT)
            return str(answer[0].git_version), str(answer[2].get("Date", ""))

    def create(self, item: Object) -> Object:
        """Create an object that must not be there yet, or ask a review such as SelfSubjectAccessReview."""
        namespace = item["metadata"].get("namespace")
        with self._explained(f"create {item['kind']} {item['metadata'].get('name', '')}".rstrip()):
            made = self._resource(item).create(body=item, namespace=namespace, _request_timeout=TIMEOUT)
            return dict(made.to_dict())

    def revision(self, instance: str) -> str | None:
        """Give the hash that pods of the DaemonSet's present template carry as `controller-revision-hash`."""
        found = self._list(
            "ControllerRevision", "apps/v1", namespace=self.namespace, label_selector=_selector(instance)
        )
        newest = max(found, key=lambda item: item["revision"], default=None)
        return newest["metadata"]["labels"]["controller-revision-hash"] if newest else None

    def events(self, name: str) -> tuple[Object, ...]:
        """Give the events about the object *name*, oldest first."""
        found = self._list("Event", namespace=self.namespace, field_selector=f"involvedObject.name={name}")
        return tuple(sorted(found, key=lambda event: str(event.get("lastTimestamp") or event.get("eventTime") or "")))

    def get(self, item: Object) -> Object | None:
        """Give the live object that *item* names, None when there is none."""
        with self._explained(f"read {_name(item)}"):
            try:
                found = self._resource(item).get(
                    name=item["metadata"]["name"], namespace=item["metadata"].get("namespace"), _request_timeout=TIMEOUT
                )
            except NotFoundError as error:
                if "details" not in _status(error):  # it is the kind that is gone since we asked what there is
                    self._dynamic.resources.invalidate_cache()
                    raise _unknown(item) from error
                return None
            return dict(found.to_dict())

    def apply(self, item: Object, *, dry_run: bool = False) -> Object:
        """Apply by server-side apply, taking over fields that others set; give the object as the server has it now."""
        with self._explained(f"apply {_name(item)}"):
            applied = self._resource(item).server_side_apply(
                body=item,
                namespace=item["metadata"].get("namespace"),
                field_manager=FIELD_MANAGER,
                force_conflicts=True,
                _request_timeout=TIMEOUT,
                **({"dry_run": "All"} if dry_run else {}),
            )
            return dict(applied.to_dict())

    def replace(self, item: Object) -> Object | None:
        """Put *item* in the place of the live object; None when that has another resourceVersion by now, or is gone."""
        with self._explained(f"replace {_name(item)}"):
            try:
                stored = self._resource(item).replace(
                    body=item, namespace=item["metadata"].get("namespace"), _request_timeout=TIMEOUT
                )
            except (ConflictError, NotFoundError):
                return None
            return dict(stored.to_dict())

    def label_node(self, name: str, key: str, value: str) -> None:
        """Set one label of a node."""
        node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}}
        self._merge(node, {"labels": {key: value}})

    def annotate(self, item: Object, key: str, value: str | None) -> None:
        """Set one annotation of the live object that *item* names; None takes it off."""
        self._merge(item, {"annotations": {key: value}})

    def _merge(self, item: Object, metadata: Object) -> None:
        with self._explained(f"change {_name(item)}"):
            self._resource(item).patch(
                name=item["metadata"]["name"],
                namespace=item["metadata"].get("namespace"),
                body={"metadata": metadata},
                content_type="application/merge-patch+json",
                field_manager=FIELD_MANAGER,
                _request_timeout=TIMEOUT,
            )

    def unlabel_node(self, name: str, key: str) -> None:
        """Take one label off a node."""
        self._merge({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name}}, {"labels": {key: None}})

    def config_maps(self, instance: str) -> tuple[Object, ...]:
        """Give the ConfigMaps of the ensemble *instance*, one a revision."""
        return self._list("ConfigMap", namespace=self.namespace, label_selector=_selector(instance))

    def delete(self, item: Object) -> bool:
        """Delete the live object that *item* names, what it owns in the background; False when there is none."""
        with self._explained(f"delete {_name(item)}"):
            try:
                self._resource(item).delete(
                    name=item["metadata"]["name"],
                    namespace=item["metadata"].get("namespace"),
                    body={"propagationPolicy": "Background"},
                    _request_timeout=TIMEOUT,
                )
            except (NotFoundError, BadInput):  # it is not there, or nothing of its kind can be
                return False
            return True

    def delete_pod(self, name: str, grace_seconds: int = 30, uid: str = "") -> None:
        """Delete a pod, its processes killed after *grace_seconds*; one that is gone already is no error.

        With 0 the API forgets it at once: only for one that has ended. With a *uid* only that very pod is deleted.
        """
        with self._explained(f"delete pod {name}"):
            try:
                self._dynamic.resources.get(api_version="v1", kind="Pod").delete(
                    name=name,
                    namespace=self.namespace,
                    body={"gracePeriodSeconds": grace_seconds} | ({"preconditions": {"uid": uid}} if uid else {}),
                    _request_timeout=TIMEOUT,
                )
            except (ConflictError, NotFoundError):
                return

    def logs(self, pod: str, *, container: str | None = None, lines: int = 10, previous: bool = False) -> str:
        """Give the last *lines* of a pod's log, empty when it has none yet."""
        with self._explained(f"read the log of {pod}"):
            try:
                text = client.CoreV1Api(self._client).read_namespaced_pod_log(
                    name=pod,
                    namespace=self.namespace,
                    container=container,
                    tail_lines=lines,
                    previous=previous,
                    _request_timeout=TIMEOUT,
                )
            except ApiException as error:
                if error.status in {400, 404}:  # the container has not started, or has no previous run
                    return ""
                raise
            return str(text or "")

    def log_lines(self, pod: str, **options: Any) -> Iterator[str]:
        """Give a container's log line by line, each begun with its time; none when it has none.

        The *options* are those of the API: `container`, `follow`, `previous`, `since_seconds`, `tail_lines`.
        """
        patience = (5.0, 3600.0) if options.get("follow") else TIMEOUT
        with self._explained(f"read the log of {pod}"):
            try:
                response = client.CoreV1Api(self._client).read_namespaced_pod_log(
                    name=pod,
                    namespace=self.namespace,
                    timestamps=True,
                    _preload_content=False,
                    _request_timeout=patience,
                    **options,
                )
            except ApiException as error:
                if error.status in {400, 404}:
                    return
                raise
            for line in response:
                yield line.decode(errors="replace").rstrip("\r\n")

    def connect(self, pod: str, port: int) -> socket.socket:
        """Open a connection to a pod's port by the API server: needs no way to the node's own ports."""
        with self._explained(f"reach port {port} of {pod}"):
            # A client of its own: while it connects, a port-forward replaces how its client sends requests.
            api = client.CoreV1Api(client.ApiClient(self._client.configuration))
            forward = portforward(api.connect_get_namespaced_pod_portforward, pod, self.namespace, ports=str(port))
            connection: socket.socket = forward.socket(port)
            return connection

    def ask(self, pod: str, port: int, timeout: float) -> Ask:
        """Ask four-letter words through `connect`."""

        def through_forward(word: str) -> str:
            with self._explained(f"reach port {port} of {pod}"):
                connection = self.connect(pod, port)
                connection.settimeout(timeout)
                return ask_socket(connection, word)

        return through_forward


def explain(doing: str, status: int | None, message: str) -> tuple[str, str]:
    """Put an answer of the API server into words: what happened, and the mend."""
    match status:
        case 401:
            return f"cannot {doing}: the API server does not accept the credentials", "renew them in the kubeconfig"
        case 403:
            mend = "let an administrator grant the right that is named; `invoke doctor` tells those of all tasks"
            return f"cannot {doing}: forbidden: {message}", mend
        case 404:
            return f"cannot {doing}: not found: {message}", "check kubernetes.namespace and the Kubernetes version"
        case 409:
            return f"cannot {doing}: somebody else changed it meanwhile: {message}", "run the same command again"
        case 422 | 400:
            return f"cannot {doing}: the API server refuses it: {message}", "compare manifests/ with the last commit"
        case _:
            return f"cannot {doing}: the API server answers {status}: {message}", "run the same command again"


def byte_count(quantity: str) -> int:
    """Give the bytes of any amount of memory that Kubernetes may write."""
    return int(parse_quantity(quantity))


def _message(error: ApiException) -> str:
    return str(_status(error).get("message") or error.body or error.reason).strip()


def _status(error: ApiException) -> Mapping[str, Any]:
    """Give what the API server says of an error; empty where it says it in plain text."""
    try:
        found = json.loads(error.body)
    except (TypeError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _unknown(item: Mapping[str, Any]) -> BadInput:
    what = f"this Kubernetes knows no {item['kind']} ({item['apiVersion']})"
    return BadInput(what, monitoring.missing(item["kind"]))


def _selector(instance: str) -> str:
    # Charts of others use the same name and instance; what manages them tells theirs from ours.
    ours = {"name": "zookeeper", "instance": instance, "managed-by": "zkops"}
    return ",".join(f"app.kubernetes.io/{key}={value}" for key, value in ours.items())


def _discovered(configuration: Any) -> str:
    """Give the file that keeps what an API server offers; the client's own choice is a shared one below /tmp."""
    authority = Path(configuration.ssl_ca_cert).read_bytes() if configuration.ssl_ca_cert else b""
    key = hashlib.sha256(str(configuration.host).encode() + authority).hexdigest()[:16]
    file = ROOT / ".cache" / "discovery" / f"{key}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    return str(file)


def _name(item: Object) -> str:
    return f"{item['kind']} {item['metadata']['name']}"


def _root(error: BaseException) -> str:
    """Give the innermost reason: urllib3 wraps its errors in long sentences."""
    reason = getattr(error, "reason", None)
    return (
        _root(reason) if isinstance(reason, BaseException) else str(error).rpartition("] ")[2] or type(error).__name__
    )
