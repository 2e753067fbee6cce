// The lines of Python that make the same run and the same landscape with lossland.
import { probabilityOf } from "./objective.mjs";

const number = (x) => String(Number(x.toPrecision(15)));

/** A half's name with the tie among its parameters, if it takes one. */
function half(name, tied, tie) {
  if (!tied) return `"${name}"`;
  const [base, rest = ""] = name.replace(/\)$/, "").split("(");
  const others = rest.split(", ").filter((each) => each && !each.startsWith("tie="));
  return `"${base}(${[...others, `tie=${number(tie)}`].join(", ")})"`;
}

export function pythonLines(state, entry, shown, files) {
  const optimisers = { gd: "optax.sgd(RATE)", momentum: "optax.sgd(RATE, momentum=0.9)", adam: "optax.adam(RATE)" };
  const [i, j] = shown.window.axes;
  const unit = (k) => `{"weights": jnp.array([${k === 0 ? "1.0, 0.0" : k === 1 ? "0.0, 1.0" : "0.0, 0.0"}]), "bias": jnp.array(${k === 2 ? "1.0" : "0.0"})}`;
  const params = (p) => `{"weights": jnp.array([${number(p[0])}, ${number(p[1])}]), "bias": jnp.array(${number(p[2])})}`;
  const middle = shown.window.middle.map((m, k) => (k === i || k === j ? m : shown.at[k]));
  const lines = ["import jax", "import jax.numpy as jnp", "import optax", "", "import lossland as ll"];
  if (!state.points) lines.push("from lossland.page import cloud");
  if (files.length) lines.push("from lossland.elements import load_file");
  lines.push("", 'jax.config.update("jax_enable_x64", True)');
  for (const file of files) lines.push(`load_file("${file}")`);
  if (state.points) {
    const inputs = state.points.map((p) => `[${number(p[0])}, ${number(p[1])}]`).join(", ");
    const soft = state.points.some((p) => Math.abs(p[2]) < 1);
    const labels = `labels=[${state.points.map((p) => p[2]).join(", ")}], one_class=True`;
    const shares = `probabilities=[${state.points.map((p) => number(probabilityOf(p[2]))).join(", ")}]`;
    lines.push(`data = ll.Dataset(inputs=[${inputs}], ${soft ? shares : labels})`);
  } else lines.push(`data = cloud("${state.data}")`);
  lines.push(
    `pair = ll.pair(${half(entry.activation, entry.tied[0], state.tie)}, ${half(entry.loss, entry.tied[1], state.tie)})`,
    `objective = ll.objective(pair, ll.linear(), data, l2=${number(state.l2)})`,
    `start = ${params(state.start)}`,
    `run = ll.fit(objective, start, ${optimisers[state.optimiser].replace("RATE", number(state.rate))}, steps=${state.steps})`,
    "print(run.values[0], run.values[-1], run.params)",
    `plane = ll.plane(pair, data, ${params(middle)}, (${unit(i)}, ${unit(j)}), radius=${number(shown.window.half)}, steps=${shown.window.steps}, l2=${number(state.l2)})`,
    "print(plane.values.min())",
  );
  return lines.join("\n") + "\n";
}
