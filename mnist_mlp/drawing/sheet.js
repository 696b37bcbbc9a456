"use strict";
// The sheet that one draws on. Its ink is computed here and not by the canvas, so that all browsers have the same.

const PEN_WIDTH = 24; // in pixels of the sheet, which has CONSTANTS.LONGEST_SIDE along each side
const KEY_STEP = 12, FINE_KEY_STEP = 3;
const MOST_UNDOS = 100;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

class Sheet {
  // changed: called after each change, with the place of the pen where there was one
  constructor(canvas, changed) {
    this.side = canvas.width = canvas.height = CONSTANTS.LONGEST_SIDE;
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
    this.changed = changed;
    this.ink = picture(this.side, this.side, Uint8Array);
    this.before = []; // the ink before each stroke, for undo
    this.pens = new Map(); // where each pointer that is down was last
    this.show();
    this.listen();
  }

  get isEmpty() {
    return this.ink.values.every((grey) => grey === 0);
  }

  // A stroke through points (x, y), in pixels from the left and the top of the sheet
  stroke(points) {
    this.remember();
    points.forEach(([x, y], i) => this.line(...points[Math.max(0, i - 1)], x, y));
    this.show(points.at(-1));
  }

  remember() {
    this.before.push(this.ink.values.slice());
    if (this.before.length > MOST_UNDOS) this.before.shift();
  }

  // Ink along a line, softened over one pixel at its edges. The outermost pixels remain paper.
  line(x0, y0, x1, y1) {
    const { side } = this, { values } = this.ink, reach = PEN_WIDTH / 2 + 1;
    const from = (a, b) => Math.max(1, Math.floor(Math.min(a, b) - reach));
    const to = (a, b) => Math.min(side - 2, Math.ceil(Math.max(a, b) + reach));
    for (let y = from(y0, y1); y <= to(y0, y1); y++) {
      for (let x = from(x0, x1); x <= to(x0, x1); x++) {
        const distance = distanceToLine(x + 0.5, y + 0.5, x0, y0, x1, y1);
        const grey = 255 * Math.min(1, Math.max(0, PEN_WIDTH / 2 + 0.5 - distance));
        values[y * side + x] = Math.max(values[y * side + x], Math.round(grey));
      }
    }
  }

  undo() {
    if (this.before.length) this.replace(this.before.pop());
  }

  clear() {
    if (this.isEmpty) return;
    this.remember();
    this.replace(new Uint8Array(this.side ** 2));
  }

  replace(values) {
    this.ink.values = values;
    this.show();
  }

  // Dark ink on white paper
  show(place) {
    const image = this.context.createImageData(this.side, this.side);
    const pixels = new Uint32Array(image.data.buffer); // each is alpha, blue, green and red
    for (let i = 0; i < pixels.length; i++) pixels[i] = 0xff000000 | ((255 - this.ink.values[i]) * 0x010101);
    this.context.putImageData(image, 0, 0);
    this.changed(place);
  }

  png() {
    return new Promise((resolve) => this.canvas.toBlob(resolve, "image/png"));
  }

  async save() {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await this.png());
    link.download = "drawing.png";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }

  // A place on the screen in pixels of the sheet
  place(event) {
    const box = this.canvas.getBoundingClientRect();
    const zoom = this.side / box.width;
    return [(event.clientX - box.left) * zoom, (event.clientY - box.top) * zoom];
  }

  listen() {
    this.canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      this.canvas.setPointerCapture(event.pointerId);
      const place = this.place(event);
      this.pens.set(event.pointerId, place);
      this.stroke([place]);
    });
    this.canvas.addEventListener("pointermove", (event) => {
      if (!this.pens.has(event.pointerId)) return;
      const moves = event.getCoalescedEvents?.() ?? [];
      for (const move of moves.length ? moves : [event]) {
        const place = this.place(move);
        this.line(...this.pens.get(event.pointerId), ...place);
        this.pens.set(event.pointerId, place);
      }
      this.show(this.pens.get(event.pointerId));
    });
    for (const end of ["pointerup", "pointercancel"]) {
      this.canvas.addEventListener(end, (event) => this.pens.delete(event.pointerId));
    }
  }
}

function distanceToLine(x, y, x0, y0, x1, y1) {
  const dx = x1 - x0, dy = y1 - y0;
  const along = ((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy || 1);
  const t = Math.min(1, Math.max(0, along));
  return Math.hypot(x - x0 - t * dx, y - y0 - t * dy);
}

// A pen that the keyboard moves: the arrow keys, and space to put it down and lift it
class KeyboardPen {
  constructor(sheet, mark, say) {
    Object.assign(this, { sheet, mark, say, x: sheet.side / 2, y: sheet.side / 2, isDown: false });
    sheet.canvas.addEventListener("keydown", (event) => this.press(event));
    sheet.canvas.addEventListener("focus", () => this.show(sheet.canvas.matches(":focus-visible")));
    sheet.canvas.addEventListener("blur", () => {
      this.isDown = false;
      this.show(false);
    });
    this.show(false);
  }

  press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in ARROWS) this.move(...ARROWS[event.key], event.shiftKey ? FINE_KEY_STEP : KEY_STEP);
    else if (event.key === " ") this.putDownOrLift();
    else return;
    event.preventDefault();
    this.show(true);
  }

  move(right, down, step) {
    const { x, y, sheet } = this;
    this.x = Math.min(sheet.side, Math.max(0, x + step * right));
    this.y = Math.min(sheet.side, Math.max(0, y + step * down));
    if (!this.isDown) return;
    sheet.line(x, y, this.x, this.y);
    sheet.show([this.x, this.y]);
  }

  putDownOrLift() {
    this.isDown = !this.isDown;
    if (this.isDown) this.sheet.stroke([[this.x, this.y]]);
    this.say(this.isDown ? "Pen down" : "Pen up");
  }

  show(visible) {
    this.mark.hidden = !visible;
    this.mark.classList.toggle("down", this.isDown);
    this.mark.style.left = `${(100 * this.x) / this.sheet.side}%`;
    this.mark.style.top = `${(100 * this.y) / this.sheet.side}%`;
  }
}
