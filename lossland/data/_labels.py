"""Labels and probabilities at the door: any two values become -1.0 and +1.0; two classes are chosen among more."""

import difflib
import math
import numbers
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from lossland.core import guarded


def real(array: np.ndarray, what: str) -> np.ndarray:
    """The array if its type holds real numbers."""
    # bfloat16 and its small relatives, which JAX uses, are of NumPy's kind "V" but cast to float64 without loss.
    if array.dtype.kind in "biuf" or (array.dtype.kind == "V" and np.can_cast(array.dtype, np.float64)):
        return array
    raise ValueError(f"{what} must be real numbers, not of type {array.dtype}.")


def refuse_traced(given: Any, what: str) -> None:
    """Refuse what JAX is tracing: a data set is checked, and so must be known."""
    # Nothing is traced where JAX is not imported, and loading data needs no JAX.
    if "jax" in sys.modules and isinstance(given, sys.modules["jax"].core.Tracer):
        raise ValueError(
            f"{what} is being traced by JAX, and a data set looks at its numbers. Make the Dataset outside of the "
            f"traced function; what may be traced are sample_weights and l2 of an objective, parameters, and the "
            f"scores and labels that a pair is called with."
        )


def checked_labels(given: Any, n: int, names: tuple[str, ...], one_class: bool) -> tuple[np.ndarray, tuple[str, str]]:
    """A fresh (n,) array of -1.0 and +1.0, and the words for the two."""
    values = _label_values(given)
    if len(values) != n:
        raise ValueError(f"There are {n} rows of inputs, but {len(values)} labels; each row needs one label.")
    if len(names) not in (0, 2):
        raise ValueError(f"label_names has {len(names)} names; it must be (negative, positive).")
    distinct = _distinct(values)
    words = [as_word(value) for value in distinct]
    if set(distinct) <= {-1, 1} and (len(distinct) == 2 or one_class):
        negative, positive = names or ("-1", "1")
        return np.where(values == 1, 1.0, -1.0), (negative, positive)
    if len(words) == 1:
        raise ValueError(
            f"All {n} labels are {words[0]}: there is one class only, and two are needed. "
            f"If one class is meant, make every label -1 or +1 and pass one_class=True."
        )
    if len(words) > 2:
        raise ValueError(_too_many(distinct, words))
    if -100 in distinct and set(distinct) <= {-100, -1, 0, 1} and not names:
        other = next(word for value, word in zip(distinct, words, strict=True) if value != -100)
        raise ValueError(
            f"labels holds {other} and -100, which elsewhere marks examples to ignore: only the class {other} would be "
            f"left. {_as_mask(-100)} If -100 is a class, name the two: label_names=('-100', {other!r})."
        )
    if isinstance(distinct[0], str) and names and set(names) != set(words):
        raise ValueError(f"label_names {names} must be the labels {tuple(words)}, the negative one first.")
    if names == (words[1], words[0]):
        distinct = distinct[::-1]
    negative, positive = names or words
    return np.where(_among(values, distinct[1:]), 1.0, -1.0), (negative, positive)


def checked_probabilities(given: Any, n: int) -> np.ndarray:
    """A fresh (n,) array of numbers in [0, 1]."""
    refuse_traced(given, "probabilities")
    if np.ma.is_masked(given):
        raise ValueError("probabilities is a masked array with masked entries; drop their rows.")
    values = np.asarray(given)
    if values.ndim != 1:
        mend = " Pass probabilities.ravel()." if values.ndim == 2 and values.shape[1] == 1 else ""
        raise ValueError(f"probabilities has shape {values.shape}; it must be (n,), P(t = +1) of each example.{mend}")
    if values.dtype == object:
        values = np.array([float(value) for value in values])
    held = np.array(real(values, "probabilities"), dtype=np.float64)
    if len(held) != n:
        raise ValueError(f"There are {n} rows of inputs, but {len(held)} probabilities; each row needs one.")
    bad = np.flatnonzero(~((held >= 0) & (held <= 1)))
    if len(bad):
        raise ValueError(
            f"{len(bad)} of the probabilities lie outside [0, 1]; the first, in row {bad[0]} counted from 0, is "
            f"{held[bad[0]]}. They are P(t = +1); scores and labels of -1 are not."
        )
    return held


def of_probabilities(shares: np.ndarray, labels: Any, words: tuple[str, ...]) -> tuple[np.ndarray, tuple[str, str]]:
    """The labels that probabilities stand for, (n,) of -1.0 and +1.0, and the words for the two."""
    held = np.where(shares >= 0.5, 1.0, -1.0)
    # `replace` of a data set hands both over.
    if labels is not None and not (np.shape(labels) == held.shape and np.array_equal(np.asarray(labels), held)):
        raise ValueError(
            "Give labels or probabilities, not both: labels are then +1 where p >= 1/2 and -1 elsewhere. "
            "For hard labels anew, replace(data, labels=..., probabilities=None)."
        )
    if len(words) not in (0, 2):
        raise ValueError(f"label_names has {len(words)} names; it must be (negative, positive).")
    return held, (words[0], words[1]) if words else ("-1", "1")


def _label_values(given: Any) -> np.ndarray:
    """Labels as a 1-D array of numbers, or of Python objects that are all strings or all real numbers."""
    refuse_traced(given, "labels")
    if np.ma.is_masked(given):
        raise ValueError("labels is a masked array with masked entries; drop their rows.")
    # Straight to an array, NumPy would turn [1, "a"] silently into two strings.
    values = np.asarray(given) if hasattr(given, "dtype") else np.array(given, dtype=object)
    if values.ndim != 1:
        mend = " Pass labels.ravel()." if values.ndim == 2 and values.shape[1] == 1 else ""
        raise ValueError(f"labels has shape {values.shape}; it must be (n,), one label an example.{mend}")
    if values.dtype.kind in "UT":
        values = values.astype(object)
    if values.dtype == object:
        texts = np.array([isinstance(value, str) for value in values], dtype=bool)
        for row, (text, value) in enumerate(zip(texts, values, strict=True)):
            if not text and (
                not isinstance(value, numbers.Real | np.bool_) or value != value or abs(value) == math.inf
            ):
                raise ValueError(f"The label in row {row}, counted from 0, is {value!r}; it is missing or not a label.")
        if texts.any() and not texts.all():
            raise ValueError(f"labels mixes words and numbers, such as {values[0]!r} in row 0; use one of the two.")
        return values
    real(values, "labels")
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        raise ValueError(
            f"{len(bad)} label(s) are not finite; the first, in row {bad[0]} counted from 0, is {values[bad[0]]}. "
            f"Drop the rows without a label."
        )
    return values


def _distinct(values: np.ndarray) -> list[Any]:
    return sorted(set(values.tolist())) if values.dtype == object else np.unique(values).tolist()


def _among(values: np.ndarray, chosen: list[Any]) -> np.ndarray:
    """(n,) booleans: which values are among the chosen."""
    if values.dtype == object:  # compared as Python objects: NumPy would drop a word's trailing null characters
        return np.array([value in chosen for value in values.tolist()], dtype=bool)
    return np.isin(values, np.array(chosen, dtype=values.dtype))


def as_word(value: Any) -> str:
    """A label as a person would write it: 3.0 is "3"."""
    if isinstance(value, str | bool | np.bool_):
        return str(value)
    whole = isinstance(value, numbers.Integral) or (abs(value) < 2**53 and value == int(value))
    return str(int(value)) if whole else str(value)


_IGNORED = (-100, -1, -9, -99, -999, 255, 999)
"""Numbers that are in use for "no label here", the surest first."""


def _as_mask(value: Any) -> str:
    """How examples without a label are left out."""
    word = as_word(value)
    return (
        f"If {word} marks examples without a label, leave their rows out: keep = labels != {word}; or keep the rows, "
        f"with any label and the weight 0: sample_weights=(labels != {word}).astype(float)."
    )


def _too_many(distinct: list[Any], words: list[str]) -> str:
    shown = ", ".join(words[:8]) + (", ..." if len(words) > 8 else "")
    if not isinstance(distinct[0], str) and any(value != int(value) for value in distinct):
        return (
            f"labels holds {len(words)} different numbers, not all whole ({shown}): soft labels or a regression "
            f"target. Soft labels in [0, 1] are ll.Dataset(inputs=X, probabilities=values), of a file probabilities= "
            f"or --probabilities and the column; else cut them in two first, for instance labels=values > 0.5."
        )
    ignored = [value for value in distinct if value in _IGNORED]
    if len(words) == 3 and ignored:
        return (
            f"labels holds {len(words)} classes ({shown}); two are needed. {_as_mask(ignored[0])} "
            f"If {as_word(ignored[0])} is a class, choose two: keep the rows where np.isin(labels, {distinct[:2]})."
        )
    return (
        f"labels holds {len(words)} classes ({shown}); two are needed. Choose two: keep the rows where "
        f"np.isin(labels, {distinct[:2]}); of a file, ll.load(path, classes={tuple(words[:2])}) "
        f"or --classes {' '.join(map(str, words[:2]))}. "
        f"Or set one against the rest: labels == {distinct[0]!r}."
    )


@guarded()
def choose(
    values: Any, classes: Any, names: Sequence[str] = (), where: str = "labels"
) -> tuple[np.ndarray, np.ndarray, tuple[str, str]]:
    """Pick two classes, or two groups of classes, out of many.

    Args:
        values: (n,) the class of each example, numbers or strings.
        classes: "NEGATIVES/POSITIVES" with lists and ranges ("3/8", "0-4/5-9", "a,b/c"), or a pair such as (3, 8) or
            ((0, 1), (2,)).
        names: if the classes are 0, 1, ..., their names, understood besides the numbers.
        where: what the examples come from, for messages.

    Returns:
        The rows taken, (n,) booleans; their labels, -1.0 and +1.0; the words (negatives, positives).

    Raises:
        ValueError: if a class is unknown, wanted on both sides, or a side is empty.

    Example:
        >>> rows, labels, words = choose([0, 1, 2, 1], "0,2/b", names=("a", "b", "c"))
        >>> labels, words
        (array([-1.,  1., -1.,  1.]), ('a,c', 'b'))
    """
    values = _label_values(values)
    distinct = _distinct(values)
    word_of = {value: str(names[value]) if len(names) else as_word(value) for value in distinct}
    known = {as_word(value): value for value in distinct} | {word: value for value, word in word_of.items()}
    shown = ", ".join(word if word == as_word(value) else f"{word} ({value})" for value, word in word_of.items())
    parts = classes.split("/") if isinstance(classes, str) else classes
    if not isinstance(parts, Sequence) or len(parts) != 2:
        given = "" if parts is None else f", but classes={classes!r} is not a pair"
        first, *_, second = [*word_of.values(), "OTHER"] if len(word_of) == 1 else word_of.values()
        raise ValueError(
            f"{where} has {len(distinct)} classes ({shown}){given}. Choose two, or two groups, NEGATIVES/POSITIVES: "
            f"{where}:{first}/{second}, or classes=({first!r}, {second!r})."
        )
    sides = [list(_members(part, known)) for part in parts]
    unknown = [word for side in sides for word in side if word not in known]
    if unknown:
        near = difflib.get_close_matches(unknown[0], known, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise ValueError(f"{where} has no class {unknown[0]!r}.{hint} Its classes: {shown}.")
    negatives, positives = ([known[word] for word in side] for side in sides)
    if not negatives or not positives:
        raise ValueError(f"classes={classes!r} leaves one side empty. The classes of {where}: {shown}.")
    both = [word_of[value] for value in negatives if value in positives]
    if both:
        raise ValueError(f"Class {both[0]} of {where} is on both sides of classes={classes!r}; leave it on one.")
    is_positive = _among(values, positives)
    rows = is_positive | _among(values, negatives)
    words = [",".join(dict.fromkeys(word_of[value] for value in side)) for side in (negatives, positives)]
    return rows, np.where(is_positive[rows], 1.0, -1.0), (words[0], words[1])


def _members(part: Any, known: dict[str, Any]) -> Iterable[str]:
    """The words of one side: "0-2,7", a single class, or a sequence of classes."""
    if not isinstance(part, str):
        yield from (as_word(item) for item in (part if isinstance(part, Iterable) else (part,)))
        return
    for item in [part] if part in known else map(str.strip, part.split(",")):
        span = None if item in known else re.fullmatch(r"(\d+)-(\d+)", item)
        if span:
            yield from (str(number) for number in range(int(span[1]), int(span[2]) + 1))
        elif item:
            yield item
