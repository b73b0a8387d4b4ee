// For test_playground.py: what the page's own code does, step by step, as JSON on standard output.
import { readFileSync } from "node:fs";
import { mathematics } from "../../resnet_helpers/figures/playground_math.js";

const { begin, trainStep } = mathematics();

console.log(JSON.stringify(JSON.parse(readFileSync(0, "utf8")).map(({ settings, steps }) => {
  const run = begin(settings);
  const all = (name) => run.net.layers.flatMap((layer) => Array.from(layer[name]));
  const [values, slopes] = [[all("values")], []];
  for (let step = 0; step < steps; step++) {
    trainStep(run);
    values.push(all("values"));
    slopes.push(all("slopes"));
  }
  const { points, labels, batches, losses } = run;
  return { points: Array.from(points), labels, batches: batches.slice(0, steps), losses, values, slopes };
})));
