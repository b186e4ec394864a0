"""Makes a member's way to the instance metadata at 169.254.169.254, where every cloud library looks (fidelity WEB-19).

Called by the executor. Members have no capability to do it themselves, and a link-local address on an internal network
does not work (br_netfilter): so a route and one rule go into the member's network namespace. A helper with the three
capabilities for that lives for a while after its first use; each further member costs one exec in it.
"""

from __future__ import annotations

import secrets

from altis_local.act.context import Context
from altis_local.clients.engine_values import ContainerRequest, labels, qualified
from altis_local.errors import ActionFailed
from altis_local.model import actions as do
from altis_local.model.state import Container
from altis_local.model.topology import address
from altis_local.model.topology import member as slot

PORT = 8169
"""Where the stand-in serves the metadata (services/main)."""
LINGER = 20
"""Seconds a helper lives: as long as a start takes, or a round of healing."""
FRESH = 8.0
"""Seconds of its life in which it is used: one that ended in the middle of a command left control waiting for it."""
LIMIT = 10.0
"""Seconds for a command in it, which takes a tenth of one."""
GIVE_UP = 300.0
"""Seconds a member is left alone after its way could not be made."""
FOR_EVER = 10 * 365 * 86400.0
NAME, KIND = "metadata-link", "helper"
CAPABILITIES = ("SYS_ADMIN", "SYS_PTRACE", "NET_ADMIN")
"""To enter a namespace, to look at another's processes, to change its network."""

_RULES = """\
add table ip altis_metadata
delete table ip altis_metadata
table ip altis_metadata {
  chain out {
    type nat hook output priority -100
    ip daddr 169.254.169.254 tcp dport 80 dnat to $to:$port
  }
}
"""
_SCRIPT = f"""\
to=$1 port=$2; shift 2
for one; do
  id=${{one%%:*}} rest=${{one#*:}}
  pid=${{rest%%:*}} own=${{rest#*:}}
  (
    exec 3< "/proc/$pid/ns/net" || exit 1
    # The namespace is held from here on. Is the process still the container's, or has another one got its number?
    grep -q "$id" "/proc/$pid/cgroup" || exit 1
    inside() {{ nsenter --net=/proc/self/fd/3 "$@"; }}
    inside ip route replace 169.254.169.254/32 via "$to" src "$own" && inside nft -f - << RULES
{_RULES}RULES
  ) && echo "linked $id"
done
"""
"""For each `container:process:address`; says which ones are linked. It may be run again."""


def link_metadata(context: Context, action: do.LinkMetadata) -> None:
    """All of them in one go. Those that cannot be linked are left alone for a while, and named."""
    spec = context.spec
    found = [c for name in action.members if (c := context.container(name)) and c.is_running]
    to = address(spec.block, "platform", slot("standins", spec.shape.zones))
    words = [word for container in found if (word := _word(context, container))]
    said = _run(context, (to, str(PORT), *words)) if words else ""
    failed = []
    for container in found:
        is_linked = f"linked {container.id}" in said.split("\n")
        context.linked(container.life, FOR_EVER if is_linked else GIVE_UP)
        if not is_linked:
            failed.append(container.member)
    if failed:
        text = f"{', '.join(failed)}: the instance metadata cannot be reached"
        raise ActionFailed(text, log=tuple(said.splitlines()[-5:]))


def _word(context: Context, container: Container) -> str:
    pid = context.engine.pid(container.id)
    own = address(context.spec.block, "platform", context.member(container.member))
    return f"{container.id}:{pid}:{own}" if pid else ""


def _run(context: Context, words: tuple[str, ...]) -> str:
    helper = _helper(context)
    return context.engine.exec(helper, ("sh", "-c", _SCRIPT, "link", *words), timeout=LIMIT).output


def _helper(context: Context) -> str:
    """A helper that was started a moment ago, or a new one."""
    spec, now = context.spec, context.clock.now()
    held = [c for c in context.engine.containers(spec.environment) if c.kind == KIND]
    if fresh := [c.id for c in held if c.is_running and 0 <= now - c.started_at < FRESH]:
        return fresh[0]
    for ended in held:
        if not ended.is_running:
            context.engine.remove(ended.id, force=True)
    made = context.engine.create(
        ContainerRequest(
            name=qualified(spec.environment, f"{NAME}-{secrets.token_hex(3)}"),
            image=spec.services["standins"].image,
            labels=labels(spec.environment, KIND, role=NAME),
            entrypoint=("/usr/bin/tini", "--", "sleep", str(LINGER)),
            pid_mode="host",
            network_mode="none",
            cap_drop=("ALL",),
            cap_add=CAPABILITIES,
            security_opt=("no-new-privileges:true",),
            read_only=True,
            memory=32 << 20,
            pids=64,
            auto_remove=True,
        )
    )
    context.engine.start(made)
    return made
