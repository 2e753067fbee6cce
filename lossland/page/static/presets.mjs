// Settings worth trying, by name: each says in a sentence what there is to see.

export const PRESETS = {
  "a dead start": {
    see: "No example pulls: the run stays where it starts, on the hatched plateau.",
    set: { pair: "relu+hinge", second: "identity+hinge", data: "gaussians", l2: 0, axes: "w1,b", start: [0.5, 0.5, -5] },
  },
  "half an SVM": {
    see: "Positives keep a margin, negatives none: the line z = 0 of ReLU + hinge lies at the negatives.",
    set: { pair: "relu+hinge", second: "identity+hinge", data: "separable", l2: 0.001, rate: 0.5, start: [0.5, 0.5, 1], tie: 0.5 },
  },
  "tie 0 against 1/2": {
    see: "From zero, tie 0 never moves. Drag the tie to 1/2 and press play.",
    set: { pair: "relu+hinge", second: "", data: "gaussians", l2: 0.001, start: [0, 0, 0] },
  },
  XOR: {
    see: "No line separates these: look what each loss makes of them.",
    set: { pair: "relu+hinge", second: "identity+hinge", data: "xor", start: [1.5, 0.5, 0.5] },
  },
  outliers: {
    see: "Far examples pull the hinge's line as hard as near ones; the ramp of ReLU + hinge lets go of missed positives.",
    set: { pair: "relu+hinge", second: "identity+hinge", data: "outliers", start: [0.5, 0.5, 1] },
  },
};
