// What the environment says, read once. Names are those of the original where it has one.

function number(environment, name, preset) {
  const text = environment[name] ?? '';
  if (text === '') return preset;
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new Error(`${name} is not a positive number: ${text}`);
  return value;
}

// `port`: the command's first argument, which wins over the variable.
export function configuration(environment, port = '') {
  for (const name of ['S3_ENDPOINT', 'S3_BUCKET']) {
    if (!environment[name]) throw new Error(`${name} is not set`);
  }
  return {
    port: number({ PORT: port || environment.PORT }, 'PORT', 8080),
    endpoint: new URL(environment.S3_ENDPOINT),
    bucket: environment.S3_BUCKET,
    // Any text that is not empty, `false` too.
    pathStyle: Boolean(environment.S3_FORCE_PATH_STYLE),
    // Images worked on at once, and how many may wait; the function in the cloud answers 429 beyond its limit, too.
    slots: number(environment, 'TACHYON_SLOTS', 4),
    waiting: number(environment, 'TACHYON_WAITING', 512),
    // All decoded pixels in memory at once, frames of an animation included; one image may have as many, alone.
    pixels: number(environment, 'TACHYON_PIXELS', 60e6),
    largestSource: number(environment, 'TACHYON_LARGEST_SOURCE', 48 * 1024 * 1024),
    s3Timeout: number(environment, 'TACHYON_S3_TIMEOUT_MS', 10_000),
  };
}
