// Objects from S3: anonymously, or with the signature that the request brought along.
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';

// S3 said AccessDenied: for a caller who may not list, that is how a missing object looks.
export class Denied extends Error {}

export class S3Failure extends Error {}

const escaped = (text) => encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

export class Bucket {
  #agent;
  #transport;

  constructor({ endpoint, bucket, pathStyle, slots, s3Timeout, largestSource }) {
    this.#transport = endpoint.protocol === 'https:' ? https : http;
    this.#agent = new this.#transport.Agent({ keepAlive: true, maxSockets: slots });
    this.endpoint = endpoint;
    // The bucket is a part of the path, or of the host's name. (An address has no names below it.)
    const byPath = pathStyle || net.isIP(endpoint.hostname.replace(/[[\]]/g, '')) !== 0;
    this.hostname = byPath ? endpoint.hostname : `${bucket}.${endpoint.hostname}`;
    this.root = byPath ? `/${bucket}` : '';
    this.timeout = s3Timeout;
    this.largest = largestSource;
  }

  // The object's bytes. Throws Denied or S3Failure.
  async read(key, { signature, referer }) {
    let path = `${this.root}/${key.split('/').map(escaped).join('/')}`;
    // A signature covers the headers it names: nothing else may come along.
    const headers = referer && !signature ? { Referer: referer } : {};
    if (signature) path += `?${Object.entries(signature).map(([name, value]) => `${name}=${escaped(value)}`).join('&')}`;
    const { status, body } = await this.#get(path, headers);
    if (status === 200) return body;
    const code = /<Code>([^<]*)<\/Code>/.exec(body.toString('utf8', 0, 4096))?.[1] ?? 'no code';
    if (code === 'AccessDenied') throw new Denied(key);
    throw new S3Failure(`S3 answered ${status} ${code} for ${key}`);
  }

  // Once more on a broken connection: a kept one may have ended just as it was used.
  async #get(path, headers) {
    try {
      return await this.#once(path, headers);
    } catch (error) {
      if (!['ECONNRESET', 'EPIPE'].includes(error.code)) throw error;
      return this.#once(path, headers);
    }
  }

  #once(path, headers) {
    const { hostname, endpoint: { port, protocol } } = this;
    // The time limit is for the whole: a server that trickles must not hold a slot.
    const signal = AbortSignal.timeout(this.timeout);
    const options = { protocol, hostname, port, path, headers, agent: this.#agent, signal };
    return new Promise((resolve, reject) => {
      const request = this.#transport.get(options, (response) => {
        const parts = [];
        let length = 0;
        response.on('data', (part) => {
          parts.push(part);
          length += part.length;
          if (length > this.largest) request.destroy(new S3Failure(`an object of more than ${this.largest} bytes`));
        });
        response.on('end', () => resolve({ status: response.statusCode, body: Buffer.concat(parts, length) }));
        response.on('error', reject);
      });
      request.on('error', reject);
    });
  }
}
