"use strict";
// What mnist_mlp/handwriting/centring.py does: from the ink of one digit to MNIST's 28x28.
// CONSTANTS are those of the Python modules; Python writes them into the page.

// to_mnist: ink is float32, one digit alone; the result is uint8 (28, 28)
function toMnist(ink) {
  return centred(fitted(withUsualStroke(fineShape(ink))));
}

// _fine_shape: the digit's shape, 0 or 1, with about FINE * BOX pixels along its longer side, and a margin around
function fineShape(ink) {
  const box = boxOf(above(ink, 0.5));
  const longest = Math.max(box.bottom - box.top, box.right - box.left);
  const zoom = (CONSTANTS.FINE * CONSTANTS.BOX) / longest;
  const image = padded(clipped(ink), Math.ceil((CONSTANTS.FINE * 3) / zoom));
  const width = rounded(image.width * zoom), height = rounded(image.height * zoom);
  const fine = resized(image, width, height, zoom < 1 ? BOX_FILTER : BICUBIC_FILTER);
  return above({ ...fine, values: fine.values.map(withoutNoise) }, 0.5);
}

// Where a picture is more than a threshold: 1, else 0
function above({ width, height, values }, threshold) {
  const shape = picture(width, height, Uint8Array);
  for (let i = 0; i < values.length; i++) shape.values[i] = values[i] > threshold ? 1 : 0;
  return shape;
}

function inverse({ width, height, values }) {
  return { width, height, values: values.map((value) => 1 - value) };
}

function clipped({ width, height, values }) {
  return { width, height, values: values.map((value) => Math.min(1, Math.max(0, value))) };
}

// _distances, of a shape or of what is around it (inside = 1 or 0): how far each of its pixels is from the nearest
// other one. Exact: down the columns first, then the best of each row's columns.
function distances({ width, height, values }, inside = 1) {
  const down = new Float64Array(width * height).fill(Infinity);
  for (let x = 0; x < width; x++) {
    for (const order of [1, -1]) {
      let distance = Infinity;
      for (let step = 0; step < height; step++) {
        const i = (order > 0 ? step : height - 1 - step) * width + x;
        distance = values[i] === inside ? distance + 1 : 0;
        down[i] = Math.min(down[i], distance);
      }
    }
  }
  const nearest = down.map((_, i) => {
    const x = i % width, start = i - x;
    let best = Infinity;
    for (let dx = 0; dx < width && dx * dx < best; dx++) {
      if (x - dx >= 0) best = Math.min(best, dx * dx + down[start + x - dx] ** 2);
      if (x + dx < width) best = Math.min(best, dx * dx + down[start + x + dx] ** 2);
    }
    return Math.sqrt(best);
  });
  return { width, height, values: nearest };
}

// stroke_width: a strip of width w has its pixels at the mean distance w / 4 from its border
function strokeWidth(shape) {
  let sum = 0, count = 0;
  distances(shape).values.forEach((distance, i) => {
    if (shape.values[i]) {
      sum += distance;
      count += 1;
    }
  });
  return 4 * (sum / count) - 2;
}

// _with_usual_stroke: the outline is moved where strokes are thinner or thicker than most of MNIST's
function withUsualStroke(shape) {
  const { FINE, THINNEST, THICKEST } = CONSTANTS;
  const width = strokeWidth(shape) / FINE;
  const move = ((Math.min(THICKEST, Math.max(THINNEST, width)) - width) / 2) * FINE;
  if (move > 0.25) return inverse(above(distances(shape, 0), move + 0.5));
  if (move < -0.25) {
    const thinner = above(distances(shape), -move + 0.5);
    const before = boxOf(shape), after = boxOf(thinner) ?? { left: 0, top: 0, right: 0, bottom: 0 };
    const lost = Math.max(
      before.right - before.left - (after.right - after.left),
      before.bottom - before.top - (after.bottom - after.top),
    );
    if (lost < -3 * move + 1) return thinner;
  }
  return shape;
}

// _fitted: the shape's box scaled into 20x20 by averaging areas, its aspect kept, its edge softened first
function fitted(shape) {
  const { left, top, right, bottom } = boxOf(shape);
  const zoom = CONSTANTS.BOX / Math.max(bottom - top, right - left);
  const width = Math.max(1, rounded((right - left) * zoom));
  const height = Math.max(1, rounded((bottom - top) * zoom));
  const soft = softened(shape, CONSTANTS.SOFTNESS * CONSTANTS.FINE);
  const image = resized(cropped(soft, left, top, right, bottom), width, height, BOX_FILTER);
  const most = image.values.reduce((a, b) => Math.max(a, b));
  return { ...image, values: image.values.map((value) => value / most) };
}

// scipy.ndimage.gaussian_filter, down the columns and then along the rows; what lies outside the picture is 0
function softened({ width, height, values }, sigma) {
  const reach = Math.floor(4 * sigma + 0.5);
  const weights = Float64Array.from({ length: reach + 1 }, (_, k) => Math.exp((-0.5 * k * k) / (sigma * sigma)));
  const sum = weights.reduce((total, weight) => total + 2 * weight);
  const along = (from, step, place, length) => {
    const result = new Float32Array(from.length);
    for (let i = 0; i < from.length; i++) {
      const at = (k) => (place(i) + k >= 0 && place(i) + k < length ? from[i + k * step] : 0);
      let total = at(0) * (weights[0] / sum);
      for (let k = reach; k > 0; k--) total += (at(-k) + at(k)) * (weights[k] / sum);
      result[i] = total;
    }
    return result;
  };
  const down = along(Float32Array.from(values), width, (i) => Math.floor(i / width), height);
  return { width, height, values: along(down, 1, (i) => i % width, width) };
}

// centred: moved by whole pixels so that its centre of mass is in the middle of 28x28
function centred({ width, height, values }) {
  let mass = 0, x = 0, y = 0;
  values.forEach((value, i) => {
    mass += value;
    x += value * (i % width);
    y += value * Math.floor(i / width);
  });
  const { SIDE } = CONSTANTS;
  const left = Math.min(SIDE - width, Math.max(0, rounded(withoutNoise(SIDE / 2 - x / mass))));
  const top = Math.min(SIDE - height, Math.max(0, rounded(withoutNoise(SIDE / 2 - y / mass))));
  const result = picture(SIDE, SIDE, Uint8Array);
  values.forEach((value, i) => {
    const row = top + Math.floor(i / width), column = left + (i % width);
    result.values[row * SIDE + column] = rounded(withoutNoise(255 * value));
  });
  return result;
}

// round(x, DECIMALS): no half hangs on the last bits of a mean
function withoutNoise(x) {
  return rounded(x * 10 ** CONSTANTS.DECIMALS) / 10 ** CONSTANTS.DECIMALS;
}
