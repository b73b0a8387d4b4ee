// The playground's mathematics: points in the plane, and a network that learns to tell them apart,
// plain or residual. It knows of no page, so that a worker, a page and node run the same text.
//
// A network of `depth` weight layers, as the book counts them: one from the plane to `width`
// numbers, blocks of two, and a last one to two logits. z = W x, for a batch:
//
//     layer(x) = γ (z − mean) / √(variance + ε) + β       with batch norm
//     layer(x) = γ z + β                                  without
//     block(x) = relu(layer(relu(layer(x))))              plain
//     block(x) = relu(layer(relu(layer(x))) + x)          residual
//
// The first layer is followed by a ReLU, too. The last is W x + β, and the mean cross-entropy of its
// softmax is the loss. W is drawn with variance 2 / inputs (He), γ = 1, or 0 in each block's second
// layer if `zero`, β = 0. SGD with momentum as PyTorch has it: v ← 0.9 v + g, W ← W − rate v.
// To be judged, a network sees all points as one batch; the plane is judged by that batch's means
// and variances. Plain and residual have the same first weights and the same batches.

/**
 * All of it in one function, since a worker is given its text. In float64: in JavaScript it is
 * faster than float32, and what runs in the page is what the tests compare with PyTorch.
 */
export function mathematics() {
  const [POINTS, BATCH, STEPS, WARM_UP, CELLS, EDGE] = [256, 64, 400, 40, 40, 1.2];
  const [MOMENTUM, EPSILON, SPREAD] = [0.9, 1e-5, 0.02];

  /** Numbers in [0, 1), the same for the same seed: mulberry32. */
  const uniform = (seed) => () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  /** A normally distributed number, by Box and Muller. */
  const normal = (next) => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  const polar = (radius, turns) => [
    radius * Math.cos(2 * Math.PI * turns), radius * Math.sin(2 * Math.PI * turns)];
  const count = (length) => Array.from({ length }, (_, i) => i);

  // Where a point of a class lies; t goes from 0 to 1 through its points.
  const SHAPES = {
    spirals: (t, label) => polar(0.1 + 0.9 * t, t + label / 2),
    moons: (t, label) => polar(1, t / 2).map((x, axis) => (0.65 - 1.3 * label) * (x - 0.5 / (axis + 1))),
    circles: (t, label) => polar(0.45 + 0.45 * label, t),
    noise: (t, label, next) => [2 * next() - 1, 2 * next() - 1],
  };

  /** 256 points: x of all, then y of all; and their labels, 0 and 1 in turn. */
  function dataset(name, seed) {
    const next = uniform(1000 + seed);
    const labels = count(POINTS).map((i) => i % 2);
    const points = new Float64Array(2 * POINTS);
    labels.forEach((label, i) => {
      const place = SHAPES[name]((i >> 1) / (POINTS / 2), label, next);
      place.forEach((x, axis) => { points[axis * POINTS + i] = x + SPREAD * normal(next); });
    });
    return { points, labels };
  }

  /** Which points each step sees: four batches are all of them, then they are shuffled anew. */
  function batchesOf(seed) {
    const next = uniform(2000 + seed);
    const order = count(POINTS);
    return count(STEPS).map((step) => {
      const from = (step * BATCH) % POINTS;
      for (let i = from ? 0 : POINTS - 1; i > 0; i--) {
        const j = Math.floor(next() * (i + 1));
        [order[i], order[j]] = [order[j], order[i]];
      }
      return order.slice(from, from + BATCH);
    });
  }

  /** The rate rises in 40 equal steps to its top, and falls in 360 equal steps to 1/361 of it. */
  const rateAt = (step, top) =>
    top * Math.min((step + 1) / WARM_UP, (STEPS - step) / (STEPS - WARM_UP + 1));

  /** A network's layers; all their numbers lie in `values`, as W, γ, β of each layer in turn. */
  function network({ depth, width, norm, zero, residual, seed }) {
    const next = uniform(3000 + seed);
    const sizes = [2, ...Array(depth - 1).fill(width), 2];
    const total = sizes.slice(1).reduce((sum, to, i) => sum + to * sizes[i] + 2 * to, 0);
    const [values, slopes, speeds] = count(3).map(() => new Float64Array(total));
    let used = 0;
    const take = (length) => {
      used += length;
      return [values, slopes].map((all) => all.subarray(used - length, used));
    };
    const layers = [];
    for (const i of count(depth)) {
      const [from, to, last] = [sizes[i], sizes[i + 1], i === depth - 1];
      const [[w, dw], [gamma, dgamma], [beta, dbeta]] = [take(to * from), take(to), take(to)];
      const start = i > 0 && i % 2 === 0 && !last ? layers[i - 2] : null; // whose output enters a block
      w.forEach((_, k) => { w[k] = Math.sqrt(2 / from) * normal(next); });
      gamma.fill(zero && start ? 0 : 1);
      const [z, out, dout] = count(3).map(() => new Float64Array(to * POINTS));
      const [mean, scale] = [new Float64Array(to), new Float64Array(to).fill(1)];
      layers.push({ from, to, last, w, gamma, beta, dw, dgamma, dbeta, z, out, dout, mean, scale,
        below: layers[i - 1], start, norm: norm && !last, added: 0 });
    }
    return { layers, values, slopes, speeds, residual };
  }

  /** z = W x, normalised, and out = γ z + β, for n points; `known`: by means and scales as they are. */
  function forward({ from, to, w, gamma, beta, z, out, mean, scale, norm }, x, n, known) {
    for (let o = 0; o < to; o++) {
      const row = o * n;
      z.fill(0, row, row + n);
      for (let i = 0; i < from; i += 2) { // two at a time: all sizes are even
        const [w0, w1, x0, x1] = [w[o * from + i], w[o * from + i + 1], i * n, (i + 1) * n];
        for (let b = 0; b < n; b++) z[row + b] += w0 * x[x0 + b] + w1 * x[x1 + b];
      }
      if (norm && !known) {
        let [sum, squares] = [0, 0];
        for (let b = 0; b < n; b++) sum += z[row + b];
        for (let b = 0; b < n; b++) squares += (z[row + b] - sum / n) ** 2;
        mean[o] = sum / n;
        scale[o] = 1 / Math.sqrt(squares / n + EPSILON);
      }
      const [m, s, g, shift] = [mean[o], scale[o], gamma[o], beta[o]];
      for (let b = 0; b < n; b++) {
        z[row + b] = (z[row + b] - m) * s;
        out[row + b] = g * z[row + b] + shift;
      }
    }
  }

  /** From the slopes of the loss by `out` to those by W, γ, β; those by x are added to `dx`. */
  function backward({ from, to, last, w, gamma, z, dout, dw, dgamma, dbeta, scale, norm }, x, dx, n) {
    for (let o = 0; o < to; o++) {
      const row = o * n;
      let [sum, along] = [0, 0];
      for (let b = 0; b < n; b++) {
        sum += dout[row + b];
        along += dout[row + b] * z[row + b];
      }
      dbeta[o] = sum;
      dgamma[o] = last ? 0 : along; // the last layer's γ stays 1
      const [k, m, a] = [gamma[o] * scale[o], norm ? sum / n : 0, norm ? along / n : 0];
      for (let b = 0; b < n; b++) dout[row + b] = k * (dout[row + b] - m - a * z[row + b]);
      for (let i = 0; i < from; i += 2) {
        const [at, x0, x1] = [o * from + i, i * n, (i + 1) * n];
        const [w0, w1] = [w[at], w[at + 1]];
        let [s0, s1] = [0, 0];
        for (let b = 0; b < n; b++) {
          const slope = dout[row + b];
          s0 += slope * x[x0 + b];
          s1 += slope * x[x1 + b];
          if (dx) {
            dx[x0 + b] += slope * w0;
            dx[x1 + b] += slope * w1;
          }
        }
        dw[at] = s0;
        dw[at + 1] = s1;
      }
    }
  }

  function length(numbers, n = numbers.length) {
    let squares = 0;
    for (let k = 0; k < n; k++) squares += numbers[k] ** 2;
    return Math.sqrt(squares);
  }

  /** The logits of n points: of class 0 for all, then of class 1. */
  function logits({ layers, residual }, x, n, known = false) {
    for (const layer of layers) {
      const { out, start, last, below } = layer;
      const size = layer.to * n;
      forward(layer, below ? below.out : x, n, known);
      if (start) layer.added = length(out, size) / length(start.out, size); // |F(x)| / |x|
      if (start && residual) for (let k = 0; k < size; k++) out[k] += start.out[k];
      if (!last) for (let k = 0; k < size; k++) if (out[k] < 0) out[k] = 0;
    }
    return layers.at(-1).out;
  }

  /** The mean loss of a batch; leaves the slopes of all the network's numbers in `slopes`. */
  function lossAndSlopes(net, x, labels) {
    const n = labels.length;
    const out = logits(net, x, n);
    for (const layer of net.layers) layer.dout.fill(0);
    const { dout } = net.layers.at(-1);
    let loss = 0;
    labels.forEach((label, b) => {
      const gap = (1 - 2 * label) * (out[n + b] - out[b]); // the wrong logit less the right one
      loss += Math.max(gap, 0) + Math.log1p(Math.exp(-Math.abs(gap)));
      dout[n + b] = (1 - 2 * label) / (1 + Math.exp(-gap)) / n;
      dout[b] = -dout[n + b];
    });
    for (const layer of net.layers.toReversed()) {
      const { start, last, below } = layer;
      if (!last) for (let k = 0; k < layer.to * n; k++) if (layer.out[k] <= 0) layer.dout[k] = 0;
      if (start && net.residual) for (let k = 0; k < layer.to * n; k++) start.dout[k] += layer.dout[k];
      backward(layer, below ? below.out : x, below?.dout, n);
    }
    return loss / n;
  }

  function begin(settings) {
    const { points, labels } = dataset(settings.points, settings.seed);
    return { key: JSON.stringify(settings), top: settings.rate, net: network(settings), points, labels,
      batches: batchesOf(settings.seed), losses: [], gradients: [] };
  }

  function trainStep({ net, top, points, labels, batches, losses }) {
    const batch = batches[losses.length];
    const rate = rateAt(losses.length, top);
    const x = Float64Array.from([...batch, ...batch.map((i) => i + POINTS)], (i) => points[i]);
    losses.push(lossAndSlopes(net, x, batch.map((i) => labels[i])));
    const { values, slopes, speeds } = net;
    for (let k = 0; k < values.length; k++) {
      speeds[k] = MOMENTUM * speeds[k] + slopes[k];
      values[k] -= rate * speeds[k];
    }
  }

  let run = null; // the last one, to be gone on with
  /**
   * How a network is after `to` steps; with `look`, over the plane too. A generator: it stops often,
   * for whoever has something else to do. The same request has the same answer, whatever came before.
   */
  function* answer({ settings, to, look }) {
    if (run?.key !== JSON.stringify(settings) || run.losses.length > to) run = begin(settings);
    const { net, points, labels, losses } = run;
    while (losses.length < to) yield trainStep(run);
    const out = logits(net, points, POINTS);
    const wrong = labels.filter((label, i) => Number(out[POINTS + i] > out[i]) !== label).length;
    const found = { step: to, losses: losses.slice(), error: wrong / POINTS,
      gradients: net.layers.map(({ dw }) => length(dw)),
      added: net.layers.filter(({ start }) => start).map(({ added }) => added), plane: [] };
    const place = (cell) => EDGE * ((2 * cell + 1) / CELLS - 1);
    for (let row = 0; look && row < CELLS; row += 5) { // probabilities of class 1, from the top
      yield;
      const x = Float64Array.from(count(10 * CELLS), (i) => (i < 5 * CELLS ? place(i % CELLS)
        : -place(row + Math.floor(i / CELLS) - 5)));
      const n = 5 * CELLS;
      const both = logits(net, x, n, true);
      for (let b = 0; b < n; b++) found.plane.push(1 / (1 + Math.exp(both[b] - both[n + b])));
    }
    return found;
  }
  return { answer, begin, dataset, lossAndSlopes, trainStep, POINTS, STEPS, CELLS, EDGE };
}
