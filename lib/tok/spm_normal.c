#include "spm_private.h"

#include <stdlib.h>

#define SPACE "\xE2\x96\x81"

ptrdiff_t spm_symbol(const struct spm *m, slice text, bool *user)
{
    /* By the first byte alone, as the reference counts. */
    static const uint8_t lengths[16] = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 3, 4 };
    ptrdiff_t best = 0;
    uint32_t node = TRIE_ROOT;

    *user = false;
    for (ptrdiff_t i = 0;
         m->has_user && i < text.len && (node = trie_step(&m->user, node, text.ptr[i])); i++)
        if (trie_value(&m->user, node) >= 0)
            best = i + 1;
    if (best) {
        *user = true;
        return best;
    }
    return MIN(text.len, lengths[(unsigned char)text.ptr[0] >> 4]);
}

/* What the front of the input becomes, and how many bytes of it that takes. */
static slice prefix(const struct spm *m, const struct spm_rules *rules, slice input, ptrdiff_t *len)
{
    slice to;
    bool user = false;

    if (m->has_user && rules == &m->rules) {
        *len = spm_symbol(m, input, &user);
        if (user)
            return slice_make(input.ptr, *len);
    }
    if (rules->map && (*len = charsmap_longest(rules->map, input, &to)))
        return to;
    *len = utf8_length(input.ptr, input.len);
    if (*len)
        return slice_make(input.ptr, *len);
    *len = 1;
    return SLICE("\xEF\xBF\xBD");
}

static void put(struct spm_text *t, slice bytes, ptrdiff_t from)
{
    if (t->wants_from) {
        if (t->text.len + bytes.len + 1 > t->from_cap) {
            t->from_cap = MAX(t->text.len + bytes.len + 1, t->from_cap * 2);
            t->from = realloc(t->from, (size_t)t->from_cap * sizeof *t->from);
            if (!t->from)
                mem_oom();
        }
        for (ptrdiff_t i = 0; i < bytes.len; i++)
            t->from[t->text.len + i] = (uint32_t)from;
    }
    buf_append(&t->text, bytes);
}

static void put_escaped(const struct spm_rules *rules, struct spm_text *t, slice bytes,
                        ptrdiff_t from)
{
    while (bytes.len) {
        ptrdiff_t blank = rules->escape ? slice_find(bytes, ' ') : -1;
        ptrdiff_t plain = blank < 0 ? bytes.len : blank;
        if (plain)
            put(t, slice_make(bytes.ptr, plain), from);
        if (blank >= 0)
            put(t, SLICE(SPACE), from);
        bytes = slice_from(bytes, plain + (blank >= 0));
    }
}

static inline bool is_plain(const struct spm *m, char c)
{
    return (unsigned char)c < 0x80 && (m->plain[(unsigned char)c / 64] >> (c % 64) & 1);
}

/* How many bytes stay as they are: before the last of them the next one may matter. */
static ptrdiff_t plain_run(const struct spm *m, slice input)
{
    ptrdiff_t n = 0;

    while (n < input.len && is_plain(m, input.ptr[n]))
        n++;
    return n < input.len && (unsigned char)input.ptr[n] >= 0x80 && n > 0 ? n - 1 : n;
}

static void trim_end(const struct spm_rules *rules, struct spm_text *t, ptrdiff_t *consumed)
{
    slice space = rules->escape ? SLICE(SPACE) : SLICE(" ");

    while (t->text.len && slice_ends(buf_slice(&t->text), space)) {
        t->text.len -= space.len;
        if (t->wants_from)
            *consumed = t->from[t->text.len];
    }
}

void spm_normalize(const struct spm *m, const struct spm_rules *rules, slice input,
                   struct spm_text *out)
{
    slice all = input, space = rules->escape ? SLICE(SPACE) : SLICE(" ");
    ptrdiff_t len, consumed;

    buf_clear(&out->text);
    while (rules->remove_extra && input.len) {
        slice to = prefix(m, rules, input, &len);
        if (!slice_eq(to, SLICE(" ")))
            break;
        input = slice_from(input, len);
    }
    consumed = input.ptr - all.ptr;
    if (input.len == 0)
        return;
    bool suffix = m->suffix && rules == &m->rules;
    if (!suffix && rules->dummy_prefix)
        put(out, space, consumed);
    bool blank_before = rules->remove_extra;
    while (input.len) {
        ptrdiff_t plain = out->wants_from || rules != &m->rules ? 0 : plain_run(m, input);
        if (plain) {
            buf_append(&out->text, slice_make(input.ptr, plain));
            blank_before = false;
            consumed += plain;
            input = slice_from(input, plain);
            continue;
        }
        /* One blank between such characters. */
        if (input.ptr[0] == ' ' && !out->wants_from && rules == &m->rules && m->plain_blank &&
            !blank_before && input.len > 1 && is_plain(m, input.ptr[1])) {
            buf_append(&out->text, space);
            blank_before = rules->remove_extra;
            consumed++;
            input = slice_from(input, 1);
            continue;
        }
        slice to = prefix(m, rules, input, &len);
        while (blank_before && to.len && to.ptr[0] == ' ')
            to = slice_from(to, 1);
        if (to.len) {
            put_escaped(rules, out, to, consumed);
            blank_before = to.ptr[to.len - 1] == ' ';
        }
        consumed += len;
        input = slice_from(input, len);
        if (!rules->remove_extra)
            blank_before = false;
    }
    if (rules->remove_extra)
        trim_end(rules, out, &consumed);
    if (suffix && rules->dummy_prefix)
        put(out, space, consumed);
    if (out->wants_from) {
        put(out, (slice){ "", 0 }, consumed);
        out->from[out->text.len] = (uint32_t)consumed;
    }
}
