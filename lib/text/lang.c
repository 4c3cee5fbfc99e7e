#include "lang.h"

#include "../opt.h"
#include "../simd/rowsum.h"
#include "../unicode.h"

#include <math.h>
#include <stdlib.h>

#define MULTIPLIER  0x9E3779B1u
#define HEADER      28
#define LABELS_MAX  4096
#define TEXT_WHOLE  16384
#define PIECES      16
#define PIECE_BYTES 1024
#define BATCH       1024

struct lang {
    const char *labels[ROWSUM_WIDTH];
    int count;
    uint32_t buckets;
    double scale, bias[ROWSUM_WIDTH];
    const int8_t *rows;
    rowsum_fn *rowsum;
    uint16_t *fold; /* of the BMP: the letter in lower case, or 0 */
};

static uint32_t fold_letter(uint32_t cp)
{
    int major = uni_category(cp) >> 8;

    return major == 'L' || major == 'M' ? uni_lower(cp) : 0;
}

/* ---- the file ---- */

static bool read_labels(struct lang *l, slice text, struct arena *arena)
{
    int n = 0;

    for (ptrdiff_t nl; (nl = slice_find(text, '\n')) > 0 && n < l->count; n++) {
        l->labels[n] = arena_cstr_dup(arena, slice_make(text.ptr, nl));
        text = slice_from(text, nl + 1);
    }
    return n == l->count && text.len == 0;
}

struct lang *lang_new(slice file, struct arena *arena, struct err *err)
{
    struct lang *l = arena_new(arena, struct lang, 1);
    float scale, bias;

    if (file.len < HEADER || !slice_starts(file, SLICE("MRLANG1\n")))
        return err_set(err, ERR_CONFIG, "no language model"), NULL;
    uint32_t count = load_u32(file.ptr + 8), labels = load_u32(file.ptr + 24);
    l->buckets = load_u32(file.ptr + 12);
    memcpy(&scale, file.ptr + 20, 4);
    if (count < 1 || count > ROWSUM_WIDTH || labels > LABELS_MAX || l->buckets < 1 ||
        l->buckets > 1 << 24 || load_u32(file.ptr + 16) != 4 || !isfinite(scale) ||
        file.len != HEADER + (ptrdiff_t)labels + 4 * (ptrdiff_t)count +
                        (ptrdiff_t)l->buckets * (ptrdiff_t)count)
        return err_set(err, ERR_CONFIG, "language model: the header does not fit the file"), NULL;
    l->count = (int)count;
    l->scale = scale;
    if (count != ROWSUM_WIDTH || !read_labels(l, slice_make(file.ptr + HEADER, labels), arena))
        return err_set(err, ERR_CONFIG, "language model: wrong labels"), NULL;
    const char *p = file.ptr + HEADER + labels;
    for (int i = 0; i < l->count; i++, p += 4) {
        memcpy(&bias, p, 4);
        if (!isfinite(bias))
            return err_set(err, ERR_CONFIG, "language model: a bias is no number"), NULL;
        l->bias[i] = bias;
    }
    l->rows = (const int8_t *)p;
    l->rowsum = rowsum_pick();
    l->fold = arena_new(arena, uint16_t, 0x10000);
    for (uint32_t cp = 0; cp < 0x10000; cp++) {
        uint32_t low = fold_letter(cp);
        l->fold[cp] = (uint16_t)(low < 0x10000 ? low : cp);
    }
    return l;
}

/* ---- features ---- */

struct features {
    const struct lang *lang;
    uint32_t index[BATCH + 4];
    ptrdiff_t count, total;
    int32_t sums[ROWSUM_WIDTH];
    uint32_t p1, p2, p3; /* the characters before, 0: a blank */
    uint32_t a1, a2, a3; /* hashes of the last one, two, three characters */
};

static void flush(struct features *f)
{
    f->lang->rowsum(f->lang->rows, f->index, f->count, f->sums);
    f->total += f->count;
    f->count = 0;
}

static inline void add(struct features *f, uint32_t h)
{
    h = (h ^ h >> 15) * MULTIPLIER;
    f->index[f->count++] = (uint32_t)((uint64_t)h * f->lang->buckets >> 32);
}

/* Characters before the first blank count as absent: the n-grams that would hold them do not begin
 * yet. p = 1 stands for "absent", which no text holds after folding. */
#define ABSENT 1u

static inline void character(struct features *f, uint32_t c)
{
    uint32_t h2 = (f->a1 ^ c) * MULTIPLIER, h3 = (f->a2 ^ c) * MULTIPLIER;
    uint32_t h4 = (f->a3 ^ c) * MULTIPLIER;

    if (c == 0 && f->p1 == 0)
        return;
    if (c >= 0x250)
        add(f, c * MULTIPLIER);
    if (f->p1 != ABSENT)
        add(f, h2);
    if (f->p1 > ABSENT && f->p2 != ABSENT)
        add(f, h3);
    if (f->p1 > ABSENT && f->p2 > ABSENT && f->p3 != ABSENT)
        add(f, h4);
    f->p3 = f->p2;
    f->p2 = f->p1;
    f->p1 = c;
    f->a1 = c * MULTIPLIER;
    f->a2 = h2;
    f->a3 = h3;
    if (f->count >= BATCH)
        flush(f);
}

/* What a byte does to a word: 1 code, 2 not ASCII, 4 white space. */
static const uint8_t byte_kind[256] = {
    ['\t' ... '\r'] = 4, [' '] = 4, [0x1C ... 0x1F] = 4, ['0' ... '9'] = 1,   ['/'] = 1, ['\\'] = 1,
    ['_'] = 1,           ['{'] = 1, ['}'] = 1,           ['<'] = 1,           ['>'] = 1, ['='] = 1,
    ['$'] = 1,           ['@'] = 1, ['#'] = 1,           ['|'] = 1,           ['&'] = 1, ['*'] = 1,
    ['~'] = 1,           ['^'] = 1, ['+'] = 1,           [0x80 ... 0xFF] = 2,
};

static void word(struct features *f, const char *p, const char *end)
{
    while (p < end) {
        uint32_t cp;
        p += uni_decode(p, &cp);
        cp = cp < 0x10000 ? f->lang->fold[cp] : fold_letter(cp);
        character(f, cp);
    }
}

static void piece(struct features *f, slice text)
{
    f->p1 = f->p2 = f->p3 = ABSENT;
    f->a1 = f->a2 = f->a3 = 0;
    character(f, 0);
    for (ptrdiff_t i = 0; i < text.len;) {
        ptrdiff_t begin = i;
        unsigned seen = 0;
        for (; i < text.len; i++) {
            unsigned kind = byte_kind[(unsigned char)text.ptr[i]];
            if (kind & 4)
                break;
            seen |= kind;
        }
        if (seen != 1) {
            word(f, text.ptr + begin, text.ptr + i);
            character(f, 0);
        }
        i++;
    }
    character(f, 0);
}

static ptrdiff_t boundary(slice text, ptrdiff_t at)
{
    while (at < text.len && ((unsigned char)text.ptr[at] & 0xC0) == 0x80)
        at++;
    return at;
}

/* ---- the answer ---- */

static struct lang_result best_of(const struct lang *l, const struct features *f)
{
    double score[ROWSUM_WIDTH], sum = 0;
    int best = 0;

    for (int i = 0; i < l->count; i++) {
        score[i] = l->bias[i] + l->scale * f->sums[i] / (double)f->total;
        if (score[i] > score[best])
            best = i;
    }
    for (int i = 0; i < l->count; i++)
        sum += exp(score[i] - score[best]);
    return (struct lang_result){ l->labels[best], rint(10000 / sum) / 10000 };
}

struct lang_result lang_of(const struct lang *l, slice text)
{
    struct features f = { .lang = l };

    if (text.len <= TEXT_WHOLE) {
        piece(&f, text);
    } else {
        for (int i = 0; i < PIECES; i++) {
            ptrdiff_t at = boundary(text, (text.len - PIECE_BYTES) / (PIECES - 1) * i);
            ptrdiff_t end = boundary(text, MIN(text.len, at + PIECE_BYTES));
            piece(&f, slice_make(text.ptr + at, end - at));
        }
    }
    flush(&f);
    /* A text without letters is one blank. */
    if (f.total == 0)
        return (struct lang_result){ "und", 0 };
    return best_of(l, &f);
}

/* ---- lists ---- */

static bool same_language(slice name, const char *label)
{
    ptrdiff_t len = (ptrdiff_t)strlen(label);
    const char *region = strchr(label, '_');

    if (slice_eq(name, SLICE("nb")))
        name = SLICE("no");
    return slice_eq(name, slice_make(label, len)) ||
           (region && slice_eq(name, slice_make(label, region - label)));
}

bool lang_listed(const char *list, const char *label)
{
    slice rest = slice_of(list);

    for (;;) {
        ptrdiff_t comma = slice_find(rest, ',');
        slice name = slice_make(rest.ptr, comma < 0 ? rest.len : comma);
        if (slice_eq(name, SLICE("any")) || same_language(name, label))
            return true;
        if (comma < 0)
            return false;
        rest = slice_from(rest, comma + 1);
    }
}

const char *const *lang_labels(const struct lang *l, int *count)
{
    *count = l->count;
    return l->labels;
}

bool lang_check_list(const char *list, const char *const *labels, int count, struct err *err)
{
    slice rest = slice_of(list);

    for (;;) {
        ptrdiff_t comma = slice_find(rest, ',');
        slice name = slice_make(rest.ptr, comma < 0 ? rest.len : comma);
        bool known = slice_eq(name, SLICE("any")) || slice_eq(name, SLICE("und"));
        for (int i = 0; i < count; i++)
            known |= same_language(name, labels[i]);
        if (!known) {
            char word[32] = { 0 };
            memcpy(word, name.ptr, (size_t)MIN(name.len, 31));
            const char *near = opt_nearest(word, labels, count);
            return err_set(err, ERR_USAGE, "unknown language %s%s%s%s", ERR_QUOTE(name),
                           near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "");
        }
        if (comma < 0)
            return true;
        rest = slice_from(rest, comma + 1);
    }
}
