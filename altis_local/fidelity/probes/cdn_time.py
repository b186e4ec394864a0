"""How long the CDN keeps what: seconds that are few are waited for, the others read from the object that it stored."""

from __future__ import annotations

from altis_local.fidelity.asking import arrived, get, obeyed, order, shell, stored_lifetime
from altis_local.fidelity.finding import CannotTell, Finding, claims
from altis_local.fidelity.world import World


def _is_about(seconds: int | None, wanted: int) -> bool:
    """The CDN lets go a second early, so that nothing outlives its time."""
    return seconds is not None and wanted - 5 <= seconds <= wanted


def default(world: World) -> Finding:
    token = world.token()
    file = shell(world, "web", "find /usr/src/app -name '*.txt' -not -path '*/.*' | head -1").output.strip()
    if not file:
        raise CannotTell("the code has no text file, which would be served without Cache-Control")
    path = f"{file.removeprefix('/usr/src/app')}?t={token}"
    first, second = (get(world, path) for _ in range(2))
    kept = stored_lifetime(world, token)
    return claims(
        (first.status == 200 and not first.header("cache-control"), f"{first.status}, no Cache-Control"),
        ((first.cache, second.cache) == ("Miss", "Hit"), f"{first.cache}, {second.cache}"),
        (_is_about(kept, 300), f"stored for {kept} s"),
    )


def client_errors(world: World) -> Finding:
    token = world.token()
    path = f"/.{token}/config"
    first, second = (get(world, path) for _ in range(2))
    before = arrived(world, token, 1)
    world.wait(10.5)
    get(world, path)
    after = arrived(world, token, 2)
    return claims(
        (first.status == second.status == 403, f"status {first.status}, {second.status}"),
        (before == 1, f"web saw {before} of two within 10 s"),
        (after == 2, f"and {after} after 11 s"),
    )


def missing_files(world: World) -> Finding:
    token = world.token()
    first, second = (get(world, f"/no-such-{token}.css") for _ in range(2))
    seen, kept = arrived(world, token, 1), stored_lifetime(world, token)
    return claims(
        (first.status == second.status == 404, f"status {first.status}, {second.status}"),
        (seen == 1, f"web saw {seen} of two"),
        (_is_about(kept, 300), f"stored for {kept} s"),
    )


def missing_pages(world: World) -> Finding:
    token = world.token()
    first, second = (get(world, f"/no-such-{token}/") for _ in range(2))
    seen = arrived(world, token, 2)
    asked = order(world, f"{token}own", status=404, headers=["Cache-Control: s-maxage=60, max-age=60"], body="gone")
    own = [obeyed(get(world, asked)).status for _ in range(2)]
    kept = arrived(world, f"{token}own", 1)
    return claims(
        (first.status == second.status == 404, f"status {first.status}, {second.status}"),
        (seen == 2, f"web saw {seen} of two"),
        (own == [404, 404] and kept == 1, f"with s-maxage of its own: {own}, web saw {kept} of two"),
    )


def server_errors(world: World) -> Finding:
    token = world.token()
    path = order(world, token, status=500, headers=["Cache-Control: no-cache, max-age=0"], body="broken")
    first, second = (obeyed(get(world, path)) for _ in range(2))
    seen, kept = arrived(world, token, 1), stored_lifetime(world, token)
    return claims(
        (first.status == second.status == 500, f"status {first.status}, {second.status}"),
        (seen == 1, f"web saw {seen} of two, though it forbade storing"),
        (_is_about(kept, 300), f"stored for {kept} s"),
    )


def own_wish(world: World) -> Finding:
    """Twice, since the page cache adds to what the site says only where it says nothing."""
    token = world.token()
    short = order(world, token, headers=["Cache-Control: max-age=4"], body="short")
    found = [obeyed(get(world, short)).cache]
    world.wait(1.0)
    found.append(get(world, short).cache)
    world.wait(4.0)
    found.append(get(world, short).cache)
    wide = order(world, f"{token}wide", headers=["Cache-Control: max-age=900"], body="long")
    shared = order(world, f"{token}shared", headers=["Cache-Control: max-age=1, s-maxage=60"], body="shared")
    obeyed(get(world, wide)), obeyed(get(world, shared))
    kept = [stored_lifetime(world, f"{token}{name}") for name in ("wide", "shared")]
    return claims(
        (found[:2] == ["Miss", "Hit"] and found[2] in ("Miss", "RefreshHit"), f"max-age=4 at 0, 1 and 5 s: {found}"),
        (_is_about(kept[0], 900), f"max-age=900: stored for {kept[0]} s"),
        (_is_about(kept[1], 60), f"max-age=1, s-maxage=60: stored for {kept[1]} s"),
    )


def forbidden(world: World) -> Finding:
    token = world.token()
    path = order(world, token, headers=["Cache-Control: no-cache"], body="fresh")
    found = [obeyed(get(world, path)).cache for _ in range(3)]
    seen = arrived(world, token, 1)
    return claims(
        (found == ["Miss"] * 3, f"{found}"),
        (seen == 3, f"the load balancer passed on {seen} of three"),
    )


def a_year(world: World) -> Finding:
    token = world.token()
    found = [
        get(world, f"/wp-includes/css/dist/block-library/style.min.css?ver={v}").cache
        for v in (token, token, f"{token}b")
    ]
    kept = stored_lifetime(world, token)
    return claims(
        (found == ["Miss", "Hit", "Miss"], f"same version, again, another: {found}"),
        (_is_about(kept, 31_536_000), f"stored for {kept} s"),
    )
