"use strict";
// How numbers become colours, cells and words. Nothing here computes anything of the network.

const element = (id) => document.getElementById(id);

function made(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

// A number from -1 to 1 as [red, green, blue] between the style sheet's --minus, --zero and --plus
class Palette {
  constructor() {
    const style = getComputedStyle(document.documentElement);
    const read = (name) => style.getPropertyValue(name).trim().match(/\w\w/g).map((part) => parseInt(part, 16));
    Object.assign(this, { minus: read("--minus"), zero: read("--zero"), plus: read("--plus"), text: read("--text") });
  }

  // The power makes small differences from 0 visible
  colour(value) {
    const share = Math.min(1, Math.abs(value) ** 0.7), end = value < 0 ? this.minus : this.plus;
    return this.zero.map((zero, i) => Math.round(zero + share * (end[i] - zero)));
  }
}

const css = (parts) => `rgb(${parts.join(" ")})`;

const largestOf = (values) => values.reduce((largest, value) => Math.max(largest, Math.abs(value)), 1e-9);

// How n cells are laid out in a box of the screen: as large as fits
function layoutOf(n, width, height) {
  let cell = Math.round(1.1 * parseFloat(getComputedStyle(document.documentElement).fontSize));
  while (cell > 3 && Math.ceil(n / Math.floor(width / cell)) * cell > height) cell -= 1;
  const columns = Math.min(n, Math.max(1, Math.floor(width / cell)));
  return { columns, cell, gap: cell > 4 ? 1 : 0 };
}

// One cell for each value, row by row, with gaps between them; the value that is farthest from 0 has the full colour
function paintCells(canvas, values, { columns, cell, gap }, palette, chosen) {
  const dots = window.devicePixelRatio || 1, rows = Math.ceil(values.length / columns), scale = largestOf(values);
  canvas.width = Math.round(columns * cell * dots);
  canvas.height = Math.round(rows * cell * dots);
  canvas.style.width = `${columns * cell}px`;
  canvas.style.height = `${rows * cell}px`;
  const context = canvas.getContext("2d");
  context.scale(dots, dots);
  const corner = (i) => [(i % columns) * cell, Math.floor(i / columns) * cell];
  values.forEach((value, i) => {
    context.fillStyle = css(palette.colour(value / scale));
    context.fillRect(...corner(i), cell - gap, cell - gap);
  });
  if (chosen < 0) return;
  context.strokeStyle = css(palette.text);
  context.lineWidth = 2;
  context.strokeRect(...corner(chosen).map((place) => place + 1), cell - gap - 2, cell - gap - 2);
}

// One pixel for each value, row by row, without gaps; the style sheet enlarges the canvas. colourOf gives [r, g, b].
function paintPixels(canvas, values, columns, colourOf) {
  canvas.width = columns;
  canvas.height = Math.ceil(values.length / columns);
  const context = canvas.getContext("2d"), pixels = context.createImageData(canvas.width, canvas.height);
  values.forEach((value, i) => pixels.data.set([...colourOf(value), 255], 4 * i));
  context.putImageData(pixels, 0, 0);
}

function percent(p) {
  if (p > 0.9995 && p < 1) return ">99.9 %";
  return `${(100 * p).toFixed(1)} %`;
}

const signed = (number, digits = 1) => number.toFixed(digits).replace("-", "−");

// A hidden layer: a cell for each neuron; mouse, finger or arrow keys choose one
class LayerView {
  // chosen: called with the number of a neuron, or -1 when none is pointed at any more
  constructor(number, size, activation, chosen) {
    this.size = size;
    this.values = new Float64Array(size);
    this.neuron = -1;
    this.choose = chosen;
    this.canvas = made("canvas", { className: "cells", tabIndex: 0 });
    const details = made("small", {}, `${size.toLocaleString("en")} neurons, ${activation}`);
    this.node = made("div", {}, made("h2", {}, `Hidden layer ${number} `, details), this.canvas);
    this.canvas.setAttribute("role", "slider");
    this.canvas.setAttribute("aria-label", `Neuron of hidden layer ${number}`);
    this.canvas.setAttribute("aria-valuemin", 1);
    this.canvas.setAttribute("aria-valuemax", size);
    this.listen();
  }

  layOut(height) {
    this.layout = layoutOf(this.size, this.node.clientWidth, height);
  }

  show(values, palette) {
    this.values = values;
    this.palette = palette;
    paintCells(this.canvas, values, this.layout, palette, this.neuron);
    const shown = Math.max(0, this.neuron);
    this.canvas.setAttribute("aria-valuenow", shown + 1);
    this.canvas.setAttribute("aria-valuetext", `neuron ${shown + 1}, activation ${signed(values[shown], 2)}`);
  }

  select(neuron) {
    if (neuron === this.neuron) return;
    this.neuron = neuron;
    this.show(this.values, this.palette);
    this.choose(neuron);
  }

  neuronAt(event) {
    const box = this.canvas.getBoundingClientRect(), { columns, cell } = this.layout;
    const column = Math.floor((event.clientX - box.left) / cell), row = Math.floor((event.clientY - box.top) / cell);
    const neuron = row * columns + column;
    return column >= 0 && column < columns && neuron >= 0 && neuron < this.size ? neuron : -1;
  }

  listen() {
    for (const kind of ["pointermove", "pointerdown"]) {
      this.canvas.addEventListener(kind, (event) => this.select(this.neuronAt(event)));
    }
    this.canvas.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && this.select(-1));
    this.canvas.addEventListener("focus", () => {
      if (this.canvas.matches(":focus-visible")) this.select(Math.max(0, this.neuron));
    });
    this.canvas.addEventListener("blur", () => this.select(-1));
    this.canvas.addEventListener("keydown", (event) => {
      const { size, layout } = this;
      const down = layout.columns;
      const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: down, ArrowUp: -down, Home: -size, End: size };
      if (!(event.key in steps)) return;
      event.preventDefault();
      this.select(Math.min(size - 1, Math.max(0, this.neuron + steps[event.key])));
    });
  }
}

// The outputs: a button with a bar for each class
class OutputsView {
  // chosen: called with the number of a class, or -1
  constructor(list, names, chosen) {
    const columns = names.length <= 13 ? 1 : names.length <= 40 ? 2 : 3;
    const longest = Math.min(12, Math.max(...names.map((name) => name.length)));
    list.style.setProperty("--columns", columns);
    list.style.setProperty("--name-width", `${longest + 1.6}ch`);
    this.names = names;
    this.rows = names.map((name, j) => this.row(name, j, chosen));
    list.append(...this.rows.map(({ button }) => made("li", {}, button)));
  }

  row(name, j, chosen) {
    const fill = made("span", { className: "fill" }), number = made("span", { className: "percent" });
    const bar = made("span", { className: "bar" }, fill);
    const label = made("span", { className: "name", title: name }, name);
    const button = made("button", { type: "button" }, label, bar, number);
    for (const kind of ["pointerenter", "focus", "click"]) button.addEventListener(kind, () => chosen(j));
    button.addEventListener("pointerleave", (event) => event.pointerType === "mouse" && chosen(-1));
    button.addEventListener("blur", () => chosen(-1));
    return { button, fill, number };
  }

  show(probabilities) {
    const best = probabilities ? probabilities.indexOf(Math.max(...probabilities)) : -1;
    this.rows.forEach(({ button, fill, number }, j) => {
      const p = probabilities ? probabilities[j] : 0;
      fill.style.transform = `scaleX(${p})`;
      number.textContent = probabilities ? percent(p) : "";
      button.classList.toggle("best", j === best);
      button.setAttribute("aria-label", `${this.names[j]}: ${probabilities ? percent(p) : "no answer yet"}`);
    });
  }
}
