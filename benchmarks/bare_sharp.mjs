// The baseline of `tachyon_rate`: the same pictures by sharp alone, so many at once. Runs in a container of Tachyon's
// image. Standard input: {clients, sources: {name: base64}, work: [{name, width, height, fit, quality}]}. Prints how long it took.
import { text } from 'node:stream/consumers';

import sharp from 'sharp';

const { clients, sources, work } = JSON.parse(await text(process.stdin));
const files = Object.fromEntries(Object.entries(sources).map(([name, data]) => [name, Buffer.from(data, 'base64')]));
// As in Tachyon: each picture is made once.
sharp.cache(false);

async function made({ name, width, height, fit, quality }) {
  const image = sharp(files[name], { animated: true, failOn: 'none' }).autoOrient();
  return image.resize({ width, height, fit, withoutEnlargement: true }).webp({ quality }).toBuffer();
}

async function all(jobs) {
  const line = [...jobs];
  const sizes = [];
  const worker = async () => {
    for (let job = line.shift(); job; job = line.shift()) sizes.push((await made(job)).length);
  };
  const begin = performance.now();
  await Promise.all(Array.from({ length: clients }, worker));
  return { seconds: (performance.now() - begin) / 1000, made: sizes.length, failed: 0, bytes: sizes.reduce((a, b) => a + b, 0) };
}

await all(work.slice(0, clients));
console.log(JSON.stringify(await all(work)));
