#include "seams.h"

#include "bytelevel.h"

static bool is_cont(char c)
{
    return ((unsigned char)c & 0xC0) == 0x80;
}

/* Every place between characters within a token. */
static void add_token(struct seams *s, slice t)
{
    for (ptrdiff_t at = 1; at < t.len; at++) {
        ptrdiff_t start = at - 1;
        if (is_cont(t.ptr[at]))
            continue;
        while (start > 0 && is_cont(t.ptr[start]))
            start--;
        int left = (int)(at - start), right = seams_char_len(t.ptr[at]);
        unsigned char last = (unsigned char)t.ptr[at - 1], first = (unsigned char)t.ptr[at];
        if (is_cont(t.ptr[start]) || left != seams_char_len(t.ptr[start]) || at + right > t.len) {
            s->partly[last][first / 64] |= (uint64_t)1 << (first % 64);
        } else {
            uint64_t bit =
                seams_bit(seams_char(t.ptr + start, left), seams_char(t.ptr + at, right));
            s->pairs[bit / 64] |= (uint64_t)1 << (bit % 64);
        }
    }
}

void seams_build(struct seams *s, const slice *tokens, ptrdiff_t count, struct arena *arena)
{
    *s = (struct seams){ .pairs = arena_new(arena, uint64_t, (1 << SEAMS_BITS) / 64) };
    struct arena work = { 0 };

    for (ptrdiff_t i = 0; i < count; i++) {
        slice t = tokens[i];
        ptrdiff_t plain = 0;
        while (plain < t.len && (unsigned char)t.ptr[plain] < 0x80)
            plain++;
        if (plain == t.len) /* ASCII, which is not cut */
            continue;
        char *bytes = arena_alloc_raw(&work, t.len, 1);
        ptrdiff_t len = bytelevel_decode(t, bytes);
        if (len > 0) /* others are no result of merges */
            add_token(s, slice_make(bytes, len));
        arena_reset(&work);
    }
    arena_release(&work);
}
