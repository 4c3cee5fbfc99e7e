#include "htmlmain.h"

#include "htmlhint.h"

/* What blocks are worth. Lengths are in characters that are no white space; a CJK character counts
 * for two. */
#define PROSE_CHARS      50   /* a block of so many characters without links is prose */
#define SENTENCE_CHARS   20   /* or of so many, when it ends like a sentence */
#define LABEL_COST       8.0  /* of a short block that is no sentence */
#define LINK_COST        12.0 /* of a block of links */
#define LINK_COST_CHAR   0.3
#define LINK_DENSITY     0.5  /* above it a block is links */
#define BODY_FACTOR      1.6  /* "entry-content", itemprop articleBody */
#define CONTENT_FACTOR   1.15 /* article, main, "content" */
#define PROSE_MAX        1500.0
#define PRUNE_SHARE      0.35 /* of the page's prose; what holds more is not pruned by its name */
#define PRUNE_SHARE_SURE 0.80 /* comments, and elements that HTML itself calls so */
#define PRUNED_COST      -2.0
#define TEASER_CHARS     300
#define TEASER_FACTOR    0.1
#define WEAK_CHARS       120
#define WEAK_LINKS       0.25
#define HINT_WEAK        (HINT_UI | HINT_ABOUT | HINT_RELATED | HINT_HEADER)
#define ENOUGH_CHARS     160
#define ENOUGH_SHARE     0.12

struct block {
    int32_t first, last; /* nodes; its texts are those from first to last */
    int32_t owner;       /* the innermost block element */
    int32_t chars, links;
    bool sentence; /* ends like one, or has one inside */
    bool pre;      /* code, verse */
    bool pruned;
    double score;
};

struct page {
    const struct html_doc *doc;
    struct arena *arena;
    struct block *blocks;
    ptrdiff_t count, cap;
    int32_t *block_of; /* per node: its block + 1 when it is a text that counts */
    int32_t *block_at; /* per node: the number of blocks that begin before it; count + 1 entries */
    double *sums;      /* of the scores before block i */
    double prose;      /* of the whole page */
};

/* ---- blocks ---- */

struct measure {
    int32_t chars;
    bool sentence;
};

static bool ends_sentence(const unsigned char *p, ptrdiff_t len, ptrdiff_t i)
{
    if (p[i] == '.' || p[i] == '!' || p[i] == '?')
        return i + 1 == len || p[i + 1] <= ' ' || p[i + 1] == '"' || p[i + 1] == ')' ||
               p[i + 1] == 0xe2 || p[i + 1] == 0xc2;
    /* U+3002, U+FF01, U+FF1F, U+0964, U+06D4, U+061F, U+2026 */
    if (i + 2 < len && p[i] == 0xe3)
        return p[i + 1] == 0x80 && p[i + 2] == 0x82;
    if (i + 2 < len && p[i] == 0xef)
        return p[i + 1] == 0xbc && (p[i + 2] == 0x81 || p[i + 2] == 0x9f);
    if (i + 2 < len && p[i] == 0xe0)
        return p[i + 1] == 0xa5 && p[i + 2] == 0xa4;
    if (i + 1 < len && (p[i] == 0xdb || p[i] == 0xd8))
        return p[i + 1] == 0x94 || p[i + 1] == 0x9f;
    return i + 2 < len && p[i] == 0xe2 && p[i + 1] == 0x80 && p[i + 2] == 0xa6;
}

static struct measure measure(slice s)
{
    const unsigned char *p = (const unsigned char *)s.ptr;
    struct measure m = { 0, false };
    for (ptrdiff_t i = 0; i < s.len; i++) {
        if (p[i] <= ' ' || (p[i] & 0xc0) == 0x80)
            continue;
        if (p[i] == 0xc2 && i + 1 < s.len && (p[i + 1] == 0xa0 || p[i + 1] == 0xad))
            continue; /* no-break space, soft hyphen */
        m.chars += p[i] >= 0xe3 && p[i] < 0xee ? 2 : 1;
        if ((p[i] == '.' || p[i] == '!' || p[i] == '?' || p[i] >= 0xd8) && !m.sentence)
            m.sentence = ends_sentence(p, s.len, i);
    }
    return m;
}

static bool is_block(const struct html_node *n)
{
    switch ((enum html_tag)n->tag) {
    case HT_OTHER:
    case HT_TEXT:
    case HT_A:
    case HT_BR:
    case HT_DROP:
    case HT_INPUT:
    case HT_TIME:
    case HT_TITLE:
        return false;
    default:
        return true;
    }
}

static bool is_skipped(const struct html_node *n)
{
    return n->tag == HT_DROP || n->tag == HT_INPUT || n->tag == HT_TITLE || n->tag == HT_HEAD ||
           n->tag == HT_DIALOG || (n->flags & HTML_HIDDEN);
}

static struct block *add_block(struct page *p, int32_t first, int32_t owner)
{
    if (p->count == p->cap) {
        ptrdiff_t cap = MAX(256, p->cap * 2), size = (ptrdiff_t)sizeof *p->blocks;
        p->blocks = arena_grow(p->arena, p->blocks, p->cap * size, cap * size,
                               (ptrdiff_t) _Alignof(struct block));
        p->cap = cap;
    }
    p->blocks[p->count] = (struct block){ .first = first, .last = first, .owner = owner };
    return &p->blocks[p->count++];
}

static void cut_blocks(struct page *p)
{
    const struct html_doc *d = p->doc;
    int32_t open[HTML_DEPTH_MAX + 1], owners[HTML_DEPTH_MAX + 1];
    int depth = 0, links = 0, breaks = 0;
    bool fresh = true; /* the next text begins a block */
    p->block_at = arena_new(p->arena, int32_t, d->count + 1);
    p->block_of = arena_new(p->arena, int32_t, d->count + 1);
    for (int32_t i = 0; i < d->count; i++) {
        const struct html_node *n = &d->nodes[i];
        while (depth && d->nodes[open[depth - 1]].end <= i) {
            const struct html_node *left = &d->nodes[open[--depth]];
            links -= left->tag == HT_A;
            fresh |= is_block(left);
        }
        p->block_at[i] = (int32_t)p->count;
        if (is_skipped(n)) {
            for (int32_t k = i; k < n->end; k++)
                p->block_at[k] = (int32_t)p->count;
            i = n->end - 1;
            continue;
        }
        if (n->tag == HT_TEXT) {
            struct measure m = measure(n->text);
            if (m.chars == 0)
                continue;
            int32_t owner = depth ? owners[depth - 1] : 0;
            struct block *b = fresh ? add_block(p, i, owner) : &p->blocks[p->count - 1];
            b->last = i;
            p->block_of[i] = (int32_t)p->count;
            b->chars += m.chars;
            b->links += links ? m.chars : 0;
            b->sentence |= m.sentence && !links;
            b->pre = d->nodes[owner].tag == HT_PRE;
            fresh = false;
            breaks = 0;
            continue;
        }
        breaks += n->tag == HT_BR;
        fresh |= is_block(n) || breaks > 1;
        links += n->tag == HT_A;
        owners[depth] = is_block(n) ? i : depth ? owners[depth - 1] : i;
        open[depth++] = i;
    }
    p->block_at[d->count] = (int32_t)p->count;
}

/* The blocks that begin inside of node i. */
static void blocks_in(const struct page *p, int32_t i, int32_t *from, int32_t *to)
{
    *from = p->block_at[i];
    *to = p->block_at[p->doc->nodes[i].end];
}

/* ---- scores ---- */

static double density(const struct block *b)
{
    return b->chars ? (double)b->links / b->chars : 0;
}

static bool is_prose(const struct block *b)
{
    int32_t text = b->chars - b->links;
    return density(b) <= LINK_DENSITY &&
           (text >= PROSE_CHARS || (text >= SENTENCE_CHARS && (b->sentence || b->pre)));
}

/* The text of a teaser: prose, but links in front of it and behind. */
static bool between_links(const struct page *p, const struct block *b)
{
    ptrdiff_t k = b - p->blocks;
    return b->chars < TEASER_CHARS && k > 0 && k + 1 < p->count && density(b - 1) > LINK_DENSITY &&
           density(b + 1) > LINK_DENSITY;
}

static double score_of(const struct page *p, const struct block *b)
{
    int tag = p->doc->nodes[b->owner].tag;
    if (b->pruned)
        return PRUNED_COST;
    if (is_prose(b))
        return MIN((b->chars - b->links) * (1 - density(b)), PROSE_MAX) *
               (between_links(p, b) ? TEASER_FACTOR : 1);
    if (density(b) > LINK_DENSITY)
        return -LINK_COST - LINK_COST_CHAR * b->links;
    if (tag == HT_H1 || tag == HT_HEADING || tag == HT_P)
        return 0;
    if (tag == HT_CELL || tag == HT_LI || tag == HT_DD || tag == HT_PRE)
        return -LABEL_COST / 4;
    return -LABEL_COST;
}

static double prose_between(const struct page *p, ptrdiff_t from, ptrdiff_t to)
{
    double sum = 0;
    for (ptrdiff_t k = from; k < to; k++)
        if (is_prose(&p->blocks[k]))
            sum += p->blocks[k].chars - p->blocks[k].links;
    return sum;
}

static double prose_in(const struct page *p, int32_t i)
{
    int32_t from, to;
    blocks_in(p, i, &from, &to);
    return prose_between(p, from, to);
}

static void sum_scores(struct page *p)
{
    p->sums[0] = 0;
    for (ptrdiff_t k = 0; k < p->count; k++) {
        p->blocks[k].score = score_of(p, &p->blocks[k]);
        p->sums[k + 1] = p->sums[k] + p->blocks[k].score;
    }
}

/* ---- pruning ---- */

enum level { PRUNE_ALL, PRUNE_SURE, PRUNE_NONE };

/* Lead paragraphs are called teasers and articles "printable": what such a name prunes has links or
 * is short. */
static bool weak_holds(const struct page *p, int32_t i)
{
    int32_t from, to;
    double chars = 0, links = 0;
    blocks_in(p, i, &from, &to);
    for (int32_t k = from; k < to; k++) {
        chars += p->blocks[k].chars;
        links += p->blocks[k].links;
    }
    return prose_between(p, from, to) <= WEAK_CHARS || links > WEAK_LINKS * chars;
}

/* How much of the page's prose an element may hold and still be pruned; 0: it is none to prune. */
static double prune_share(const struct page *p, int32_t i, enum level level)
{
    const struct html_node *n = &p->doc->nodes[i];
    if (level == PRUNE_NONE || n->tag == HT_HTML || n->tag == HT_BODY || n->tag == HT_MAIN)
        return 0;
    if (n->tag == HT_NAV || n->tag == HT_FOOTER || n->tag == HT_ASIDE)
        return PRUNE_SHARE_SURE;
    if (n->hints & HINT_COMMENT)
        return PRUNE_SHARE_SURE;
    if (level == PRUNE_SURE || !(n->hints & HINT_PRUNE) || n->tag == HT_ARTICLE)
        return 0;
    if (!(n->hints & (HINT_PRUNE & ~HINT_WEAK)) &&
        ((n->hints & (HINT_BODY | HINT_CONTENT)) || !weak_holds(p, i)))
        return 0;
    return PRUNE_SHARE;
}

static void prune(struct page *p, enum level level)
{
    const struct html_doc *d = p->doc;
    for (ptrdiff_t k = 0; k < p->count; k++)
        p->blocks[k].pruned = false;
    for (int32_t i = 0; i < d->count; i++) {
        const struct html_node *n = &d->nodes[i];
        double share = n->tag == HT_TEXT ? 0 : prune_share(p, i, level);
        int32_t from, to;
        if (share == 0 || prose_in(p, i) > share * p->prose)
            continue;
        blocks_in(p, i, &from, &to);
        for (int32_t k = from; k < to; k++)
            p->blocks[k].pruned = true;
        i = n->end - 1;
    }
}

/* ---- the element ---- */

static double factor_of(const struct html_node *n)
{
    if (n->hints & HINT_BODY)
        return BODY_FACTOR;
    if (n->tag == HT_ARTICLE || n->tag == HT_MAIN || (n->hints & HINT_CONTENT))
        return CONTENT_FACTOR;
    return 1;
}

static int32_t find_best(const struct page *p, double *best_score)
{
    const struct html_doc *d = p->doc;
    int32_t best = -1;
    *best_score = 0;
    for (int32_t i = 0; i < d->count; i++) {
        const struct html_node *n = &d->nodes[i];
        int32_t from, to;
        if (n->tag == HT_TEXT || !is_block(n))
            continue;
        blocks_in(p, i, &from, &to);
        double score = (p->sums[to] - p->sums[from]) * factor_of(n);
        if (score >= *best_score && score > 0) { /* the innermost of equals */
            best = i;
            *best_score = score;
        }
    }
    return best;
}

/* ---- choosing blocks ---- */

static bool is_heading(const struct page *p, const struct block *b)
{
    int tag = p->doc->nodes[b->owner].tag;
    return tag == HT_H1 || tag == HT_HEADING;
}

static bool is_links(const struct block *b)
{
    return b->pruned || density(b) > LINK_DENSITY;
}

/* A label or heading in front of links that are left out is left out with them. */
static bool leads_to_links(const struct page *p, int32_t k, int32_t to)
{
    return k + 1 < to && !is_prose(&p->blocks[k]) && !p->blocks[k + 1].pruned &&
           is_links(&p->blocks[k + 1]);
}

/* The run of blocks with the largest sum: behind a stretch of links comes something else, unless it
 * is more. */
static void best_run(const struct page *p, int32_t from, int32_t to, int32_t *first, int32_t *last)
{
    double sum = 0, best = 0;
    int32_t start = from;
    *first = from;
    *last = from - 1;
    for (int32_t k = from; k < to; k++) {
        sum += p->blocks[k].score;
        if (sum > best) {
            best = sum;
            *first = start;
            *last = k;
        }
        if (sum < 0) {
            sum = 0;
            start = k + 1;
        }
    }
}

/* Blocks of the element that belong to it. Returns the characters kept. */
static int64_t choose(struct page *p, int32_t best, uint8_t *keep)
{
    int32_t from, to, first, last;
    int64_t chars = 0;
    blocks_in(p, best, &from, &to);
    best_run(p, from, to, &first, &last);
    for (int32_t k = from; k <= last; k++) {
        const struct block *b = &p->blocks[k];
        if (is_links(b) || !(k >= first || is_heading(p, b)) || leads_to_links(p, k, to))
            continue;
        chars += b->chars;
        for (int32_t i = b->first; i <= b->last; i++)
            keep[i] = p->block_of[i] == k + 1;
    }
    return chars;
}

/* A page without prose: everything that is no link and not pruned, else everything. */
static void choose_rest(struct page *p, uint8_t *keep)
{
    bool any = false;
    prune(p, PRUNE_SURE);
    for (int pass = 0; pass < 2 && !any; pass++)
        for (int32_t i = 0; i < p->doc->count; i++)
            if (p->block_of[i] && (pass || !is_links(&p->blocks[p->block_of[i] - 1])))
                keep[i] = any = true;
}

uint8_t *html_main(const struct html_doc *doc, struct arena *arena)
{
    struct page p = { .doc = doc, .arena = arena };
    uint8_t *keep = arena_new(arena, uint8_t, doc->count + 1);
    if (doc->count == 0)
        return keep;
    cut_blocks(&p);
    p.sums = arena_new(arena, double, p.count + 1);
    p.prose = prose_between(&p, 0, p.count);
    int64_t chars = 0;
    for (enum level level = PRUNE_ALL; level <= PRUNE_NONE; level++) {
        double score;
        prune(&p, level);
        sum_scores(&p);
        int32_t best = find_best(&p, &score);
        if (best < 0)
            continue;
        memset(keep, 0, (size_t)doc->count);
        chars = choose(&p, best, keep);
        if (chars >= ENOUGH_CHARS || chars >= ENOUGH_SHARE * p.prose)
            break;
    }
    if (chars == 0)
        choose_rest(&p, keep);
    return keep;
}
