// Which arguments count. Each has one pattern; what does not match is left out, silently and one by one.

const SIZE = /^\d+(px)?,\d+(px)?$/;
const COMPASS = /^(center|north|northeast|east|southeast|south|southwest|west|northwest)$/;

const PATTERNS = {
  w: /^[1-9]\d*$/,
  h: /^[1-9]\d*$/,
  resize: SIZE,
  fit: SIZE,
  lb: SIZE,
  crop: /^\d+(px)?(,\d+(px)?){3}$/,
  crop_strategy: /^(smart|entropy|attention)$/,
  gravity: COMPASS,
  zoom: /^\d+(\.\d+)?$/,
  quality: /^(\d{1,2}|0\d\d|100)$/,
  // As loose as the original: "0" and "false" pass, and whatever passes asks for WebP.
  webp: /^0|1|true|false$/,
  // Six lower-case digits only, whatever the documentation promises.
  background: /^#[a-f0-9]{6}$/,
};

export function valid(query) {
  const kept = {};
  for (const [name, pattern] of Object.entries(PATTERNS)) {
    if (query[name] && pattern.test(query[name])) kept[name] = query[name];
  }
  return kept;
}

export function zoomOf(args) {
  return Number.parseFloat(args.zoom ?? '1') || 1;
}

// "300,200" or "300px,200px" at a zoom; a side of zero is free.
export function size(text, zoom) {
  const [width, height] = text.split(',').map((side) => Math.round(Number.parseInt(side, 10) * zoom) || undefined);
  return { width, height };
}

// "x,y,w,h" in pixels or in percent of the image as it is stored.
export function area(text, stored) {
  const [left, top, width, height] = text.split(',').map((value, index) => {
    const whole = index % 2 ? stored.height : stored.width;
    return value.endsWith('px') ? Number.parseInt(value, 10) : Math.round((whole * Number(value)) / 100);
  });
  return { left, top, width, height };
}

const QUALITY = 82;

// The denser the screen, the less each pixel matters: falls with the logarithm of the zoom, to 82 / zoom at the least.
export function qualityAt(zoom) {
  const fallen = QUALITY - (Math.log(zoom) / Math.log(QUALITY / zoom)) * QUALITY * zoom;
  return Math.min(Math.max(Math.round(fallen), Math.round(QUALITY / zoom)), QUALITY);
}
