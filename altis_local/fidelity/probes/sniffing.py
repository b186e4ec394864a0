"""What members send to where nobody else can look: a second server of the member's own code, with a listener beside it.

Both run inside the member, on its loopback, and end with the command; its own server is not touched.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from altis_local.fidelity.finding import CannotTell, Finding, claims
from altis_local.fidelity.world import World

HEADER = {"format": "json", "version": 1}
LARGEST = 63 * 1024
"""Bytes of a document (X-Ray's daemon takes 64 KiB with the header)."""
ENDING = ["xhprof", "root", "object-cache"]

_SITE = r"""
$udp = socket_create( AF_INET, SOCK_DGRAM, SOL_UDP );
if ( ! socket_bind( $udp, '127.0.0.1', 2000 ) ) {
	exit( 75 );
}
$void = [ 'file', '/dev/null', 'a' ];
$command = [ PHP_BINARY, '-S', '127.0.0.1:8099', '-t', '/usr/src/app', '/usr/src/app/index.php' ];
$environment = [ 'AWS_XRAY_DAEMON_IP_ADDRESS' => '127.0.0.1' ] + getenv();
$server = proc_open( $command, [ 1 => $void, 2 => $void ], $pipes, '/usr/src/app', $environment );
register_shutdown_function( fn () => proc_terminate( $server ) );
for ( $try = 0; ! ( $link = @fsockopen( '127.0.0.1', 8099 ) ); $try++ ) {
	if ( $try === 200 ) {
		exit( 75 );
	}
	usleep( 50000 );
}
$body = http_build_query( array_fill( 0, 60, str_repeat( 'long ', 800 ) ) );
$host = parse_url( $argv[1], PHP_URL_HOST ) . ':' . parse_url( $argv[1], PHP_URL_PORT );
fwrite( $link, "POST /?s={$argv[2]} HTTP/1.0\r\nHost: $host\r\nX-Forwarded-Proto: https\r\n" .
	"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: " . strlen( $body ) . "\r\n\r\n" . $body );
// Read all the time: the kernel keeps little, and the last ones matter. Over with the answer, and a second of silence.
stream_set_blocking( $link, false );
[ $answer, $told, $quiet ] = [ '', [], 0 ];
for ( $end = microtime( true ) + 25; $quiet < 100 && microtime( true ) < $end; ) {
	$answer .= stream_get_contents( $link );
	if ( false === @socket_recv( $udp, $datagram, 70000, MSG_DONTWAIT ) ) {
		$quiet = feof( $link ) ? $quiet + 1 : 0;
		usleep( 10000 );
		continue;
	}
	$quiet = 0;
	[ $header, $text ] = explode( "\n", $datagram, 2 ) + [ 1 => '' ];
	$told[] = [ 'header' => json_decode( $header, true ), 'bytes' => strlen( $text ), 'document' => json_decode( $text ) ];
}
echo json_encode( [ 'status' => (int) substr( $answer, 9, 3 ), 'told' => $told ] );
"""

_TACHYON = r"""
const http = require('http'), { spawn } = require('child_process');
let seen = [];
const store = http.createServer((asked, answer) => {
  seen.push({ path: asked.url.split('?')[0], referer: asked.headers.referer ?? '', signed: asked.url.includes('X-Amz') });
  answer.statusCode = 404;
  answer.end();
});
const get = (port, path) => new Promise((done) => {
  const headers = { Referer: 'https://visitor.test/page' };
  const asked = http.get({ host: '127.0.0.1', port, path, headers }, (answer) => {
    answer.resume();
    answer.on('end', () => done(answer.statusCode));
  });
  asked.on('error', () => done(0));
});
const signed = '?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=x&X-Amz-Date=20260101T000000Z&X-Amz-Expires=60';
async function one(host, port, words, variables) {
  const env = { PATH: process.env.PATH, MALLOC_ARENA_MAX: '2', UV_THREADPOOL_SIZE: '1', S3_BUCKET: 'one', S3_REGION: 'eu-west-1', AWS_ACCESS_KEY_ID: 'k',
    AWS_SECRET_ACCESS_KEY: 's', S3_ENDPOINT: `http://${host}:${store.address().port}`, ...variables };
  const stdio = ['ignore', 'pipe', 'pipe'];
  const command = ['--max-old-space-size=32', '/opt/tachyon/server/main.js', ...words];
  const child = spawn(process.execPath, command, { env, stdio });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => { log += text; });
  for (let tries = 0; !(await get(port, '/health')); tries++) {
    if (tries === 200) { child.kill(); throw new Error(`no answer: ${log}`); }
    await new Promise((done) => setTimeout(done, 50));
  }
  seen = [];
  await get(port, '/uploads/a.jpg');
  await get(port, '/uploads/a.jpg' + signed);
  child.kill();
  return { seen, log };
}
store.listen(0, '127.0.0.1', async () => {
  const found = {
    argument: await one('127.0.0.1', 8091, ['8091'], { PORT: '8092', S3_FORCE_PATH_STYLE: 'false' }),
    variable: await one('localhost', 8093, [], { PORT: '8093', S3_FORCE_PATH_STYLE: 'false' }),
    hosts: await one('localhost', 8094, ['8094'], {}),
  };
  console.log(JSON.stringify(found));
  process.exit();
});
"""


def _said(world: World, member: str, *command: str, user: str = "") -> Any:
    done = world.run(member, *command, user=user)
    try:
        return json.loads(done.output.strip().splitlines()[-1])
    except (ValueError, IndexError):
        raise CannotTell(f"the listener in {member} ended with {done.code}: {done.output[-200:]}") from None


def _datagrams(world: World) -> Sequence[dict[str, Any]]:
    def make() -> Any:
        site = str(world.status["urls"]["site"])
        return _said(world, "sandbox", "php", "-r", _SITE, site, world.token(), user="www-data")

    said = world.shared("datagrams", make)
    if said["status"] != 200:
        raise CannotTell(f"the page answered {said['status']}")
    told: Sequence[dict[str, Any]] = said["told"]
    return told


def datagrams(world: World) -> Finding:
    told = _datagrams(world)
    largest = max((one["bytes"] for one in told), default=0)
    return claims(
        (told and all(one["header"] == HEADER for one in told), f"{len(told)} datagrams to the address, port 2000"),
        (all(isinstance(one["document"], dict) for one in told), "one JSON document after each header"),
        (largest <= LARGEST, f"of a form of 240 KB, the largest document has {largest} bytes"),
    )


def _kind(document: dict[str, Any]) -> str:
    if "type" not in document:
        return "begun" if document.get("in_progress") else "root"
    return document["name"] if document["name"] in ENDING else "part"


def order(world: World) -> Finding:
    documents = [one["document"] for one in _datagrams(world)]
    kinds = [_kind(document) for document in documents]
    last = len(documents) - len(ENDING)
    middle = documents[1:last]
    calls = [d for d in middle if "sql" not in d]
    return claims(
        (kinds[:1] == ["begun"], f"first: {''.join(kinds[:1])}"),
        (kinds[last:] == ENDING, f"last: {', '.join(kinds[last:])}"),
        (middle and set(kinds[1:last]) == {"part"}, f"between: {len(middle)} subsegments, {len(calls)} of calls"),
        (any(d.get("in_progress") for d in calls), "a call is told when it begins"),
    )


def _tachyon(world: World) -> Any:
    return world.shared("tachyons", lambda: _said(world, "tachyon", "node", "-e", _TACHYON))


def referer(world: World) -> Finding:
    seen = _tachyon(world)["argument"]["seen"]
    got = {one["signed"]: one["referer"] for one in seen}
    return claims(
        (got.get(False) == "https://visitor.test/page", f"unsigned: {got.get(False, 'nothing asked')}"),
        (got.get(True) == "", f"signed: {got.get(True) or 'none'}"),
    )


def variables(world: World) -> Finding:
    said = _tachyon(world)
    paths = {name: {one["path"] for one in said[name]["seen"]} for name in said}
    return claims(
        ("port 8091" in said["argument"]["log"], "the port is the argument"),
        ("port 8093" in said["variable"]["log"], "else PORT"),
        (paths["variable"] == {"/one/uploads/a.jpg"}, f"S3_FORCE_PATH_STYLE=false: {sorted(paths['variable'])}"),
        (
            paths["hosts"] == {"/uploads/a.jpg"} or "one.localhost" in said["hosts"]["log"],
            "without it the bucket is in the host's name",
        ),
    )
