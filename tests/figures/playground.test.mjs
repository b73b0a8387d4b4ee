// The playground's mathematics by itself: node --test tests/figures/playground.test.mjs
import assert from "node:assert/strict";
import test from "node:test";
import { mathematics } from "../../resnet_helpers/figures/playground_math.js";

const { answer, begin, dataset, lossAndSlopes, STEPS, POINTS, CELLS } = mathematics();
const DEFAULT = { depth: 8, width: 12, rate: 0.05, norm: true, zero: false, points: "spirals",
  seed: 0, residual: true };

/** The answer to a request, however often its work stops. */
function finish(work) {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}

for (const norm of [true, false]) {
  for (const residual of [true, false]) {
    test(`slopes are those of the loss: norm ${norm}, residual ${residual}`, () => {
      const run = begin({ ...DEFAULT, norm, residual, seed: 3 });
      const loss = () => lossAndSlopes(run.net, run.points, run.labels);
      loss();
      for (const { values, slopes, last, to, from } of run.net.layers) {
        const slope = slopes.slice();
        for (let k = 0; k < values.length; k += 7) {
          if (last && k >= from * to && k < (from + 1) * to) continue; // γ of the last layer: 1
          const [h, old] = [1e-6, values[k]];
          values[k] = old + h;
          const above = loss();
          values[k] = old - h;
          const below = loss();
          values[k] = old;
          assert.ok(Math.abs((above - below) / (2 * h) - slope[k]) < 1e-5 * (1 + Math.abs(slope[k])));
        }
      }
    });
  }
}

test("the points of a class are as many as those of the other, and within the plane", () => {
  for (const name of ["spirals", "moons", "circles", "noise"]) {
    const { points, labels } = dataset(name, 1);
    assert.equal(labels.filter((label) => label).length, POINTS / 2);
    assert.ok(points.every((x) => Math.abs(x) < 1.15));
  }
});

test("each four batches are all points, and each pass has an order of its own", () => {
  const { batches } = begin(DEFAULT);
  assert.equal(batches.length, STEPS);
  const passes = [0, 4].map((at) => batches.slice(at, at + 4).flat());
  for (const pass of passes) assert.equal(new Set(pass).size, POINTS);
  assert.notDeepEqual(passes[0], passes[1]);
});

test("the same request has the same answer, at once, in parts, or after another", () => {
  const settings = { ...DEFAULT, seed: 2 };
  const whole = finish(answer({ settings, to: 60, look: true }));
  finish(answer({ settings: DEFAULT, to: 5, look: false }));
  for (const to of [1, 20, 21, 60]) finish(answer({ settings, to, look: to === 20 }));
  assert.deepEqual(finish(answer({ settings, to: 60, look: true })), whole);
  assert.equal(whole.plane.length, CELLS ** 2);
  assert.equal(whole.losses.length, 60);
  assert.equal(whole.gradients.length, settings.depth);
  assert.equal(whole.added.length, settings.depth / 2 - 1);
});

test("with γ = 0 blocks add nothing, and a plain network is a constant", () => {
  const plain = finish(answer({ settings: { ...DEFAULT, zero: true, residual: false }, to: 0 }));
  const residual = finish(answer({ settings: { ...DEFAULT, zero: true }, to: 0, look: false }));
  assert.ok(residual.added.every((share) => share === 0));
  assert.equal(plain.error, 0.5);
});

test("two layers have no block: plain and residual are one network", () => {
  const [plain, residual] = [false, true].map((kind) =>
    finish(answer({ settings: { ...DEFAULT, depth: 2, residual: kind }, to: 50, look: false })));
  assert.deepEqual(plain, residual);
});
