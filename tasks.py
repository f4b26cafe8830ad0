"""What a person types: `invoke --list`. Every task reads the configuration, calls one function and prints."""

from invoke.collection import Collection
from invoke.context import Context
from invoke.exceptions import Exit
from invoke.tasks import task

from zkops import ROOT, cli
from zkops.core import console
from zkops.ensemble.summary import HEADERS

HELP = {"path": "a cluster.yaml, a directory holding one, or OpenPAI's (default: $ZKOPS_PATH, else the checkout's)"}
HELP_JSON = HELP | {"json": "print JSON for scripts"}


@task(help=HELP)
@cli.guarded
def render(_c: Context, path: str = "") -> None:
    """Write zoo.cfg and every Kubernetes object to build/rendered/, checked against Kubernetes' schemas."""
    from zkops.commands import deploy as deployment

    for file in deployment.render_files(cli.cluster(path), ROOT / "build" / "rendered"):
        console.result(str(file))


@task(help=HELP | {"no-cache": "build every step anew"})
@cli.guarded
def build(_c: Context, path: str = "", no_cache: bool = False) -> None:
    """Build the ZooKeeper image, tagged by its content; an unchanged build does nothing."""
    from zkops.images import image

    console.result(image.build(cli.cluster(path), no_cache=no_cache).tagged)


@task(help=HELP)
@cli.guarded
def push(_c: Context, path: str = "") -> None:
    """Push the image to the registry and record its digest."""
    from zkops.images import image

    console.result(image.push(cli.cluster(path)).pinned)


CHANGE = HELP_JSON | {
    "max-gap": "seconds without an acknowledged write at which the change is stopped and undone (default: no limit)",
    "timeout": "seconds for a member to come back, or for all to serve",
}
REPAIR = {"repair": "mend the one member that is broken"}


@task(help=HELP_JSON | REPAIR | {"exit-code": "end with 5 when something would change"})
@cli.guarded
def plan(_c: Context, path: str = "", json: bool = False, exit_code: bool = False, repair: bool = False) -> None:
    """Show what `deploy` would do now, step by step with the reason for each; changes nothing."""
    from zkops.commands import deploy as deployment

    todo = deployment.plan(cli.cluster(path), repair=repair)
    console.result_json(todo.as_json()) if json else console.result(todo.text())
    if exit_code and todo.steps:
        raise Exit(code=5)


DEPLOY = REPAIR | {"confirm": "the ensemble's name, when members leave it for good", "dry-run": "as `invoke plan`"}


@task(help=CHANGE | DEPLOY)
@cli.guarded
def deploy(  # noqa: PLR0913, PLR0917 - one flag each
    c: Context,
    path: str = "",
    timeout: str = "300",
    max_gap: str = "",
    repair: bool = False,
    confirm: str = "",
    dry_run: bool = False,
    json: bool = False,
) -> None:
    """Bring the ensemble to what is described, one member at a time; run again it changes nothing."""
    from zkops.commands import deploy as deployment

    wish = cli.wish("deploy", timeout, max_gap, repair=repair, confirm=confirm)
    if dry_run:
        plan.body(c, path=path, json=json, repair=repair)
    else:
        report = deployment.deploy(cli.cluster(path), wish)
        console.result_json(report) if json else console.result(report.sentence())


@task(help=CHANGE)
@cli.guarded
def refresh(_c: Context, path: str = "", timeout: str = "300", max_gap: str = "", json: bool = False) -> None:
    """Deploy the configuration alone: the members keep the image they run."""
    from zkops.commands import deploy as deployment

    report = deployment.refresh(cli.cluster(path), cli.wish("refresh", timeout, max_gap))
    console.result_json(report) if json else console.result(report.sentence())


@task(help=CHANGE)
@cli.guarded
def upgrade(_c: Context, path: str = "", timeout: str = "300", max_gap: str = "", json: bool = False) -> None:
    """Deploy the image alone: the members keep the configuration they run with."""
    from zkops.commands import deploy as deployment

    report = deployment.upgrade(cli.cluster(path), cli.wish("upgrade", timeout, max_gap))
    console.result_json(report) if json else console.result(report.sentence())


@task(help=CHANGE | {"to": "number of a revision in `invoke history` (default: the one before the present one)"})
@cli.guarded
def rollback(
    _c: Context, path: str = "", to: str = "", timeout: str = "300", max_gap: str = "", json: bool = False
) -> None:
    """Bring a former revision back, its image and its configuration; the membership stays as it is."""
    from zkops.commands import deploy as deployment

    report = deployment.rollback(cli.cluster(path), cli.number("--to", to), cli.wish("rollback", timeout, max_gap))
    console.result_json(report) if json else console.result(report.sentence())


@task(help=HELP_JSON)
@cli.guarded
def history(_c: Context, path: str = "", json: bool = False) -> None:
    """Show the last revisions: when, who, what, image, configuration, outcome, and the longest gap clients saw."""
    from zkops.commands import deploy as deployment
    from zkops.rollout import revisions

    found = deployment.revisions_of(cluster := cli.cluster(path))
    if json:
        return console.result_json([revision.as_json() for revision in found])
    return console.result_table(f"{cluster.name}: {len(found)} revisions", revisions.HEADERS, revisions.table(found))


@task(help={"list": "list all reports, the newest first", "json": "print JSON for scripts"})
@cli.guarded
def report(_c: Context, list: bool = False, json: bool = False) -> None:
    """Open the report of the newest rollout in the browser, or print its path where there is none."""
    from zkops.commands import report as reports

    reports.task(as_list=list, json=json)


NODE = {"node": "hostname or id of a machine", "timeout": "seconds for its member to end, or to serve again"}


@task(help=HELP | NODE)
@cli.guarded
def drain(_c: Context, path: str = "", node: str = "", timeout: str = "120") -> None:
    """Take one machine's member out for maintenance, only while the others keep a quorum; leadership moves first."""
    from zkops.commands import deploy as deployment

    console.result(deployment.drain(cli.cluster(path), node, cli.seconds(timeout)).sentence())


@task(help=HELP | NODE)
@cli.guarded
def undrain(_c: Context, path: str = "", node: str = "", timeout: str = "300") -> None:
    """Bring a drained machine's member back, and wait until it serves."""
    from zkops.commands import deploy as deployment

    console.result(deployment.undrain(cli.cluster(path), node, cli.seconds(timeout)).sentence())


WATCH = {"interval": "seconds between two readings, 0.5 to 60", "watch": "go on, with all figures, until Ctrl-C"}


@task(help=HELP_JSON | WATCH)
@cli.guarded
def status(_c: Context, path: str = "", json: bool = False, watch: bool = False, interval: str = "1") -> None:
    """Show every member: role, state, epoch, zxid, lag, clients, image; --watch goes on, with all figures."""
    from zkops.commands import deploy as deployment
    from zkops.status import watch as live

    seconds = live.interval(interval)
    if json:
        return console.result_json(live.report(cli.cluster(path), seconds))
    if watch:
        return live.watch(cli.cluster(path), seconds)
    now = deployment.status(cli.cluster(path))
    console.result_table(now.headline(), HEADERS, now.table())
    return console.result(f"connect string: {now.connect_string}")


@task(help=HELP_JSON | {"member": "hostname or id of one member (default: all)"})
@cli.guarded
def mntr(_c: Context, path: str = "", member: str = "", json: bool = False) -> None:
    """Show what `mntr` says, of one member or all."""
    from zkops.commands import deploy as deployment

    metrics = deployment.mntr(cli.cluster(path), member)
    if json:
        return console.result_json(metrics)
    lines = ("\t".join((host, name, value)) for host, found in metrics.items() for name, value in found.items())
    return console.result("\n".join(lines))


@task(help={"path": "OpenPAI's directory (default: $ZKOPS_PATH)", "output": "file to write (default: stdout)"})
@cli.guarded
def import_openpai(_c: Context, path: str = "", output: str = "") -> None:
    """Write the cluster.yaml that is equal to an OpenPAI configuration directory, commented."""
    from zkops.commands import import_openpai as openpai_import

    openpai_import.task(cli.where(path), output)


@task(help=HELP_JSON | {"deep": "measure too: the disks' fsync, snapshots, purge, versions, limits, clocks of nodes"})
@cli.guarded
def doctor(_c: Context, path: str = "", json: bool = False, deep: bool = False) -> None:
    """Check everything a deploy needs: Docker, registry, Kubernetes, rights, nodes, ports, disks, memory, clocks."""
    from zkops.commands.doctor import examine
    from zkops.doctor import checks

    found = examine(cli.cluster(path), deep=deep)
    console.result_json(found) if json else console.result_table(found.headline(), checks.HEADERS, found.table())
    if not found.healthy:
        raise Exit(code=1)


@task(help=HELP_JSON | {"timeout": "seconds for the members to end"})
@cli.guarded
def stop(_c: Context, path: str = "", timeout: str = "120", json: bool = False) -> None:
    """End the members; data and configuration stay, `deploy` brings the same ensemble back."""
    from zkops.commands import deploy as deployment

    report = deployment.stop(cli.cluster(path), cli.seconds(timeout))
    console.result_json(report) if json else console.result(report.sentence())


@task(help=HELP_JSON | {"confirm": "the ensemble's name, in place of typing it", "timeout": "seconds for each part"})
@cli.guarded
def delete(_c: Context, path: str = "", confirm: str = "", timeout: str = "300", json: bool = False) -> None:
    """Remove the ensemble with all its data from its machines; asks for its name, or --confirm=NAME."""
    from zkops.commands import delete as wipe
    from zkops.commands import deploy as deployment

    report = deployment.delete(cli.cluster(path), confirm, cli.seconds(timeout))
    console.result_json(report) if json else console.result_table(report.headline(), wipe.HEADERS, report.table())
    report.check()


LOGS = {
    "follow": "go on with lines as they come, until Ctrl-C",
    "lines": "the last lines of each member (default: 100, or all with --since)",
    "member": "hostname or id of one member (default: all, merged by time)",
    "previous": "of the run before the last restart",
    "since": "only the last span of time, such as 10m or 1h30m",
}


@task(help=HELP | LOGS)
@cli.guarded
def logs(
    _c: Context,
    path: str = "",
    member: str = "",
    since: str = "",
    lines: str = "",
    follow: bool = False,
    previous: bool = False,
) -> None:
    """Show what the members wrote: one, or all merged by time."""
    from zkops.commands import deploy as deployment
    from zkops.kube import logs as written

    choice = written.wanted(since, lines, previous=previous, follow=follow)
    for line in deployment.logs(cli.cluster(path), member, choice, follow):
        console.result(line)


@task(help=HELP | {"command": "carry out one command, such as 'ls /'"})
@cli.guarded
def shell(_c: Context, path: str = "", command: str = "") -> None:
    """Open a ZooKeeper shell on the ensemble: ls, get, set, create, delete, deleteall, stat; reads stdin when piped."""
    from zkops.commands import deploy as deployment

    deployment.shell(cli.cluster(path), command)


LINT = {
    "file": "the zoo.cfg",
    "json": "print JSON for scripts",
    "snapshot": "size of the largest snapshot, such as 2Gi: checks that initLimit is long enough for it",
    "version": "of ZooKeeper, such as 3.9 or 3.8.4 (default: the one that image/ makes)",
}


@task(help=LINT)
@cli.guarded
def lint(_c: Context, file: str, version: str = "", snapshot: str = "", json: bool = False) -> None:
    """Check anybody's zoo.cfg: typing errors, settings out of date, unsafe or against each other; exit 2 on errors."""
    from zkops.commands import lint as linting

    report = linting.lint_file(file, version, snapshot)
    console.say(report.headline())
    if json or report.findings:
        console.result_json(report) if json else console.result(report.text())
    if report.errors:
        raise Exit(code=2)


@task(help={"source": "directory of a ZooKeeper source tree", "version": "its version, such as 3.9.6"})
@cli.guarded
def lint_refresh(_c: Context, source: str = "", version: str = "") -> None:
    """Compare the linter's table with a ZooKeeper source tree: what it lacks, what is gone; exit 1 then."""
    from zkops.commands import lint as linting

    differences = linting.refresh(source, version)
    if differences:
        console.result("\n".join(differences))
        raise Exit(code=1)


@task(help=HELP)
@cli.guarded
def up(_c: Context, path: str = "") -> None:
    """Make the sandbox, a throw-away registry and Kubernetes in containers; does nothing where it runs."""
    import sandbox

    sandbox.up(cli.cluster(path))


@task(help=HELP)
@cli.guarded
def images(_c: Context, path: str = "") -> None:
    """Make the images of the sandbox and of ZooKeeper, side by side; `sandbox.up` and `build` then find them."""
    import sandbox

    sandbox.prepare(cli.cluster(path))


@task(help=HELP)
@cli.guarded
def down(_c: Context, path: str = "") -> None:
    """Remove the sandbox with all it holds."""
    import sandbox

    sandbox.down(cli.cluster(path))


@task(help=HELP)
@cli.guarded
def lock(_c: Context, path: str = "") -> None:
    """Refresh image/packages.lock from the archive: the newest versions with their hashes."""
    from zkops.images import lockfiles as pins

    console.result(pins.refresh_lock(cli.cluster(path)))


@task(help=HELP)
@cli.guarded
def classes(_c: Context, path: str = "") -> None:
    """Refresh image/classes.lst: the classes that servers load at their start, laid out in the image's archive."""
    from zkops.images import lockfiles as pins

    console.result(pins.refresh_classes(cli.cluster(path)))


@task(help=HELP | {"output": "file to write, - for stdout (default: build/sbom.cdx.json)"})
@cli.guarded
def sbom(_c: Context, path: str = "", output: str = "") -> None:
    """Copy the bill of materials out of the built image: each package, jar and file, with hashes (CycloneDX)."""
    from zkops.images import sbom as bill

    console.result(bill.read(cli.cluster(path)) if output == "-" else str(bill.write(cli.cluster(path), output)))


SIZING = {
    "connections": "of clients at the same time",
    "ephemerals": "how many of the znodes are ephemeral",
    "json": "print JSON for scripts",
    "path": "a cluster.yaml to hold against it; exit 1 when that gives less",
    "tls": "clients are served by Netty, with TLS",
    "watches": "left by all clients together",
    "writes": "a second, in the mean (default: 100)",
    "znode-bytes": "data of one znode, in the mean",
    "znodes": "such as 1M or 50k",
}


@task(help=SIZING)
@cli.guarded
def sizing(  # noqa: PLR0913, PLR0917 - one flag each
    _c: Context,
    znodes: str,
    znode_bytes: str,
    connections: str,
    watches: str = "",
    ephemerals: str = "",
    writes: str = "",
    tls: bool = False,
    path: str = "",
    json: bool = False,
) -> None:
    """Propose memory, heap, processor, initLimit and disk for what a server is to hold, from measured points."""
    from zkops.commands import sizing as sizing_input

    numbers = {"znodes": znodes, "znode_bytes": znode_bytes, "connections": connections}
    more = {"watches": watches, "ephemerals": ephemerals, "writes": writes}
    if not sizing_input.task(numbers | more, cli.cluster(path) if path else None, tls=tls, json=json):
        raise Exit(code=1)


ns = Collection(
    render,
    build,
    sbom,
    push,
    plan,
    deploy,
    refresh,
    upgrade,
    rollback,
    history,
    report,
    drain,
    undrain,
    status,
    mntr,
    stop,
    delete,
    logs,
    shell,
    import_openpai,
    doctor,
    lint,
    lint_refresh,
    sizing,
)
ns.add_collection(Collection("sandbox", up, down, images))
ns.add_collection(Collection("image", lock, classes))
