// The lesion lab's networks: PyTorch's forward pass of a CIFAR network, some blocks left out.

/** All of it in one function that uses nothing around it, since a worker is given its text. */
export function mathematics() {
  const bytes = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
  /** Numbers of 16 bits (a sign, five bits of exponent, ten of fraction), lower byte first. */
  const halves = (base64) => Float64Array.from(new Uint16Array(bytes(base64).buffer), (h) => {
    const [exponent, fraction] = [(h >> 10) & 31, (h & 1023) / 1024];
    const size = exponent ? (1 + fraction) * 2 ** (exponent - 15) : fraction * 2 ** -14;
    return h & 0x8000 ? -size : size;
  });

  /** A network's layers, cut from one row of numbers: 3×3 convolutions with their norms, fc. */
  function network({ numbers, width, residual }, { stages, classes }) {
    const all = halves(numbers);
    let at = 0;
    const next = (count) => all.subarray(at, (at += count));
    const layer = (inputs, outputs, stride) => ({ inputs, outputs, stride,
      weights: next(9 * inputs * outputs), factors: next(outputs), summands: next(outputs) });
    const stem = layer(3, width, 1);
    let [channels, k] = [width, 0];
    const blocks = stages.flatMap((count, stage) => Array.from({ length: count }, (_, i) => {
      const [inputs, stride] = [channels, stage && !i ? 2 : 1];
      channels = width * 2 ** stage;
      const layers = [layer(inputs, channels, stride), layer(channels, channels, 1)];
      return { layers, residual, bit: i ? 2 ** k++ : 0 }; // a stage's first block stays on
    }));
    return { stem, blocks, channels, weights: next(channels * classes.length),
      biases: next(classes.length) };
  }

  /** A 3×3 convolution with padding 1, then its norm. Maps are square: side² numbers a channel. */
  function convolve({ inputs, outputs, stride, weights, factors, summands }, { side, x }) {
    const [wide, out] = [side + 2, Math.floor((side - 1) / stride) + 1];
    const padded = new Float64Array(inputs * wide * wide);
    for (let c = 0; c < inputs; c++) {
      for (let y = 0; y < side; y++) {
        padded.set(x.subarray((c * side + y) * side, (c * side + y + 1) * side),
          (c * wide + y + 1) * wide + 1);
      }
    }
    const area = out * out;
    const result = new Float64Array(outputs * area);
    // Two output channels at once, so that each number is read for both: twice as fast.
    for (let o = 0; o < outputs; o += 2) {
      for (let c = 0; c < inputs; c++) {
        const v = 9 * (o * inputs + c), w = v + 9 * inputs;
        const v0 = weights[v], v1 = weights[v + 1], v2 = weights[v + 2],
          v3 = weights[v + 3], v4 = weights[v + 4], v5 = weights[v + 5],
          v6 = weights[v + 6], v7 = weights[v + 7], v8 = weights[v + 8];
        const w0 = weights[w], w1 = weights[w + 1], w2 = weights[w + 2],
          w3 = weights[w + 3], w4 = weights[w + 4], w5 = weights[w + 5],
          w6 = weights[w + 6], w7 = weights[w + 7], w8 = weights[w + 8];
        for (let y = 0, to = o * area; y < out; y++) {
          let p = (c * wide + y * stride) * wide, q = p + wide, r = q + wide; // three rows
          for (let z = 0; z < out; z++, to++) {
            const a = padded[p], b = padded[p + 1], d = padded[p + 2];
            const e = padded[q], f = padded[q + 1], g = padded[q + 2];
            const h = padded[r], i = padded[r + 1], j = padded[r + 2];
            result[to] += v0 * a + v1 * b + v2 * d + v3 * e + v4 * f + v5 * g + v6 * h + v7 * i
              + v8 * j;
            result[to + area] += w0 * a + w1 * b + w2 * d + w3 * e + w4 * f + w5 * g + w6 * h
              + w7 * i + w8 * j;
            p += stride;
            q += stride;
            r += stride;
          }
        }
      }
    }
    for (let o = 0; o < outputs; o++) {
      for (let to = o * area; to < (o + 1) * area; to++) {
        result[to] = factors[o] * result[to] + summands[o];
      }
    }
    return { side: out, x: result };
  }

  const relu = ({ side, x }) => ({ side, x: x.map((value) => (value > 0 ? value : 0)) });

  /** ReLU(F(x) + x). Where the shape changes: every second pixel, and new channels of zeros. */
  function through({ layers, residual }, map) {
    const [first, second] = layers;
    const added = convolve(second, relu(convolve(first, map)));
    if (residual) {
      const { side, x } = added;
      for (let c = 0; c < first.inputs; c++) {
        for (let y = 0; y < side; y++) {
          for (let z = 0; z < side; z++) {
            x[(c * side + y) * side + z] +=
              map.x[(c * map.side + y * first.stride) * map.side + z * first.stride];
          }
        }
      }
    }
    return relu(added);
  }

  /** The logits for one picture: bytes, red, green, blue. `off` has a bit for each block. */
  function logits({ stem, blocks, channels, weights, biases }, off, picture, { side, mean, std }) {
    const area = side * side;
    const x = Float64Array.from(picture, (byte, i) =>
      (byte / 255 - mean[Math.floor(i / area)]) / std[Math.floor(i / area)]);
    let map = relu(convolve(stem, { side, x }));
    for (const block of blocks) if (!(off & block.bit)) map = through(block, map);
    const last = map.side ** 2;
    const means = Array.from({ length: channels }, (_, c) =>
      map.x.subarray(c * last, (c + 1) * last).reduce((sum, value) => sum + value, 0) / last);
    return Array.from(biases, (bias, k) =>
      means.reduce((sum, value, c) => sum + value * weights[k * channels + c], bias));
  }

  /** The picture of a number, of all that stand one after another. */
  const pictureOf = (all, i, side) => all.subarray(3 * side * side * i, 3 * side * side * (i + 1));
  const largest = (numbers) => numbers.indexOf(Math.max(...numbers));

  /** The share of all pictures that a network has wrong. It stops after each of them. */
  function* answer({ data, kind, off }) {
    const [net, pictures] = [network(data.networks[kind], data), bytes(data.pictures)];
    let wrong = 0;
    for (const [i, label] of data.labels.entries()) {
      const picture = pictureOf(pictures, i, data.side);
      wrong += Number(largest(logits(net, off, picture, data)) !== label);
      yield;
    }
    return wrong / data.labels.length;
  }
  return { answer, bytes, largest, logits, network, pictureOf };
}
