#include "mrt.h"

#include "../hash.h"
#include "../json.h"
#include "tok_private.h"

#define VERSION 1
#define CHARS   0x10000 /* of bpe_text.h */
#define ALIGN   64

enum mrt_section {
    SECTION_INFO,
    SECTION_JSON, /* without vocabulary and merges */
    SECTION_TEXT_END,
    SECTION_TEXT,
    SECTION_USED,
    SECTION_BYTES_END,
    SECTION_BYTES,
    SECTION_VOCAB_SLOTS,
    SECTION_PAIRS,
    SECTION_MERGE_SLOTS,
    SECTION_FILTER,
    SECTION_BYTE_PAIRS,
    SECTION_SEAM_PAIRS,
    SECTION_SEAM_PARTLY,
    SECTION_CHARS,
    SECTIONS,
};

struct head {
    char magic[8];
    uint32_t version, sections;
    uint64_t size;
    uint64_t check[2];
    struct {
        uint64_t offset, bytes;
    } section[SECTIONS];
};

struct info {
    int64_t size, count, longest, merge_count;
    int32_t merge_shift, filter_shift;
    int64_t independent_words;
    char fingerprint[40];
};

struct mrt_image {
    slice section[SECTIONS];
    const struct info *info;
};

bool mrt_is(slice bytes)
{
    return slice_starts(bytes, SLICE(MRT_MAGIC));
}

/* ---- writing ---- */

static void put(struct buf *out, ptrdiff_t start, enum mrt_section which, const void *data,
                ptrdiff_t bytes)
{
    static const char zeros[ALIGN] = { 0 };

    buf_append(out, slice_make(zeros, -(out->len - start) & (ALIGN - 1)));
    ptrdiff_t offset = out->len - start;
    buf_append(out, slice_make(data, bytes));
    buf_append(out, slice_make(zeros, ALIGN)); /* kernels may read beyond a text */
    struct head *h = (struct head *)(void *)(out->ptr + start);
    h->section[which].offset = (uint64_t)offset;
    h->section[which].bytes = (uint64_t)bytes;
}

static void put_texts(struct buf *out, ptrdiff_t start, enum mrt_section ends,
                      enum mrt_section which, const slice *texts, ptrdiff_t count)
{
    struct buf all = { 0 }, end = { 0 };

    for (ptrdiff_t i = 0; i < count; i++) {
        buf_append(&all, slice_make(texts[i].ptr, texts[i].ptr ? texts[i].len : 0));
        uint32_t at = (uint32_t)all.len;
        buf_append(&end, slice_make((const char *)&at, sizeof at));
    }
    put(out, start, ends, end.ptr, end.len);
    put(out, start, which, all.ptr, all.len);
    buf_release(&all);
    buf_release(&end);
}

/* The tokenizer.json with empty tables. */
static bool small_json(slice json, struct arena *arena, slice *small, struct err *err)
{
    static const char *const paths[] = { "model.vocab", "model.merges" };
    struct json_query query;
    struct json_span span[2], top;
    struct json_fault fault;
    struct json_edit edit[2];
    char *copy = arena_alloc_raw(arena, json.len + RECORD_PADDING, ALIGN);

    memcpy(copy, json.ptr, (size_t)json.len);
    memset(copy + json.len, 0, RECORD_PADDING);
    json = slice_make(copy, json.len);
    if (!json_query_init(&query, paths, 2, arena, err))
        return false;
    if (!json_scan(json, &query, span, &top, &fault) || span[0].count != 1 || span[1].count != 1)
        return err_set(err, ERR_CONFIG, "not a tokenizer.json with a vocabulary and merges");
    int first = span[1].start < span[0].start;
    for (int i = 0; i < 2; i++) {
        const struct json_span *s = &span[i ^ first];
        edit[i] = (struct json_edit){ s->start, s->len,
                                      s->type == JSON_OBJECT ? SLICE("{}") : SLICE("[]") };
    }
    *small = json_splice(json, edit, 2, arena);
    return true;
}

bool mrt_write(const struct tok *t, slice json, struct buf *out, struct err *err)
{
    const struct bpe *bpe = &t->bpe;
    const struct vocab *v = &bpe->vocab;
    const struct merges *m = &bpe->merges;
    struct arena work = { 0 };
    struct head head = { .version = VERSION, .sections = SECTIONS };
    ptrdiff_t start = out->len;
    slice small;

    if (t->model != MODEL_BPE || t->general || !bpe->all_bytes || !t->bpe_text.chars)
        return err_set(err, ERR_CONFIG, "%s: only byte-level BPE can be compiled", t->name);
    if (!small_json(json, &work, &small, err)) {
        arena_release(&work);
        return err_context(err, "%s", t->name);
    }
    memcpy(head.magic, MRT_MAGIC, 8);
    buf_append(out, slice_make((const char *)&head, sizeof head));
    struct info info = { v->size,
                         v->count,
                         v->longest,
                         m->count,
                         m->shift,
                         m->filter_shift,
                         t->bpe_text.independent_words,
                         { 0 } };
    memcpy(info.fingerprint, t->fingerprint, sizeof t->fingerprint);
    put(out, start, SECTION_INFO, &info, sizeof info);
    put(out, start, SECTION_JSON, small.ptr, small.len);
    put_texts(out, start, SECTION_TEXT_END, SECTION_TEXT, v->text, v->size);
    uint8_t *used = arena_alloc(&work, v->size, 1, 1);
    for (ptrdiff_t id = 0; id < v->size; id++)
        used[id] = v->text[id].ptr != NULL;
    put(out, start, SECTION_USED, used, v->size);
    put_texts(out, start, SECTION_BYTES_END, SECTION_BYTES, t->bytes, v->size);
    put(out, start, SECTION_VOCAB_SLOTS, v->slots, ((ptrdiff_t)v->mask + 1) * 8);
    put(out, start, SECTION_PAIRS, m->pairs, m->count * 8);
    put(out, start, SECTION_MERGE_SLOTS, m->slots, ((ptrdiff_t)m->mask + 1) * 16);
    put(out, start, SECTION_FILTER, m->filter, ((ptrdiff_t)1 << (64 - m->filter_shift)) / 8);
    put(out, start, SECTION_BYTE_PAIRS, bpe->byte_pairs, 65536 * 8);
    put(out, start, SECTION_SEAM_PAIRS, bpe->seams.pairs,
        bpe->seams.pairs ? (1 << SEAMS_BITS) / 8 : 0);
    put(out, start, SECTION_SEAM_PARTLY, bpe->seams.partly, sizeof bpe->seams.partly);
    put(out, start, SECTION_CHARS, t->bpe_text.chars, CHARS * 4);
    struct head *h = (struct head *)(void *)(out->ptr + start);
    h->size = (uint64_t)(out->len - start);
    ptrdiff_t body = offsetof(struct head, section);
    struct hash128 check = hash128_of(slice_make(out->ptr + start + body, out->len - start - body));
    h->check[0] = check.low, h->check[1] = check.high;
    arena_release(&work);
    return true;
}

/* ---- checking ---- */

static bool bad(struct err *err, const char *what)
{
    return err_set(err, ERR_CONFIG, "a compiled tokenizer %s", what);
}

static bool read_head(slice bytes, struct mrt_image *image, struct err *err)
{
    struct head head;
    ptrdiff_t body = offsetof(struct head, section);

    if (bytes.len < (ptrdiff_t)sizeof head)
        return bad(err, "that was cut off");
    memcpy(&head, bytes.ptr, sizeof head);
    if (head.version != VERSION || head.sections != SECTIONS)
        return bad(err, "of another version: compile it again");
    if (head.size != (uint64_t)bytes.len)
        return bad(err, "that was cut off");
    struct hash128 check = hash128_of(slice_from(bytes, body));
    if (check.low != head.check[0] || check.high != head.check[1])
        return bad(err, "whose bytes were changed");
    for (int i = 0; i < SECTIONS; i++) {
        uint64_t at = head.section[i].offset, len = head.section[i].bytes;
        if (at % ALIGN || at > head.size || len > head.size || at + len > head.size - ALIGN)
            return bad(err, "with a section outside of the file");
        image->section[i] = slice_make(bytes.ptr + at, (ptrdiff_t)len);
    }
    image->info = (const struct info *)(const void *)image->section[SECTION_INFO].ptr;
    return true;
}

static bool is_power_of_two(ptrdiff_t n)
{
    return n > 0 && (n & (n - 1)) == 0;
}

static bool check_sizes(const struct mrt_image *m, struct err *err)
{
    const struct info *i = m->info;
    const slice *s = m->section;
    bool ok = s[SECTION_INFO].len == sizeof *i && i->size > 0 && i->size <= VOCAB_MAX_ID &&
              i->count > 0 && i->count <= i->size && i->merge_count >= 0 &&
              i->merge_count <= INT32_MAX && i->longest >= 0 && i->longest <= s[SECTION_TEXT].len &&
              i->filter_shift >= 40 && i->filter_shift <= 58 && i->merge_shift > 0 &&
              i->merge_shift < 64;

    ok = ok && s[SECTION_TEXT_END].len == i->size * 4 && s[SECTION_BYTES_END].len == i->size * 4 &&
         s[SECTION_USED].len == i->size && is_power_of_two(s[SECTION_VOCAB_SLOTS].len) &&
         s[SECTION_VOCAB_SLOTS].len >= i->count * 8 + 8 &&
         s[SECTION_PAIRS].len == i->merge_count * 8 &&
         s[SECTION_MERGE_SLOTS].len == (ptrdiff_t)16 << (64 - i->merge_shift) &&
         s[SECTION_FILTER].len == ((ptrdiff_t)1 << (64 - i->filter_shift)) / 8 &&
         s[SECTION_BYTE_PAIRS].len == 65536 * 8 &&
         (s[SECTION_SEAM_PAIRS].len == (1 << SEAMS_BITS) / 8 || !s[SECTION_SEAM_PAIRS].len) &&
         s[SECTION_SEAM_PARTLY].len == 256 * 4 * 8 && s[SECTION_CHARS].len == CHARS * 4 &&
         i->fingerprint[32] == 0;
    return ok || bad(err, "with a table of the wrong size");
}

/* Ends go up to the end of the text, and not through the middle of a character of `utf8`. */
static bool check_ends(slice ends, slice text, bool utf8)
{
    uint32_t before = 0;

    for (ptrdiff_t i = 0; i < ends.len; i += 4) {
        uint32_t end = load_u32(ends.ptr + i);
        if (end < before || end > text.len ||
            (utf8 && end < text.len && ((unsigned char)text.ptr[end] & 0xC0) == 0x80))
            return false;
        before = end;
    }
    return before == text.len;
}

static bool check_tables(const struct mrt_image *m, struct err *err)
{
    const slice *s = m->section;
    uint64_t size = (uint64_t)m->info->size, merges = (uint64_t)m->info->merge_count;
    const uint64_t *slot = (const void *)s[SECTION_VOCAB_SLOTS].ptr;
    const struct merge_slot *merge = (const void *)s[SECTION_MERGE_SLOTS].ptr;
    const uint64_t *pair = (const void *)s[SECTION_BYTE_PAIRS].ptr;
    const uint32_t *ids = (const void *)s[SECTION_PAIRS].ptr;
    const int32_t *chars = (const void *)s[SECTION_CHARS].ptr;
    ptrdiff_t empty = 0, free_merges = 0;
    bool ok = true;

    for (ptrdiff_t i = 0; i < s[SECTION_VOCAB_SLOTS].len / 8; i++) {
        ok &= (uint32_t)slot[i] <= size && (slot[i] == 0 || (uint32_t)slot[i] != 0);
        empty += slot[i] == 0;
    }
    for (ptrdiff_t i = 0; i < s[SECTION_MERGE_SLOTS].len / 16; i++) {
        bool none = merge[i].pair == UINT64_MAX;
        free_merges += none;
        ok &= none | ((merge[i].pair >> 32 < size) & ((uint32_t)merge[i].pair < size) &
                      ((uint32_t)merge[i].value < size) & (merge[i].value >> 32 < merges));
    }
    for (ptrdiff_t i = 0; i < 65536; i++)
        ok &= pair[i] == MERGE_NONE || ((uint32_t)pair[i] < size && pair[i] >> 32 < merges);
    for (ptrdiff_t i = 0; i < s[SECTION_PAIRS].len / 4; i++)
        ok &= ids[i] < size;
    for (ptrdiff_t i = 0; i < CHARS; i++)
        ok &= chars[i] >= -1 && chars[i] < (int64_t)size;
    return (ok && empty > 0 && free_merges > 0) ||
           bad(err, "with an id that is not in its vocabulary");
}

struct mrt_image *mrt_open(slice bytes, slice *json, struct arena *arena, struct err *err)
{
    struct mrt_image *m = arena_new(arena, struct mrt_image, 1);
    const slice *s = m->section;

    if (!read_head(bytes, m, err) || !check_sizes(m, err) || !check_tables(m, err))
        return NULL;
    if (!json_utf8_valid(s[SECTION_TEXT]) ||
        !check_ends(s[SECTION_TEXT_END], s[SECTION_TEXT], true) ||
        !check_ends(s[SECTION_BYTES_END], s[SECTION_BYTES], false)) {
        bad(err, "with a text that ends in the wrong place");
        return NULL;
    }
    *json = s[SECTION_JSON];
    return m;
}

/* ---- what the loaders take ---- */

/* The tables are only read, though their structs could change them. */
static void *table(const struct mrt_image *m, enum mrt_section which)
{
    return (void *)(uintptr_t)m->section[which].ptr;
}

static void fill_texts(const struct mrt_image *m, enum mrt_section ends, enum mrt_section which,
                       slice *texts)
{
    const char *all = m->section[which].ptr;
    const uint8_t *used = table(m, SECTION_USED);
    const uint32_t *end = table(m, ends);
    uint32_t before = 0;

    for (ptrdiff_t id = 0; id < m->info->size; before = end[id++])
        texts[id] = slice_make(used[id] ? all + before : NULL, used[id] ? end[id] - before : 0);
}

void mrt_vocab(struct tok *t)
{
    const struct mrt_image *m = t->image;
    struct vocab *v = &t->bpe.vocab;

    *v = (struct vocab){ .size = m->info->size,
                         .count = m->info->count,
                         .longest = m->info->longest,
                         .slots = table(m, SECTION_VOCAB_SLOTS),
                         .mask = (uint64_t)m->section[SECTION_VOCAB_SLOTS].len / 8 - 1 };
    v->text = arena_alloc_raw(t->arena, v->size * (ptrdiff_t)sizeof *v->text, 16);
    fill_texts(m, SECTION_TEXT_END, SECTION_TEXT, v->text);
}

void mrt_merges(struct tok *t)
{
    const struct mrt_image *m = t->image;

    t->bpe.merges = (struct merges){
        .slots = table(m, SECTION_MERGE_SLOTS),
        .mask = (uint64_t)m->section[SECTION_MERGE_SLOTS].len / 16 - 1,
        .shift = m->info->merge_shift,
        .filter = table(m, SECTION_FILTER),
        .filter_shift = m->info->filter_shift,
        .count = m->info->merge_count,
        .pairs = table(m, SECTION_PAIRS),
    };
}

void mrt_tables(struct tok *t)
{
    const struct mrt_image *m = t->image;

    t->bpe.byte_pairs = table(m, SECTION_BYTE_PAIRS);
    t->bpe.seams.pairs = m->section[SECTION_SEAM_PAIRS].len ? table(m, SECTION_SEAM_PAIRS) : NULL;
    memcpy(t->bpe.seams.partly, table(m, SECTION_SEAM_PARTLY), sizeof t->bpe.seams.partly);
    t->bpe_text.bpe = &t->bpe;
    t->bpe_text.chars = table(m, SECTION_CHARS);
    t->bpe_text.independent_words = m->info->independent_words != 0;
}

void mrt_bytes(struct tok *t)
{
    fill_texts(t->image, SECTION_BYTES_END, SECTION_BYTES, t->bytes);
}

void mrt_fingerprint(struct tok *t)
{
    memcpy(t->fingerprint, t->image->info->fingerprint, sizeof t->fingerprint);
}
