/* matmul.h in plain C: the reference that the other instruction sets equal bit for bit. */
#include "matmul.h"
#include "matmul_tables.h"

#include <math.h>

#include "v16_scalar.inc"

#define MATMUL_TILES(X) X(1, 1)
#include "matmul_body.inc"

const struct matmul_kernel matmul_scalar = { "scalar", 0, false, run };

/* One panel, one column. */
static void q8_column(const uint8_t *w, const struct matmul_input *in, ptrdiff_t at, ptrdiff_t step,
                      float *out)
{
    v16 sum = v_set1(0);
    for (ptrdiff_t b = 0; b < in->k / 32; b++, w += 544, at += step) {
        int32_t dot[16] = { 0 };
        for (int t = 0; t < 8; t++)
            for (int r = 0; r < 16; r++)
                for (int i = 0; i < 4; i++)
                    dot[r] += (w[t * 64 + r * 4 + i] - 128) * in->q[at * 32 + t * 4 + i];
        for (int r = 0; r < 16; r++) {
            float scale = half_to_float(load_u16(w + 512 + 2 * r)) * in->scale[at];
            sum.f[r] = fmaf((float)dot[r], scale, sum.f[r]);
        }
    }
    v_store(out, sum);
}

static void q8_run(const struct matmul *w, const struct matmul_input *in, float *out,
                   ptrdiff_t stride, ptrdiff_t from, ptrdiff_t to)
{
    for (ptrdiff_t p = from; p < to; p++)
        for (ptrdiff_t c = 0; c < in->columns; c++) {
            ptrdiff_t group = c / MATMUL_GROUP * MATMUL_GROUP;
            ptrdiff_t width = MIN(MATMUL_GROUP, in->columns - group);
            q8_column((const uint8_t *)w->data + p * w->panel_bytes, in,
                      group * (in->k / 32) + (c - group), width, out + c * stride + p * 16);
        }
}

const struct matmul_kernel matmul_q8_scalar = { "scalar", 0, true, q8_run };
