"""How the kernels are compiled, and what they share.

Every kernel is marked ``no_type_check``, or the tests' run-time checks would wrap it before numba sees it.

Three traps, each measured at 1.4 to 40 times the run time: a float64 literal in a float32 expression, a signed index in
an inner loop (numba's wrap for negative indices stops vectorisation), and several arrays in one inner loop (too many
overlap checks, so lanes live in one scratch buffer at constant offsets).
"""

from typing import no_type_check

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

from csgaussian_ns.core.kernel_cache import cached
from csgaussian_ns.render.contract import MIN_ALPHA

f32 = np.float32
unsigned = np.uint64

# Neither nnan nor ninf: a NaN that comes in must lose every comparison instead of being anything.
FAST_MATH = {"contract", "reassoc", "nsz", "arcp", "afn"}

ZERO = f32(0.0)
HALF = f32(0.5)
ONE = f32(1.0)
TWO = f32(2.0)

# Blending works with log2(alpha) = LEVEL - r^2, where r is the distance from the centre in standard deviations times
# WHITENING_SCALE: one instruction less than exp(), and no factor for the opacity.
MIN_LEVEL = np.log2(MIN_ALPHA)
WHITENING_SCALE = np.sqrt(0.5 * np.log2(np.e))

# Rounding may shrink a footprint that is computed ahead of the exact test per pixel; these keep it a superset.
LEVEL_SLACK = f32(1e-3)
PIXEL_SLACK = f32(2e-3)


def kernel(function):
    """Compile ``function`` for several threads: no GIL, kept on disk, vectorised float32."""
    return cached(njit(nogil=True, fastmath=FAST_MATH, error_model="numpy")(function))


def inlined_kernel(function):
    """Compile ``function`` into its callers, but optimised alone first: its own loops are unrolled by then."""
    return cached(njit(nogil=True, fastmath=FAST_MATH, error_model="numpy", forceinline=True)(function))


# Minimax polynomial of 2^f on [-1/2, 1/2], relative error 2.3e-7 in float32 (Lawson's iteration on 4001 points).
_C0, _C1, _C2 = f32(1.0000001192092896), f32(0.6931469440460205), f32(0.24022120237350464)
_C3, _C4, _C5 = f32(0.05550713092088699), f32(0.009675540961325169), f32(0.0013276472454890609)


@njit(inline="always")
@no_type_check
def exp2(x):
    """2^x for -126 < x < 127, else some number: pip's numba has no vector exp, so the exponent is added by hand."""
    whole = np.rint(x)
    f = x - whole
    mantissa = _C0 + f * (_C1 + f * (_C2 + f * (_C3 + f * (_C4 + f * _C5))))
    bits = np.float32(mantissa).view(np.int32) + (np.int32(whole) << np.int32(23))
    return np.int32(bits).view(np.float32)


@kernel
@no_type_check
def clear_between(ids, start, stop, rows):
    """Zero the rows of the ids [start, stop) and of all others up to the next job's, so that all jobs clear all rows.

    In the jobs rather than by numpy.zeros: fresh zero pages cost 5 times as much, all on one core.
    """
    first = ids[start - 1] + 1 if start > 0 else 0
    end = ids[stop - 1] + 1 if stop < len(ids) else len(rows)
    rows[first:end] = ZERO


@intrinsic
@no_type_check
def prefetch(typing, table, row, column):
    """Start to load the cache line of ``table[row, column]`` of a C-ordered 2-D array, which may lie outside it.

    Rows met in random order cost a cache miss each; asked for one batch ahead they cost half (measured at 1M splats).
    """
    if not (isinstance(table, types.Array) and table.ndim == 2 and table.layout == "C"):
        return None

    def generate(context, builder, signature, arguments):
        array = context.make_array(signature.args[0])(context, builder, arguments[0])
        indices = [
            context.cast(builder, value, kind, types.intp)
            for value, kind in zip(arguments[1:], signature.args[1:], strict=True)
        ]
        pointer = cgutils.get_item_pointer(context, builder, signature.args[0], array, indices, wraparound=False)
        byte, flag = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, flag, flag, flag])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        reading, keep_close, data = flag(0), flag(3), flag(1)
        builder.call(function, [builder.bitcast(pointer, byte), reading, keep_close, data])
        return context.get_dummy_value()

    return types.void(table, row, column), generate
