from ._common_point import NotSeparable as NotSeparable
from ._first_order import Descent as Descent
from ._first_order import averaged_sgd as averaged_sgd
from ._first_order import dual_coordinate_descent as dual_coordinate_descent
from ._first_order import pegasos as pegasos
from ._first_order import smoothed_lbfgs as smoothed_lbfgs
from ._first_order import subgradient_descent as subgradient_descent
from ._implicit_differentiation import differentiable_solve as differentiable_solve
from ._kernel_machine import KernelSolution as KernelSolution
from ._kink_sets import DegenerateSolution as DegenerateSolution
from ._path import HingePath as HingePath
from ._path import hinge_path as hinge_path
from ._path import path as path
from ._path import path_at as path_at
from ._solve import Solution as Solution
from ._solve import solve as solve
from ._solve_kernel import decision_function as decision_function
from ._solve_kernel import solve_kernel as solve_kernel
from ._unpenalised import Separable as Separable

"""For other wings."""
from ._convex_form import convex_form as convex_form
from ._hard_margin import separate as separate
from ._kernels import evaluate as evaluate
