from ._eigenvalues import TopEigenvalues as TopEigenvalues
from ._eigenvalues import Trace as Trace
from ._eigenvalues import hessian_trace as hessian_trace
from ._eigenvalues import top_eigenvalues as top_eigenvalues
from ._hessian import gauss_newton as gauss_newton
from ._hessian import hessian as hessian
from ._hessian import hessian_diagonal as hessian_diagonal
from ._hessian import hessian_vector_product as hessian_vector_product
from ._kink_curvature import KinkCurvature as KinkCurvature
from ._kink_curvature import kink_curvature as kink_curvature
from ._sharpness import Sharpness as Sharpness
from ._sharpness import sharpness as sharpness
from ._spectral_density import SpectralDensity as SpectralDensity
from ._spectral_density import spectral_density as spectral_density

"""For other wings."""
from ._checks import checked_objective as checked_objective
