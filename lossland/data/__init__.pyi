from ._dataset import Dataset as Dataset
from ._labels import choose as choose
from ._load import load as load
from ._resample import folds as folds
from ._resample import label_noise as label_noise
from ._resample import outliers as outliers
from ._resample import split as split
from ._resample import standardise as standardise
from ._write_npy import Written as Written
from ._write_npy import write_npy as write_npy

"""For other wings."""
from ._load import DATASETS as DATASETS
from ._load import load_with_recipe as load_with_recipe
from ._new_file import new_inputs as new_inputs
from ._resample import scaling as scaling
from ._rows_on_disk import RowsOnDisk as RowsOnDisk
from ._soft_labels import both_labels as both_labels
from ._soft_labels import refuse_soft as refuse_soft
from ._soft_labels import take as take
from ._sparse import is_sparse as is_sparse
from ._sparse import needs_dense as needs_dense
