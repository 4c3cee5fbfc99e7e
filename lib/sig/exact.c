#include "exact.h"

#include <stdlib.h>

#define SLOT        12
#define SLOT_BARE   16
#define CAP_FIRST   16
#define PLACE_LIMIT ((int64_t)1 << 48)

/* An entry in the spill: length of the key and of the note, then their bytes. */
struct entry {
    uint64_t key_len : 40, note_len : 24;
};
#define NOTE_MAX ((1 << 24) - 1)

/* The hash is spent like this: 8 bits choose the part, 48 are the tag, whose upper 32 bits give the
 * first slot to look at. */
static uint64_t tag_of(struct hash128 h)
{
    return h.low >> 16;
}

static uint64_t slot_tag(const unsigned char *slot)
{
    return load_u64(slot) & (((uint64_t)1 << 48) - 1);
}

static int64_t slot_place(const unsigned char *slot)
{
    return (int64_t)(load_u64(slot + 4) >> 16);
}

static void slot_set(unsigned char *slot, uint64_t tag, int64_t place)
{
    memcpy(slot, &tag, 6);
    memcpy(slot + 6, &place, 6);
}

static int64_t first_slot(uint64_t tag, int64_t cap)
{
    return (int64_t)((unsigned __int128)(tag >> 16) * (uint64_t)cap >> 32);
}

static int slot_size(const struct exact *x)
{
    return x->bare ? SLOT_BARE : SLOT;
}

static bool slot_used(const struct exact *x, const unsigned char *slot)
{
    return x->bare ? load_u64(slot + 8) != 0 : slot_place(slot) != 0;
}

static uint64_t slot_first(const struct exact *x, const unsigned char *slot, int64_t cap)
{
    return (uint64_t)first_slot(x->bare ? load_u64(slot) >> 16 : slot_tag(slot), cap);
}

/* False when the table may not take that much. */
static bool part_grow(struct exact *x, struct exact_part *p)
{
    int64_t cap = p->cap ? p->cap + p->cap / (x->bare ? 4 : 2) : CAP_FIRST, size = slot_size(x);
    int64_t bytes = x->table_bytes + (cap - p->cap) * size;

    if (x->max_table_bytes && bytes > x->max_table_bytes) {
        x->frozen = true;
        return false;
    }
    unsigned char *slots = calloc((size_t)cap, (size_t)size);
    if (!slots)
        mem_oom();
    for (int64_t i = 0; i < p->cap; i++) {
        const unsigned char *old = p->slots + i * size;
        if (!slot_used(x, old))
            continue;
        int64_t at = (int64_t)slot_first(x, old, cap);
        while (slot_used(x, slots + at * size))
            at = at + 1 == cap ? 0 : at + 1;
        memcpy(slots + at * size, old, (size_t)size);
    }
    free(p->slots);
    p->slots = slots;
    p->cap = cap;
    x->table_bytes = bytes;
    return true;
}

/* Is the entry at `place` this key? Fills where its note is. */
static bool entry_check(struct exact *x, int64_t place, struct hash128 hash, slice key,
                        struct exact_found *found, struct err *err)
{
    struct entry e;
    int64_t at = place - 1;

    if (!spill_read(&x->keys, at, (char *)&e, sizeof e, err))
        return false;
    at += (int64_t)sizeof e;
    slice want = x->trust_hash ? slice_make((const char *)&hash, sizeof hash) : key;
    found->seen = false;
    if ((ptrdiff_t)e.key_len == want.len) {
        x->compared += !x->trust_hash;
        if (!spill_equal(&x->keys, at, want, &found->seen, err))
            return false;
    }
    x->collisions += !found->seen;
    found->note_at = at + (int64_t)e.key_len;
    found->note_len = e.note_len;
    return true;
}

struct hash128 exact_weaken(struct hash128 hash, int bits)
{
    return (struct hash128){ .low = hash.low & ~(~(uint64_t)0 >> bits) };
}

static bool entry_add(struct exact *x, struct hash128 hash, slice key, slice note, int64_t *place,
                      struct err *err)
{
    slice want = x->trust_hash ? slice_make((const char *)&hash, sizeof hash) : key;
    struct entry e;
    int64_t at;

    note.len = MIN(note.len, NOTE_MAX);
    e.key_len = (uint64_t)want.len & (((uint64_t)1 << 40) - 1);
    e.note_len = (uint64_t)note.len & NOTE_MAX;
    if (x->keys.len >= PLACE_LIMIT - 1)
        return err_set(err, ERR_OS, "more than 2^48 bytes of keys");
    if (!spill_append(&x->keys, slice_make((const char *)&e, sizeof e), place, err) ||
        !spill_append(&x->keys, want, &at, err) || !spill_append(&x->keys, note, &at, err))
        return false;
    ++*place; /* 0 marks an empty slot */
    return true;
}

void exact_prefetch_slot(const struct exact *x, struct hash128 hash)
{
    const struct exact_part *p = &x->parts[hash.high & (EXACT_PARTS - 1)];

    if (p->cap)
        __builtin_prefetch(p->slots + first_slot(tag_of(hash), p->cap) * slot_size(x));
}

void exact_prefetch_entry(const struct exact *x, struct hash128 hash)
{
    const struct exact_part *p = &x->parts[hash.high & (EXACT_PARTS - 1)];

    if (!p->cap || x->bare)
        return;
    uint64_t tag = tag_of(hash);
    const unsigned char *slot = p->slots + first_slot(tag, p->cap) * SLOT;
    if (slot_tag(slot) == tag && slot_place(slot))
        spill_prefetch(&x->keys, slot_place(slot) - 1);
}

/* The whole hash is the key. The byte that chose the part is the same for all in it: it says that
 * the slot is used. */
static void add_bare(struct exact *x, struct exact_part *p, struct hash128 hash,
                     struct exact_found *found)
{
    uint64_t slot[2] = { hash.low, (hash.high & ~(uint64_t)(EXACT_PARTS - 1)) | 1 };

    for (;;) {
        int64_t at = p->cap ? first_slot(hash.low >> 16, p->cap) : 0;
        for (; p->cap && load_u64(p->slots + at * SLOT_BARE + 8);
             at = at + 1 == p->cap ? 0 : at + 1)
            if (memcmp(p->slots + at * SLOT_BARE, slot, SLOT_BARE) == 0) {
                found->seen = true;
                return;
            }
        bool tight = p->count >= p->cap - p->cap / 8;
        if (x->frozen || (tight && !part_grow(x, p))) {
            found->full = true;
            return;
        }
        if (tight)
            continue; /* other slots now */
        memcpy(p->slots + at * SLOT_BARE, slot, SLOT_BARE);
        p->count++;
        x->count++;
        return;
    }
}

bool exact_add(struct exact *x, struct hash128 hash, slice key, slice note,
               struct exact_found *found, struct err *err)
{
    *found = (struct exact_found){ 0 };
    struct exact_part *p = &x->parts[hash.high & (EXACT_PARTS - 1)];
    uint64_t tag = tag_of(hash);
    int64_t at = 0, place;

    if (x->bare) {
        add_bare(x, p, hash, found);
        return true;
    }
    if (!x->frozen && p->count >= p->cap - p->cap / 8)
        part_grow(x, p);
    if (p->cap)
        at = first_slot(tag, p->cap);
    for (; p->cap && (place = slot_place(p->slots + at * SLOT));
         at = at + 1 == p->cap ? 0 : at + 1) {
        if (slot_tag(p->slots + at * SLOT) != tag)
            continue;
        if (!entry_check(x, place, hash, key, found, err))
            return false;
        if (found->seen)
            return true;
    }
    if (x->frozen) {
        found->full = true;
        return true;
    }
    if (!entry_add(x, hash, key, note, &place, err))
        return false;
    slot_set(p->slots + at * SLOT, tag, place);
    found->note_len = MIN(note.len, NOTE_MAX);
    found->note_at = x->keys.len - found->note_len;
    p->count++;
    x->count++;
    return true;
}

bool exact_note(const struct exact *x, const struct exact_found *found, struct arena *arena,
                slice *note, struct err *err)
{
    char *bytes = arena_alloc_raw(arena, found->note_len + 1, 1);

    *note = slice_make(bytes, found->note_len);
    return spill_read(&x->keys, found->note_at, bytes, found->note_len, err);
}

void exact_release(struct exact *x)
{
    for (int i = 0; i < EXACT_PARTS; i++)
        free(x->parts[i].slots);
    spill_release(&x->keys);
    *x = (struct exact){ 0 };
}
