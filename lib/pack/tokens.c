#include "tokens.h"

static ptrdiff_t skip_space(slice s, ptrdiff_t i)
{
    while (i < s.len &&
           (s.ptr[i] == ' ' || s.ptr[i] == '\t' || s.ptr[i] == '\n' || s.ptr[i] == '\r'))
        i++;
    return i;
}

const char *tokens_parse(slice array, ptrdiff_t extra, struct arena *arena, struct tokens *t,
                         ptrdiff_t *at)
{
    /* An id takes two bytes at least: itself and a comma or bracket. */
    ptrdiff_t room = array.len / 2 + 1 + extra, n = 0, i = skip_space(array, 1);
    uint32_t *ids = (uint32_t *)arena_alloc_raw(arena, room * 4, 4) + 1, max = 0;
    while (array.ptr[i] != ']') {
        uint64_t v = 0;
        *at = i;
        if (array.ptr[i] < '0' || array.ptr[i] > '9')
            return array.ptr[i] == '-' ? "a negative token id" : "a token id that is not a number";
        for (; array.ptr[i] >= '0' && array.ptr[i] <= '9'; i++)
            if ((v = v * 10 + (uint64_t)(array.ptr[i] - '0')) > INT32_MAX)
                return "a token id above 2147483647";
        if (array.ptr[i] == '.' || array.ptr[i] == 'e' || array.ptr[i] == 'E')
            return "a token id that is not an integer";
        ids[n++] = (uint32_t)v;
        max = MAX(max, (uint32_t)v);
        if (array.ptr[i] == ',') {
            i++;
            if (LIKELY(array.ptr[i] >= '0'))
                continue;
        }
        i = skip_space(array, i);
        if (array.ptr[i] == ',')
            i = skip_space(array, i + 1);
    }
    *t = (struct tokens){ ids, n, max };
    arena_trim(arena, ids + n + extra);
    return NULL;
}

char *tokens_store(char *dst, const uint32_t *ids, ptrdiff_t n, int bytes)
{
    if (bytes == 4) {
        if (n)
            memcpy(dst, ids, (size_t)n * 4);
        return dst + n * 4;
    }
    for (ptrdiff_t i = 0; i < n; i++) {
        uint16_t v = (uint16_t)ids[i];
        memcpy(dst + i * 2, &v, 2);
    }
    return dst + n * 2;
}

uint32_t tokens_load(uint32_t *dst, const char *src, ptrdiff_t n, int bytes)
{
    uint32_t max = 0;
    for (ptrdiff_t i = 0; i < n; i++) {
        dst[i] = bytes == 2 ? load_u16(src + i * 2) : load_u32(src + i * 4);
        max = MAX(max, dst[i]);
    }
    return max;
}

static char *put_decimal(char *p, uint32_t v)
{
    char digits[10];
    int i = 10;
    do {
        digits[--i] = (char)('0' + v % 10);
    } while (v /= 10);
    memcpy(p, digits + i, (size_t)(10 - i));
    return p + 10 - i;
}

void tokens_json(slice stored, int bytes, struct buf *out)
{
    ptrdiff_t n = stored.len / bytes;
    char *start = buf_reserve(out, n * 11 + 16), *p = start;
    if (!p)
        mem_oom();
    memcpy(p, "{\"ids\":[", 8);
    p += 8;
    for (ptrdiff_t i = 0; i < n; i++) {
        if (i)
            *p++ = ',';
        p = put_decimal(p,
                        bytes == 2 ? load_u16(stored.ptr + i * 2) : load_u32(stored.ptr + i * 4));
    }
    memcpy(p, "]}\n", 3);
    out->len += p + 3 - start;
}

void tokens_idx_head(char dst[TOKENS_IDX_HEAD], int bytes, int64_t documents)
{
    uint64_t version = 1, n = (uint64_t)documents, n1 = n + 1;
    memcpy(dst, "MMIDIDX\0\0", 9);
    memcpy(dst + 9, &version, 8);
    dst[17] = bytes == 2 ? 8 : 4;
    memcpy(dst + 18, &n, 8);
    memcpy(dst + 26, &n1, 8);
}

bool tokens_idx_parse(slice head, int64_t file_bytes, int *bytes, int64_t *documents,
                      struct err *err)
{
    int64_t whole;
    if (head.len != TOKENS_IDX_HEAD || memcmp(head.ptr, "MMIDIDX\0\0", 9) != 0 ||
        load_u64(head.ptr + 9) != 1 || (head.ptr[17] != 8 && head.ptr[17] != 4))
        return err_set(err, ERR_DATA, "not a Megatron index");
    *bytes = head.ptr[17] == 8 ? 2 : 4;
    *documents = (int64_t)load_u64(head.ptr + 18);
    if (*documents < 0 || load_u64(head.ptr + 26) != (uint64_t)*documents + 1 ||
        __builtin_mul_overflow(*documents, TOKENS_PER_DOC, &whole) ||
        whole > INT64_MAX - TOKENS_IDX_EMPTY || whole + TOKENS_IDX_EMPTY != file_bytes)
        return err_set(err, ERR_DATA, "a Megatron index whose counts do not fit its size");
    return true;
}
