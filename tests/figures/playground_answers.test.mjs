// The five experiments' answers, by the page's own code. They were measured with the seeds 0 to 4;
// one of these guards them, and test_playground.py the default. The bounds are wider than what was
// measured: another engine rounds otherwise, and deep plain networks enlarge it.
import assert from "node:assert/strict";
import test from "node:test";
import { mathematics } from "../../resnet_helpers/figures/playground_math.js";

const { answer, STEPS } = mathematics();
const DEFAULT = { depth: 40, width: 12, rate: 0.05, norm: true, zero: false, points: "spirals" };

function finish(settings, to) {
  const work = answer({ settings, to, look: false });
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}
const ends = (changed, residual, { to = STEPS, seeds = [3] } = {}) =>
  seeds.map((seed) => finish({ ...DEFAULT, ...changed, residual, seed }, to));
const errors = (changed, residual, seeds) =>
  ends(changed, residual, { seeds }).map(({ error }) => 100 * error);
const every = (numbers, holds) => assert.ok(numbers.every(holds), numbers.join(", "));

test("is it the learning rate? no rate saves the plain network; 0.3 spoils some residual ones", () => {
  for (const rate of [0.003, 0.2]) {
    every(errors({ rate }, false), (error) => error > 10);
    every(errors({ rate }, true), (error) => error < 2);
  }
  every(errors({ rate: 0.3 }, false), (error) => error > 10);
  assert.ok(errors({ rate: 0.3 }, true, [3, 4]).some((error) => error > 10));
});

test("does width save the plain one? wider is better, and never good", () => {
  const [narrow, wide] = [8, 32].map((width) => errors({ width }, false));
  every(narrow, (error) => error > 10);
  every(wide, (error) => error > 2 && error < 30);
  every(errors({ width: 8 }, true), (error) => error < 3);
});

test("which layers have a gradient? all, and the plain network's first layers the longest", () => {
  const few = { to: 1, seeds: [0, 1, 2, 3, 4] };
  for (const { gradients } of ends({}, false, few)) {
    const ratio = Math.max(...gradients) / Math.min(...gradients);
    assert.ok(ratio > 900 && ratio < 20_000, ratio);
    assert.ok(gradients[0] > 800 * gradients.at(-1));
  }
  for (const { gradients } of ends({}, true, few)) {
    const ratio = Math.max(...gradients) / Math.min(...gradients);
    assert.ok(ratio > 15 && ratio < 250, ratio);
  }
});

test("what does γ = 0 change? it stops the plain network, and saves the other without norm", () => {
  every(errors({ zero: true }, false), (error) => error === 50);
  every(errors({ zero: true }, true), (error) => error < 2);
  const bare = { norm: false, rate: 0.01 };
  every(errors({ ...bare, zero: true }, true), (error) => error < 2);
  every(errors(bare, true), (error) => error > 40);
});

test("when does the plain one win? not with batch norm; without it, where both fail", () => {
  every([...errors({ depth: 8 }, false), ...errors({ depth: 8 }, true)], (error) => error === 0);
  const noise = { depth: 4, points: "noise" };
  const [plain, residual] = [false, true].map((kind) => errors(noise, kind, [0, 3]));
  every([...plain, ...residual], (error) => error > 20);
  every(plain.map((error, i) => error - residual[i]), (gap) => Math.abs(gap) < 5);
  every(errors({ norm: false, rate: 0.01 }, false), (error) => error > 20 && error < 51);
});
