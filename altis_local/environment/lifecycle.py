"""start, stop, restart: images, control, Spec, and the wait until it is so.

Called by the façade under the environment's lock. Everything it does can be interrupted anywhere and run again: what
exists is looked up by label each time, and control finishes by itself what it was told.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from altis_local import wire
from altis_local.clients import builder, compose_model
from altis_local.clients.control_api import ControlApi, Document
from altis_local.clients.engine import Engine
from altis_local.clients.engine_reader import EngineReader, Found
from altis_local.clock import Clock, Deadline
from altis_local.environment import allocation, definition
from altis_local.environment.checkup import require_disk
from altis_local.environment.control_container import ControlContainers, Identity
from altis_local.environment.finding import Standing, control_api, standing
from altis_local.environment.locking import exclusive
from altis_local.environment.paths import Paths, compose_files, fixture_site, shipped
from altis_local.environment.progress import Progress
from altis_local.environment.waiting import Check, Wait, await_settled, is_down, is_up
from altis_local.errors import ActionFailed, AltisError, Unreachable
from altis_local.model.spec import Secrets, Service, Spec
from altis_local.model.topology import MEMBER_ROLES
from altis_local.settings import Loaded

SITE_HOST = "localhost"
REVIVALS = 3
"""How often a control that ends at once is started."""


@dataclass(frozen=True, slots=True)
class Tools:
    """What the lifecycle works with."""

    name: str
    loaded: Loaded
    reader: EngineReader
    engine: Engine
    paths: Paths
    clock: Clock


@dataclass(frozen=True, slots=True)
class Cut:
    """Jobs of a member that were under way when it stopped, `number hook` each. As in the cloud they stay `running`."""

    member: str
    jobs: tuple[str, ...]


class Lifecycle:
    """The operations on one environment that go through control."""

    def __init__(self, tools: Tools, progress: Progress) -> None:
        self._tools = tools
        self._progress = progress
        self._containers = ControlContainers(tools.engine, tools.paths, tools.clock)

    def start(self, *, broken: Iterable[str], timeout: float) -> Document:
        """Bring it up, or bring it in line with the configuration; its status."""
        self._progress.phase("images")
        services = self.services()
        self._progress.phase("control")
        slept = not any(c.is_running for c in standing(self._tools.reader, self._tools.name).containers)
        try:
            sequence, api = self._hand_over(services, tuple(broken))
        except BaseException:
            if slept:
                self._sleep_again()
            raise
        self._progress.phase("members")
        status = self.settle(api, sequence, timeout)
        self._progress.end()
        return status

    def stop(self, found: Standing, timeout: float) -> tuple[Cut, ...]:
        """Let control stop every member, then control itself; the jobs that were cut."""
        self._progress.phase("members")
        api = self.reach(found)
        cut: tuple[Cut, ...] = ()
        if (spec := _spec(api)) is not None:
            sequence = api.put_spec(wire.dump(definition.stopped(spec)))
            self.settle(api, sequence, timeout, check=is_down)
            cut = _cut(api, sequence)
        self._progress.phase("control")
        if control := standing(self._tools.reader, self._tools.name).control:
            self._containers.retire(control)
        self._progress.end()
        return cut

    def reach(self, found: Standing) -> ControlApi:
        """Control's API, with control started anew where it does not answer."""
        api = control_api(self._tools.reader, found, self._tools.paths)
        if api is not None and api.health() is not None:
            return api
        if not found.control:
            self._progress.detail("control is gone: making it anew")
        elif woken := self._woken(found.control, api):
            return woken
        return self._ensure(found, self._guess(found, self.services(("control",))["control"]))

    # -- inside

    def settle(self, api: ControlApi, sequence: int, timeout: float, *, check: Check = is_up) -> Document:
        """Wait until everything is as the Spec wants it, from the event `sequence` on; the status then."""
        tools = self._tools
        deadline = Deadline.after(timeout, tools.clock)
        wait = Wait(sequence, check, deadline, lambda: self.reach(standing(tools.reader, tools.name)), self._log)
        return await_settled(api, wait, self._progress)

    def _log(self, member: str) -> tuple[str, ...]:
        try:
            found = [c for c in standing(self._tools.reader, self._tools.name).members if c.member == member]
            return self._tools.engine.logs(found[0].id) if found else ()
        except AltisError:
            return ()  # it is just being replaced, and what is told of it must not hide what is wrong

    def services(self, only: tuple[str, ...] = (*MEMBER_ROLES, "control")) -> Mapping[str, Service]:
        """Services as compose/ has them, with images that are there."""
        tools = self._tools
        settings, folder = tools.loaded.settings, tools.loaded.folder
        model = compose_model.load(compose_files(folder), tools.paths.cache)
        options = builder.ImageOptions(
            shipped() / "scripts",
            tools.paths.cache,
            settings.project or fixture_site(),
            {str(r): i for r, i in settings.images.items()},
        )
        tags = builder.tags_of(model.builds_for(only), options)
        if builder.missing(tags, tools.reader):
            require_disk(tools.reader)
            builder.prepare(model.builds, tags, options, tools.reader, self._progress.detail)
        return {role: service for role, service in model.with_images(tags).items() if role in only}

    def _hand_over(self, services: Mapping[str, Service], broken: tuple[str, ...]) -> tuple[int, ControlApi]:
        """Control running with a Spec; the sequence number from which its events count."""
        tools = self._tools
        if "control" not in services:
            raise ActionFailed("compose/ has no service control", hint="the checkout is incomplete")
        with exclusive(tools.paths.lock("_allocation"), "start", self._progress, tools.clock):
            found = standing(tools.reader, tools.name)
            identity = self._guess(found, services["control"])
            if not found.containers and tools.name not in tools.reader.volumes().values():
                self._spec(identity, services, None, broken)  # what is refused leaves nothing behind
            allocation.require_port(identity.site_port, tools.name, tools.reader, self._controls())
            api = self._ensure(found, identity)
        previous = _spec(api)
        spec = self._spec(identity, services, previous, broken)
        if previous is None:
            spec = dataclasses.replace(spec, secrets=self._new_secrets())
        final = self._identity(identity, spec)
        found = standing(tools.reader, tools.name)
        if found.control and not final.is_of(found.control):
            api = self._ensure(found, final)
        return api.put_spec(wire.dump(spec)), api

    def _spec(
        self, identity: Identity, services: Mapping[str, Service], previous: Spec | None, broken: tuple[str, ...]
    ) -> Spec:
        settings = self._tools.loaded.settings
        port = definition.site_port(settings, previous.site_port if previous else None) or identity.site_port
        ground = definition.Ground(self._tools.name, identity.block, port, services)
        return definition.compose_spec(settings, ground, previous=previous, secrets=definition.KEEP, broken=broken)

    def _new_secrets(self) -> Secrets:
        # The import costs 0.1 s and only a first start needs it.
        from altis_local.clients.certificates import Authority  # noqa: PLC0415

        now = datetime.datetime.fromtimestamp(self._tools.clock.now(), datetime.UTC)
        issued = Authority(self._tools.paths.authority, now).issue(self._tools.loaded.settings.domains)
        return definition.new_secrets(issued.certificate, issued.key)

    def _controls(self) -> tuple[Found, ...]:
        return tuple(c for c in self._tools.reader.containers() if c.kind == "control")

    def _guess(self, found: Standing, service: Service) -> Identity:
        """The identity by what the labels say; what they do not say is chosen anew."""
        tools, settings = self._tools, self._tools.loaded.settings
        control = found.control
        controls = self._controls()
        if control:
            definition.require_known_plan(control.label("plan"), tools.name)
            port = definition.site_port(settings, int(control.label("site-port") or 0) or None)
        else:
            # With control gone, a running cdn still shows the port.
            shown = next((port for c in found.members for port in c.ports.values()), None)
            port = definition.site_port(settings, shown)
        port = port or allocation.choose_port(allocation.FIRST_SITE_PORT, tools.reader, controls)
        block = control.label("block") if control else allocation.block_of(tools.name, tools.reader.networks())
        return Identity(
            environment=tools.name,
            block=block or allocation.choose_block(tools.reader, controls),
            api_port=int(control.label("api-port") or 0) if control else self._new_api_port(controls),
            site_port=port,
            site_url=f"https://{SITE_HOST}:{port}",
            plan=(control.label("plan") if control else "") or definition.chosen_plan(settings, None).name,
            timing=(control.label("timing") if control else "") or settings.timing or "fast",
            folder=str(tools.loaded.folder) if tools.loaded.files else "",
            service=service,
        )

    def _new_api_port(self, controls: Iterable[Found]) -> int:
        return allocation.choose_port(allocation.FIRST_API_PORT, self._tools.reader, controls)

    def _identity(self, guess: Identity, spec: Spec) -> Identity:
        return dataclasses.replace(
            guess, site_port=spec.site_port, site_url=spec.site_url, plan=spec.plan, timing=spec.timing
        )

    def _ensure(self, found: Standing, identity: Identity) -> ControlApi:
        """A control of just this identity, answering."""
        control = found.control
        api = control_api(self._tools.reader, found, self._tools.paths)
        if control and not identity.is_of(control):
            self._progress.detail("replacing control by the one of this version")
        elif control and (woken := self._woken(control, api)):
            return woken
        if control:
            self._containers.remove(control)
        self._containers.create(identity)
        return self._answering()

    def _woken(self, control: Found, api: ControlApi | None) -> ControlApi | None:
        """Control's API once its container runs; None, and why is told, when only a new one can help."""
        if error := self._containers.wake(control, api):
            self._progress.detail(f"control cannot be woken: making it anew ({error.message})")
            return None
        return self._answering()

    def _answering(self) -> ControlApi:
        tools = self._tools
        for _ in range(REVIVALS):
            found = standing(tools.reader, tools.name)
            api = control_api(tools.reader, found, tools.paths)
            if found.control is None:
                break
            if api is not None:
                self._containers.await_answer(api, found.control.id)
                return api
            # It was killed as soon as it was started.
            tools.engine.start(found.control.id)
        log = tools.engine.logs(found.control.id, 20) if found.control else ()
        raise ActionFailed("it ended as soon as it was started", member="control", log=log)

    def _sleep_again(self) -> None:
        """A start that was refused leaves a stopped environment stopped."""
        control = standing(self._tools.reader, self._tools.name).control
        if control and control.is_running:
            self._containers.retire(control)


def _cut(api: ControlApi, after: int) -> tuple[Cut, ...]:
    try:
        events = api.journal(after)
    except (Unreachable, ActionFailed):
        return ()  # it is stopped, whatever was cut
    return tuple(Cut(event["member"], tuple(event["log"])) for event in events if event["kind"] == "cut")


def _spec(api: ControlApi) -> Spec | None:
    document = api.spec()
    return wire.load(Spec, document) if document else None
