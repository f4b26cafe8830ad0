"""Pure: what is wanted and what is observed → the ordered steps of `deploy`, each with its reason, or a refusal.

The plan is made anew after every step, from what is observed then: a deploy that was cut off is simply run again.
"""

from collections.abc import Iterator

from zkops.core.errors import Failed
from zkops.ensemble.observed import Observed, ending, whole
from zkops.manifests.objects import Object
from zkops.manifests.render import Rendered
from zkops.planning import next_step as moves
from zkops.planning import preconditions as health
from zkops.planning import reasons
from zkops.planning.plan import Action, Plan, Step
from zkops.planning.prediction import after
from zkops.planning.state import Standing

__all__ = ["Action", "Plan", "Step", "plan"]


def plan(rendered: Rendered, observed: Observed, *, repair: bool = False) -> Plan:
    """Decide what leads from what runs to what is described; with *repair* one broken member is mended, too.

    An ensemble that never served together (`formed` is not set and no member serves) holds nobody's data: it is made
    anew as often as needed. One that did is changed one member at a time, and only while it is whole.

    Raises:
        Refused: it would not be safe, or other nodes claim to belong to it.
    """
    now = Standing(rendered, observed)
    health.check_claims(now)
    if _running(now):
        health.check_change(now)
    else:
        health.check_stopped(now)
    steps = tuple(_steps(now, repair=repair))
    return Plan(
        steps=steps,
        changes=observed.changes,
        warnings=tuple(_warnings(now, steps)),
        shrinks=tuple(place.host for place in now.leaving if place.seat),
    )


def _running(now: Standing) -> bool:
    # A server that runs and cannot be asked may well serve others: silence is no proof that nobody uses it.
    used = any(place.serving or place.member.silent for place in now.places)
    return used or (now.observed.exists and now.observed.formed)


def _steps(now: Standing, *, repair: bool) -> Iterator[Step]:
    """Yield the next step, suppose that it went well, and so on."""
    waited = whole(now.observed.members)
    for _ in range(50 + 20 * len(now.places)):
        step = _next(now, repair=repair)
        if step is None:
            break
        yield step
        now = Standing(now.rendered, after(step, now))
        if step.action != "roster":
            waited = step.action == "wait" and not step.host
    else:
        raise Failed("the plan does not come to an end", "this is a defect; please report it with `invoke plan --json`")
    if not waited:
        yield _wait(now)


def _next(now: Standing, *, repair: bool) -> Step | None:
    if not _running(now):
        return _prepare(now) or _bring_up(now) or _replace(now) or _wait(now)
    health.check(now, repair=repair)
    ready = _prepare(now) or _bring_up(now)
    if ready or not (repair or health.changing(now)):
        return ready
    return moves.next_step(now, repair=repair)


def _prepare(now: Standing) -> Step | None:
    """Apply what is missing or changed: it touches no running member. The DaemonSet last, its pods read all others."""
    first = [item for item in now.rendered.objects if item["kind"] != "DaemonSet"]
    last = [item for item in now.rendered.objects if item["kind"] == "DaemonSet"]
    return _apply(first, now.observed) or _tell(now) or _apply(last, now.observed)


def _tell(now: Standing) -> Step | None:
    roster = now.roster()
    if roster == now.observed.roster:
        return None
    return Step(action="roster", target=now.rendered.name, reason=reasons.roster(now), roster=roster)


def _apply(items: list[Object], observed: Observed) -> Step | None:
    changed = {change.object for change in observed.changes}
    for item in items:
        name = f"{item['kind']} {item['metadata']['name']}"
        if name in observed.missing:
            return Step(action="apply", target=name, reason="is not there")
        if name in changed:
            return Step(action="apply", target=name, reason="differs from its description")
    return None


def _bring_up(now: Standing) -> Step | None:
    """Label the machines of members that have a seat: their pods come back."""
    for place in now.places:
        if place.wanted and place.seat and not place.labelled:
            return Step(action="label", target=place.host, host=place.host, reason="it carries a member")
    return None


def _replace(now: Standing) -> Step | None:
    """A pod made from an earlier description of an ensemble that never served would stay for ever (OnDelete)."""
    for place in now.places:
        # Kubernetes itself replaces a pod that is already ending.
        if place.member.pod and place.member.stale and not ending(place.member.pod):
            name = str(place.member.pod["metadata"]["name"])
            return Step(action="replace", target=name, host=place.host, reason="was made from a former description")
    return None


def _wait(now: Standing) -> Step:
    return Step(action="wait", target=now.rendered.name, reason="all members must serve and agree on one leader")


def _warnings(now: Standing, steps: tuple[Step, ...]) -> Iterator[str]:
    voters = sum(seat.role == "participant" for seat in now.rendered.roster.hosts.values())
    if voters % 2 == 0:
        yield (
            f"{voters} voters survive no more losses than {voters - 1}, yet every write waits for {voters // 2 + 1} of"
            f" them; {voters - 1} or {voters + 1} are advised"
        )
    if any(step.action == "restart" and "only voter" in step.reason for step in steps):
        yield "a single voter: clients wait while it restarts; two more machines would take its place meanwhile"
