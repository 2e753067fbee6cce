// Seven steps that answer "is a ReLU output an SVM?" by doing: each asks, lets one guess, and then shows.

const FROM = { data: "gaussians", l2: 0.01, optimiser: "gd", rate: 0.3, start: [-1.5, 1.5, 0.5], tie: 0, step: 0, second: "" };

/**
 * look: the view it speaks of. set: what stands there while one guesses. guess: what can be said, and which is right.
 * shown: what is said then; reveal: what changes then; sweep: the floor c runs from 0 to 4 instead of the steps of a run;
 * more: a button for a second look.
 */
export const TOUR = [
  {
    title: "1. Where does the SVM's loss lead?",
    text: "No output activation: the hinge sees the score itself. Training begins at the white square and walks downhill. Where will it end?",
    look: "plane",
    set: { ...FROM, pair: "identity+hinge" },
    guess: ["At the star", "At the diamond", "It will not move"],
    right: 0,
    shown: "At the star. That is the SVM: the exact optimum, which a solver found and certified. The hinge on a linear output is the SVM's loss.",
  },
  {
    title: "2. Put a ReLU before the hinge",
    text: "A ReLU output turns every negative score into 0 before the loss sees it. On a linear output a positive costs 3 at the score -2, and 2 at -1. Behind a ReLU it costs 1 at -2. And at -1?",
    look: "curves",
    set: { ...FROM, pair: "identity+hinge" },
    reveal: { pair: "relu+hinge", second: "identity+hinge" },
    guess: ["Less", "The same", "More"],
    right: 1,
    shown: "The same: the curve of the positives is level left of 0, and where it is level nothing pulls. The curve of the negatives is level there too: they are content at 0, where the SVM (finely dotted) pulls them on to -1.",
  },
  {
    title: "3. A start at which every score is negative",
    text: "All the positives here are on the wrong side. Training begins at the white square. Will it move?",
    look: "plane",
    set: { ...FROM, pair: "relu+hinge", l2: 0, axes: "w1,b", start: [0.5, 0.5, -5] },
    guess: ["It will move", "It will stay"],
    right: 1,
    shown: "It stays. Every score is left of 0, where both curves are level: no example pulls. This is the hatched plateau, and every positive is dead, crossed out in the data.",
  },
  {
    title: "4. A start at zero",
    text: "All weights are 0, so every score lies exactly on the ReLU's kink, level on its left and steep on its right. Will it move?",
    look: "plane",
    set: { ...FROM, pair: "relu+hinge", l2: 0.001, start: [0, 0, 0] },
    guess: ["It will move", "It will stay", "That depends on the program"],
    right: 2,
    shown: "That depends on which slope the program takes on the kink, its tie. JAX's relu takes the level one, tie 0: it stays. With the slope half way between, it moves:",
    more: { label: "Set the tie to 1/2", set: { tie: 0.5, step: 0 } },
  },
  {
    title: "5. A start from which it learns",
    text: "These classes can be separated, and nothing is dead at the start. Where will the solid line, z = 0, end?",
    look: "data",
    set: { ...FROM, pair: "relu+hinge", data: "separable", l2: 0.001, rate: 0.5, start: [0.5, 0.5, 1], tie: 0.5 },
    guess: ["Half way between the classes", "Close to the negatives", "Close to the positives"],
    right: 1,
    shown: "Close to the negatives: they pull no more once their score is 0, so they get no margin. Half way runs the dotted red line z = 1/2, the calibrated threshold, almost on the SVM's.",
  },
  {
    title: "6. What repairs it?",
    text: "Lower the ReLU's floor: max(z, -c) cuts scores at -c instead of 0. The triangle is the lowest place found. What will it do as c grows from 0 to 4?",
    look: "plane",
    set: { ...FROM, pair: "relu+hinge", start: [0.5, 0.5, 0.5] },
    reveal: { step: 200 },
    sweep: true,
    guess: ["Walk to the star, the SVM", "Stay where it is", "Walk away from the star"],
    right: 0,
    shown: "It walks to the star. From c = 1 on the negatives have their margin; and where no positive is cut any more the loss is the SVM's. The simplest repair leaves the output ReLU away: train the hinge on the score.",
  },
  {
    title: "7. So: no, it is not an SVM",
    text: "A ReLU output with the hinge is no SVM: where scores are negative nothing pulls, so training can start dead, and negatives get no margin. The repair: train the hinge on the score, without the ReLU. A sigmoid output is another matter: with cross-entropy it is logistic regression, and both runs here take one path.",
    look: "plane",
    set: { ...FROM, pair: "sigmoid+cross_entropy", second: "identity+logistic" },
  },
];
