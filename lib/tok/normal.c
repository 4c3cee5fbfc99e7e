#include "normal.h"

#include "bytelevel.h"
#include "uclass.h"

bool normal_add(struct normal *n, const struct normal_step *step, struct arena *arena)
{
    if (n->count == NORMAL_MAX)
        return false;
    struct normal_step *s = &n->step[n->count++];
    *s = *step;
    if (s->kind <= NORMAL_NFKD)
        s->form = uni_norm_new((enum uni_form)s->kind, arena);
    return true;
}

void normal_free(struct normal *n)
{
    for (int i = 0; i < n->count; i++)
        pattern_free(n->step[i].pattern);
}

void normal_scratch_release(struct normal_scratch *s)
{
    ntext_release(&s->text);
    ntext_release(&s->spare);
    points_release(&s->points);
    pattern_scratch_release(&s->pattern);
    span_release(&s->spans);
}

/* ---- normal forms of plain text ---- */

/* The first code point at or after `at` that has the property; text.len: none. All of them are
 * >= U+0300, so bytes below 0xCC are passed over. */
static ptrdiff_t find_property(slice text, ptrdiff_t at, unsigned property)
{
    uint32_t cp;

    while (at < text.len) {
        if (at + 8 <= text.len && !(load_u64(text.ptr + at) & 0x8080808080808080u)) {
            at += 8;
        } else if ((unsigned char)text.ptr[at] < 0xCC) {
            at++; /* ASCII, or (the byte and its continuation) below U+0300 */
        } else {
            int len = uni_decode(text.ptr + at, &cp);
            if (uclass_of(cp) & property)
                return at;
            at += len;
        }
    }
    return text.len;
}

/* unicode.h reads a little beyond a text. */
static slice pad(slice text, struct arena *arena)
{
    char *copy = arena_alloc_raw(arena, text.len + RECORD_PADDING, 16);

    memcpy(copy, text.ptr, (size_t)text.len);
    memset(copy + text.len, 0, RECORD_PADDING);
    return slice_make(copy, text.len);
}

static slice run_form(const struct uni_norm *form, slice text, struct arena *arena)
{
    ptrdiff_t newer = find_property(text, 0, UPROP_NEWER), at = 0;

    if (newer == text.len)
        return uni_normalize(form, text, arena);
    struct buf out = { 0 };
    while (at < text.len) {
        slice part = slice_make(text.ptr + at, newer - at);
        buf_append(&out, uni_normalize(form, part, arena));
        if (newer < text.len) {
            uint32_t cp;
            int len = uni_decode(text.ptr + newer, &cp);
            buf_append(&out, slice_make(text.ptr + newer, len));
            newer += len;
        }
        at = newer;
        newer = find_property(text, at, UPROP_NEWER);
    }
    slice result = pad(buf_slice(&out), arena);
    buf_release(&out);
    return result;
}

/* NFC leaves text without marks and composable letters as it is: the common case. */
static slice run_plain(const struct normal_step *step, slice text, bool *padded,
                       struct arena *arena)
{
    if (step->kind == NORMAL_NFC && find_property(text, 0, UPROP_ATTENTION) == text.len)
        return text;
    if (!*padded)
        text = pad(text, arena);
    *padded = true;
    return run_form(step->form, text, arena);
}

/* ---- steps with offsets ---- */

static bool is_ascii(slice text)
{
    ptrdiff_t i = 0;

    for (; i + 8 <= text.len; i += 8)
        if (load_u64(text.ptr + i) & 0x8080808080808080u)
            return false;
    for (; i < text.len; i++)
        if ((unsigned char)text.ptr[i] >= 0x80)
            return false;
    return true;
}

static void apply_form(enum uni_form form, struct normal_scratch *s, struct ntext *text)
{
    if (is_ascii(ntext_slice(text)))
        return;
    s->points.count = 0;
    hfuni_normal_form(form, ntext_slice(text), &s->points);
    struct ntext_edit e = ntext_edit_start(text, &s->spare);
    for (ptrdiff_t i = 0; i < s->points.count; i++)
        ntext_put(&e, s->points.items[i].cp, s->points.items[i].change);
    ntext_edit_end(&e);
}

/* What becomes of one character: how many code points (0: it goes). */
typedef int map_fn(uint32_t cp, unsigned flags, uint32_t to[4]);

/* Every character by itself; all that it becomes stands for its bytes. */
static void apply_map(map_fn *map, unsigned flags, struct normal_scratch *s, struct ntext *text)
{
    struct ntext_edit e = ntext_edit_start(text, &s->spare);
    slice old = ntext_slice(text);

    for (ptrdiff_t at = 0; at < old.len;) {
        uint32_t cp, to[4];
        char utf8[16];
        ptrdiff_t len = 0;
        int step = uni_decode(old.ptr + at, &cp), count = map(cp, flags, to);
        for (int i = 0; i < count; i++)
            len += uni_encode(utf8 + len, to[i]);
        ntext_put_bytes(&e, slice_make(utf8, len), at);
        at += step;
    }
    ntext_edit_end(&e);
}

static int map_lower(uint32_t cp, unsigned flags, uint32_t to[4])
{
    const struct hfuni *u = hfuni_of(cp);

    (void)flags;
    to[0] = cp;
    for (int i = 0; i < u->lower_len && i < 4; i++)
        to[i] = hfuni_points(u->lower_at)[i];
    return u->lower_len ? u->lower_len : 1;
}

static int map_accents(uint32_t cp, unsigned flags, uint32_t to[4])
{
    to[0] = cp;
    return !(hfuni_of(cp)->flags & flags);
}

static int map_clean(uint32_t cp, unsigned flags, uint32_t to[4])
{
    (void)flags;
    to[0] = uclass_in(uclass_of(cp), UCLASS_SPACE) ? ' ' : cp;
    return cp == '\t' || cp == '\n' || cp == '\r' || !(hfuni_of(cp)->flags & HFUNI_CONTROL);
}

/* The blocks as in the reference, which has 2B920 where others have 2B820. */
static bool is_chinese(uint32_t cp)
{
    return cp >= 0x3400 && ((cp >= 0x4E00 && cp <= 0x9FFF) || cp <= 0x4DBF ||
                            (cp >= 0x20000 && cp <= 0x2A6DF) || (cp >= 0x2A700 && cp <= 0x2B73F) ||
                            (cp >= 0x2B740 && cp <= 0x2B81F) || (cp >= 0x2B920 && cp <= 0x2CEAF) ||
                            (cp >= 0xF900 && cp <= 0xFAFF) || (cp >= 0x2F800 && cp <= 0x2FA1F));
}

static int map_chinese(uint32_t cp, unsigned flags, uint32_t to[4])
{
    (void)flags;
    to[0] = to[2] = ' ';
    to[1] = cp;
    if (is_chinese(cp))
        return 3;
    to[0] = cp;
    return 1;
}

static int map_nmt(uint32_t cp, unsigned flags, uint32_t to[4])
{
    (void)flags;
    to[0] = cp;
    if ((cp >= 1 && cp <= 8) || cp == 0xB || (cp >= 0xE && cp <= 0x1F) || cp == 0x7F ||
        cp == 0x8F || cp == 0x9F)
        return 0;
    if (cp == 9 || cp == 0xA || cp == 0xC || cp == 0xD || cp == 0x1680 ||
        (cp >= 0x200B && cp <= 0x200F) || cp == 0x2028 || cp == 0x2029 || cp == 0x2581 ||
        cp == 0xFEFF || cp == 0xFFFD)
        to[0] = ' ';
    return 1;
}

static void apply_bert(unsigned flags, struct normal_scratch *s, struct ntext *text)
{
    if (flags & NORMAL_CLEAN)
        apply_map(map_clean, 0, s, text);
    if (flags & NORMAL_CHINESE && !is_ascii(ntext_slice(text)))
        apply_map(map_chinese, 0, s, text);
    if (flags & NORMAL_ACCENTS && !is_ascii(ntext_slice(text))) {
        apply_form(UNI_NFD, s, text);
        apply_map(map_accents, HFUNI_MARK, s, text);
    }
    if (flags & NORMAL_LOWER)
        apply_map(map_lower, 0, s, text);
}

static bool is_space_at(slice text, ptrdiff_t at, int *len)
{
    uint32_t cp;

    *len = uni_decode(text.ptr + at, &cp);
    return uclass_in(uclass_of(cp), UCLASS_SPACE);
}

static void apply_strip(unsigned flags, struct normal_scratch *s, struct ntext *text)
{
    slice old = ntext_slice(text);
    ptrdiff_t start = 0, end = old.len;
    uint32_t cp;
    int len;

    while (flags & NORMAL_LEFT && start < end && is_space_at(old, start, &len))
        start += len;
    while (flags & NORMAL_RIGHT && end > start) {
        len = uni_decode_back(old.ptr, old.ptr + end, &cp);
        if (!uclass_in(uclass_of(cp), UCLASS_SPACE))
            break;
        end -= len;
    }
    if (start == 0 && end == old.len)
        return;
    struct ntext_edit e = ntext_edit_start(text, &s->spare);
    ntext_copy(&e, start, end);
    ntext_edit_end(&e);
}

static void apply_prepend(slice with, struct normal_scratch *s, struct ntext *text)
{
    uint32_t cp;

    if (text->text.len == 0)
        return;
    struct ntext_edit e = ntext_edit_start(text, &s->spare);
    if (with.len) {
        ntext_put_bytes(&e, with, 0);
        ntext_copy(&e, 0, text->text.len);
    } else { /* as the reference: the first character counts as inserted */
        int len = uni_decode(text->text.ptr, &cp);
        ntext_insert(&e, slice_make(text->text.ptr, len), 0);
        ntext_copy(&e, len, text->text.len);
    }
    ntext_edit_end(&e);
}

void normal_find_literal(slice literal, slice text, struct span_list *found)
{
    ptrdiff_t done = 0;

    while (literal.len > 0 && done < text.len) {
        const char *hit =
            memmem(text.ptr + done, (size_t)(text.len - done), literal.ptr, (size_t)literal.len);
        if (!hit)
            break;
        ptrdiff_t at = hit - text.ptr;
        if (at > done)
            span_push(found, done, at - done, false);
        span_push(found, at, literal.len, true);
        done = at + literal.len;
    }
    if (done < text.len)
        span_push(found, done, text.len - done, false);
}

static bool apply_replace(const struct normal_step *step, struct normal_scratch *s,
                          struct ntext *text, struct err *err)
{
    slice old = ntext_slice(text);

    if (old.len == 0)
        return true;
    s->spans.count = 0;
    if (!step->pattern)
        normal_find_literal(step->literal, old, &s->spans);
    else if (!pattern_find(step->pattern, &s->pattern, old, &s->spans, err))
        return false;
    if (s->spans.count == 1 && !s->spans.items[0].match)
        return true;
    struct ntext_edit e = ntext_edit_start(text, &s->spare);
    for (ptrdiff_t i = 0; i < s->spans.count; i++) {
        struct span f = s->spans.items[i];
        if (f.match)
            ntext_insert(&e, step->text, f.start + f.len);
        else
            ntext_copy(&e, f.start, f.start + f.len);
    }
    ntext_edit_end(&e);
    return true;
}

/* ---- the map of SentencePiece, as Hugging Face reads it ---- */

/* A mark that utf8proc does not know yet. The reference's tables of clusters are Unicode 16's: marks of
 * Unicode 17 are none there. */
static bool is_newer_mark(uint32_t cp)
{
    bool unicode17 = (cp >= 0x1ACF && cp <= 0x1AEB) || (cp >= 0x10EFA && cp <= 0x10EFB) ||
                     (cp >= 0x11B60 && cp <= 0x11B67) || (cp >= 0x1E6E0 && cp <= 0x1E6FF);

    return cp >= 0x80 && !unicode17 && uclass_in(uclass_of(cp), UCLASS_SET(UCAT_M)) &&
           uni_category(cp) == UNI_CATEGORY('C', 'n');
}

static ptrdiff_t grapheme_end(slice text, ptrdiff_t at)
{
    uint32_t before, cp;
    int32_t state = 0;

    at += uni_decode(text.ptr + at, &before);
    while (at < text.len) {
        int len = uni_decode(text.ptr + at, &cp);
        if (cp < 0x80 && before < 0x80 && before != '\r')
            break;
        bool mark = is_newer_mark(cp);
        if (!mark && uni_grapheme_break(before, cp, &state))
            break;
        before = mark ? 0x300 : cp;
        at += len;
    }
    return at;
}

/* The changes of old -> new: the ones beyond the shorter are insertions, or removed by the last. */
static void replace_points(struct points *list, slice old, slice new)
{
    ptrdiff_t first = list->count, diff = uni_count(new) - uni_count(old);

    for (ptrdiff_t at = 0; at < new.len;) {
        uint32_t cp;
        at += uni_decode(new.ptr + at, &cp);
        points_push(list, cp, 0);
    }
    if (diff < 0 && list->count > 0)
        list->items[list->count - 1].change += (int32_t)diff;
    for (ptrdiff_t i = MAX(list->count - diff, first); diff > 0 && i < list->count; i++)
        list->items[i].change = 1;
}

static void apply_precompiled(const struct charsmap *map, struct normal_scratch *s,
                              struct ntext *text)
{
    slice old = ntext_slice(text), to;
    bool modified = false;

    s->points.count = 0;
    for (ptrdiff_t at = 0; at < old.len;) {
        ptrdiff_t end = grapheme_end(old, at);
        slice cluster = slice_make(old.ptr + at, end - at);
        if (cluster.len < 6 && charsmap_shortest(map, cluster, &to)) {
            replace_points(&s->points, cluster, to);
            modified = true;
            at = end;
        }
        while (at < end) {
            uint32_t cp;
            slice part = slice_make(old.ptr + at, uni_decode(old.ptr + at, &cp));
            if (charsmap_shortest(map, part, &to)) {
                replace_points(&s->points, part, to);
                modified = true;
            } else {
                points_push(&s->points, cp, 0);
            }
            at += part.len;
        }
    }
    if (!modified)
        return;
    struct ntext_edit e = ntext_edit_start(text, &s->spare);
    for (ptrdiff_t i = 0; i < s->points.count; i++)
        ntext_put(&e, s->points.items[i].cp, s->points.items[i].change);
    ntext_edit_end(&e);
}

static void apply_bytes(struct normal_scratch *s, struct ntext *text)
{
    struct ntext_edit e = ntext_edit_start(text, &s->spare);
    slice old = ntext_slice(text);

    for (ptrdiff_t at = 0; at < old.len; at++) {
        char utf8[4];
        int len = uni_encode(utf8, bytelevel_char((unsigned char)old.ptr[at]));
        ntext_put_bytes(&e, slice_make(utf8, len), at);
    }
    ntext_edit_end(&e);
}

static bool apply_step(const struct normal_step *step, struct normal_scratch *s, struct ntext *text,
                       struct err *err)
{
    switch (step->kind) {
    case NORMAL_NFC:
    case NORMAL_NFKC:
    case NORMAL_NFD:
    case NORMAL_NFKD:
        apply_form((enum uni_form)step->kind, s, text);
        break;
    case NORMAL_LOWERCASE:
        apply_map(map_lower, 0, s, text);
        break;
    case NORMAL_STRIP:
        apply_strip(step->flags, s, text);
        break;
    case NORMAL_STRIP_ACCENTS:
        if (!is_ascii(ntext_slice(text)))
            apply_map(map_accents, HFUNI_COMBINING, s, text);
        break;
    case NORMAL_BERT:
        apply_bert(step->flags, s, text);
        break;
    case NORMAL_NMT:
        apply_map(map_nmt, 0, s, text);
        break;
    case NORMAL_PRECOMPILED:
        apply_precompiled(step->map, s, text);
        break;
    case NORMAL_PREPEND:
        apply_prepend(step->text, s, text);
        break;
    case NORMAL_REPLACE:
        return apply_replace(step, s, text, err);
    case NORMAL_BYTES:
        apply_bytes(s, text);
        break;
    }
    return true;
}

bool normal_apply(const struct normal *n, struct normal_scratch *s, struct ntext *text,
                  struct err *err)
{
    for (int i = 0; i < n->count; i++)
        if (!apply_step(&n->step[i], s, text, err))
            return false;
    return true;
}

bool normal_run(const struct normal *n, struct normal_scratch *s, slice text, struct arena *arena,
                slice *out, struct err *err)
{
    bool padded = false, plain = true;

    *out = text;
    for (int i = 0; i < n->count; i++)
        plain &= n->step[i].form != NULL;
    if (text.len == 0 || n->count == 0)
        return true;
    for (int i = 0; plain && i < n->count; i++)
        *out = run_plain(&n->step[i], *out, &padded, arena);
    if (plain)
        return true;
    ntext_set(&s->text, text, 0, false);
    if (!normal_apply(n, s, &s->text, err))
        return false;
    *out = pad(ntext_slice(&s->text), arena);
    return true;
}
