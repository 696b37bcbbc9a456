"use strict";
// What mnist_mlp/handwriting/segmentation.py does: which ink belongs to which digit. A piece is some ink,
// { labels, left, top, right, bottom, area }. Nothing on this page touches the border, so that part is left out.

const heightOf = (piece) => piece.bottom - piece.top;
const widthOf = (piece) => piece.right - piece.left;

// segment: of ink, a shape of 0 and 1, the number of each pixel's connected component, a piece for each digit, and how
// many pieces there are but for specks
function segment(ink) {
  const { labels, pieces } = connected(ink);
  const largest = pieces.reduce((area, piece) => Math.max(area, piece.area), 0);
  const noSpecks = pieces.filter((piece) => piece.area >= CONSTANTS.SMALLEST_PIECE * largest);
  const digits = tallEnough(joined(largestOfAll(noSpecks), strokeOf(ink)));
  return { labels, digits: inReadingOrder(digits), pieces: noSpecks.length };
}

// ndimage.label with all eight neighbours, and _pieces
function connected({ width, height, values }) {
  const labels = new Int32Array(width * height);
  const pieces = [];
  values.forEach((value, first) => {
    if (!value || labels[first]) return;
    const piece = { labels: [pieces.length + 1], left: width, top: height, right: 0, bottom: 0, area: 0 };
    pieces.push(piece);
    labels[first] = pieces.length;
    const reached = [first];
    while (reached.length) {
      const i = reached.pop();
      const x = i % width, y = Math.floor(i / width);
      grow(piece, x, y);
      for (let ny = Math.max(0, y - 1); ny <= Math.min(height - 1, y + 1); ny++) {
        for (let nx = Math.max(0, x - 1); nx <= Math.min(width - 1, x + 1); nx++) {
          const near = ny * width + nx;
          if (values[near] && !labels[near]) {
            labels[near] = pieces.length;
            reached.push(near);
          }
        }
      }
    }
  });
  return { labels, pieces };
}

function grow(piece, x, y) {
  piece.left = Math.min(piece.left, x);
  piece.top = Math.min(piece.top, y);
  piece.right = Math.max(piece.right, x + 1);
  piece.bottom = Math.max(piece.bottom, y + 1);
  piece.area += 1;
}

// _stroke: twice the area divided by the outline, which is the ink with one of four neighbours without
function strokeOf({ width, height, values }) {
  let area = 0, outline = 0;
  values.forEach((value, i) => {
    if (!value) return;
    const x = i % width, y = Math.floor(i / width);
    const inner =
      x > 0 && x < width - 1 && y > 0 && y < height - 1 &&
      values[i - 1] && values[i + 1] && values[i - width] && values[i + width];
    area += 1;
    if (!inner) outline += 1;
  });
  return (2 * area) / Math.max(1, outline);
}

// the second half of _without_specks: not more than some, the largest first
function largestOfAll(pieces) {
  return [...pieces].sort((p, q) => q.area - p.area).slice(0, CONSTANTS.MOST_PIECES);
}

const tallestOf = (pieces) => pieces.reduce((tallest, piece) => Math.max(tallest, heightOf(piece)), 0);

// _joined: pieces joined while two of them belong to one digit
function joined(pieces, stroke) {
  if (oneBrokenDigit(pieces, stroke)) return [pieces.reduce(union)];
  const tallest = tallestOf(pieces);
  const usual = median(pieces.map(heightOf).filter((height) => height >= CONSTANTS.PART * tallest));
  for (let before = pieces.length + 1; pieces.length < before; ) {
    before = pieces.length;
    pieces = joinedOnce([...pieces].sort((p, q) => q.area - p.area), usual, stroke);
  }
  return pieces;
}

function joinedOnce(pieces, usual, stroke) {
  const result = [];
  for (const piece of pieces) {
    const i = result.findIndex((other) => belongTogether(other, piece, usual, stroke));
    if (i < 0) result.push(piece);
    else result[i] = union(result[i], piece);
  }
  return result;
}

function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  if (sorted.length === 0) return 0;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

// _one_broken_digit
function oneBrokenDigit(pieces, stroke) {
  if (pieces.length < 3) return false;
  const whole = pieces.reduce(union);
  if (widthOf(whole) > heightOf(whole) || tallestOf(pieces) > 0.6 * heightOf(whole)) return false;
  const close = (p, q) => Math.max(...Object.values(gaps(p, q))) < CONSTANTS.BROKEN * stroke;
  let reached = pieces.slice(0, 1), rest = pieces.slice(1);
  for (;;) {
    const near = rest.filter((p) => reached.some((q) => close(p, q)));
    if (near.length === 0) return rest.length === 0;
    reached = [...reached, ...near];
    rest = rest.filter((piece) => !near.includes(piece));
  }
}

// _gaps: how far two boxes are from each other: to the side, and above each other; less than 0 where they overlap
function gaps(p, q) {
  return {
    across: Math.max(p.left, q.left) - Math.min(p.right, q.right),
    down: Math.max(p.top, q.top) - Math.min(p.bottom, q.bottom),
  };
}

// _union
function union(p, q) {
  return {
    labels: [...p.labels, ...q.labels],
    left: Math.min(p.left, q.left),
    top: Math.min(p.top, q.top),
    right: Math.max(p.right, q.right),
    bottom: Math.max(p.bottom, q.bottom),
    area: p.area + q.area,
  };
}

// _belong_together: one is above the other, or a small one is close to another
function belongTogether(first, second, usual, stroke) {
  const { across, down } = gaps(first, second);
  const near = CONSTANTS.BROKEN * stroke;
  if (Math.max(across, down) > Math.max(0.3 * usual, near)) return false;
  const together = heightOf(union(first, second));
  const small = Math.min(heightOf(first), heightOf(second)), large = Math.max(heightOf(first), heightOf(second));
  if (-across > 0.5 * Math.min(widthOf(first), widthOf(second))) {
    return down < stroke || (down < 0.3 * usual && together < 1.6 * usual && small < 0.6 * large);
  }
  return small < CONSTANTS.PART * large && across < near && down < near && together < 1.3 * usual;
}

// _digits
function tallEnough(pieces) {
  return pieces.filter((piece) => heightOf(piece) >= CONSTANTS.SHORTEST_DIGIT * tallestOf(pieces));
}

// in_reading_order: row by row from the top, from left to right in each; a row may climb or fall
function inReadingOrder(pieces) {
  const rows = [];
  for (const piece of [...pieces].sort((p, q) => p.left + p.right - (q.left + q.right))) {
    const distance = (row) => gaps(row.at(-1), piece).down;
    const beside = rows.filter((row) => -distance(row) > 0.3 * Math.min(heightOf(row.at(-1)), heightOf(piece)));
    if (beside.length) beside.reduce((best, row) => (distance(row) < distance(best) ? row : best)).push(piece);
    else rows.push([piece]);
  }
  const middle = (row) => row.reduce((sum, piece) => sum + piece.top + piece.bottom, 0) / row.length;
  return rows.sort((p, q) => middle(p) - middle(q)).flat();
}
