// The form: filled from what the page holds, read into the state, and set from it.
import { OPTIMISERS } from "./descent.mjs";
import { probabilityOf } from "./objective.mjs";

const FLOOR = "max(z, -c)";

const field = (name) => document.forms.controls.elements[name];

function options(select, values, titles = values) {
  select.replaceChildren(...values.map((value, k) => new Option(titles[k], value)));
}

export function fill(model) {
  const listed = model.content.pairs.filter((entry) => entry.floor === null);
  const unique = (key) => [...new Set(listed.map((entry) => entry[key]))];
  for (const n of ["", "2"]) {
    options(field(`activation${n}`), [...unique("activation"), FLOOR], [...unique("activation"), "max(z, −c), c below"]);
    options(field(`loss${n}`), unique("loss"));
  }
  options(field("data"), model.content.clouds.map((c) => c.name), model.content.clouds.map((c) => c.title));
  options(field("l2"), model.content.l2s.map(String));
  options(field("optimiser"), Object.keys(OPTIMISERS), Object.values(OPTIMISERS).map((o) => o.title));
}

/** Grey the losses that cannot follow an activation, and say beside each why. */
function refuse(model, select, why, entry) {
  if (select.dataset.of === entry.activation) return;
  select.dataset.of = entry.activation;
  for (const option of select.options) {
    const name = `${entry.activation}+${option.value}`;
    option.disabled = !model.entries.has(name);
    const reason = entry.floor === null ? model.content.refused[name] : "the way from ReLU to the SVM is with the hinge";
    option.textContent = option.disabled ? `${option.value}: ${reason}` : option.value;
  }
  const greyed = Array.from(select.options).filter((option) => option.disabled).map((option) => option.textContent);
  // One that says something of the loss, if there is one.
  const told = greyed.find((text) => !text.endsWith("of this page")) ?? greyed[0];
  why.textContent = greyed.length ? `${greyed.length} greyed, each with its reason in the list: ${told}.` : "";
}

/** What a floor means, beside its slider. */
function floorInWords(c, lowest) {
  if (c === null) return "(moving it takes max(z, -c) + hinge)";
  const what = c === 0 ? "c = 0: ReLU" : `c = ${c}`;
  if (!lowest) return `${what}`;
  return `${what}. At the lowest place found ${lowest.svm ? "the ReLU's floor cuts no positive: the loss there is the SVM's" : c < 1 ? "negatives have no full margin" : "some positives are cut"}`;
}

/** Put a state into the form; `lowest` is the lowest place found, if the pair is one of max(z, -c). */
export function show(model, app, state, lowest) {
  const choose = (n, name) => {
    const entry = model.entries.get(name);
    field(`activation${n}`).value = entry.floor === null ? entry.activation : FLOOR;
    refuse(model, field(`loss${n}`), document.getElementById(`why${n}`), entry);
    field(`loss${n}`).value = entry.loss;
  };
  choose("", state.pair);
  choose("2", state.second || state.pair);
  field("compare").checked = Boolean(state.second);
  document.getElementById("second-pair").hidden = !state.second;
  const c = model.floor(state.pair);
  field("floor").value = c ?? 0;
  document.getElementById("floor-told").textContent = floorInWords(c, lowest);
  const chosen = app.chosen === null ? null : app.points()[app.chosen];
  field("soft").disabled = !chosen;
  field("soft").value = chosen ? probabilityOf(chosen[2]) : 0.5;
  document.getElementById("soft-told").textContent = chosen
    ? Number(probabilityOf(chosen[2]).toFixed(2))
    : "(greyed: choose a point first, by clicking it or with ] in the data)";
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
    if (activation === FLOOR) return { [n ? "second" : "pair"]: model.withFloor(model.floor(n ? state.second : state.pair) || 1) };
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
  if (name === "floor") return { pair: model.withFloor(Number(field("floor").value)) };
  if (name === "rate") return { rate: rateOf(field("rate").value) };
  if (["l2", "steps", "tie"].includes(name)) return { [name]: Number(field(name).value) };
  if (name === "data") return { data: field("data").value, points: null };
  return { [name]: field(name).value };
}

function other(model, name) {
  return ["identity+hinge", "sigmoid+cross_entropy"].find((each) => each !== name && model.entries.has(each));
}
