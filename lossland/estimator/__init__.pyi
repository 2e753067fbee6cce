from ._classifier import PairClassifier as PairClassifier
from ._cross_validation import PairClassifierCV as PairClassifierCV
