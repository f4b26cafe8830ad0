"""Rules on the members of an ensemble: the lines server.N, group.N and weight.N."""

from collections.abc import Iterator

from zkops.zoocfg.lint.findings import Finding, Settings
from zkops.zoocfg.lint.values import addresses

Found = Iterator[Finding]


def standalone(cfg: Settings) -> bool:
    """Say whether ZooKeeper would run without a quorum: QuorumPeerConfig.isDistributed."""
    return cfg.flag("standaloneEnabled", default=True) and len(_roles(cfg)) <= 1


def members(cfg: Settings) -> Found:
    """Check the members: QuorumPeerConfig.parseDynamicConfig, QuorumHierarchical.parse."""
    if "dynamicConfigFile" in cfg:
        for entry in cfg.under("server.", "group", "weight"):
            message = "stands beside dynamicConfigFile: ZooKeeper does not start"
            yield cfg.error(entry.key, message, "move it to that file")
        return
    if cfg.ours and not cfg.under("server."):
        return
    yield from _voters(cfg)
    yield from _lines(cfg)
    yield from _groups(cfg)


def _roles(cfg: Settings) -> dict[str, str]:
    """Give id → role of the members whose lines are right."""
    parsed = {entry.key.removeprefix("server."): addresses(entry.value) for entry in cfg.under("server.")}
    return {number: (found[0]["role"] or "participant").lower() for number, found in parsed.items() if found}


def _voters(cfg: Settings) -> Found:
    roles = _roles(cfg)
    voters = [number for number, role in roles.items() if role == "participant"]
    lone = cfg.flag("standaloneEnabled", default=True)
    observers = len(roles) - len(voters)
    if not voters and (observers or not lone):
        message = "no member votes: ZooKeeper does not start"
        key = "standaloneEnabled" if not observers else f"server.{next(iter(roles))}"
        yield cfg.error(key, message, "add a server.N line that is no observer")
    elif len(voters) == 1 and lone:
        key = "standaloneEnabled" if "standaloneEnabled" in cfg else f"server.{voters[0]}"
        if observers:
            message = "the only voting member runs alone, so observers cannot join: ZooKeeper does not start"
            yield cfg.error(key, message, "write standaloneEnabled=false")
        else:
            message = "the only member runs alone, outside a quorum, and cannot get others later"
            yield cfg.warning(key, message, "write standaloneEnabled=false")
    elif len(voters) > 1 and len(voters) % 2 == 0:
        message = f"{len(voters)} voting members survive no more losses than {len(voters) - 1}"
        yield cfg.warning(f"server.{voters[-1]}", message, "use an odd number, or make one an observer")


def _lines(cfg: Settings) -> Found:
    seen: dict[tuple[str, str], str] = {}
    for entry in cfg.under("server."):
        number = entry.key.removeprefix("server.")
        found = addresses(entry.value)
        if len(found) > 1:
            # QuorumPeer.QuorumServer asks the system property; the key in zoo.cfg does not set it (3.6.0 to master).
            message = "has several addresses, which multiAddress.enabled in zoo.cfg alone does not allow"
            yield cfg.warning(entry.key, message, "start the JVM with -Dzookeeper.multiAddress.enabled=true")
        # 254 with TTL nodes: the guide at extendedTypesEnabled.
        most = 254 if cfg.flag("extendedTypesEnabled") else 255
        if number.isascii() and number.isdigit() and not 1 <= int(number[:9]) <= most:
            yield cfg.error(entry.key, f"an id lies between 1 and {most}", "give the member another id")
        for address in found:
            place = address["host"].lower(), address["quorum"]
            if place in seen and seen[place] != entry.key:
                message = f"has the address of {seen[place]}, {':'.join(place)}"
                yield cfg.error(entry.key, message, "give every member its own")
            seen.setdefault(place, entry.key)


def _groups(cfg: Settings) -> Found:
    groups = cfg.under("group.")
    owner: dict[str, str] = {}
    for entry in groups:
        for number in entry.value.split(":"):
            if number in owner and owner[number] != entry.key:
                message = f"member {number} is in {owner[number]} already: ZooKeeper does not start"
                yield cfg.error(entry.key, message, "name every member once")
            owner.setdefault(number, entry.key)
    outside = [number for number, role in _roles(cfg).items() if role == "participant" and number not in owner]
    # A weight alone makes quorums by groups as well.
    for number in outside if cfg.under("group.", "weight.") else ():
        message = "votes and is in no group: ZooKeeper does not start"
        yield cfg.error(f"server.{number}", message, "name it in a group.N line")
