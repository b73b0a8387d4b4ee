// The playground's mathematics, which playground.py puts into formulas: points in the plane, and a
// network that learns to tell them apart. In float64: it is faster in JavaScript than float32.

/** All of it in one function that uses nothing around it, since a worker is given its text. */
export function mathematics() {
  const [POINTS, BATCH, STEPS, WARM_UP, CELLS, EDGE] = [256, 64, 400, 40, 40, 1.2];
  const [MOMENTUM, EPSILON, SPREAD] = [0.9, 1e-5, 0.02];
  const count = (length) => Array.from({ length }, (_, i) => i);
  const zeros = (length) => new Float64Array(length);
  /** Numbers in [0, 1), the same for the same seed: mulberry32. */
  const uniform = (seed) => () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  /** A normally distributed number, by Box and Muller. */
  const normal = (next) => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  const polar = (r, t) => [r * Math.cos(2 * Math.PI * t), r * Math.sin(2 * Math.PI * t)];
  // Where a point of a class lies: t goes from 0 to 1 through its points.
  const SHAPES = {
    spirals: (t, label) => polar(0.1 + 0.9 * t, t + label / 2),
    moons: (t, label) => polar(0.65, t / 2).map((x, i) => (1 - 2 * label) * (x - [0.325, 0.16][i])),
    circles: (t, label) => polar(0.45 + 0.45 * label, t),
    noise: (t, label, next) => [2 * next() - 1, 2 * next() - 1],
  };
  /** 256 points: x of all, then y of all; and their labels, 0 and 1 in turn. */
  function dataset(name, seed) {
    const [next, points] = [uniform(1000 + seed), zeros(2 * POINTS)];
    const labels = count(POINTS).map((i) => i % 2);
    labels.forEach((label, i) => SHAPES[name]((i >> 1) / (POINTS / 2), label, next).forEach(
      (x, axis) => { points[axis * POINTS + i] = x + SPREAD * normal(next); }));
    return { points, labels };
  }

  /** Which points each step sees: four batches are all of them, then they are shuffled anew. */
  function batchesOf(seed) {
    const [next, order] = [uniform(2000 + seed), count(POINTS)];
    return count(STEPS).map((step) => {
      const from = (step * BATCH) % POINTS;
      for (let i = from ? 0 : POINTS - 1; i > 0; i--) {
        const j = Math.floor(next() * (i + 1));
        [order[i], order[j]] = [order[j], order[i]];
      }
      return order.slice(from, from + BATCH);
    });
  }

  /** A network's layers. A layer's numbers are W, γ and β, one after the other. */
  function network({ depth, width, norm, zero, residual, seed }) {
    const [next, layers] = [uniform(3000 + seed), []];
    const sizes = [2, ...Array(depth - 1).fill(width), 2];
    for (const i of count(depth)) {
      const [from, to, last] = [sizes[i], sizes[i + 1], i === depth - 1];
      const [values, slopes, speeds] = count(3).map(() => zeros(to * (from + 2)));
      const [[w, gamma, beta], [dw, dgamma, dbeta]] = [values, slopes].map((all) =>
        [all.subarray(0, -2 * to), all.subarray(-2 * to, -to), all.subarray(-to)]);
      // The layer whose output enters the block that this one ends.
      const start = i > 0 && i % 2 === 0 && !last ? layers[i - 2] : null;
      w.forEach((_, k) => { w[k] = Math.sqrt(2 / from) * normal(next); });
      gamma.fill(zero && start ? 0 : 1);
      layers.push({ from, to, last, start, below: layers[i - 1], norm: norm && !last,
        values, slopes, speeds, w, gamma, beta, dw, dgamma, dbeta,
        mean: zeros(to), scale: zeros(to).fill(1),
        z: zeros(to * POINTS), out: zeros(to * POINTS), dout: zeros(to * POINTS) });
    }
    return { layers, residual };
  }

  /** z = W x, normalised, and out = γ z + β, for n points; `known`: by the last mean and scale. */
  function forward({ from, to, w, gamma, beta, z, out, mean, scale, norm }, x, n, known) {
    for (let o = 0, row = 0; o < to; o++, row += n) {
      z.fill(0, row, row + n);
      for (let i = 0; i < from; i += 2) { // two at a time: all sizes are even
        const [w0, w1, x0, x1] = [w[o * from + i], w[o * from + i + 1], i * n, (i + 1) * n];
        for (let b = 0; b < n; b++) z[row + b] += w0 * x[x0 + b] + w1 * x[x1 + b];
      }
      if (norm && !known) {
        let [sum, squares] = [0, 0];
        for (let b = 0; b < n; b++) sum += z[row + b];
        for (let b = 0; b < n; b++) squares += (z[row + b] - sum / n) ** 2;
        [mean[o], scale[o]] = [sum / n, 1 / Math.sqrt(squares / n + EPSILON)];
      }
      const [m, s, g, shift] = [mean[o], scale[o], gamma[o], beta[o]];
      for (let b = 0; b < n; b++) {
        z[row + b] = (z[row + b] - m) * s;
        out[row + b] = g * z[row + b] + shift;
      }
    }
  }

  /** From the loss's slopes by `out` to those by W, γ, β; those by x are added to `dx`. */
  function backward(layer, x, dx, n) {
    const { from, to, last, w, gamma, z, dout, dw, dgamma, dbeta, scale, norm } = layer;
    for (let o = 0, row = 0; o < to; o++, row += n) {
      let [sum, along] = [0, 0];
      for (let b = 0; b < n; b++) {
        sum += dout[row + b];
        along += dout[row + b] * z[row + b];
      }
      [dbeta[o], dgamma[o]] = [sum, last ? 0 : along]; // the last layer's γ stays 1
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
          dx[x0 + b] += slope * w0;
          dx[x1 + b] += slope * w1;
        }
        [dw[at], dw[at + 1]] = [s0, s1];
      }
    }
  }

  /** The logits of n points: of class 0 for all, then of class 1. */
  function logits({ layers, residual }, x, n, known = false) {
    for (const layer of layers) {
      const { out, start, last, below } = layer;
      const size = layer.to * n;
      forward(layer, below ? below.out : x, n, known);
      if (start && residual) for (let k = 0; k < size; k++) out[k] += start.out[k];
      if (!last) for (let k = 0; k < size; k++) if (out[k] < 0) out[k] = 0;
    }
    return layers.at(-1).out;
  }

  /** The mean loss of a batch. It leaves its slopes by each layer's numbers in `slopes`. */
  function lossAndSlopes({ layers, residual }, x, labels) {
    const [n, { out, dout }] = [labels.length, layers.at(-1)];
    let loss = 0;
    logits({ layers, residual }, x, n);
    layers.forEach((layer) => layer.dout.fill(0));
    labels.forEach((label, b) => {
      const sign = 1 - 2 * label;
      const gap = sign * (out[n + b] - out[b]); // the wrong logit less the right one
      loss += (Math.max(gap, 0) + Math.log1p(Math.exp(-Math.abs(gap)))) / n;
      dout[n + b] = sign / (1 + Math.exp(-gap)) / n;
      dout[b] = -dout[n + b];
    });
    for (const layer of layers.toReversed()) {
      const { start, last, below } = layer;
      const size = layer.to * n;
      if (!last) for (let k = 0; k < size; k++) if (layer.out[k] <= 0) layer.dout[k] = 0;
      if (start && residual) for (let k = 0; k < size; k++) start.dout[k] += layer.dout[k];
      backward(layer, below ? below.out : x, below ? below.dout : zeros(2 * n), n);
    }
    return loss;
  }

  /** A network with its points and batches, before its first step. */
  const begin = (settings) => ({ settings, losses: [], net: network(settings),
    ...dataset(settings.points, settings.seed), batches: batchesOf(settings.seed) });

  function trainStep({ settings, net, points, labels, batches, losses }) {
    const [now, batch] = [losses.length, batches[losses.length]];
    const x = Float64Array.from([...batch, ...batch.map((i) => i + POINTS)], (i) => points[i]);
    losses.push(lossAndSlopes(net, x, batch.map((i) => labels[i])));
    // The rate rises in 40 equal steps to its top, then falls in equal steps to 1/361 of it.
    const share = Math.min((now + 1) / WARM_UP, (STEPS - now) / (STEPS - WARM_UP + 1));
    for (const { values, slopes, speeds } of net.layers) {
      for (let k = 0; k < values.length; k++) {
        speeds[k] = MOMENTUM * speeds[k] + slopes[k];
        values[k] -= settings.rate * share * speeds[k];
      }
    }
  }

  const lengthOf = (numbers) => Math.sqrt(numbers.reduce((sum, x) => sum + x * x, 0));
  /** |F(x)| / |x| over all points, for the block that a layer ends. */
  const added = ({ start, z, gamma, beta }) => lengthOf(z.map((value, k) =>
    gamma[Math.floor(k / POINTS)] * value + beta[Math.floor(k / POINTS)])) / lengthOf(start.out);

  let [run, key] = [null, ""]; // the last one, to be gone on with
  /**
   * How a network is after `to` steps; with `look`, over the plane, too. The same request has the
   * same answer, whatever came before. It stops often, since others want to work, too.
   */
  function* answer({ settings, to, look }) {
    if (key !== JSON.stringify(settings) || run.losses.length > to) run = begin(settings);
    key = JSON.stringify(settings);
    while (run.losses.length < to) yield trainStep(run);
    const { net, points, labels, losses } = run;
    const [out, plane] = [logits(net, points, POINTS), []];
    const wrong = labels.filter((label, i) => Number(out[POINTS + i] > out[i]) !== label).length;
    const found = { step: to, losses: losses.slice(), error: wrong / POINTS, plane,
      gradients: net.layers.map(({ dw }) => lengthOf(dw)),
      added: net.layers.filter(({ start }) => start).map(added) };
    const [middle, n] = [(cell) => EDGE * ((2 * Math.floor(cell) + 1) / CELLS - 1), 4 * CELLS];
    for (let row = 0; look && row < CELLS; row += 4) { // the probability of class 1, from the top
      yield;
      const x = Float64Array.from(count(2 * n), (i) =>
        (i < n ? middle(i % CELLS) : -middle(row + (i - n) / CELLS)));
      const both = logits(net, x, n, true);
      for (let i = 0; i < n; i++) plane.push(1 / (1 + Math.exp(both[i] - both[n + i])));
    }
    return found;
  }
  return { answer, begin, dataset, lossAndSlopes, trainStep, POINTS, STEPS, CELLS, EDGE };
}
