#include "charset.h"

#include "../json.h"

#include <errno.h>
#include <iconv.h>
#include <stdlib.h>

#ifdef HAVE_UCHARDET
#include <uchardet.h>
const bool charset_can_detect = true;
#else
const bool charset_can_detect = false;
#endif

/* ---- guessing ---- */

const char *charset_bom(slice head, ptrdiff_t *bom_bytes)
{
    static const struct {
        const char *bytes;
        ptrdiff_t len;
        const char *name;
    } marks[] = {
        /* UTF-32LE begins like UTF-16LE */
        { "\xef\xbb\xbf", 3, "UTF-8" },    { "\xff\xfe\0\0", 4, "UTF-32LE" },
        { "\0\0\xfe\xff", 4, "UTF-32BE" }, { "\xff\xfe", 2, "UTF-16LE" },
        { "\xfe\xff", 2, "UTF-16BE" },
    };
    for (ptrdiff_t i = 0; i < countof(marks); i++)
        if (slice_starts(head, slice_make(marks[i].bytes, marks[i].len))) {
            *bom_bytes = marks[i].len;
            return marks[i].name;
        }
    *bom_bytes = 0;
    return NULL;
}

/* Text of mostly Latin letters in UTF-16 has a zero in every second byte and none in the others. */
static const char *guess_utf16(slice text)
{
    ptrdiff_t n = MIN(text.len, (ptrdiff_t)4096) & ~(ptrdiff_t)1, zero[2] = { 0, 0 };
    for (ptrdiff_t i = 0; i < n; i++)
        zero[i & 1] += text.ptr[i] == 0;
    if (n < 8)
        return NULL;
    if (zero[0] == 0 && zero[1] * 10 >= n / 2 * 9)
        return "UTF-16LE";
    return zero[1] == 0 && zero[0] * 10 >= n / 2 * 9 ? "UTF-16BE" : NULL;
}

/* ---- labels ---- */

struct label {
    const char *label, *standard, *iconv;
};

static const struct label labels[] = {
#include "label_table.inc"
};

const char *charset_label(slice label, const char **standard)
{
    char low[32];
    while (label.len && strchr(" \t\n\f\r", *label.ptr) && *label.ptr)
        label = slice_from(label, 1);
    while (label.len && strchr(" \t\n\f\r", label.ptr[label.len - 1]) && label.ptr[label.len - 1])
        label.len--;
    if (label.len >= countof(low))
        return NULL;
    for (ptrdiff_t i = 0; i < label.len; i++)
        low[i] =
            (char)(label.ptr[i] >= 'A' && label.ptr[i] <= 'Z' ? label.ptr[i] + 32 : label.ptr[i]);
    for (ptrdiff_t lo = 0, hi = countof(labels); lo < hi;) {
        ptrdiff_t mid = (lo + hi) / 2;
        int c = slice_cmp(slice_make(low, label.len), slice_of(labels[mid].label));
        if (c == 0) {
            if (standard)
                *standard = labels[mid].standard;
            return labels[mid].iconv;
        }
        if (c < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return NULL;
}

#ifdef HAVE_UCHARDET
static const char *detect(slice text, struct arena *arena)
{
    uchardet_t ud = uchardet_new();
    const char *name = NULL;
    if (ud && uchardet_handle_data(ud, text.ptr, (size_t)text.len) == 0) {
        uchardet_data_end(ud);
        const char *found = uchardet_get_charset(ud);
        if (charset_label(slice_of(found), &name))
            ; /* as browsers call it */
        else if (*found && charset_known(found))
            name = arena_cstr_dup(arena, slice_of(found));
    }
    if (ud)
        uchardet_delete(ud);
    return name;
}
#else
static const char *detect(slice text, struct arena *arena)
{
    (void)text, (void)arena;
    return NULL;
}
#endif

/* Bytes of a sequence that the end of `text` cuts: valid so far, at most 3. */
static bool only_cut_at_end(slice text, ptrdiff_t good)
{
    ptrdiff_t left = text.len - good;
    if (left < 1 || left > 3)
        return false;
    unsigned char c = (unsigned char)text.ptr[good];
    ptrdiff_t need = c >= 0xf0 && c < 0xf5 ? 4 : c >= 0xe0 ? 3 : c >= 0xc2 ? 2 : 0;
    if (left >= need)
        return false;
    for (ptrdiff_t i = 1; i < left; i++)
        if (((unsigned char)text.ptr[good + i] & 0xc0) != 0x80)
            return false;
    return true;
}

const char *charset_guess(slice text, bool whole, ptrdiff_t *bom_bytes, struct arena *arena)
{
    const char *marked = charset_bom(text, bom_bytes);
    if (marked)
        return marked;
    const char *wide =
        guess_utf16(text); /* before UTF-8: its ASCII range is valid UTF-8 with NULs */
    if (wide)
        return wide;
    ptrdiff_t good = json_utf8_prefix(text);
    if (good == text.len || (!whole && only_cut_at_end(text, good)))
        return "UTF-8";
    return detect(slice_make(text.ptr, MIN(text.len, (ptrdiff_t)1 << 20)), arena);
}

/* What iconv calls it. */
static const char *iconv_name(const char *name)
{
    const char *known = charset_label(slice_of(name), NULL);
    return known ? known : name;
}

bool charset_known(const char *name)
{
    iconv_t cd = iconv_open("UTF-8", iconv_name(name));
    if (cd == (iconv_t)-1)
        return false;
    iconv_close(cd);
    return true;
}

/* ---- conversion ---- */

struct charset_stream {
    iconv_t cd;
    int64_t fed;    /* bytes of earlier calls that are decoded */
    char carry[16]; /* a sequence that was cut */
    ptrdiff_t carried;
};

struct charset_stream *charset_open(const char *from)
{
    iconv_t cd = iconv_open("UTF-8", iconv_name(from));
    if (cd == (iconv_t)-1)
        return NULL;
    struct charset_stream *cs = calloc(1, sizeof *cs);
    if (!cs)
        mem_oom();
    cs->cd = cd;
    return cs;
}

void charset_close(struct charset_stream *cs)
{
    if (!cs)
        return;
    iconv_close(cs->cd);
    free(cs);
}

/* Decodes as much of `in` as it can; returns the bytes that are left over. errno says why: 0 all,
 * EINVAL a cut sequence, EILSEQ a bad one. */
static ptrdiff_t decode(iconv_t cd, slice in, struct buf *out)
{
    char *src = (char *)in.ptr;
    size_t left = (size_t)in.len;
    for (;;) {
        ptrdiff_t room = (ptrdiff_t)left * 2 + 64;
        char *dst = buf_reserve(out, room);
        if (!dst) {
            errno = ENOBUFS;
            return (ptrdiff_t)left;
        }
        size_t free_bytes = (size_t)room;
        errno = 0;
        size_t r = iconv(cd, &src, &left, &dst, &free_bytes);
        out->len += room - (ptrdiff_t)free_bytes;
        if (r != (size_t)-1) {
            errno = 0;
            return 0;
        }
        if (errno != E2BIG)
            return (ptrdiff_t)left;
    }
}

bool charset_feed(struct charset_stream *cs, slice bytes, bool last, struct buf *out,
                  int64_t *bad_at)
{
    while (cs->carried && bytes.len) { /* complete the cut sequence byte by byte */
        cs->carry[cs->carried++] = *bytes.ptr;
        bytes = slice_from(bytes, 1);
        ptrdiff_t left = decode(cs->cd, slice_make(cs->carry, cs->carried), out);
        if (errno == EILSEQ || errno == ENOBUFS ||
            (errno == EINVAL && cs->carried == (ptrdiff_t)sizeof cs->carry)) {
            *bad_at = cs->fed + cs->carried - left;
            return false;
        }
        cs->fed += cs->carried - left;
        memmove(cs->carry, cs->carry + cs->carried - left, (size_t)left);
        cs->carried = left;
    }
    if (bytes.len) {
        ptrdiff_t left = decode(cs->cd, bytes, out);
        int why = errno;
        cs->fed += bytes.len - left;
        if (why == EILSEQ || why == ENOBUFS || left > (ptrdiff_t)sizeof cs->carry - 1) {
            *bad_at = cs->fed;
            return false;
        }
        if (left) {
            memcpy(cs->carry, bytes.ptr + bytes.len - left, (size_t)left);
            cs->carried = left;
        }
    }
    if (last && cs->carried) {
        *bad_at = cs->fed;
        return false;
    }
    if (last) { /* stateful charsets may hold a character back (Big5-HKSCS, EUC-JISX0213) */
        char *dst = buf_reserve(out, 64);
        size_t room = 64;
        if (dst && iconv(cs->cd, NULL, NULL, &dst, &room) != (size_t)-1)
            out->len += 64 - (ptrdiff_t)room;
    }
    return true;
}

bool charset_convert(slice text, const char *from, struct arena *arena, slice *utf8,
                     ptrdiff_t *bad_at)
{
    struct charset_stream *cs = charset_open(from);
    *bad_at = -1;
    if (!cs)
        return false;
    struct buf out = { 0 };
    int64_t bad = -1;
    bool ok = charset_feed(cs, text, true, &out, &bad);
    charset_close(cs);
    *bad_at = (ptrdiff_t)bad;
    if (ok) {
        char *copy = arena_alloc_raw(arena, out.len + RECORD_PADDING, 1);
        if (out.len)
            memcpy(copy, out.ptr, (size_t)out.len);
        *utf8 = slice_make(copy, out.len);
    }
    buf_release(&out);
    return ok;
}
