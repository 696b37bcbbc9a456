"use strict";
// The network and its forward pass: what mnist_mlp/equations/backprop.py and mnist_mlp/network/mlp.py do.

// By their names in mnist_mlp/equations/activations.py: a = sigma(z), and the derivative sigma'(z) expressed by a.
// Python refuses a network whose activation is not in this table.
const ACTIVATIONS = {
  identity: { sigma: (z) => z, derivative: () => 1 },
  relu: { sigma: (z) => Math.max(0, z), derivative: (a) => Math.sign(a) },
  scaled_tanh: {
    sigma: (z) => 1.7159 * Math.tanh((2 / 3) * z),
    derivative: (a) => 1.7159 * (2 / 3) * (1 - (a / 1.7159) ** 2),
  },
  sigmoid: { sigma: (z) => 1 / (1 + Math.exp(-z)), derivative: (a) => a * (1 - a) },
  tanh: { sigma: Math.tanh, derivative: (a) => 1 - a * a },
};

// a_j = exp(z_j) / sum_k exp(z_k); the largest z is taken off first, so that nothing overflows
function softmax(z) {
  const largest = Math.max(...z);
  const powers = Array.from(z, (each) => Math.exp(each - largest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return Float64Array.from(powers, (each) => each / sum);
}

// The numbers that Python wrote as base64 text: Type is Int16Array or Float32Array
function decoded(text, Type) {
  return new Type(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
}

class Network {
  // stored: what `stored_network` of mnist_mlp/drawing/stored_network.py wrote
  constructor(stored) {
    Object.assign(this, stored); // image_size, mean, std, class_names, activations, output_activation, unsure
    this.layers = stored.layers.map(({ weights, scales, biases }) => {
      const whole = decoded(weights, Int16Array);
      const scale = decoded(scales, Float32Array);
      const width = whole.length / scale.length;
      const w = Float32Array.from(whole, (each, i) => each * scale[Math.floor(i / width)]);
      return { w, b: decoded(biases, Float32Array), width };
    });
  }

  // x of an image, uint8 (28, 28): background is added below and at the right, then pixels in [0, 1] are normalized
  inputs(image) {
    const x = new Float64Array(this.image_size ** 2).fill(-this.mean / this.std);
    image.values.forEach((grey, i) => {
      const row = Math.floor(i / image.width);
      x[row * this.image_size + (i % image.width)] = (grey / 255 - this.mean) / this.std;
    });
    return x;
  }

  // z^l = w^l a^(l-1) + b^l, and a^l = sigma(z^l): the activations of the inputs and of every hidden layer, and z^L
  feedforward(x) {
    const activations = [x];
    let z = x;
    this.layers.forEach((layer, l) => {
      z = weightedInput(layer, activations[l]);
      if (l < this.layers.length - 1) activations.push(z.map(ACTIVATIONS[this.activations[l]].sigma));
    });
    return { activations, z };
  }

  // TrainedNetwork.predict_proba: a^L with softmax; with others a^L cut to [0, 1], and its sum to at most 1
  probabilities(z) {
    if (this.output_activation === "softmax") return softmax(z);
    const a = z.map((each) => Math.min(1, Math.max(0, ACTIVATIONS[this.output_activation].sigma(each))));
    const sum = a.reduce((p, q) => p + q, 0);
    return a.map((each) => each / Math.max(1, sum));
  }

  // w^l_jk for all k: with which weights neuron j of a layer listens to the layer before it; l counts from 1
  incomingWeights(l, j) {
    const { w, width } = this.layers[l - 1];
    return w.subarray(j * width, (j + 1) * width);
  }

  // dz^L_j / dx, by the backward pass of BP2 with delta^L = 1 at output j
  gradient(j, activations) {
    let nabla = Float64Array.from(this.incomingWeights(this.layers.length, j));
    for (let l = this.layers.length - 1; l > 0; l--) {
      const { derivative } = ACTIVATIONS[this.activations[l - 1]];
      const delta = nabla.map((each, k) => each * derivative(activations[l][k]));
      nabla = backwards(this.layers[l - 1], delta);
    }
    return nabla;
  }

  // How much the ink of each pixel, in [0, 1], adds to the score z^L_j: gradient times ink. Where all hidden neurons
  // are rectifiers, z^L is a linear function of the ink near this image, and the sum of these is z^L_j but for what
  // the same linear function gives for no ink.
  contributions(j, activations) {
    const slopes = this.gradient(j, activations);
    return slopes.map((slope, i) => slope * (activations[0][i] + this.mean / this.std));
  }
}

function weightedInput({ w, b, width }, a) {
  return Float64Array.from(b, (bias, j) => {
    let sum = bias;
    for (let k = 0, at = j * width; k < width; k++) sum += w[at + k] * a[k];
    return sum;
  });
}

// delta @ w
function backwards({ w, width }, delta) {
  const nabla = new Float64Array(width);
  delta.forEach((each, j) => {
    if (each !== 0) for (let k = 0, at = j * width; k < width; k++) nabla[k] += each * w[at + k];
  });
  return nabla;
}
