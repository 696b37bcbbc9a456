"use strict";
// What happens when: a change of the sheet is prepared, goes through the network, and is shown.

class Page {
  constructor(network) {
    this.network = network;
    this.readings = []; // for each digit on the sheet { image, box, activations, z, probabilities }
    this.chosen = 0; // which of them the network is shown for
    this.pointed = null; // the neuron that is pointed at, { layer, neuron }, the outputs being the last layer
    this.palette = new Palette();
    this.isOfDigits = network.class_names.every((name) => /^\d$/.test(name));
    this.layers = network.layers.slice(0, -1).map((layer, i) => {
      const point = (neuron) => this.point(i + 1, neuron);
      return new LayerView(i + 1, layer.b.length, network.activations[i], point);
    });
    const pointOutput = (j) => this.point(network.layers.length, j);
    this.outputs = new OutputsView(element("outputs"), network.class_names, pointOutput);
    element("hidden-layers").append(...this.layers.map(({ node }) => node));
    this.describe();
    this.layOut();
    this.sheet = new Sheet(element("sheet"), (place) => this.update(place));
    this.listen();
    this.update();
  }

  describe() {
    const { layers, output_activation, image_size, class_names } = this.network;
    const sizes = [layers[0].width, ...layers.map(({ b }) => b.length)];
    element("title").textContent = this.isOfDigits ? "Draw a digit" : "Draw one of these";
    element("architecture").textContent = `${sizes.join(" – ")} neurons, ${output_activation}`;
    const square = (side) => `${side} × ${side}`;
    const isLarger = image_size > CONSTANTS.SIDE;
    const more = isLarger ? ` Empty pixels below and at the right make it ${square(image_size)}.` : "";
    const seen = `${square(CONSTANTS.SIDE)} pixels: your ink, scaled and centred as in MNIST.`;
    element("seen-note").textContent = seen + more;
    const neuron = this.layers.length ? "at a neuron to see its incoming weights, " : "";
    element("invitation-to-point").textContent = `Point ${neuron}at an output to see which pixels speak for it.`;
    element("sheet").setAttribute("aria-label", `Sheet to draw on: ${class_names.join(", ")}`);
  }

  listen() {
    const pen = new KeyboardPen(this.sheet, element("pen"), (text) => (element("pen-status").textContent = text));
    element("undo").addEventListener("click", () => this.sheet.undo());
    element("clear").addEventListener("click", () => this.sheet.clear());
    element("save").addEventListener("click", () => this.sheet.save());
    document.addEventListener("keydown", (event) => {
      if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z") return;
      event.preventDefault();
      this.sheet.undo();
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.palette = new Palette();
      this.show();
    });
    new ResizeObserver(() => {
      this.layOut();
      this.show();
    }).observe(element("hidden-layers"));
    return pen;
  }

  // The hidden layers share a part of the screen, so that one need not scroll from layer to layer
  layOut() {
    const height = Math.max(44, innerHeight * Math.min(0.22, 0.28 / Math.max(1, this.layers.length)));
    for (const layer of this.layers) layer.layOut(height);
  }

  // The sheet has changed, at a place of the pen or as a whole
  update(place) {
    if (!this.sheet) return;
    const { digits, pieces } = findDigits(this.sheet.ink);
    const readings = digits.map((digit) => this.read(digit));
    const unsure = readings.map((reading) => this.ranked(reading).isUnsure);
    this.readings = isText(pieces, unsure) ? [] : readings;
    this.chosen = place ? this.nearest(place) : Math.min(this.chosen, Math.max(0, this.readings.length - 1));
    this.show();
  }

  read({ image, box }) {
    const { activations, z } = this.network.feedforward(this.network.inputs(image));
    return { image, box, activations, z, probabilities: this.network.probabilities(z) };
  }

  // The digit whose box is nearest to a place
  nearest([x, y]) {
    const distances = this.readings.map(({ box }) =>
      Math.hypot(Math.max(box.left - x, 0, x - box.right), Math.max(box.top - y, 0, y - box.bottom)),
    );
    return Math.max(0, distances.indexOf(Math.min(...distances)));
  }

  get reading() {
    return this.readings[this.chosen];
  }

  point(layer, neuron) {
    this.pointed = neuron < 0 ? null : { layer, neuron };
    this.showCloser();
  }

  show() {
    const { reading, sheet } = this;
    const seen = reading?.image.values ?? new Uint8Array(CONSTANTS.SIDE ** 2); // white on black, as MNIST has it
    paintPixels(element("seen"), seen, CONSTANTS.SIDE, (grey) => [grey, grey, grey]);
    element("seen").setAttribute("aria-label", reading ? "The drawing as the network sees it" : "Nothing to see yet");
    this.layers.forEach((layer, i) => {
      layer.show(reading?.activations[i + 1] ?? new Float64Array(layer.size), this.palette);
    });
    this.outputs.show(reading?.probabilities);
    document.body.classList.toggle("inked", !sheet.isEmpty);
    element("undo").disabled = sheet.before.length === 0;
    element("clear").disabled = element("save").disabled = sheet.isEmpty;
    this.showAnswer();
    this.showBoxes();
    this.showCloser();
  }

  // first and second: the classes with the largest probabilities
  ranked({ probabilities }) {
    const order = [...probabilities.keys()].sort((i, j) => probabilities[j] - probabilities[i]);
    const [first, second] = order, names = this.network.class_names;
    const p = probabilities[first], q = probabilities[second];
    return { first, name: names[first], p, second: names[second], q, isUnsure: p < this.network.unsure };
  }

  showAnswer() {
    const digits = element("digits"), answers = this.readings.map((reading) => this.ranked(reading));
    digits.classList.toggle("several", answers.length > 1);
    digits.classList.toggle("long", answers.some(({ name }) => name.length > 2));
    digits.replaceChildren(
      ...answers.map(({ name, isUnsure }, i) => {
        const className = `${isUnsure ? "unsure" : ""} ${i === this.chosen ? "chosen" : ""}`;
        const button = made("button", { type: "button", className }, isUnsure ? `${name}?` : name);
        button.setAttribute("aria-pressed", i === this.chosen);
        button.addEventListener("click", () => {
          this.chosen = i;
          this.show();
          element("digits").children[i].focus();
        });
        return button;
      }),
    );
    if (answers.length === 0) digits.append(made("span", { className: "none" }, "–"));
    element("verdict").textContent = this.verdict(answers);
  }

  verdict(answers) {
    if (answers.length === 0) {
      const nothing = this.isOfDigits ? "No digit" : "Nothing";
      return this.sheet.isEmpty ? `${nothing}: the sheet is empty.` : `${nothing}: too much ink, or too many pieces.`;
    }
    const { name, p, second, q, isUnsure } = answers[this.chosen];
    if (isUnsure) return `Unsure: ${name} (${percent(p)}) or ${second} (${percent(q)})`;
    return `${name}, probability ${percent(p)}`;
  }

  // Where there are several digits, a frame around each
  showBoxes() {
    const share = (pixels) => `${(100 * pixels) / this.sheet.side}%`;
    const boxes = this.readings.length > 1 ? this.readings.map(({ box }) => box) : [];
    element("boxes").replaceChildren(
      ...boxes.map(({ left, top, right, bottom }, i) => {
        const frame = made("div", { className: i === this.chosen ? "chosen" : "" });
        const style = { left: share(left), top: share(top), width: share(right - left), height: share(bottom - top) };
        Object.assign(frame.style, style);
        return frame;
      }),
    );
  }

  // What is pointed at, or else why the answer is what it is
  showCloser() {
    const { pointed, reading, network } = this;
    const outputLayer = network.layers.length;
    element("closer").classList.toggle("pointed", pointed !== null);
    this.outputs.rows.forEach(({ button }, j) => {
      button.classList.toggle("chosen", pointed?.layer === outputLayer && pointed.neuron === j);
    });
    if (pointed && pointed.layer < outputLayer) this.showWeights(pointed.layer, pointed.neuron);
    else if (reading) this.showReasons(pointed ? pointed.neuron : this.ranked(reading).first);
    else {
      const text = "Draw, and this shows which pixels speak for the answer.";
      this.showPicture(new Float64Array(network.image_size ** 2), "Why?", text, "", "");
    }
  }

  showReasons(j) {
    const { network, reading } = this;
    const shares = network.contributions(j, reading.activations);
    const sum = (sign) => shares.reduce((total, share) => total + Math.max(0, sign * share), 0).toFixed(1);
    const isExact = network.activations.every((name) => ["relu", "identity"].includes(name));
    const how = isExact
      ? `with a constant, exactly its score z = ${signed(reading.z[j])}.`
      : "only approximate, as its neurons' functions are curved.";
    const text = `Gradient × ink: +${sum(1)} for it, −${sum(-1)} against it; ${how}`;
    this.showPicture(shares, `Why ${network.class_names[j]}?`, text, "against", "for");
  }

  showWeights(layer, neuron) {
    const weights = this.network.incomingWeights(layer, neuron);
    const a = this.reading?.activations[layer][neuron];
    const state = a === undefined ? "" : ` Its activation is ${signed(a, 2)}.`;
    const from = layer === 1 ? "each pixel" : `each neuron of hidden layer ${layer - 1}, in the same places`;
    const title = `Layer ${layer}, neuron ${neuron + 1}`;
    const columns = layer === 1 ? this.network.image_size : this.layers[layer - 2].layout.columns;
    this.showPicture(weights, title, `Its weights from ${from}.${state}`, "negative", "positive", columns);
  }

  // values: one for each pixel, or for each neuron of a layer that is shown in so many columns
  showPicture(values, title, text, minus, plus, columns = this.network.image_size) {
    const canvas = element("closer-picture"), scale = largestOf(values);
    paintPixels(canvas, values, columns, (value) => this.palette.colour(value / scale));
    canvas.setAttribute("aria-label", `${title} ${text}`);
    element("closer-title").textContent = title;
    element("closer-text").textContent = text;
    element("legend-minus").textContent = minus;
    element("legend-plus").textContent = plus;
    element("legend-plus").parentElement.style.visibility = minus ? "visible" : "hidden";
  }
}

const page = new Page(new Network(STORED_NETWORK));
