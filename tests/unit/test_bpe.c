/* Long pieces and seams: the same ids as merging one pair after the other. */
#include "tok/bpe.h"
#include "tok/bpe_linear.h"
#include "tok/bytelevel.h"
#include "unicode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static uint64_t seed = 88172645463325252u;

static uint64_t rnd(uint64_t below)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed % below;
}

/* Every merge that the definition asks for, one after the other. */
static ptrdiff_t merge_plainly(const struct bpe *bpe, slice piece, uint32_t *id)
{
    ptrdiff_t n = piece.len;

    for (ptrdiff_t i = 0; i < n; i++)
        id[i] = bpe->start[(unsigned char)piece.ptr[i]].id[0];
    for (;;) {
        uint64_t least = MERGE_NONE;
        ptrdiff_t at = 0;
        for (ptrdiff_t i = 0; i + 1 < n; i++)
            if (merges_find(&bpe->merges, id[i], id[i + 1]) < least)
                least = merges_find(&bpe->merges, id[i], id[i + 1]), at = i;
        if (least == MERGE_NONE)
            return n;
        id[at] = (uint32_t)least;
        memmove(id + at + 1, id + at + 2, (size_t)(n - at - 2) * sizeof *id);
        n--;
    }
}

#define TOKENS 456
static const uint32_t letters[] = { 'a', 'b', 'c', 0x4E2D, 0x4E2E, 0x3042, 0xAC00, 0x1F600, 0xE9 };

/* 200 merges over few letters. in_order: a merge uses only tokens of earlier ones. several: more than
 * one merge may give a token. */
static void make_bpe(struct bpe *bpe, bool in_order, bool several, struct arena *arena)
{
    slice text[TOKENS];
    uint32_t pair[TOKENS * 2][2], result[TOKENS * 2];
    int count = 256, merges = 0;

    *bpe = (struct bpe){ .unk = -1 };
    vocab_init(&bpe->vocab, TOKENS, TOKENS, arena);
    for (int b = 0; b < 256; b++) {
        char utf8[4];
        text[b] =
            arena_dup(arena, slice_make(utf8, uni_encode(utf8, bytelevel_char((unsigned char)b))));
        assert_true(vocab_add(&bpe->vocab, text[b], (uint32_t)b));
    }
    while (count < TOKENS) {
        char utf8[4];
        uint32_t side[2];
        for (int k = 0; k < 2; k++) {
            int len = uni_encode(utf8, letters[rnd(countof(letters))]);
            side[k] = rnd(3) ? (unsigned char)utf8[rnd((uint64_t)len)]
                             : 256 + (uint32_t)rnd((uint64_t)(count - 255));
        }
        if (side[0] >= (uint32_t)count || side[1] >= (uint32_t)count ||
            text[side[0]].len + text[side[1]].len > 24)
            continue;
        slice joined =
            arena_printf(arena, "%.*s%.*s", SLICE_ARG(text[side[0]]), SLICE_ARG(text[side[1]]));
        int64_t known = vocab_find(&bpe->vocab, joined);
        if (known >= 0 && (!several || known != count - 1))
            continue;
        if (known < 0) {
            assert_true(vocab_add(&bpe->vocab, joined, (uint32_t)count));
            text[count++] = joined;
        }
        pair[merges][0] = side[0], pair[merges][1] = side[1];
        result[merges++] = known < 0 ? (uint32_t)count - 1 : (uint32_t)known;
        if (merges == TOKENS * 2)
            break;
    }
    merges_init(&bpe->merges, merges, arena);
    for (int i = 0; i < merges; i++) {
        int k = in_order ? i : merges - 1 - i;
        merges_add(&bpe->merges, pair[k][0], pair[k][1], (uint32_t)i, result[k]);
    }
    bpe_init_starts(bpe, arena);
    assert_true(bpe->all_bytes);
}

static ptrdiff_t random_piece(char *dst, ptrdiff_t most, int kinds)
{
    ptrdiff_t target = 1 + (ptrdiff_t)rnd((uint64_t)(most - 8)), len = 0;
    uint64_t from = rnd(countof(letters) - (uint64_t)kinds + 1);

    while (len < target)
        len += uni_encode(dst + len, letters[from + rnd((uint64_t)kinds)]);
    return len;
}

static void linear_equals_merges(void **state)
{
    char piece[400];
    uint32_t want[400], got[400];
    struct buf work = { 0 };
    int made = 0, refused = 0;

    (void)state;
    for (int round = 0; round < 60; round++) {
        struct arena arena = { 0 };
        struct bpe bpe;
        make_bpe(&bpe, round % 4 != 3, round % 2, &arena);
        uint32_t ids[256];
        for (int b = 0; b < 256; b++)
            ids[b] = bpe.start[b].id[0];
        struct bpe_linear *l = bpe_linear_new(&bpe.merges, bpe.vocab.text, bpe.vocab.size, ids);
        made += l != NULL;
        refused += l == NULL;
        assert_true(l || round % 4 == 3);
        for (int i = 0; l && i < 300; i++) {
            ptrdiff_t len = random_piece(piece, i % 3 ? 60 : (ptrdiff_t)sizeof piece, 1 + i % 5);
            ptrdiff_t n = merge_plainly(&bpe, slice_make(piece, len), want);
            char *exact = malloc((size_t)len);
            assert_non_null(exact);
            memcpy(exact, piece, (size_t)len);
            assert_int_equal(bpe_linear_encode(l, &bpe.merges, slice_make(exact, len), &work, got),
                             n);
            assert_memory_equal(got, want, (size_t)n * sizeof *got);
            free(exact);
        }
        bpe_linear_free(l);
        arena_release(&arena);
    }
    assert_true(made >= 45 && refused > 0);
    buf_release(&work);
}

/* The cache, the seams, the heap and what takes its place, through the front door. */
static void pieces_equal_merges(void **state)
{
    char text[6000];
    uint32_t want[6000], end[64];

    (void)state;
    for (int round = 0; round < 30; round++) {
        struct arena arena = { 0 };
        struct bpe bpe;
        struct tok_ids got = { 0 };
        make_bpe(&bpe, true, round % 2, &arena);
        struct bpe_scratch *s = bpe_scratch_new(&bpe);
        for (int i = 0; i < 60; i++) {
            ptrdiff_t len = 0, n = 0, count = 1 + (ptrdiff_t)rnd(countof(end));
            for (ptrdiff_t k = 0; k < count; k++) {
                ptrdiff_t start = len;
                len += random_piece(text + len, rnd(9) ? 30 : 90, 1 + (int)rnd(countof(letters)));
                n += merge_plainly(&bpe, slice_make(text + start, len - start), want + n);
                end[k] = (uint32_t)len;
            }
            char *exact = malloc((size_t)len);
            assert_non_null(exact);
            memcpy(exact, text, (size_t)len);
            got.count = 0;
            bpe_encode_wide(&bpe, s, exact, end, count, exact + len, &got);
            assert_int_equal(got.count, n);
            assert_memory_equal(got.ids, want, (size_t)n * sizeof *want);
            free(exact);
        }
        bpe_scratch_free(s);
        bpe_free(&bpe);
        tok_ids_release(&got);
        arena_release(&arena);
    }
}

/* No token crosses a seam, and there are some. */
static void seams_are_between_tokens(void **state)
{
    int seams = 0;

    (void)state;
    for (int round = 0; round < 10; round++) {
        struct arena arena = { 0 };
        struct bpe bpe;
        char text[600];
        uint32_t id[600];
        make_bpe(&bpe, true, false, &arena);
        for (int i = 0; i < 200; i++) {
            ptrdiff_t len = random_piece(text, sizeof text, 9), at = 0;
            ptrdiff_t n = merge_plainly(&bpe, slice_make(text, len), id);
            static char ends[601];
            memset(ends, 0, sizeof ends);
            for (ptrdiff_t k = 0; k < n; k++) {
                char bytes[64];
                at += bytelevel_decode(bpe.vocab.text[id[k]], bytes);
                ends[at] = 1;
            }
            assert_int_equal(at, len);
            int before = seams_char_len(text[0]);
            for (ptrdiff_t p = before; p < len; p += before) {
                int next = seams_char_len(text[p]);
                if (seams_between(&bpe.seams, text + p, seams_char(text + p - before, before),
                                  seams_char(text + p, next))) {
                    assert_true(ends[p]);
                    seams++;
                }
                before = next;
            }
        }
        bpe_free(&bpe);
        arena_release(&arena);
    }
    assert_true(seams > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linear_equals_merges),
        cmocka_unit_test(pieces_equal_merges),
        cmocka_unit_test(seams_are_between_tokens),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
