// smartcrop's eyes: it looks at a small copy of the upright first frame and names the best area.
import sharp from 'sharp';
import smartcrop from 'smartcrop';

const operations = {
  async open(source) {
    const { autoOrient } = await sharp(source, { failOn: 'none' }).metadata();
    return { width: autoOrient.width, height: autoOrient.height, source };
  },
  async resample(image, width, height) {
    return { ...image, width: Math.trunc(width), height: Math.trunc(height) };
  },
  async getData({ source, width, height }) {
    const pixels = await sharp(source, { failOn: 'none' })
      .autoOrient()
      .resize(width, height, { kernel: 'cubic', fit: 'fill' })
      .toColourspace('srgb')
      .ensureAlpha()
      .raw()
      .toBuffer();
    return new smartcrop.ImgData(width, height, pixels);
  },
};

export async function interesting(source, { width, height }) {
  const { topCrop } = await smartcrop.crop(source, { width, height, imageOperations: operations });
  return { left: topCrop.x, top: topCrop.y, width: topCrop.width, height: topCrop.height };
}
