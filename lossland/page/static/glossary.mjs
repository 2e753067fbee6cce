// What the page's words mean. A word in a text is a button that opens the list at its place.

export const GLOSSARY = {
  "score": "The number z = w1 x1 + w2 x2 + b that the model gives an example. Above 0 it is taken for a positive.",
  "output activation": "What is done to the score before the loss sees it: nothing (a linear output), a ReLU, a sigmoid.",
  "loss": "What an example costs at its score. Training lowers the mean cost of all examples.",
  "pair": "An output activation and a loss together: what an example costs as a function of its score.",
  "ReLU": "max(z, 0): every negative score becomes 0.",
  "hinge": "The loss max(0, 1 - m) of the margin m: it pulls until an example is right with room to spare.",
  "SVM": "The support vector machine: the line with the widest room between the classes. It is the hinge on a linear output, with a penalty.",
  "margin": "The score of a positive, minus the score of a negative: above 0 is right, above 1 is right with room to spare. On the data, the dotted lines z = 1 and z = -1.",
  "pull": "How strongly an example moves the line: the slope of its loss at its score. Where the curve is level, nothing pulls.",
  "dead": "An example on the wrong side at which nothing pulls: training cannot put it right by itself.",
  "plateau": "A level part of a curve or of the landscape, above its least value. Nothing pulls there, so descent stops.",
  "kink": "A corner of a curve. It has one slope on its left and another on its right.",
  "tie": "Which slope a program takes exactly on a kink: 0 the flatter one, 1 the steeper one. JAX's relu takes 0.",
  "convex": "Shaped like a bowl: no chord of the curve lies below it. Descent then finds the least value; there is no other valley.",
  "objective": "What training lowers: the mean loss of all examples plus the penalty.",
  "landscape": "The objective drawn over two of the three numbers w1, w2 and b; the third stays as it is now.",
  "penalty": "l2/2 times w1² + w2²: it keeps the weights small. At 0 there need not be a best line.",
  "optimum": "Where the objective is least. The star and the diamond are those of the SVM and of logistic regression.",
  "descent": "Training: from a start, step by step down the slope of the objective.",
  "floor": "The c of max(z, -c): scores below -c become -c. At c = 0 that is a ReLU; the larger c, the less it changes.",
  "calibrated": "A loss is calibrated at a threshold if making it small on average also makes few errors with that threshold.",
  "threshold": "Where scores are cut into negatives and positives: 0, unless the pair's calibrated one is another.",
  "proper": "A loss is proper if its best output is the probability of a positive.",
  "soft label": "A probability of being positive instead of yes or no: the example costs that share as a positive and the rest as a negative.",
  "proven": "✓: it follows from the program of the loss, for every score.",
  "refuted": "✗: the scores named show that it is not so.",
  "measured": "~: so at many scores that were looked at; that it is so at all is not proven.",
};

const FORMS = new Map(Object.keys(GLOSSARY).flatMap((word) => [[word.toLowerCase(), word], [`${word.toLowerCase()}s`, word]]));
for (const [form, word] of [["pulls", "pull"], ["floors", "floor"], ["losses", "loss"], ["optima", "optimum"], ["output relu", "ReLU"]]) FORMS.set(form, word);
const ANY = new RegExp(`\\b(${[...FORMS.keys()].sort((a, b) => b.length - a.length).join("|")})\\b`, "gi");

/** A text in pieces: strings, and [word as written, word of the list] where one stands there for the first time. */
export function pieces(text, seen = new Set()) {
  const found = [];
  let from = 0;
  for (const match of text.matchAll(ANY)) {
    const word = FORMS.get(match[0].toLowerCase());
    if (seen.has(word)) continue;
    seen.add(word);
    found.push(text.slice(from, match.index), [match[0], word]);
    from = match.index + match[0].length;
  }
  return [...found, text.slice(from)].filter((piece) => piece.length);
}

/** The same as nodes of the page. */
export function worded(text, seen) {
  return pieces(text, seen).map((piece) => (typeof piece === "string" ? piece : wordButton(...piece)));
}

function wordButton(text, word) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "word";
  button.dataset.word = word;
  button.textContent = text;
  button.setAttribute("aria-haspopup", "dialog");
  return button;
}

/** Fill the list, open it at a word wherever one is pressed, and give the words of the template their buttons. */
export function hold(dialog) {
  const list = dialog.querySelector("dl");
  for (const [word, meaning] of Object.entries(GLOSSARY)) {
    const [term, told] = [document.createElement("dt"), document.createElement("dd")];
    term.textContent = word;
    term.tabIndex = -1;
    term.dataset.term = word;
    told.textContent = meaning;
    list.append(term, told);
  }
  for (const place of document.querySelectorAll("[data-words]")) place.replaceChildren(...worded(place.textContent));
  document.addEventListener("click", (event) => {
    const word = event.target.closest?.("[data-word]")?.dataset.word;
    if (word === undefined) return;
    if (!dialog.open) dialog.showModal();
    for (const term of list.querySelectorAll("dt")) term.classList.toggle("here", term.dataset.term === word);
    const here = list.querySelector(".here");
    (here ?? dialog.querySelector("h2")).focus();
    here?.scrollIntoView({ block: "nearest" });
  });
  dialog.querySelector("button").addEventListener("click", () => dialog.close());
}
