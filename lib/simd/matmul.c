#include "matmul.h"
#include "matmul_tables.h"
#include "vec.h"

static const struct matmul_kernel *const rows_all[] = {
    &matmul_scalar, &matmul_q8_scalar,
#if defined(__x86_64__)
    &matmul_avx2,   &matmul_q8_avx2,   &matmul_avx512, &matmul_q8_avx512vnni,
#elif defined(__aarch64__)
    &matmul_neon,   &matmul_q8_neon,
#endif
};

static const ptrdiff_t element_bytes[] = { 4, 2, 2, 0, 0 };

/* Q8_0: 8 * 16 * 4 weights and 16 scales for 32 k of 16 rows. */
#define Q8_PANEL_BLOCK (512 + 32)

ptrdiff_t matmul_panel_bytes(enum matmul_type type, ptrdiff_t k)
{
    if (type == MATMUL_Q8_0)
        return k / 32 * Q8_PANEL_BLOCK;
    return k * MATMUL_ROWS * element_bytes[type];
}

static void pack_u32(const char *rows, ptrdiff_t row_bytes, ptrdiff_t count, ptrdiff_t k,
                     uint32_t *panel)
{
    for (ptrdiff_t r = 0; r < count; r++)
        for (ptrdiff_t i = 0; i < k; i++)
            panel[i * MATMUL_ROWS + r] = load_u32(rows + r * row_bytes + 4 * i);
}

static void pack_u16(const char *rows, ptrdiff_t row_bytes, ptrdiff_t count, ptrdiff_t k,
                     uint16_t *panel)
{
    for (ptrdiff_t r = 0; r < count; r++)
        for (ptrdiff_t i = 0; i < k; i++)
            panel[i * MATMUL_ROWS + r] = load_u16(rows + r * row_bytes + 2 * i);
}

/* Bytes are stored with 128 added: vpdpbusd takes unsigned weights. */
static void pack_q8(const char *rows, ptrdiff_t row_bytes, ptrdiff_t count, ptrdiff_t k,
                    char *panel)
{
    for (ptrdiff_t b = 0; b < k / 32; b++, panel += Q8_PANEL_BLOCK) {
        memset(panel, 0x80, 512);
        for (ptrdiff_t r = 0; r < count; r++) {
            const char *block = rows + r * row_bytes + b * 34;
            memcpy(panel + 512 + 2 * r, block, 2);
            for (int t = 0; t < 8; t++) {
                uint32_t four = load_u32(block + 2 + 4 * t) ^ 0x80808080u;
                memcpy(panel + t * 64 + r * 4, &four, 4);
            }
        }
    }
}

void matmul_pack(enum matmul_type type, const void *rows, ptrdiff_t row_bytes, ptrdiff_t count,
                 ptrdiff_t k, void *panel)
{
    ASSERT(count >= 1 && count <= MATMUL_ROWS);
    if (count < MATMUL_ROWS)
        memset(panel, 0, (size_t)matmul_panel_bytes(type, k));
    if (type == MATMUL_Q8_0)
        pack_q8(rows, row_bytes, count, k, panel);
    else if (type == MATMUL_F32)
        pack_u32(rows, row_bytes, count, k, panel);
    else
        pack_u16(rows, row_bytes, count, k, panel);
}

ptrdiff_t matmul_input_bytes(enum matmul_type type, ptrdiff_t k, ptrdiff_t columns)
{
    ptrdiff_t blocks = k / 32 * columns;
    if (type == MATMUL_Q8_0)
        return ALIGN_UP(blocks * 32, 64) + 2 * ALIGN_UP(blocks * 4, 64);
    return ALIGN_UP(k * columns * 4, 64);
}

struct matmul_input matmul_input_place(enum matmul_type type, ptrdiff_t k, ptrdiff_t columns,
                                       void *memory)
{
    struct matmul_input in = { .k = k, .columns = columns };
    if (type != MATMUL_Q8_0) {
        in.x = memory;
        return in;
    }
    ASSERT(k % 32 == 0);
    ptrdiff_t blocks = k / 32 * columns;
    in.q = memory;
    in.scale = (float *)(void *)((char *)memory + ALIGN_UP(blocks * 32, 64));
    in.offset = (int32_t *)(void *)((char *)in.scale + ALIGN_UP(blocks * 4, 64));
    return in;
}

static void input_pack_q8(const struct matmul_input *in, const float *x, ptrdiff_t group,
                          ptrdiff_t width, ptrdiff_t column)
{
    const struct vec_kernels *v = vec_kernels();
    for (ptrdiff_t b = 0; b < in->k / 32; b++) {
        ptrdiff_t at = group * (in->k / 32) + b * width + (column - group);
        int32_t sum;
        in->scale[at] = v->quantize32(x + 32 * b, in->q + 32 * at, &sum);
        in->offset[at] = -128 * sum;
    }
}

void matmul_input_pack(const struct matmul_input *in, const float *x, ptrdiff_t stride,
                       ptrdiff_t from, ptrdiff_t to)
{
    for (ptrdiff_t c = from; c < to; c++) {
        ptrdiff_t group = c / MATMUL_GROUP * MATMUL_GROUP;
        ptrdiff_t width = MIN(MATMUL_GROUP, in->columns - group);
        const float *column = x + c * stride;
        if (in->q) {
            input_pack_q8(in, column, group, width, c);
            continue;
        }
        float *dst = in->x + group * in->k + (c - group);
        for (ptrdiff_t i = 0; i < in->k; i++)
            dst[i * width] = column[i];
    }
}

const struct matmul_kernel *matmul_kernel(enum matmul_type type)
{
    bool q8 = type == MATMUL_Q8_0;
    for (ptrdiff_t i = countof(rows_all) - 1; i > 1; i--)
        if (rows_all[i]->q8 == q8 && cpu_has(rows_all[i]->features))
            return rows_all[i];
    return rows_all[q8];
}

/* Rows [16 panel, 16 panel + 16) by k in [k, k + size) of the file's blocks, as a float32 panel. */
static void expand_panel(const struct matmul *w, ptrdiff_t panel, ptrdiff_t k, ptrdiff_t size,
                         float *out)
{
    ptrdiff_t rows = MIN(MATMUL_ROWS, w->rows - panel * MATMUL_ROWS);
    float row[MATMUL_K_BLOCK];

    if (rows < MATMUL_ROWS)
        memset(out, 0, sizeof(float) * (size_t)(size * MATMUL_ROWS));
    for (ptrdiff_t r = 0; r < rows; r++) {
        const char *src = (const char *)w->data + (panel * MATMUL_ROWS + r) * w->row_bytes;
        w->expand(src + k / w->block * w->block_bytes, row, size);
        for (ptrdiff_t i = 0; i < size; i++)
            out[i * MATMUL_ROWS + r] = row[i];
    }
}

/* The float32 kernel stores the sums of one block of k; they are added here from left to right, as
 * it does itself: the same bytes as if the weights had been float32. */
static void blocks_run(const struct matmul *w, const struct matmul_input *in, float *out,
                       ptrdiff_t stride, ptrdiff_t from, ptrdiff_t to)
{
    const struct matmul_kernel *kernel = matmul_kernel(MATMUL_F32);
    float panel[MATMUL_K_BLOCK * MATMUL_ROWS] __attribute__((aligned(64)));
    float sums[MATMUL_GROUP * MATMUL_ROWS] __attribute__((aligned(64)));

    for (ptrdiff_t p = from; p < to; p++) {
        for (ptrdiff_t k = 0; k < w->k; k += MATMUL_K_BLOCK) {
            ptrdiff_t size = MIN(MATMUL_K_BLOCK, w->k - k);
            struct matmul part = { .type = MATMUL_F32, .rows = 16, .k = size, .data = panel };
            expand_panel(w, p, k, size, panel);
            for (ptrdiff_t c = 0; c < in->columns; c += MATMUL_GROUP) {
                ptrdiff_t width = MIN(MATMUL_GROUP, in->columns - c);
                struct matmul_input group = { .k = size, .columns = width };
                group.x = in->x + c * in->k + k * width;
                kernel->run(&part, &group, sums, MATMUL_ROWS, 0, 1);
                for (ptrdiff_t i = 0; i < width; i++) {
                    float *dst = out + (c + i) * stride + p * MATMUL_ROWS;
                    for (int r = 0; r < MATMUL_ROWS; r++)
                        dst[r] = k ? dst[r] + sums[i * MATMUL_ROWS + r] : sums[i * MATMUL_ROWS + r];
                }
            }
        }
    }
}

void matmul_run(const struct matmul *w, const struct matmul_input *in, float *out, ptrdiff_t stride,
                ptrdiff_t from, ptrdiff_t to)
{
    if (from >= to || !in->columns)
        return;
    if (w->type == MATMUL_BLOCKS)
        blocks_run(w, in, out, stride, from, to);
    else
        matmul_kernel(w->type)->run(w, in, out, stride, from, to);
}

const struct matmul_kernel *const *matmul_kernels_all(ptrdiff_t *count)
{
    *count = countof(rows_all);
    return rows_all;
}
