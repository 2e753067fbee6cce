"""The package's margin losses at three margins: which of them a class curve may be is seen without tracing them."""

AT_FIRST_PROBES = {
    "hinge": (2.03875, 0.98, 0.0),
    "squared_hinge": (4.1565015625, 0.9604, 0.0),
    "smooth_hinge": (1.53875, 0.4802, 0.0),
    "modified_huber": (4.155, 0.9604, 0.0),
    "huberised_squared_hinge": (4.155, 0.9604, 0.0),
    "huber": (1.53875, 0.4802, 0.00310078125),
    "sparsemax": (1.03875, 0.2401, 0.0),
    "perceptron": (1.03875, 0.0, 0.0),
    "squared": (4.1565015625, 0.9604, 0.0062015625),
    "absolute": (2.03875, 0.98, 0.07875),
    "zero_one": (1.0, 0.0, 0.0),
    "ramp": (1.0, 0.98, 0.0),
    "symmetric_ramp": (1.0, 0.49, 0.0),
    "unhinged": (2.03875, 0.98, -0.07875),
    "logistic": (1.341736935663, 0.6831971797266, 0.2926847522599),
    "exponential": (2.825682702489, 0.9801986733068, 0.3400202854716),
    "sigmoid_margin": (0.7386087457411, 0.49500016666, 0.2537426404347),
    "savage": (0.7897823344394, 0.2401013064594, 0.01073968538989),
    "tangent": (6.805864774545, 0.9216102375715, 0.4179969021124),
    "dwd": (2.03875, 0.98, 0.2317497103129),
    "safe_logistic": (1.168941348394, 0.3553110988514, 0.0),
    "linex": (4.642251943166, 0.6844562419294, 0.003020963304852),
}
"""Name -> values at the margins -1.03875, 0.02 and 1.07875. Which losses are fitted is decided by these, whether one
fits by the loss itself; one that is missing here is evaluated. A test holds them against the losses."""
