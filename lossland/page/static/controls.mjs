// The form: filled from what the page holds, read into the state, and set from it.
import { OPTIMISERS } from "./descent.mjs";

const field = (name) => document.forms.controls.elements[name];

function options(select, values, titles = values) {
  select.replaceChildren(...values.map((value, k) => new Option(titles[k], value)));
}

export function fill(model) {
  const unique = (key) => [...new Set(model.content.pairs.map((entry) => entry[key]))];
  for (const n of ["", "2"]) {
    options(field(`activation${n}`), unique("activation"));
    options(field(`loss${n}`), unique("loss"));
  }
  options(field("data"), model.content.clouds.map((c) => c.name), model.content.clouds.map((c) => c.title));
  options(field("l2"), model.content.l2s.map(String));
  options(field("optimiser"), Object.keys(OPTIMISERS), Object.values(OPTIMISERS).map((o) => o.title));
}

/** Put a state into the form. */
export function show(model, state) {
  const choose = (n, name) => {
    const entry = model.entries.get(name);
    field(`activation${n}`).value = entry.activation;
    for (const option of field(`loss${n}`).options) option.disabled = !model.entries.has(`${entry.activation}+${option.value}`);
    field(`loss${n}`).value = entry.loss;
  };
  choose("", state.pair);
  choose("2", state.second || state.pair);
  field("compare").checked = Boolean(state.second);
  for (const name of ["activation2", "loss2"]) field(name).disabled = !state.second;
  for (const name of ["data", "l2", "optimiser", "steps", "axes", "view", "tie"]) field(name).value = String(state[name]);
  state.start.forEach((value, k) => {
    const input = field(`start${k}`);
    if (document.activeElement !== input) input.value = String(Number(value.toFixed(4)));
  });
  if (rateOf(field("rate").value) !== state.rate) field("rate").value = Math.log10(state.rate);
  document.getElementById("rate-told").textContent = state.rate;
  document.getElementById("tie-told").textContent = state.tie;
  const slider = document.getElementById("step");
  slider.max = state.steps;
  slider.value = state.step;
  document.getElementById("step-told").textContent = `${state.step} of ${state.steps}`;
}

const rateOf = (power) => Number((10 ** Number(power)).toPrecision(2));

/** What a changed control means for the state. */
export function read(model, state, name) {
  if (name === "compare") return { second: field("compare").checked ? other(model, state.pair) : "" };
  if (/^(activation|loss)2?$/.test(name)) {
    const n = name.endsWith("2") ? "2" : "";
    const activation = field(`activation${n}`).value;
    const losses = [field(`loss${n}`).value, ...Array.from(field(`loss${n}`).options, (o) => o.value)];
    const loss = losses.find((l) => model.entries.has(`${activation}+${l}`));
    return { [n ? "second" : "pair"]: `${activation}+${loss}` };
  }
  if (name.startsWith("start")) {
    const start = state.start.slice();
    const value = field(name).valueAsNumber;
    if (!Number.isFinite(value)) return {};
    start[Number(name.slice(5))] = value;
    return { start, step: 0 };
  }
  if (name === "rate") return { rate: rateOf(field("rate").value) };
  if (["l2", "steps", "tie"].includes(name)) return { [name]: Number(field(name).value) };
  if (name === "data") return { data: field("data").value, points: null };
  return { [name]: field(name).value };
}

function other(model, name) {
  return ["identity+hinge", "sigmoid+cross_entropy"].find((each) => each !== name && model.entries.has(each));
}
