#include "charsmap.h"

#include "../json.h"

#define RESULTS_MAX 32 /* of one search, as in the reference */

struct charsmap {
    slice blob;
    const char *units; /* little-endian u32, not aligned */
    uint32_t unit_count;
    slice texts;
};

struct charsmap *charsmap_new(slice blob, struct arena *arena, struct err *err)
{
    struct charsmap *m = arena_new(arena, struct charsmap, 1);

    m->blob = arena_dup(arena, blob);
    if (blob.len == 0)
        return m;
    uint32_t size = blob.len >= 4 ? load_u32(blob.ptr) : 0;
    if (blob.len < 8 || size > (uint64_t)blob.len - 4 || size < 4 || size % 4 != 0) {
        err_set(err, ERR_CONFIG, "precompiled_charsmap: the size of its trie is wrong");
        return NULL;
    }
    m->units = m->blob.ptr + 4;
    m->unit_count = size / 4;
    m->texts = slice_from(m->blob, 4 + (ptrdiff_t)size);
    if (!json_utf8_valid(m->texts)) {
        err_set(err, ERR_CONFIG, "precompiled_charsmap: its texts are not UTF-8");
        return NULL;
    }
    return m;
}

static uint32_t unit_at(const struct charsmap *m, uint32_t at)
{
    return load_u32(m->units + (size_t)at * 4);
}

static uint32_t offset_of(uint32_t unit)
{
    return (unit >> 10) << ((unit & (1u << 9)) >> 6);
}

/* The text that begins at `at`, up to its NUL. */
static slice text_at(const struct charsmap *m, uint32_t at)
{
    if (at >= (uint64_t)m->texts.len)
        return (slice){ "", 0 };
    slice rest = slice_from(m->texts, at);
    ptrdiff_t nul = slice_find(rest, 0);
    return nul >= 0 ? slice_make(rest.ptr, nul) : rest;
}

static ptrdiff_t search(const struct charsmap *m, slice text, bool longest, slice *to)
{
    uint32_t at = 0, value = 0;
    ptrdiff_t found = 0;
    int results = 0;

    if (m->unit_count == 0)
        return 0;
    at = offset_of(unit_at(m, 0));
    for (ptrdiff_t i = 0; i < text.len && text.ptr[i]; i++) {
        unsigned char byte = (unsigned char)text.ptr[i];
        at ^= byte;
        if (at >= m->unit_count)
            break;
        uint32_t unit = unit_at(m, at);
        if ((unit & (1u << 31 | 0xFF)) != byte)
            break;
        at ^= offset_of(unit);
        if (!(unit >> 8 & 1))
            continue;
        if (at >= m->unit_count)
            break;
        value = unit_at(m, at) & 0x7FFFFFFF;
        found = i + 1;
        if (!longest || ++results == RESULTS_MAX)
            break;
    }
    if (found)
        *to = text_at(m, value);
    return found;
}

ptrdiff_t charsmap_longest(const struct charsmap *m, slice text, slice *to)
{
    return search(m, text, true, to);
}

ptrdiff_t charsmap_shortest(const struct charsmap *m, slice text, slice *to)
{
    return search(m, text, false, to);
}

bool charsmap_leads_on(const struct charsmap *m, slice bytes)
{
    uint32_t at = m->unit_count ? offset_of(unit_at(m, 0)) : 0;

    for (ptrdiff_t i = 0; i < bytes.len; i++) {
        at ^= (unsigned char)bytes.ptr[i];
        if (at >= m->unit_count)
            return false;
        uint32_t unit = unit_at(m, at);
        if ((unit & (1u << 31 | 0xFF)) != (unsigned char)bytes.ptr[i])
            return false;
        at ^= offset_of(unit);
    }
    return m->unit_count > 0;
}

slice charsmap_blob(const struct charsmap *m)
{
    return m->blob;
}
