#include "mojibake.h"

#include "../json.h"
#include "../unicode.h"

#include "mojibake_table.inc"

#define STEPS_MAX 64 /* each undoes one layer; nobody has seen five */
#define DEPTH_MAX 8
#define LOST      0x1A /* the byte that a sloppy encoding writes for U+FFFD */

struct mojibake {
    struct regex *badness, *detector;
    uint8_t *bytes[countof(encodings)]; /* of code points below 0x10000; 0: not in the encoding */
};

struct work {
    const struct mojibake *m;
    struct regex_scratch *regex;
    struct arena *arena;
};

static bool is_bad(const struct work *w, slice text)
{
    return regex_find(w->m->badness, w->regex, text, 0, 0) == REGEX_MATCH;
}

static char *room(const struct work *w, ptrdiff_t len)
{
    return arena_alloc_raw(w->arena, len + RECORD_PADDING, 1);
}

static slice padded(char *begin, char *end)
{
    memset(end, 0, RECORD_PADDING);
    return slice_make(begin, end - begin);
}

/* ---- a text as bytes of an encoding ---- */

/* False when a character is not in it. No longer than the text. */
static bool encode(const struct work *w, int e, slice text, slice *bytes)
{
    char *out = room(w, text.len), *p = out;

    for (ptrdiff_t i = 0; i < text.len;) {
        uint32_t cp;
        i += uni_decode(text.ptr + i, &cp);
        uint8_t byte = cp < 0x10000 ? w->m->bytes[e][cp] : 0;
        if (cp < 0x80 && !(cp == LOST && encodings[e].sloppy))
            byte = (uint8_t)cp;
        else if (!byte)
            return false;
        *p++ = (char)byte;
    }
    *bytes = padded(out, p);
    return true;
}

static bool in(unsigned char c, unsigned low, unsigned high)
{
    return c >= low && c <= high;
}

/* A byte after a lead byte that is neither 85 (an ellipsis, often) nor A0. */
static bool plain_tail(unsigned char c)
{
    return in(c, 0x80, 0x84) || in(c, 0x86, 0x9F) || in(c, 0xA1, 0xBF);
}

static bool tail(unsigned char c)
{
    return in(c, 0x80, 0xBF);
}

/* Bytes of a character one of whose A0 became a blank, 0 for none. The bytes are padded by 0. */
static ptrdiff_t altered(const unsigned char *b)
{
    if ((b[0] == 0xC2 || b[0] == 0xC3 || b[0] == 0xC5 || b[0] == 0xCE || b[0] == 0xD0 ||
         b[0] == 0xD9) &&
        b[1] == ' ')
        return 2;
    if ((b[0] == 0xE2 || b[0] == 0xE3) && b[1] == ' ' && plain_tail(b[2]))
        return 3;
    if (in(b[0], 0xE0, 0xE3) && plain_tail(b[1]) && b[2] == ' ')
        return 3;
    if (b[0] != 0xF0)
        return 0;
    bool blank1 = b[1] == ' ' && tail(b[2]) && tail(b[3]);
    bool blank2 = tail(b[1]) && b[2] == ' ' && tail(b[3]);
    bool blank3 = tail(b[1]) && tail(b[2]) && b[3] == ' ';
    return blank1 || blank2 || blank3 ? 4 : 0;
}

/* "\xC3 " in front of a word is the word a grave, but for Portuguese words that begin so. */
static bool is_a_grave_word(slice rest)
{
    static const char *const others[] = { " ", "quele", "quela", "quilo", "s " };

    if (!slice_starts(rest, SLICE("\xC3 ")))
        return false;
    for (int i = 0; i < countof(others); i++)
        if (slice_starts(slice_from(rest, 2), slice_of(others[i])))
            return false;
    return true;
}

static bool any_altered(slice bytes)
{
    for (ptrdiff_t i = 0; i < bytes.len; i++)
        if (altered((const unsigned char *)bytes.ptr + i))
            return true;
    return false;
}

static slice restore_a0(const struct work *w, slice bytes)
{
    char *out = room(w, 2 * bytes.len), *p = out;

    if (!any_altered(bytes))
        return bytes;
    for (ptrdiff_t i = 0; i < bytes.len;) {
        if (is_a_grave_word(slice_from(bytes, i))) {
            memcpy(p, "\xC3\xA0 ", 3);
            p += 3;
            i += 2;
        } else {
            *p++ = bytes.ptr[i++];
        }
    }
    slice text = padded(out, p);
    for (ptrdiff_t i = 0; i < text.len;) {
        ptrdiff_t n = altered((const unsigned char *)text.ptr + i);
        for (ptrdiff_t k = 0; k < n; k++)
            if (out[i + k] == ' ')
                out[i + k] = '\xA0';
        i += MAX(n, 1);
    }
    return text;
}

static bool lost(unsigned char c)
{
    return c == LOST || c == '?';
}

static bool lost_or_tail(unsigned char c)
{
    return c == LOST || tail(c);
}

/* Bytes of a character that has lost some, 0 for none. */
static ptrdiff_t lossy(const unsigned char *b)
{
    if (in(b[0], 0xC2, 0xDF) && b[1] == LOST)
        return 2;
    if (in(b[0], 0xC2, 0xC3) && b[1] == '?')
        return 2;
    if (b[0] == 0xED && in(b[1], 0xA0, 0xAF) && b[3] == 0xED && in(b[4], 0xB0, 0xBF) &&
        ((lost(b[2]) && (lost(b[5]) || tail(b[5]))) || ((lost(b[2]) || tail(b[2])) && lost(b[5]))))
        return 6;
    if (in(b[0], 0xE0, 0xEF) &&
        ((lost(b[1]) && lost_or_tail(b[2])) || (lost_or_tail(b[1]) && lost(b[2]))))
        return 3;
    if (in(b[0], 0xF0, 0xF4)) {
        bool first = lost(b[1]) && lost_or_tail(b[2]) && lost_or_tail(b[3]);
        bool second = lost_or_tail(b[1]) && lost(b[2]) && lost_or_tail(b[3]);
        bool third = lost_or_tail(b[1]) && lost_or_tail(b[2]) && lost(b[3]);
        if (first || second || third)
            return 4;
    }
    return b[0] == LOST;
}

static slice replace_lossy(const struct work *w, slice bytes)
{
    ptrdiff_t i = 0;

    while (i < bytes.len && !lossy((const unsigned char *)bytes.ptr + i))
        i++;
    if (i == bytes.len)
        return bytes;
    char *out = room(w, 3 * bytes.len), *p = out;
    for (i = 0; i < bytes.len;) {
        ptrdiff_t n = lossy((const unsigned char *)bytes.ptr + i);
        if (n) {
            memcpy(p, "\uFFFD", 3);
            p += 3;
        } else {
            *p++ = bytes.ptr[i];
        }
        i += MAX(n, 1);
    }
    return padded(out, p);
}

/* UTF-8 with what Java and CESU-8 make of NUL and of the higher planes. */
static slice without_variants(const struct work *w, slice bytes)
{
    const unsigned char *b = (const unsigned char *)bytes.ptr;
    char *out = room(w, bytes.len), *p = out;

    for (ptrdiff_t i = 0; i < bytes.len;) {
        if (b[i] == 0xC0 && b[i + 1] == 0x80) {
            *p++ = '\0';
            i += 2;
        } else if (b[i] == 0xED && in(b[i + 1], 0xA0, 0xAF) && tail(b[i + 2]) && b[i + 3] == 0xED &&
                   in(b[i + 4], 0xB0, 0xBF) && tail(b[i + 5])) {
            uint32_t cp = 0x10000u + ((b[i + 1] & 0x0Fu) << 16) + ((b[i + 2] & 0x3Fu) << 10) +
                          ((b[i + 4] & 0x0Fu) << 6) + (b[i + 5] & 0x3Fu);
            p += uni_encode(p, cp);
            i += 6;
        } else {
            *p++ = bytes.ptr[i++];
        }
    }
    return padded(out, p);
}

/* The text that was read in encoding e; false when it was not. */
static bool undo(const struct work *w, int e, slice bytes, slice *text)
{
    if (strcmp(encodings[e].name, "macroman") != 0)
        bytes = restore_a0(w, bytes);
    if (encodings[e].sloppy)
        bytes = replace_lossy(w, bytes);
    if (slice_find(bytes, '\xED') >= 0 || slice_find(bytes, '\xC0') >= 0)
        bytes = without_variants(w, bytes);
    if (!json_utf8_valid(bytes))
        return false;
    *text = bytes;
    return true;
}

/* ---- what is left ---- */

static slice fix(const struct work *w, slice text, int depth);

/* Runs of characters that are UTF-8 in some encoding, each by itself. */
static slice fix_parts(const struct work *w, slice text, int depth)
{
    char *out = NULL, *p = NULL;
    ptrdiff_t at = 0, done = 0;

    while (at < text.len && regex_find(w->m->detector, w->regex, text, at, 0) == REGEX_MATCH) {
        struct regex_span hit = regex_group(w->regex, 0);
        ptrdiff_t len = hit.end - hit.start;
        at = hit.end;
        if (len == 0 || len == text.len)
            break;
        char *copy = room(w, len);
        memcpy(copy, text.ptr + hit.start, (size_t)len);
        slice part = padded(copy, copy + len);
        slice fixed = is_bad(w, part) ? fix(w, part, depth + 1) : part;
        if (slice_eq(fixed, part))
            continue;
        if (!out) /* parts get shorter, but for a blank after a grave */
            out = p = room(w, 2 * text.len);
        memcpy(p, text.ptr + done, (size_t)(hit.start - done));
        p += hit.start - done;
        if (fixed.len)
            memcpy(p, fixed.ptr, (size_t)fixed.len);
        p += fixed.len;
        done = hit.end;
    }
    if (!out)
        return text;
    memcpy(p, text.ptr + done, (size_t)(text.len - done));
    return padded(out, p + text.len - done);
}

/* C1 controls as Windows-1252; `strict`: none that it does not have, else the text itself. */
static slice fix_c1(const struct work *w, slice text, bool strict)
{
    char *out = room(w, 2 * text.len), *p = out;

    for (ptrdiff_t i = 0; i < text.len;) {
        uint32_t cp;
        int width = uni_decode(text.ptr + i, &cp);
        if (cp >= 0x80 && cp < 0xA0) {
            uint32_t meant = encodings[1].high[cp - 0x80];
            if (strict && meant == cp)
                return text;
            cp = meant;
        }
        p += uni_encode(p, cp);
        i += width;
    }
    slice fixed = padded(out, p);
    return slice_eq(fixed, text) ? text : fixed;
}

static slice fix_step(const struct work *w, slice text, int depth)
{
    bool latin1 = false;
    slice bytes, fixed;

    if (!is_bad(w, text))
        return text;
    for (int e = 0; e < countof(encodings); e++) {
        if (!encode(w, e, text, &bytes))
            continue;
        latin1 |= e == 0;
        if (undo(w, e, bytes, &fixed))
            return fixed;
    }
    if (depth < DEPTH_MAX) {
        fixed = fix_parts(w, text, depth);
        if (!slice_eq(fixed, text))
            return fixed;
    }
    if (latin1) {
        fixed = fix_c1(w, text, true);
        if (!slice_eq(fixed, text))
            return fixed;
    }
    return fix_c1(w, text, false);
}

static slice fix(const struct work *w, slice text, int depth)
{
    for (int i = 0; i < STEPS_MAX; i++) {
        slice fixed = fix_step(w, text, depth);
        if (slice_eq(fixed, text))
            break;
        text = fixed;
    }
    return text;
}

static bool is_ascii(slice text)
{
    uint64_t high = 0;
    ptrdiff_t i = 0;

    for (; i + 8 <= text.len; i += 8)
        high |= load_u64(text.ptr + i);
    for (; i < text.len; i++)
        high |= (uint64_t)(text.ptr[i] & 0x80);
    return !(high & 0x8080808080808080u);
}

slice mojibake_fix(const struct mojibake *m, struct regex_scratch *regex, slice text,
                   struct arena *arena)
{
    struct work w = { m, regex, arena };
    char *out = NULL, *p = NULL;
    ptrdiff_t done = 0;

    if (is_ascii(text))
        return text;
    for (ptrdiff_t start = 0; start < text.len;) {
        ptrdiff_t feed = slice_find(slice_from(text, start), '\n');
        ptrdiff_t end = feed < 0 ? text.len : start + feed + 1;
        slice line = slice_make(text.ptr + start, end - start);
        if (!is_ascii(line) && is_bad(&w, line)) {
            char *copy = room(&w, line.len);
            memcpy(copy, line.ptr, (size_t)line.len);
            slice fixed = fix(&w, padded(copy, copy + line.len), 0);
            if (!slice_eq(fixed, line)) {
                if (!out)
                    out = p = room(&w, 2 * text.len);
                memcpy(p, text.ptr + done, (size_t)(start - done));
                p += start - done;
                memcpy(p, fixed.ptr, (size_t)fixed.len);
                p += fixed.len;
                done = end;
            }
        }
        start = end;
    }
    if (!out)
        return text;
    if (done < text.len)
        memcpy(p, text.ptr + done, (size_t)(text.len - done));
    return padded(out, p + text.len - done);
}

/* ---- building ---- */

struct mojibake *mojibake_new(struct arena *arena, struct err *err)
{
    struct mojibake *m = arena_new(arena, struct mojibake, 1);

    m->badness = regex_new(SLICE(badness_pattern), REGEX_UNICODE, err);
    if (m->badness)
        m->detector = regex_new(SLICE(detector_pattern), REGEX_UNICODE, err);
    if (!m->detector)
        return NULL;
    for (int e = 0; e < countof(encodings); e++) {
        m->bytes[e] = arena_new(arena, uint8_t, 0x10000);
        for (int b = 0; b < 128; b++)
            m->bytes[e][encodings[e].high[b]] = (uint8_t)(0x80 + b);
        if (encodings[e].sloppy)
            m->bytes[e][UNI_REPLACEMENT] = LOST;
    }
    return m;
}

void mojibake_free(struct mojibake *m)
{
    if (!m)
        return;
    regex_free(m->badness);
    regex_free(m->detector);
}
