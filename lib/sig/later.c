#include "later.h"

/* A record in the spool: this, then id, value, raw, and the keys that are not part of raw. */
struct header {
    uint64_t raw_len, total_len; /* total: with this header */
    uint32_t id_len, value_len, items, unused;
};

/* An entry: hash (16), item (6), key place (6), key length (5), record place (6), all big-endian;
 * a drop: item (6), place (6) and length (4) of the id of the item that stays. */
enum { ENTRY = 39, DROP = 16 };

struct entry {
    int64_t item, key_at, key_len, record_at;
};

static struct entry entry_read(const unsigned char *p)
{
    return (struct entry){
        .item = (int64_t)sorter_get(p + 16, 6),
        .key_at = (int64_t)sorter_get(p + 22, 6),
        .key_len = (int64_t)sorter_get(p + 28, 5),
        .record_at = (int64_t)sorter_get(p + 33, 6),
    };
}

static bool drop_add(struct later *l, int64_t item, int64_t note_at, ptrdiff_t note_len,
                     struct err *err)
{
    unsigned char d[DROP], *p = sorter_put(d, (uint64_t)item, 6);

    p = sorter_put(p, (uint64_t)note_at, 6);
    sorter_put(p, (uint64_t)note_len, 4);
    return sorter_add(&l->drops, d, err);
}

static bool is_part(slice whole, slice part)
{
    return (uintptr_t)part.ptr >= (uintptr_t)whole.ptr &&
           (uintptr_t)part.ptr + (size_t)part.len <= (uintptr_t)whole.ptr + (size_t)whole.len;
}

static bool is_decided(const struct later_item *item)
{
    return item->known || item->stays;
}

bool later_add(struct later *l, slice raw, slice id, slice value, const struct later_item *items,
               ptrdiff_t count, struct err *err)
{
    struct header h = { .raw_len = (uint64_t)raw.len,
                        .id_len = (uint32_t)id.len,
                        .value_len = (uint32_t)value.len,
                        .items = (uint32_t)count };
    int64_t at, raw_at, ignored;

    if (l->records++ == 0) {
        l->entries.width = ENTRY;
        l->drops.width = DROP;
        l->start = l->at = l->spool->len;
    }
    h.total_len = sizeof h + h.id_len + h.value_len + h.raw_len;
    for (ptrdiff_t i = 0; i < count; i++)
        if (items[i].known && items[i].note.ptr)
            h.total_len += (uint64_t)items[i].note.len;
        else if (!l->trust_hash && !is_decided(&items[i]) && !is_part(raw, items[i].key))
            h.total_len += (uint64_t)items[i].key.len;
    if (!spill_append(l->spool, slice_make((const char *)&h, sizeof h), &at, err) ||
        !spill_append(l->spool, id, &ignored, err) ||
        !spill_append(l->spool, value, &ignored, err) || !spill_append(l->spool, raw, &raw_at, err))
        return false;
    if (l->spool->len >= (int64_t)1 << 48)
        return err_set(err, ERR_OS, "more than 2^48 bytes of records to decide later");
    for (ptrdiff_t i = 0; i < count; i++) {
        const struct later_item *it = &items[i];
        if (is_decided(it)) {
            int64_t note_at = it->note_at;
            ptrdiff_t note_len = it->note.ptr ? it->note.len : it->note_len;
            if (it->known && it->note.ptr && !spill_append(l->spool, it->note, &note_at, err))
                return false;
            if (it->known && !drop_add(l, l->items, note_at, note_len, err))
                return false;
            l->items++;
            continue;
        }
        int64_t key_at = 0;
        if (!l->trust_hash && is_part(raw, it->key))
            key_at = raw_at + (it->key.ptr - raw.ptr);
        else if (!l->trust_hash && !spill_append(l->spool, it->key, &key_at, err))
            return false;
        unsigned char e[ENTRY], *p = sorter_put(e, it->hash.high, 8);
        p = sorter_put(p, it->hash.low, 8);
        p = sorter_put(p, (uint64_t)l->items++, 6);
        p = sorter_put(p, (uint64_t)key_at, 6);
        p = sorter_put(p, (uint64_t)it->key.len, 5);
        sorter_put(p, (uint64_t)at, 6);
        if (!sorter_add(&l->entries, e, err))
            return false;
    }
    return true;
}

/* ---- values ---- */

/* The number of a JSON text as sign, decimal exponent of its first digit that is not 0, and where
 * its digits are. */
struct decimal {
    int sign; /* 0: zero */
    int64_t exponent;
    slice digits; /* may hold the point */
};

static struct decimal decimal_of(slice s)
{
    struct decimal d = { .sign = 1 };
    ptrdiff_t i = 0, point = -1, first = -1, e, whole = 0;

    if (s.len && s.ptr[0] == '-') {
        d.sign = -1;
        i++;
    }
    for (; i < s.len && s.ptr[i] != 'e' && s.ptr[i] != 'E'; i++) {
        if (s.ptr[i] == '.')
            point = i;
        else if (first < 0 && s.ptr[i] != '0')
            first = i;
    }
    e = i;
    whole = point < 0 ? e : point;
    if (first < 0)
        return (struct decimal){ 0 };
    d.digits = slice_make(s.ptr + first, e - first);
    d.exponent = first < whole ? whole - first - 1 : whole - first;
    if (e < s.len) {
        bool minus = s.ptr[e + 1] == '-';
        int64_t x = 0;
        for (i = e + 1 + (minus || s.ptr[e + 1] == '+'); i < s.len; i++)
            x = MIN(x * 10 + (s.ptr[i] - '0'), (int64_t)1 << 50);
        d.exponent += minus ? -x : x;
    }
    return d;
}

static int next_digit(slice digits, ptrdiff_t *at)
{
    if (*at < digits.len && digits.ptr[*at] == '.')
        ++*at;
    return *at < digits.len ? digits.ptr[(*at)++] - '0' : 0;
}

static int number_cmp(slice a, slice b)
{
    struct decimal x = decimal_of(a), y = decimal_of(b);

    if (x.sign != y.sign)
        return x.sign < y.sign ? -1 : 1;
    if (x.sign == 0)
        return 0;
    if (x.exponent != y.exponent)
        return x.exponent < y.exponent ? -x.sign : x.sign;
    for (ptrdiff_t i = 0, j = 0; i < x.digits.len || j < y.digits.len;) {
        int c = next_digit(x.digits, &i) - next_digit(y.digits, &j);
        if (c)
            return c < 0 ? -x.sign : x.sign;
    }
    return 0;
}

static int value_class(slice v)
{
    if (v.len == 0)
        return 0;
    return v.ptr[0] == '"' ? 2 : v.ptr[0] == '-' || (v.ptr[0] >= '0' && v.ptr[0] <= '9') ? 1 : 0;
}

int later_value_cmp(slice a, slice b)
{
    int x = value_class(a), y = value_class(b);

    if (x != y)
        return x - y;
    return x == 0 ? 0 : x == 1 ? number_cmp(a, b) : slice_cmp(a, b);
}

/* ---- groups of one hash ---- */

/* One distinct key of a group. */
struct class
{
    struct entry first, best;
    int64_t members;
    slice value; /* of best */
};

struct member {
    int64_t item, class;
};

struct group {
    struct arena arena; /* of one group */
    struct class *classes;
    ptrdiff_t count, cap;
    int64_t members;
};

static bool keys_equal(struct later *l, const struct entry *a, const struct entry *b, bool *same,
                       struct err *err)
{
    char piece[16384];

    *same = a->key_len == b->key_len;
    if (l->trust_hash) {
        *same = true;
        return true;
    }
    l->compared += *same;
    for (int64_t at = 0; *same && at < a->key_len;) {
        ptrdiff_t n = (ptrdiff_t)MIN(a->key_len - at, (int64_t)sizeof piece);
        if (!spill_read(l->spool, a->key_at + at, piece, n, err) ||
            !spill_equal(l->spool, b->key_at + at, slice_make(piece, n), same, err))
            return false;
        at += n;
    }
    l->collisions += !*same;
    return true;
}

static bool read_value(struct later *l, const struct entry *e, struct arena *arena, slice *value,
                       struct err *err)
{
    struct header h;

    if (!spill_read(l->spool, e->record_at, (char *)&h, sizeof h, err))
        return false;
    char *p = arena_alloc_raw(arena, h.value_len + 1, 1);
    *value = slice_make(p, h.value_len);
    return spill_read(l->spool, e->record_at + (int64_t)sizeof h + h.id_len, p, h.value_len, err);
}

static bool class_find(struct later *l, struct group *g, const struct entry *e, ptrdiff_t *found,
                       struct err *err)
{
    bool same = false;

    for (*found = 0; *found < g->count; ++*found) {
        if (!keys_equal(l, &g->classes[*found].first, e, &same, err))
            return false;
        if (same)
            return true;
    }
    if (g->count == g->cap) {
        ptrdiff_t cap = MAX(4, 2 * g->cap), size = (ptrdiff_t)sizeof *g->classes;
        g->classes =
            arena_grow(&g->arena, g->classes, g->cap * size, cap * size, _Alignof(struct class));
        g->cap = cap;
    }
    g->classes[g->count++] = (struct class){ .first = *e, .best = *e };
    return true;
}

/* Adds an entry to the group of its hash and chooses between it and the best so far. */
static bool group_add(struct later *l, struct group *g, const struct entry *e, struct err *err)
{
    struct member m = { .item = e->item };
    int64_t ignored;
    slice value;

    if (!class_find(l, g, e, &m.class, err))
        return false;
    struct class *c = &g->classes[m.class];
    if (l->keep == LATER_LAST)
        c->best = *e;
    if (l->keep == LATER_MAX || l->keep == LATER_MIN) {
        if (c->members == 0 && !read_value(l, e, &g->arena, &c->value, err))
            return false;
        if (c->members > 0) {
            struct arena scratch = { 0 };
            bool ok = read_value(l, e, &scratch, &value, err);
            int order = ok ? later_value_cmp(value, c->value) : 0;
            bool beats = l->keep == LATER_MAX ? order > 0 : order < 0;
            /* What has no value loses both ways. */
            if (l->keep == LATER_MIN)
                beats = value_class(value) && (beats || !value_class(c->value));
            if (ok && beats) {
                c->best = *e;
                c->value = arena_dup(&g->arena, value);
            }
            arena_release(&scratch);
            if (!ok)
                return false;
        }
    }
    c->members++;
    g->members++;
    return spill_append(&l->group, slice_make((const char *)&m, sizeof m), &ignored, err);
}

/* The group is complete: everybody but the chosen ones goes. */
static bool group_settle(struct later *l, struct group *g, struct err *err)
{
    struct header h;
    struct member m;
    bool ok = true;

    for (int64_t i = 0; ok && g->members > 1 && i < g->members; i++) {
        if (!spill_read(&l->group, i * (int64_t)sizeof m, (char *)&m, sizeof m, err))
            return false;
        const struct class *c = &g->classes[m.class];
        const struct entry *stays = &c->best;
        if (c->members < 2 || (m.item == stays->item && l->keep != LATER_NONE))
            continue;
        ok = spill_read(l->spool, stays->record_at, (char *)&h, sizeof h, err) &&
             drop_add(l, m.item, stays->record_at + (int64_t)sizeof h, h.id_len, err);
    }
    if (l->group.len)
        spill_release(&l->group);
    l->distinct += g->count;
    g->members = g->count = g->cap = 0;
    g->classes = NULL;
    arena_reset(&g->arena);
    return ok;
}

bool later_resolve(struct later *l, struct err *err)
{
    const unsigned char *p;
    unsigned char now[ENTRY], before[ENTRY];
    bool have = false, grouped = false, ok = true;
    struct group g = { 0 };

    l->resolved = true;
    if (l->records == 0)
        return true;
    l->group.memory_bytes = SPILL_BLOCK;
    if (!sorter_finish(&l->entries, err))
        return false;
    /* An entry waits until the next one says whether its hash is alone: most are. */
    while (ok && (ok = sorter_next(&l->entries, &p, err)) && p) {
        memcpy(now, p, ENTRY);
        bool same = have && memcmp(now, before, 16) == 0;
        struct entry e = entry_read(now), b = have ? entry_read(before) : e;
        if (same && !grouped)
            ok = group_add(l, &g, &b, err);
        if (same)
            ok = ok && group_add(l, &g, &e, err);
        else if (grouped)
            ok = group_settle(l, &g, err);
        else
            l->distinct += have;
        grouped = same;
        have = true;
        memcpy(before, now, ENTRY);
    }
    l->distinct += have && !grouped;
    ok = ok && group_settle(l, &g, err);
    arena_release(&g.arena);
    sorter_release(&l->entries);
    return ok && sorter_finish(&l->drops, err) && sorter_next(&l->drops, &l->drop, err);
}

/* ---- back in input order ---- */

static bool fates_fill(struct later *l, struct arena *arena, struct later_fate *fates,
                       ptrdiff_t count, struct err *err)
{
    for (ptrdiff_t i = 0; i < count; i++, l->item++) {
        if (!l->drop || (int64_t)sorter_get(l->drop, 6) != l->item)
            continue;
        ptrdiff_t len = (ptrdiff_t)sorter_get(l->drop + 12, 4);
        char *id = arena_alloc_raw(arena, len + 1, 1);
        fates[i] = (struct later_fate){ true, slice_make(id, len) };
        if (!spill_read(l->spool, (int64_t)sorter_get(l->drop + 6, 6), id, len, err) ||
            !sorter_next(&l->drops, &l->drop, err))
            return false;
    }
    return true;
}

bool later_next(struct later *l, struct arena *arena, struct later_record *rec, struct err *err)
{
    struct header h;

    *rec = (struct later_record){ 0 };
    if (l->records == 0 || l->at == l->spool->len)
        return true;
    if (!spill_read(l->spool, l->at, (char *)&h, sizeof h, err))
        return false;
    int64_t id_at = l->at + (int64_t)sizeof h, raw_at = id_at + h.id_len + h.value_len;
    char *id = arena_alloc_raw(arena, (ptrdiff_t)h.id_len + h.value_len + 1, 1);
    char *raw = arena_alloc_raw(arena, (ptrdiff_t)h.raw_len + RECORD_PADDING, 1);
    struct later_fate *fates = arena_new(arena, struct later_fate, MAX(h.items, 1));
    *rec = (struct later_record){ .raw = { raw, (ptrdiff_t)h.raw_len },
                                  .id = { id, h.id_len },
                                  .value = { id + h.id_len, h.value_len },
                                  .id_at = id_at,
                                  .fates = fates,
                                  .item_count = h.items };
    l->at += (int64_t)h.total_len;
    return spill_read(l->spool, id_at, id, (ptrdiff_t)h.id_len + h.value_len, err) &&
           spill_read(l->spool, raw_at, raw, rec->raw.len, err) &&
           fates_fill(l, arena, fates, h.items, err);
}

void later_release(struct later *l)
{
    sorter_release(&l->entries);
    sorter_release(&l->drops);
    if (l->group.len)
        spill_release(&l->group);
}
