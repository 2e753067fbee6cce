// Six steps that answer "is a ReLU output an SVM?" by doing.

export const TOUR = [
  {
    title: "1. This is the SVM",
    text: "On a linear output the hinge is the SVM's loss: descent walks to the star, which is the exact optimum.",
    look: "plane",
    set: { pair: "identity+hinge", second: "", data: "gaussians", l2: 0.01, optimiser: "gd", rate: 0.3, start: [-1.5, 1.5, 0.5], tie: 0, step: 0 },
  },
  {
    title: "2. Put a ReLU before the hinge",
    text: "The curves change: for positives the loss becomes a ramp, level at z below 0, and for negatives it is 1 plus the perceptron's loss, so its kink moves from -1 to 0.",
    look: "curves",
    set: { pair: "identity+hinge", second: "relu+hinge", data: "gaussians", l2: 0.01, optimiser: "gd", rate: 0.3, start: [-1.5, 1.5, 0.5], tie: 0, step: 0 },
  },
  {
    title: "3. A start from which nothing moves",
    text: "Where all scores are negative no example pulls: the hatched plateau. The run begins there and stays, and every positive on the wrong side is crossed out.",
    look: "plane",
    set: { pair: "relu+hinge", second: "", data: "gaussians", l2: 0, optimiser: "gd", rate: 0.3, axes: "w1,b", start: [0.5, 0.5, -5], tie: 0, step: 0 },
  },
  {
    title: "4. At zero a convention decides",
    text: "From zero every score lies on ReLU's kink: with the slope 0 there (tie 0, as jax.nn.relu) it never moves. Now drag the tie to 1/2 and press play.",
    look: "tie",
    set: { pair: "relu+hinge", second: "", data: "gaussians", l2: 0.001, optimiser: "gd", rate: 0.3, start: [0, 0, 0], tie: 0, step: 0 },
  },
  {
    title: "5. No margin for negatives",
    text: "Where it does learn, the solid line (z = 0) ends at the negatives; the finely dotted line, the calibrated threshold 1/2, lies between the classes.",
    look: "data",
    set: { pair: "relu+hinge", second: "", data: "separable", l2: 0.001, optimiser: "gd", rate: 0.5, start: [0.5, 0.5, 1], tie: 0.5, step: 0 },
  },
  {
    title: "6. So: no, it is not an SVM",
    text: "A sigmoid output is logistic regression, and both rows take the same path; a ReLU output has no such twin: the SVM is the hinge on a linear output.",
    look: "plane",
    set: { pair: "sigmoid+cross_entropy", second: "identity+logistic", data: "gaussians", l2: 0.01, optimiser: "gd", rate: 0.3, start: [-1.5, 1.5, 0.5], tie: 0, step: 0 },
  },
];
