#include "tokfile.h"

#include <inttypes.h>
#include <stdio.h>

static void put_u32(struct buf *out, uint32_t v)
{
    buf_append(out, slice_make((const char *)&v, 4));
}

static void pad_with(struct buf *out, ptrdiff_t until, char c)
{
    while (out->len < until)
        buf_append_byte(out, c);
}

void tokfile_npy_head(const char *type, int64_t count, struct buf *out)
{
    ptrdiff_t start = out->len;
    uint16_t len = TOKFILE_NPY_HEAD - 10;
    buf_append(out, slice_make("\x93NUMPY\1\0", 8));
    buf_append(out, slice_make((const char *)&len, 2));
    buf_printf(out, "{'descr': '%s', 'fortran_order': False, 'shape': (%" PRId64 ",), }", type,
               count);
    pad_with(out, start + TOKFILE_NPY_HEAD - 1, ' ');
    buf_append_byte(out, '\n');
}

static void safetensors_head(int width, int64_t docs, int64_t tokens, struct buf *out)
{
    ptrdiff_t start = out->len;
    uint64_t len = TOKFILE_ST_HEAD - 8;
    int64_t ends = docs * 8;
    buf_append(out, slice_make((const char *)&len, 8));
    buf_printf(out,
               "{\"doc_ends\":{\"dtype\":\"I64\",\"shape\":[%" PRId64
               "],\"data_offsets\":[0,%" PRId64
               "]},\"tokens\":{\"dtype\":\"%s\",\"shape\":[%" PRId64 "],\"data_offsets\":[%" PRId64
               ",%" PRId64 "]}}",
               docs, ends, width == 2 ? "U16" : "U32", tokens, ends, ends + tokens * width);
    pad_with(out, start + TOKFILE_ST_HEAD, ' ');
}

bool tokfile_head(enum pack_format f, int width, int64_t docs, int64_t tokens, struct buf *out,
                  struct err *err)
{
    ptrdiff_t start = out->len;
    if (f == PACK_NPY) {
        tokfile_npy_head(width == 2 ? "<u2" : "<u4", tokens, out);
    } else if (f == PACK_SAFETENSORS) {
        safetensors_head(width, docs, tokens, out);
    } else if (f == PACK_LLMC) {
        if (tokens > INT32_MAX)
            return err_set(err, ERR_USAGE,
                           "llm.c counts the ids of a shard in 31 bits: use a "
                           "smaller --size");
        put_u32(out, width == 2 ? 20240520 : 20240801);
        put_u32(out, width == 2 ? 1 : 7);
        put_u32(out, (uint32_t)tokens);
        pad_with(out, start + TOKFILE_LLMC_HEAD, 0);
    }
    return true;
}

int64_t tokfile_ids_at(enum pack_format f, int64_t docs)
{
    return f == PACK_NPY           ? TOKFILE_NPY_HEAD
           : f == PACK_LLMC        ? TOKFILE_LLMC_HEAD
           : f == PACK_SAFETENSORS ? TOKFILE_ST_HEAD + docs * 8
                                   : 0;
}

void tokfile_metadata(const char *tokenizer, int width, int64_t tokens, struct buf *out)
{
    static const char *const units[] = { "", "K", "M", "B", "T" };
    double n = (double)tokens;
    int unit = 0;
    for (; n >= 1000 && unit < countof(units) - 1; unit++)
        n /= 1000;
    buf_printf(out, "%s|%d\n%" PRId64 "\n%.3g%sT", tokenizer, width, tokens, n, units[unit]);
}
