#include "spm.h"

#include "bpe.h"
#include "spm_private.h"
#include "wordcache.h"

#include <float.h>
#include <stdio.h>
#include <stdlib.h>

#define SPACE       "\xE2\x96\x81"
#define UNK_PENALTY 10.0f
#define UNK_PIECE   -1 /* in a path: no piece covers the character */

struct spm_scratch {
    struct spm_text text;
    struct wordcache words;
    struct tokens tokens;
    struct node { /* Unigram: best path that ends here */
        float score;
        int32_t id, start;
    } * nodes;
    ptrdiff_t node_cap;
    struct symbol {          /* BPE */
        uint32_t start, len; /* len 0: joined to the one before */
        int32_t prev, next;
        bool frozen;
    } * symbols;
    ptrdiff_t symbol_cap;
    struct pair {
        uint64_t key; /* rank << 32 | position */
        uint32_t len, right;
    } * heap;
    ptrdiff_t heap_count, heap_cap;
    struct split { /* how an unused piece was joined */
        uint32_t start, len, left;
    } * splits;
    ptrdiff_t split_count, split_cap;
};

struct spm_scratch *spm_scratch_new(void)
{
    struct spm_scratch *s = calloc(1, sizeof *s);

    if (!s)
        mem_oom();
    return s;
}

void spm_scratch_free(struct spm_scratch *s)
{
    if (!s)
        return;
    buf_release(&s->text.text);
    free(s->text.from);
    wordcache_release(&s->words);
    tokens_release(&s->tokens);
    free(s->nodes);
    free(s->symbols);
    free(s->heap);
    free(s->splits);
    free(s);
}

static void *grow(void *old, ptrdiff_t *cap, ptrdiff_t need, size_t size)
{
    if (need <= *cap)
        return old;
    *cap = MAX(need, *cap * 2);
    void *p = realloc(old, (size_t)*cap * size);
    if (!p)
        mem_oom();
    return p;
}

/* ---- set up ---- */

static bool in_text(const struct spm *m, const struct spm_piece *p)
{
    return p->type == SPM_NORMAL || p->type == SPM_USER_DEFINED || p->type == SPM_UNUSED ||
           (m->all_found && p->type != SPM_BYTE);
}

/* A character, then U+2581. */
static bool crosses_words(slice text)
{
    for (ptrdiff_t i = 1; i + 3 <= text.len; i++)
        if (memcmp(text.ptr + i, SPACE, 3) == 0 &&
            !(i >= 3 && memcmp(text.ptr + i - 3, SPACE, 3) == 0))
            return true;
    return false;
}

static bool index_pieces(struct spm *m, struct arena *arena, struct err *err)
{
    struct arena work = { 0 };
    struct vocab reserved;
    int64_t unk = -1;
    bool ok = true;

    vocab_init(&m->index, m->count, m->count, arena);
    vocab_init(&reserved, m->count, m->count, &work);
    m->independent_words = (m->kind == SPM_BPE || m->kind == SPM_UNIGRAM) && !m->suffix;
    for (ptrdiff_t i = 0; i < m->count && ok; i++) {
        const struct spm_piece *p = &m->pieces[i];
        if (p->text.len == 0)
            ok = err_set(err, ERR_CONFIG, "pieces[%td].piece: empty", i);
        else if (!vocab_add(in_text(m, p) ? &m->index : &reserved, p->text, (uint32_t)i))
            ok = err_set(err, ERR_CONFIG, "pieces[%td].piece: there twice", i);
        else if (p->type == SPM_UNKNOWN && unk >= 0)
            ok = err_set(err, ERR_CONFIG, "pieces[%td].type: a second unknown piece", i);
        else if (p->type == SPM_UNKNOWN)
            unk = i;
        if (ok && in_text(m, p) && crosses_words(p->text))
            m->independent_words = false;
    }
    if (ok && unk < 0)
        ok = err_set(err, ERR_CONFIG, "pieces: no unknown piece");
    for (int b = 0; b < 256 && ok; b++) {
        char name[8];
        snprintf(name, sizeof name, "<0x%02X>", (unsigned)b);
        m->bytes[b] = vocab_find(&reserved, slice_of(name));
        if (m->byte_fallback && (m->bytes[b] < 0 || m->pieces[m->bytes[b]].type != SPM_BYTE))
            ok = err_set(err, ERR_CONFIG, "pieces: byte_fallback, and no piece %s", name);
    }
    m->unk = (uint32_t)MAX(unk, 0);
    arena_release(&work);
    return ok;
}

static void build_tries(struct spm *m, struct arena *arena)
{
    slice *texts = arena_new(arena, slice, m->count), *user = arena_new(arena, slice, m->count);
    int32_t *ids = arena_new(arena, int32_t, m->count);

    for (ptrdiff_t i = 0; i < m->count; i++) {
        ids[i] = (int32_t)i;
        if (in_text(m, &m->pieces[i]))
            texts[i] = m->pieces[i].text;
        if (m->pieces[i].type == SPM_USER_DEFINED) {
            user[i] = m->pieces[i].text;
            m->has_user = true;
        }
    }
    if (m->kind == SPM_UNIGRAM)
        trie_build(&m->trie, texts, ids, m->count, arena);
    if (m->has_user)
        trie_build(&m->user, user, ids, m->count, arena);
}

/* Which characters of ASCII the normalizer leaves alone when ASCII or nothing follows: no rule is theirs,
 * none goes on with ASCII, and no user-defined symbol begins with them. */
static void find_plain(struct spm *m)
{
    for (int c = ' '; c < 0x7F; c++) {
        char pair[2] = { (char)c, 0 };
        bool plain = !(m->has_user && trie_step(&m->user, TRIE_ROOT, (char)c));
        slice to;
        if (m->rules.map && charsmap_longest(m->rules.map, slice_make(pair, 1), &to))
            plain = false;
        for (int next = 1; next < 0x80 && plain && m->rules.map; next++) {
            pair[1] = (char)next;
            plain = !charsmap_leads_on(m->rules.map, slice_make(pair, 2));
        }
        if (c == ' ')
            m->plain_blank = plain;
        else if (plain)
            m->plain[c / 64] |= (uint64_t)1 << (c % 64);
    }
}

struct scored {
    float score;
    uint32_t id;
};

static int by_score(const void *a, const void *b)
{
    const struct scored *x = a, *y = b;

    return (x->score < y->score) - (x->score > y->score);
}

static void rank_pieces(struct spm *m, struct arena *arena)
{
    struct scored *all = arena_new(arena, struct scored, m->count);

    m->rank = arena_new(arena, uint32_t, m->count);
    for (ptrdiff_t i = 0; i < m->count; i++)
        all[i] = (struct scored){ m->pieces[i].score, (uint32_t)i };
    qsort(all, (size_t)m->count, sizeof *all, by_score);
    for (ptrdiff_t i = 1; i < m->count; i++)
        m->rank[all[i].id] =
            all[i].score == all[i - 1].score ? m->rank[all[i - 1].id] : (uint32_t)i;
}

bool spm_build(struct spm *m, struct arena *arena, struct err *err)
{
    if (!index_pieces(m, arena, err))
        return false;
    m->min_score = FLT_MAX;
    m->max_score = FLT_MIN;
    for (ptrdiff_t i = 0; i < m->count; i++) {
        if (m->pieces[i].type != SPM_NORMAL)
            continue;
        m->min_score = MIN(m->min_score, m->pieces[i].score);
        m->max_score = MAX(m->max_score, m->pieces[i].score);
    }
    build_tries(m, arena);
    find_plain(m);
    if (m->kind == SPM_BPE)
        rank_pieces(m, arena);
    return true;
}

/* ---- Unigram ---- */

static void offer_piece(const struct spm *m, struct node *to, int32_t id, ptrdiff_t start,
                        ptrdiff_t end, float here)
{
    double score = m->pieces[id].type == SPM_USER_DEFINED
                       ? (double)((float)(end - start) * m->max_score) - 0.1
                       : (double)m->pieces[id].score;
    double sum = score + (double)here;

    if (to->start == -1 || sum > (double)to->score)
        *to = (struct node){ (float)sum, id, (int32_t)start };
}

static void encode_unigram(const struct spm *m, struct spm_scratch *s, slice text,
                           struct tokens *out)
{
    float unk_score = m->min_score - UNK_PENALTY;
    ptrdiff_t first = out->count;

    s->nodes = grow(s->nodes, &s->node_cap, text.len + 1, sizeof *s->nodes);
    for (ptrdiff_t i = 0; i <= text.len; i++)
        s->nodes[i] = (struct node){ 0, UNK_PIECE, -1 };
    for (ptrdiff_t at = 0; at < text.len;) {
        static const uint8_t lengths[16] = { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 3, 4 };
        ptrdiff_t len = MIN(lengths[(unsigned char)text.ptr[at] >> 4], text.len - at);
        float here = s->nodes[at].score;
        uint32_t node = TRIE_ROOT;
        bool single = false;
        for (ptrdiff_t i = at; i < text.len && (node = trie_step(&m->trie, node, text.ptr[i]));
             i++) {
            int32_t id = trie_value(&m->trie, node);
            if (id < 0 || m->pieces[id].type == SPM_UNUSED)
                continue;
            offer_piece(m, &s->nodes[i + 1], id, at, i + 1, here);
            single |= i + 1 == at + len;
        }
        float sum = unk_score + here;
        struct node *to = &s->nodes[at + len];
        if (!single && (to->start == -1 || sum > to->score))
            *to = (struct node){ sum, UNK_PIECE, (int32_t)at };
        at += len;
    }
    for (ptrdiff_t end = text.len; end > 0; end = s->nodes[end].start) {
        int32_t id = s->nodes[end].id;
        ptrdiff_t start = s->nodes[end].start;
        tokens_push(out, id < 0 ? m->unk : (uint32_t)id, start, end,
                    slice_make(text.ptr + start, end - start));
    }
    for (ptrdiff_t i = first, k = out->count - 1; i < k; i++, k--) {
        struct token swap = out->items[i];
        out->items[i] = out->items[k];
        out->items[k] = swap;
    }
}

/* ---- BPE ---- */

static void heap_push(struct spm_scratch *s, struct pair p)
{
    ptrdiff_t at = s->heap_count++;

    s->heap = grow(s->heap, &s->heap_cap, s->heap_count, sizeof *s->heap);
    while (at > 0 && s->heap[(at - 1) / 2].key > p.key) {
        s->heap[at] = s->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    s->heap[at] = p;
}

static struct pair heap_pop(struct spm_scratch *s)
{
    struct pair top = s->heap[0], p = s->heap[--s->heap_count];
    ptrdiff_t at = 0;

    for (ptrdiff_t child; (child = 2 * at + 1) < s->heap_count; at = child) {
        if (child + 1 < s->heap_count && s->heap[child + 1].key < s->heap[child].key)
            child++;
        if (s->heap[child].key >= p.key)
            break;
        s->heap[at] = s->heap[child];
    }
    s->heap[at] = p;
    return top;
}

static void offer_pair(const struct spm *m, struct spm_scratch *s, slice text, int32_t left)
{
    const struct symbol *l = &s->symbols[left];

    if (left < 0 || l->next < 0 || l->frozen || s->symbols[l->next].frozen)
        return;
    uint32_t len = l->len + s->symbols[l->next].len;
    if (len > m->index.longest)
        return;
    int64_t id = vocab_find(&m->index, slice_make(text.ptr + l->start, len));
    if (id < 0)
        return;
    heap_push(
        s, (struct pair){ (uint64_t)m->rank[id] << 32 | (uint32_t)left, len, (uint32_t)l->next });
    if (m->pieces[id].type == SPM_UNUSED) {
        s->splits = grow(s->splits, &s->split_cap, s->split_count + 1, sizeof *s->splits);
        s->splits[s->split_count++] = (struct split){ l->start, len, l->len };
    }
}

/* An unused piece is cut again as it was joined; the reference remembers the last join of a text. */
static void push_resegmented(const struct spm *m, const struct spm_scratch *s, slice text,
                             uint32_t start, uint32_t len, struct tokens *out)
{
    slice piece = slice_make(text.ptr + start, len);
    int64_t id = vocab_find(&m->index, piece);

    if (id >= 0 && m->pieces[id].type == SPM_UNUSED)
        for (ptrdiff_t i = s->split_count; i-- > 0;) {
            const struct split *p = &s->splits[i];
            if (p->len != len || memcmp(text.ptr + p->start, piece.ptr, len) != 0)
                continue;
            push_resegmented(m, s, text, start, p->left, out);
            push_resegmented(m, s, text, start + p->left, len - p->left, out);
            return;
        }
    tokens_push(out, id < 0 ? m->unk : (uint32_t)id, start, start + len, piece);
}

static ptrdiff_t start_symbols(const struct spm *m, struct spm_scratch *s, slice text)
{
    ptrdiff_t n = 0;

    for (ptrdiff_t at = 0; at < text.len; n++) {
        bool user;
        ptrdiff_t len = spm_symbol(m, slice_from(text, at), &user);
        s->symbols = grow(s->symbols, &s->symbol_cap, n + 1, sizeof *s->symbols);
        s->symbols[n] = (struct symbol){ .start = (uint32_t)at,
                                         .len = (uint32_t)len,
                                         .prev = (int32_t)n - 1,
                                         .next = at + len < text.len ? (int32_t)n + 1 : -1,
                                         .frozen = user };
        at += len;
    }
    return n;
}

/* splitmix64 */
static double random_unit(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u;

    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

static void encode_bpe(const struct spm *m, struct spm_scratch *s, slice text, double dropout,
                       uint64_t *random, struct tokens *out)
{
    ptrdiff_t n = start_symbols(m, s, text);

    s->heap_count = s->split_count = 0;
    for (ptrdiff_t i = 0; i + 1 < n; i++)
        offer_pair(m, s, text, (int32_t)i);
    while (s->heap_count) {
        struct pair p = heap_pop(s);
        int32_t at = (int32_t)(uint32_t)p.key;
        struct symbol *left = &s->symbols[at], *right = &s->symbols[p.right];
        if (left->len == 0 || right->len == 0 || left->len + right->len != p.len)
            continue;
        if (dropout > 0 && random_unit(random) < dropout)
            continue;
        left->len += right->len;
        left->next = right->next;
        right->len = 0;
        if (left->next >= 0)
            s->symbols[left->next].prev = at;
        if (left->prev >= 0)
            offer_pair(m, s, text, left->prev);
        offer_pair(m, s, text, at);
    }
    for (int32_t i = n ? 0 : -1; i >= 0; i = s->symbols[i].next)
        push_resegmented(m, s, text, s->symbols[i].start, s->symbols[i].len, out);
}

/* ---- word and char ---- */

static void push_piece(const struct spm *m, slice text, ptrdiff_t start, ptrdiff_t end,
                       struct tokens *out)
{
    slice piece = slice_make(text.ptr + start, end - start);
    int64_t id = vocab_find(&m->index, piece);

    tokens_push(out, id < 0 ? m->unk : (uint32_t)id, start, end, piece);
}

static void encode_chars(const struct spm *m, slice text, struct tokens *out)
{
    for (ptrdiff_t at = 0; at < text.len;) {
        bool user;
        ptrdiff_t len = spm_symbol(m, slice_from(text, at), &user);
        push_piece(m, text, at, at + len, out);
        at += len;
    }
}

/* A word begins with each U+2581, or ends with it. */
static void encode_words(const struct spm *m, slice text, struct tokens *out)
{
    ptrdiff_t start = 0;

    for (ptrdiff_t at = 0; at < text.len;) {
        bool user, space = slice_starts(slice_from(text, at), SLICE(SPACE));
        ptrdiff_t len = spm_symbol(m, slice_from(text, at), &user);
        if (space)
            len = 3;
        if (space && !m->suffix && at > start) {
            push_piece(m, text, start, at, out);
            start = at;
        }
        at += len;
        if (space && m->suffix && at < text.len) {
            push_piece(m, text, start, at, out);
            start = at;
        }
    }
    if (start < text.len)
        push_piece(m, text, start, text.len, out);
}

static void run_model(const struct spm *m, struct spm_scratch *s, slice text, double dropout,
                      uint64_t *random, struct tokens *out)
{
    switch (m->kind) {
    case SPM_UNIGRAM:
        encode_unigram(m, s, text, out);
        break;
    case SPM_BPE:
        encode_bpe(m, s, text, dropout, random, out);
        break;
    case SPM_WORD:
        encode_words(m, text, out);
        break;
    case SPM_CHAR:
        encode_chars(m, text, out);
        break;
    }
}

/* ---- encoding ---- */

/* An unknown piece becomes its bytes, or joins the unknown one before it. */
static void settle(const struct spm *m, const struct token *t, const uint32_t *from,
                   bool *unk_before, struct tokens *out)
{
    bool unk = t->id == m->unk;
    ptrdiff_t start = from ? from[t->start] : 0, end = from ? from[t->end] : 0;

    for (ptrdiff_t i = 0; unk && m->byte_fallback && i < t->text.len; i++) {
        uint32_t id = (uint32_t)m->bytes[(unsigned char)t->text.ptr[i]];
        tokens_push(out, id, start, i + 1 == t->text.len ? end : start, m->pieces[id].text);
    }
    if (!unk) {
        tokens_push(out, t->id, start, end, t->text);
    } else if (!m->byte_fallback && *unk_before) {
        struct token *last = &out->items[out->count - 1];
        last->end = (uint32_t)end;
        last->text.len += t->text.len; /* they lie one behind the other */
    } else if (!m->byte_fallback) {
        tokens_push(out, m->unk, start, end, t->text);
    }
    *unk_before = unk;
}

void spm_encode(const struct spm *m, struct spm_scratch *s, slice text, double dropout,
                uint64_t *random, struct tokens *out)
{
    bool unk_before = false;

    s->text.wants_from = true;
    spm_normalize(m, &m->rules, text, &s->text);
    s->tokens.count = 0;
    if (s->text.text.len)
        run_model(m, s, buf_slice(&s->text.text), dropout, random, &s->tokens);
    for (ptrdiff_t i = 0; i < s->tokens.count; i++)
        settle(m, &s->tokens.items[i], s->text.from, &unk_before, out);
}

static void encode_word(const struct spm *m, struct spm_scratch *s, slice word, struct tok_ids *ids)
{
    struct wordcache_slot slot = wordcache_find(&s->words, word);
    struct tokens settled = { 0 };
    bool unk_before = false;
    uint64_t random = 0;

    if (slot.count >= 0) {
        memcpy(tok_ids_reserve(ids, slot.count), slot.ids, (size_t)slot.count * sizeof *slot.ids);
        ids->count += slot.count;
        return;
    }
    s->tokens.count = 0;
    run_model(m, s, word, 0, &random, &s->tokens);
    for (ptrdiff_t i = 0; i < s->tokens.count; i++)
        settle(m, &s->tokens.items[i], NULL, &unk_before, &settled);
    uint32_t *dst = tok_ids_reserve(ids, settled.count);
    for (ptrdiff_t i = 0; i < settled.count; i++)
        dst[i] = settled.items[i].id;
    wordcache_add(&s->words, word, dst, settled.count);
    ids->count += settled.count;
    tokens_release(&settled);
}

void spm_encode_ids(const struct spm *m, struct spm_scratch *s, slice text, struct tok_ids *ids)
{
    /* Unknown neighbours are one token without byte fallback, also over the edge of words. */
    bool by_word = m->independent_words && m->byte_fallback;

    s->text.wants_from = false;
    spm_normalize(m, &m->rules, text, &s->text);
    slice all = s->text.text.len ? buf_slice(&s->text.text) : SLICE("");
    if (by_word) {
        for (ptrdiff_t at = 0; at < all.len;) {
            ptrdiff_t end = wordcache_word_end(all, at);
            encode_word(m, s, slice_make(all.ptr + at, end - at), ids);
            at = end;
        }
        return;
    }
    struct tokens settled = { 0 };
    bool unk_before = false;
    uint64_t random = 0;
    s->tokens.count = 0;
    if (all.len)
        run_model(m, s, all, 0, &random, &s->tokens);
    for (ptrdiff_t i = 0; i < s->tokens.count; i++)
        settle(m, &s->tokens.items[i], NULL, &unk_before, &settled);
    uint32_t *dst = tok_ids_reserve(ids, settled.count);
    for (ptrdiff_t i = 0; i < settled.count; i++)
        dst[i] = settled.items[i].id;
    ids->count += settled.count;
    tokens_release(&settled);
}

/* ---- decoding ---- */

static void append_spaces(struct buf *out, slice piece)
{
    while (piece.len) {
        const char *hit = memmem(piece.ptr, (size_t)piece.len, SPACE, 3);
        ptrdiff_t plain = hit ? hit - piece.ptr : piece.len;
        buf_append(out, slice_make(piece.ptr, plain));
        if (hit)
            buf_append_byte(out, ' ');
        piece = slice_from(piece, plain + (hit ? 3 : 0));
    }
}

static ptrdiff_t append_bytes(const struct spm *m, const uint32_t *ids, ptrdiff_t count,
                              struct buf *out)
{
    struct buf bytes = { 0 };
    ptrdiff_t n = 0;

    for (; n < count && m->pieces[ids[n]].type == SPM_BYTE; n++) {
        unsigned value = 0;
        sscanf(m->pieces[ids[n]].text.ptr, "<0x%2X>", &value);
        buf_append_byte(&bytes, (char)value);
    }
    for (ptrdiff_t at = 0; at < bytes.len;) { /* each bad byte by itself */
        int len = utf8_length(bytes.ptr + at, bytes.len - at);
        buf_append(out, len ? slice_make(bytes.ptr + at, len) : SLICE("\xEF\xBF\xBD"));
        at += MAX(len, 1);
    }
    buf_release(&bytes);
    return n;
}

void spm_decode(const struct spm *m, const uint32_t *ids, ptrdiff_t count, bool skip_special,
                struct buf *out)
{
    bool strips = m->rules.dummy_prefix || m->rules.remove_extra, at_start = true, seen = false;
    ptrdiff_t first = out->len;

    for (ptrdiff_t i = 0; i < count;) {
        const struct spm_piece *p = &m->pieces[ids[i]];
        if (p->type == SPM_BYTE) {
            i += append_bytes(m, ids + i, count - i, out);
            continue;
        }
        i++;
        if (seen || out->len > first)
            at_start = false;
        seen = false;
        if (p->type == SPM_CONTROL)
            continue;
        if (p->type == SPM_UNKNOWN) {
            if (!skip_special)
                buf_append(out, m->unk_surface);
            continue;
        }
        slice text = p->text;
        if (at_start && strips && slice_starts(text, SLICE(SPACE))) {
            text = slice_from(text, 3);
            seen = !m->rules.remove_extra;
        }
        append_spaces(out, text);
    }
    if (m->denormal.map && out->len > first) {
        struct spm_text clean = { 0 };
        spm_normalize(m, &m->denormal, slice_make(out->ptr + first, out->len - first), &clean);
        out->len = first;
        buf_append(out, buf_slice(&clean.text));
        buf_release(&clean.text);
    }
}
