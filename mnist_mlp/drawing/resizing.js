"use strict";
// Pictures as { width, height, values }, row by row, and how Pillow resizes them when their pixels are 32-bit floats.

function picture(width, height, Type = Float32Array) {
  return { width, height, values: new Type(width * height) };
}

// Python's round() and NumPy's rint(): a half goes to the even neighbour
function rounded(x) {
  return Math.abs(x % 1) === 0.5 ? 2 * Math.round(x / 2) : Math.round(x);
}

// Pillow's filters: how far they reach, in pixels of the coarser picture, and their weight at a distance
const BOX_FILTER = { support: 0.5, weight: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) };
const BICUBIC_FILTER = {
  support: 2,
  weight(x) {
    const a = -0.5;
    x = Math.abs(x);
    if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
  },
};

// Image.resize((width, height), filter): along the rows first, then along the columns, each time rounded to float32
function resized(image, width, height, filter) {
  return transposed(resizedRows(transposed(resizedRows(image, width, filter)), height, filter));
}

function resizedRows(image, width, filter) {
  const result = picture(width, image.height);
  const pixels = Array.from({ length: width }, (_, x) => coefficients(x, image.width, width, filter));
  for (let y = 0; y < image.height; y++) {
    for (let x = 0; x < width; x++) {
      const { first, weights } = pixels[x];
      let sum = 0;
      for (let i = 0; i < weights.length; i++) sum += image.values[y * image.width + first + i] * weights[i];
      result.values[y * width + x] = sum;
    }
  }
  return result;
}

// Which pixels of a row of the old width make up pixel x of the new one, and with which weights
function coefficients(x, oldWidth, newWidth, filter) {
  const scale = oldWidth / newWidth;
  const stretched = Math.max(1, scale);
  const support = filter.support * stretched;
  const centre = (x + 0.5) * scale;
  const first = Math.max(0, Math.trunc(centre - support + 0.5));
  const end = Math.min(oldWidth, Math.trunc(centre + support + 0.5));
  const weights = [];
  for (let i = first; i < end; i++) weights.push(filter.weight((i - centre + 0.5) * (1 / stretched)));
  let sum = 0;
  for (const weight of weights) sum += weight;
  return { first, weights: sum === 0 ? weights : weights.map((weight) => weight / sum) };
}

function transposed({ width, height, values }) {
  const result = picture(height, width, values.constructor);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) result.values[x * height + y] = values[y * width + x];
  }
  return result;
}

// The part of a picture from (left, top) to before (right, bottom)
function cropped(image, left, top, right, bottom) {
  const result = picture(right - left, bottom - top, image.values.constructor);
  for (let y = top; y < bottom; y++) {
    const row = image.values.subarray(y * image.width + left, y * image.width + right);
    result.values.set(row, (y - top) * result.width);
  }
  return result;
}

// numpy.pad(image, margin): zeros on all four sides
function padded(image, margin) {
  const result = picture(image.width + 2 * margin, image.height + 2 * margin, image.values.constructor);
  for (let y = 0; y < image.height; y++) {
    const row = image.values.subarray(y * image.width, (y + 1) * image.width);
    result.values.set(row, (y + margin) * result.width + margin);
  }
  return result;
}

// left, top, right, bottom of what is not 0, or null where all is; right and bottom are the first without it
function boxOf({ width, values }) {
  const box = { left: Infinity, top: Infinity, right: 0, bottom: 0 };
  values.forEach((value, i) => {
    if (!value) return;
    const x = i % width, y = Math.floor(i / width);
    box.left = Math.min(box.left, x);
    box.top = Math.min(box.top, y);
    box.right = Math.max(box.right, x + 1);
    box.bottom = Math.max(box.bottom, y + 1);
  });
  return box.right ? box : null;
}
