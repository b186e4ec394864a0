// The server: answers as the function in the cloud does (status, type, lifetime), one line of log per request.
import http from 'node:http';

import sharp from 'sharp';

import { valid } from './arguments.js';
import { configuration } from './config.js';
import { Full, Gate } from './gate.js';
import { climbs, secondsLeft, understood } from './request.js';
import { Bucket, Denied } from './s3.js';
import { transform } from './transform.js';

const YEAR = 31_536_000;
const MISSING = { status: 404, headers: { 'Content-Type': 'text/html' }, body: 'File not found.' };
// What a function that threw an error looks like from outside.
const FAILED = { status: 502, headers: { 'Content-Type': 'text/plain' }, body: 'Internal Server Error' };
const THROTTLED = { status: 429, headers: { 'Content-Type': 'text/plain' }, body: 'Rate Exceeded.' };

function respondsWith({ data, info }, signature) {
  const seconds = secondsLeft(signature, Date.now()) ?? YEAR;
  return {
    status: 200,
    headers: {
      'Content-Type': `image/${info.format}`,
      'Cache-Control': `max-age=${seconds}`,
      'Last-Modified': new Date().toUTCString(),
    },
    body: data,
  };
}

function handler(config) {
  const bucket = new Bucket(config);
  const slots = new Gate(config.slots, config.waiting);
  const pixels = new Gate(config.pixels);

  async function image(request) {
    const asked = understood(request);
    if (climbs(asked.key)) return MISSING;
    return slots.run(1, async () => {
      // Whoever gave up while waiting costs nothing more.
      if (request.socket.destroyed) throw new Error('the client went away');
      const source = await bucket.read(asked.key, asked);
      return respondsWith(await transform(source, valid(asked.query), pixels), asked.signature);
    });
  }

  return async (request) => {
    try {
      return { answer: await image(request) };
    } catch (error) {
      if (error instanceof Denied) return { answer: MISSING };
      return { answer: error instanceof Full ? THROTTLED : FAILED, reason: error.message };
    }
  };
}

function serve(config) {
  const handle = handler(config);
  const server = http.createServer(async (request, response) => {
    if (request.url === '/health') {
      response.end('ok\n');
      return;
    }
    const began = performance.now();
    request.resume();
    const { answer, reason } = await handle(request);
    const { status, headers, body } = answer;
    response.writeHead(status, { ...headers, 'Content-Length': Buffer.byteLength(body) });
    response.end(body);
    const took = Math.round(performance.now() - began);
    // The path only: a query may hold a signature.
    const path = JSON.stringify(request.url.split('?', 1)[0]);
    console.log(`${new Date().toISOString()} ${status} ${took}ms ${path}${reason ? ` ${JSON.stringify(reason)}` : ''}`);
  });
  server.listen(config.port, () => console.log(`tachyon: port ${config.port}, sharp ${sharp.versions.sharp}`));
  for (const signal of ['SIGTERM', 'SIGINT']) {
    process.once(signal, () => {
      server.close(() => process.exit(0));
      server.closeIdleConnections();
    });
  }
}

if (process.argv.includes('--check')) {
  console.log(JSON.stringify(sharp.versions));
} else {
  try {
    serve(configuration(process.env, process.argv[2]));
  } catch (error) {
    console.error(`tachyon: ${error.message}`);
    process.exit(64);
  }
}
