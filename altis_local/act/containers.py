"""Makes, kills, stops and removes containers and networks. One function for each action; called by the executor."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from concurrent.futures import wait
from contextlib import suppress

from altis_local.act.context import Context
from altis_local.act.definition import environment
from altis_local.clients.engine_values import (
    Attachment,
    ContainerRequest,
    NetworkRequest,
    from_service,
    labels,
    qualified,
)
from altis_local.errors import AltisError
from altis_local.model import actions as do
from altis_local.model import processes
from altis_local.model.spec import Service, Spec
from altis_local.model.state import Container
from altis_local.model.topology import (
    CONTROL,
    NETWORKS,
    PUBLISHING_NETWORKS,
    ROLES,
    Member,
    address,
    automatic_range,
    subnet,
)

DEFAULT_GRACE = 10.0
LOOK = 1.0
"""Seconds between two looks at the jobs of a runner that stops."""
ENDED = 0.1
"""Seconds between two looks whether a runner that stops has ended."""
LAST_LINES = 20
"""Log lines of a dead container that the journal keeps before it is removed."""


def create_networks(context: Context, action: do.CreateNetworks) -> None:
    """Create what is missing, in parallel, and join control where it runs in a container."""
    spec = context.spec
    existing = context.engine.networks(spec.environment)

    def one(name: str) -> None:
        if name not in existing:
            create_network(context, name)
        if context.own_container and name != "api":
            own = address(spec.block, name, CONTROL)
            context.engine.connect(qualified(spec.environment, name), context.own_container, address=own)
        context.joined(name)

    list(context.pool.map(one, [n for n in NETWORKS if n in action.names]))


def create_network(context: Context, name: str) -> None:
    """One network of the environment, with its fixed subnet."""
    spec = context.spec
    net = subnet(spec.block, name)
    publishing = name in PUBLISHING_NETWORKS
    context.engine.create_network(
        NetworkRequest(
            spec.environment,
            name,
            subnet=str(net),
            gateway=_host_address(spec, name),
            ip_range=automatic_range(spec.block, name),
            internal=not publishing,
            host_address=publishing or spec.host_addresses,
        )
    )


def _host_address(spec: Spec, name: str) -> str:
    """The bridge's own. Where control runs on the host it is control's: members' control sockets trust that one."""
    if spec.host_addresses:
        return address(spec.block, name, CONTROL)
    return str(ipaddress.IPv4Address(int(subnet(spec.block, name).network_address) + 1))


def start_member(context: Context, action: do.StartMember) -> None:
    """Create and start; the last lines of a dead predecessor go to the journal, its volume stays."""
    old = context.container(action.member)
    if old is not None:
        if old.phase == "exited":
            # A courtesy: while many end at once the engine may keep one waiting.
            with suppress(AltisError):
                context.note(f"last lines of {action.member}", context.engine.logs(old.id, LAST_LINES))
        context.engine.remove(old.id, force=True)
    member = context.member(action.member)
    service = context.spec.services[member.role]
    for volume in service.volumes:
        if not volume.source.startswith("/"):
            context.engine.create_volume(context.spec.environment, member.name)
    context.engine.start(context.engine.create(request(context.spec, member, service)))


def request(spec: Spec, member: Member, service: Service) -> ContainerRequest:
    """The engine's view of a member. Pure."""
    role = ROLES[member.role]
    ports = {"site": spec.site_port}
    volume = qualified(spec.environment, member.name)
    mounts = [(v.source if v.source.startswith("/") else volume, v.target, v.read_only) for v in service.volumes]
    internal = next(n for n in role.networks if n not in PUBLISHING_NETWORKS)
    return from_service(
        service,
        name=qualified(spec.environment, member.name),
        labels=labels(
            spec.environment,
            "member",
            role=member.role,
            member=member.name,
            zone=member.zone,
            hash=service.definition or service.image.rpartition(":")[2],
        ),
        environment=environment(spec, member, service),
        networks=tuple(
            Attachment(
                qualified(spec.environment, network),
                address(spec.block, network, member),
                tuple(alias for where, alias in role.aliases if where == network),
            )
            for network in role.networks
        ),
        volumes=tuple(f"{source}:{target}{':ro' if read_only else ''}" for source, target, read_only in mounts),
        publish={port: ports[name] for port, name in service.publish.items() if name in ports},
        dns=(address(spec.block, internal, CONTROL),),
        hostname=member.name,
    )


def kill_member(context: Context, action: do.KillMember) -> None:
    """SIGKILL; harmless when it is gone."""
    container = context.container(action.member)
    if container is not None:
        context.engine.kill(container.id)


def stop_member(context: Context, action: do.StopMember) -> None:
    """Stop with the service's grace; remove when it is surplus."""
    container = context.container(action.member)
    if container is None:
        return
    service = context.spec.services.get(container.role)
    grace = service.stop_grace if service else DEFAULT_GRACE
    if container.is_running:
        # Control's own session would keep a proxy waiting for its end until the grace is over.
        with context.sessions.without(action.member):
            _stop(context, container, grace if action.limit is None else min(grace, action.limit))
    if action.remove:
        context.engine.remove(container.id, force=True)


def _stop(context: Context, container: Container, grace: float) -> None:
    """Stop it. A runner that is given less than its jobs take leaves them behind: they are named."""
    if container.role != "cavalcade":
        context.engine.stop(container.id, grace)
        return
    at_work, looked = _jobs(context, container), context.clock.monotonic()
    stopping = context.pool.submit(context.engine.stop, container.id, grace)
    # The engine answers when the networks are gone, too; the database is kept from stopping until this is over.
    while wait((stopping,), timeout=ENDED).not_done and _runs(context, container):
        if context.clock.monotonic() - looked > LOOK:
            at_work, looked = at_work | _jobs(context, container), context.clock.monotonic()
    if stopping.done():
        stopping.result()
    still_running = _running(context) if at_work else {}
    if left := {job: hook for job, hook in still_running.items() if job in at_work}:
        context.cut(container.member, left)


def _runs(context: Context, container: Container) -> bool:
    try:
        found = context.container(container.member)
    except AltisError:
        return True  # the engine is busy, and its answer to the stop will tell as well
    return found is not None and found.id == container.id and found.is_running


def _jobs(context: Context, container: Container) -> frozenset[int]:
    try:
        return processes.jobs(context.engine.processes(container.id))
    except AltisError:
        return frozenset()  # to name them is a courtesy, to stop is the task


def _running(context: Context) -> Mapping[int, str]:
    """The site's running jobs, as the writer has them; else as another db member has, which may be a moment older."""
    found: Mapping[int, str] = {}
    for member in context.spec.members("db"):
        try:
            node = context.sessions.db(member)
            found = node.running_jobs()
            if not node.observe().read_only:
                break
        except AltisError:
            continue
    return found


def signal_member(context: Context, action: do.SignalMember) -> None:
    """Deliver the signal to the service, through its init."""
    container = context.container(action.member)
    if container is not None and container.is_running:
        context.engine.kill(container.id, action.signal)


def remove_helper(context: Context, action: do.RemoveHelper) -> None:
    """Remove a leftover container."""
    context.engine.remove(action.container, force=True)
