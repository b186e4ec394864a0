// From a request's URL and headers to a key in S3 and the arguments.

const PRESIGNED = [
  'X-Amz-Algorithm', 'X-Amz-Content-Sha256', 'X-Amz-Credential', 'X-Amz-Date', 'X-Amz-Expires',
  'X-Amz-Security-Token', 'X-Amz-Signature', 'X-Amz-SignedHeaders',
];

// A key as the cloud makes it: "/tachyon/" goes wherever it stands, but not at the beginning. Throws for a path
// that is not properly encoded.
export function keyOf(path) {
  return decodeURIComponent(path.slice(1)).replace('/tachyon/', '/');
}

// S3 takes dots for what they are, other servers for a way up: no such object is ever asked for.
export function climbs(key) {
  return key.split('/').some((part) => part === '.' || part === '..');
}

// Several values of one name are joined by a comma, as a function URL does.
function flat(parameters) {
  const query = {};
  for (const [name, value] of parameters) query[name] = name in query ? `${query[name]},${value}` : value;
  return query;
}

// `presign` carries a whole query string, which some clients encode twice.
function unpacked(presign) {
  const text = presign.includes('=') ? presign : decodeURIComponent(presign);
  return Object.fromEntries(new URLSearchParams(text));
}

// A signature to hand on to S3, or null.
function signatureOf(query) {
  if (!query['X-Amz-Algorithm']) return null;
  return Object.fromEntries(PRESIGNED.filter((name) => query[name]).map((name) => [name, query[name]]));
}

// Seconds until the signature ends, or null where it does not say.
export function secondsLeft(signature, now) {
  const expires = Number(signature?.['X-Amz-Expires']);
  const date = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(signature?.['X-Amz-Date'] ?? '');
  if (!expires || !date) return null;
  const [, year, month, day, hour, minute, second] = date;
  const signedAt = Date.UTC(year, month - 1, day, hour, minute, second);
  return Math.max(0, Math.round((signedAt + expires * 1000 - now) / 1000));
}

export function understood(request) {
  const [path, search = ''] = request.url.split(/\?(.*)/s, 2);
  let query = flat(new URLSearchParams(search));
  if (query.presign) query = { ...query, ...unpacked(query.presign) };
  // The header's presence counts, not its value; an argument, even an empty one, wins over it.
  query.webp ??= 'x-webp' in request.headers ? 'true' : '';
  return { key: keyOf(path), query, signature: signatureOf(query), referer: request.headers.referer };
}
