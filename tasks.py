"""What a person types: `invoke --list`. Every task reads the configuration, calls one function and prints."""

from invoke.collection import Collection
from invoke.context import Context
from invoke.tasks import task

from zkops import ROOT, cli, console
from zkops.status import HEADERS

HELP = {"path": "a cluster.yaml, or a directory holding one (default: $ZKOPS_PATH, else the checkout's)"}
HELP_JSON = HELP | {"json": "print JSON for scripts"}


@task(help=HELP)
@cli.guarded
def render(_c: Context, path: str = "") -> None:
    """Write zoo.cfg and every Kubernetes object to build/rendered/, checked against Kubernetes' schemas."""
    from zkops import deployment

    for file in deployment.render_files(cli.cluster(path), ROOT / "build" / "rendered"):
        console.result(str(file))


@task(help=HELP | {"no-cache": "build every step anew"})
@cli.guarded
def build(_c: Context, path: str = "", no_cache: bool = False) -> None:
    """Build the ZooKeeper image, tagged by its content; an unchanged build does nothing."""
    from zkops import image

    console.result(image.build(cli.cluster(path), no_cache=no_cache).tagged)


@task(help=HELP)
@cli.guarded
def push(_c: Context, path: str = "") -> None:
    """Push the image to the registry and record its digest."""
    from zkops import image

    console.result(image.push(cli.cluster(path)).pinned)


@task(help=HELP_JSON | {"timeout": "seconds for all members to serve"})
@cli.guarded
def deploy(_c: Context, path: str = "", timeout: str = "300", json: bool = False) -> None:
    """Bring the ensemble up on Kubernetes and wait until it serves; run again it changes nothing."""
    from zkops import deployment

    report = deployment.deploy(cli.cluster(path), cli.seconds(timeout))
    console.result_json(report) if json else console.result(report.sentence())


@task(help=HELP_JSON)
@cli.guarded
def status(_c: Context, path: str = "", json: bool = False) -> None:
    """Show every member: node, role, state, epoch, zxid, lag, clients, version, image; and the connect string."""
    from zkops import deployment

    now = deployment.status(cli.cluster(path))
    if json:
        return console.result_json(now)
    console.result_table(now.headline(), HEADERS, now.table())
    return console.result(f"connect string: {now.connect_string}")


@task(help=HELP_JSON | {"member": "hostname or id of one member (default: all)"})
@cli.guarded
def mntr(_c: Context, path: str = "", member: str = "", json: bool = False) -> None:
    """Show what `mntr` says, of one member or all."""
    from zkops import deployment

    metrics = deployment.mntr(cli.cluster(path), member)
    if json:
        return console.result_json(metrics)
    lines = ("\t".join((host, name, value)) for host, found in metrics.items() for name, value in found.items())
    return console.result("\n".join(lines))


@task(help=HELP)
@cli.guarded
def up(_c: Context, path: str = "") -> None:
    """Make the sandbox, a throw-away registry and Kubernetes in containers; does nothing where it runs."""
    import sandbox

    sandbox.up(cli.cluster(path))


@task(help=HELP)
@cli.guarded
def down(_c: Context, path: str = "") -> None:
    """Remove the sandbox with all it holds."""
    import sandbox

    sandbox.down(cli.cluster(path))


@task
@cli.guarded
def lock(_c: Context) -> None:
    """Refresh image/packages.lock from the archive: the newest versions with their hashes."""
    from zkops import image

    console.result(image.refresh_lock())


ns = Collection(render, build, push, deploy, status, mntr)
ns.add_collection(Collection("sandbox", up, down))
ns.add_collection(Collection("image", lock))
