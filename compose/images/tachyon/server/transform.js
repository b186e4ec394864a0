// One image through sharp: crop, then one way of resizing (resize before fit before lb before w and h), then encode.
import sharp from 'sharp';

import { area, qualityAt, size, zoomOf } from './arguments.js';
import { interesting } from './smart.js';

// Every image comes once (the CDN keeps the answers): a cache would only hold memory.
sharp.cache(false);

export function decoded(metadata) {
  return metadata.width * metadata.height;
}

// `pixels`: a Gate that bounds what is decoded at once. Answers sharp's {data, info}.
export async function transform(source, args, pixels) {
  const options = { animated: true, failOn: 'none', limitInputPixels: pixels.capacity };
  const image = sharp(source, options).keepMetadata();
  const metadata = await image.metadata();
  return pixels.run(decoded(metadata), () => encoded(source, image, metadata, args));
}

async function encoded(source, image, metadata, args) {
  const zoom = zoomOf(args);
  image.autoOrient();
  const frame = { width: metadata.width, height: metadata.pageHeight ?? metadata.height };
  if (args.crop) image.extract(area(args.crop, frame));
  if (args.resize) {
    const wanted = size(args.resize, 1);
    if (args.crop_strategy === 'smart' && !args.crop && wanted.width && wanted.height) {
      image.extract(await interesting(source, wanted));
    }
  }
  const shape = resizing(args, zoom);
  if (shape) image.resize({ ...shape, withoutEnlargement: true });
  encode(image, metadata.format, args, zoom);
  return image.toBuffer({ resolveWithObject: true });
}

// What sharp is to do about the size; null for nothing.
function resizing(args, zoom) {
  if (args.resize) {
    const strategy = args.crop_strategy === 'smart' ? undefined : args.crop_strategy;
    return { ...size(args.resize, zoom), fit: 'cover', position: strategy ?? args.gravity ?? 'centre' };
  }
  if (args.fit) return { ...size(args.fit, zoom), fit: 'inside' };
  if (args.lb) return { ...size(args.lb, zoom), fit: 'contain', background: args.background ?? 'black' };
  if (!args.w && !args.h) return null;
  // Not rounded, as in the original: a side that is no whole number at this zoom fails there as well.
  const side = (text) => (text ? Number(text) * zoom : undefined);
  return { width: side(args.w), height: side(args.h), fit: args.crop ? 'cover' : 'inside' };
}

function encode(image, format, args, zoom) {
  const quality = args.quality ? Number(args.quality) : qualityAt(zoom);
  if (args.webp) image.webp({ quality });
  else if (format === 'jpeg') image.jpeg({ quality });
  else if (format === 'png') image.png({ palette: true });
}
