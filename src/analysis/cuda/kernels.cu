/* Everything the analysis wants of a picture that a GPU has decoded, while it is there: the same
 * integers as look.c, change.c, letterbox.c and credits.c compute, and the same roundings, so that
 * a film gives the same shots wherever it was decoded. Of the samples those rows are read which the
 * boxes of a look take, once; everything else works on the few kilobytes that are left.
 *
 * Floating point only turns sums into samples: one division, one product, one sum, each rounded as
 * IEEE says (no contraction, see tools/make-ptx). */
#include "analysis/cuda/device.h"
#include "analysis/cuda/layout.h"

#include "analysis/cuda/kernels_look.cuh"

#include "analysis/cuda/kernels_change.cuh"

#include "analysis/cuda/kernels_bars.cuh"
