"use strict";
// What mnist_mlp/handwriting's find_digits does with a clean drawing: paper of one flat colour, ink in one other.

// The digits in a drawing, in reading order: each { image: uint8 (28, 28), box: { left, top, right, bottom } }; and of
// how many pieces of ink, without specks, the drawing consists.
// ink: uint8 (height, width), 0 on paper, 255 in the middle of a stroke; nothing lies on the outermost pixels.
function findDigits(ink) {
  const strength = inkOfACleanDrawing(ink);
  if (!strength) return { digits: [], pieces: 0 };
  const { labels, digits, pieces } = segment(above(strength, 0.5));
  const found = digits.map((piece) => ({ image: toMnist(alone(strength, labels, piece)), box: piece }));
  return { digits: found, pieces };
}

// ink_of_a_clean_drawing, of the red, green and blue of the picture that "Save" writes: the distance from the paper's
// colour, divided by that of strong ink. Null where less than half is paper, which Python reads as a photograph.
function inkOfACleanDrawing({ width, height, values }) {
  const distance = (grey) => Math.fround(Math.sqrt(3 * grey * grey));
  const counts = new Float64Array(256);
  for (const grey of values) counts[grey] += 1;
  if (counts[0] < values.length / 2) return null;
  counts.forEach((_, grey) => {
    if (distance(grey) <= CONSTANTS.FAINTEST) counts[grey] = 0;
  });
  const strong = Math.fround(2 * CONSTANTS.THRESHOLD * percentile(counts, 0.9, distance));
  const strengths = Float32Array.from(counts, (_, grey) => distance(grey) / strong);
  const ink = picture(width, height);
  for (let i = 0; i < values.length; i++) ink.values[i] = strengths[values[i]];
  return ink;
}

// numpy.percentile of what grey values are turned into, given by how often each occurs; Infinity where none does
function percentile(counts, share, turned) {
  const total = counts.reduce((a, b) => a + b, 0);
  if (total === 0) return Infinity;
  const place = share * (total - 1);
  const valueAt = (rank) => {
    let grey = 0;
    for (let seen = counts[0]; seen <= rank; seen += counts[grey]) grey += 1;
    return turned(grey);
  };
  const lower = valueAt(Math.floor(place));
  return lower + (valueAt(Math.ceil(place)) - lower) * (place % 1);
}

// The ink of one piece, cut out with 2 pixels around it, as _digits in finding.py does
function alone(strength, labels, piece) {
  const around = {
    left: Math.max(0, piece.left - 2),
    top: Math.max(0, piece.top - 2),
    right: Math.min(strength.width, piece.right + 2),
    bottom: Math.min(strength.height, piece.bottom + 2),
  };
  const result = cropped(strength, around.left, around.top, around.right, around.bottom);
  const own = new Set(piece.labels);
  const isNear = (x, y) => {
    for (let ny = Math.max(around.top, y - 2); ny <= Math.min(around.bottom - 1, y + 2); ny++) {
      for (let nx = Math.max(around.left, x - 2); nx <= Math.min(around.right - 1, x + 2); nx++) {
        if (own.has(labels[ny * strength.width + nx])) return true;
      }
    }
    return false;
  };
  result.values.forEach((value, i) => {
    const x = around.left + (i % result.width), y = around.top + Math.floor(i / result.width);
    if (value && !isNear(x, y)) result.values[i] = 0;
  });
  return result;
}

// is_text of mnist_mlp/prediction/doubt.py: one digit in many pieces, or many digits of which many are unsure
function isText(pieces, unsure) {
  const { MANY, MOST_UNSURE, MOST_PIECES_OF_A_DIGIT } = CONSTANTS;
  const manyUnsure = unsure.filter(Boolean).length > MOST_UNSURE * unsure.length;
  return pieces > MOST_PIECES_OF_A_DIGIT * unsure.length || (unsure.length >= MANY && manyUnsure);
}
