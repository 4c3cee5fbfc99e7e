#include "hfuni.h"

#include <stdlib.h>

struct hfuni_pair {
    uint32_t first, second, composed;
};

#include "hfuni_table.inc"

#define HFUNI_PAGE 128
#define S_BASE     0xAC00u
#define L_BASE     0x1100u
#define V_BASE     0x1161u
#define T_BASE     0x11A7u
#define L_COUNT    19u
#define V_COUNT    21u
#define T_COUNT    28u
#define S_COUNT    (L_COUNT * V_COUNT * T_COUNT)

const struct hfuni *hfuni_of(uint32_t cp)
{
    return &hfuni_record[hfuni_page[hfuni_index[cp / HFUNI_PAGE]][cp % HFUNI_PAGE]];
}

const uint32_t *hfuni_points(ptrdiff_t at)
{
    return hfuni_data + at;
}

void points_push(struct points *list, uint32_t cp, int32_t change)
{
    if (list->count == list->cap) {
        list->cap = MAX(list->cap * 2, 256);
        list->items = realloc(list->items, (size_t)list->cap * sizeof *list->items);
        if (!list->items)
            mem_oom();
    }
    list->items[list->count++] = (struct point){ cp, change };
}

void points_release(struct points *list)
{
    free(list->items);
    *list = (struct points){ 0 };
}

/* ---- decomposition ---- */

static void decompose(struct points *out, uint32_t cp, bool compatible)
{
    const struct hfuni *u = hfuni_of(cp);
    int len = compatible ? u->nfkd_len : u->nfd_len;
    const uint32_t *to = hfuni_data + (compatible ? u->nfkd_at : u->nfd_at);

    if (cp - S_BASE < S_COUNT) {
        uint32_t s = cp - S_BASE;
        points_push(out, L_BASE + s / (V_COUNT * T_COUNT), 0);
        points_push(out, V_BASE + s % (V_COUNT * T_COUNT) / T_COUNT, 1);
        if (s % T_COUNT)
            points_push(out, T_BASE + s % T_COUNT, 1);
        return;
    }
    if (len == 0)
        points_push(out, cp, 0);
    for (int i = 0; i < len; i++)
        points_push(out, to[i], i > 0);
}

struct sort_key {
    struct point point;
    uint32_t ccc;
    uint32_t at;
};

static int by_class(const void *a, const void *b)
{
    const struct sort_key *x = a, *y = b;

    if (x->ccc != y->ccc)
        return x->ccc < y->ccc ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
}

static void sort_many(struct point *p, ptrdiff_t n)
{
    struct sort_key *keys = malloc((size_t)n * sizeof *keys);

    if (!keys)
        mem_oom();
    for (ptrdiff_t i = 0; i < n; i++)
        keys[i] = (struct sort_key){ p[i], hfuni_of(p[i].cp)->ccc, (uint32_t)i };
    qsort(keys, (size_t)n, sizeof *keys, by_class);
    for (ptrdiff_t i = 0; i < n; i++)
        p[i] = keys[i].point;
    free(keys);
}

/* Stable, by combining class. */
static void sort_marks(struct point *p, ptrdiff_t n)
{
    if (n > 32) {
        sort_many(p, n);
        return;
    }
    for (ptrdiff_t i = 1; i < n; i++) {
        struct point key = p[i];
        uint8_t ccc = hfuni_of(key.cp)->ccc;
        ptrdiff_t at = i;
        for (; at > 0 && hfuni_of(p[at - 1].cp)->ccc > ccc; at--)
            p[at] = p[at - 1];
        p[at] = key;
    }
}

static void order_marks(struct point *p, ptrdiff_t n)
{
    for (ptrdiff_t i = 0; i < n;) {
        ptrdiff_t first = i;
        while (i < n && p[i].cp >= 0x300 && hfuni_of(p[i].cp)->ccc != 0)
            i++;
        if (i - first > 1)
            sort_marks(p + first, i - first);
        i += i == first;
    }
}

/* ---- composition ---- */

/* The character that two compose to, or 0. */
static uint32_t compose(uint32_t a, uint32_t b)
{
    ptrdiff_t low = 0, high = countof(hfuni_pairs);

    if (a - L_BASE < L_COUNT && b - V_BASE < V_COUNT)
        return S_BASE + ((a - L_BASE) * V_COUNT + (b - V_BASE)) * T_COUNT;
    if (a - S_BASE < S_COUNT && (a - S_BASE) % T_COUNT == 0 && b - (T_BASE + 1) < T_COUNT - 1)
        return a + (b - T_BASE);
    if (!(hfuni_of(b)->flags & HFUNI_SECOND))
        return 0;
    while (low < high) {
        ptrdiff_t middle = (low + high) / 2;
        const struct hfuni_pair *p = &hfuni_pairs[middle];
        if (p->first < a || (p->first == a && p->second < b))
            low = middle + 1;
        else
            high = middle;
    }
    if (low < countof(hfuni_pairs) && hfuni_pairs[low].first == a && hfuni_pairs[low].second == b)
        return hfuni_pairs[low].composed;
    return 0;
}

/* In place: what is written never overtakes what is read. Marks that did not combine wait behind
 * their starter, `kept` of them from `held` on. */
static ptrdiff_t recompose(struct point *p, ptrdiff_t n)
{
    struct point starter = { 0 };
    bool have = false;
    int last = -1; /* class of the last mark that waits */
    ptrdiff_t out = 0, held = 0, kept = 0;

    for (ptrdiff_t i = 0; i < n; i++) {
        struct point c = p[i];
        int ccc = c.cp < 0x300 ? 0 : hfuni_of(c.cp)->ccc;
        uint32_t joined = 0;
        if (!have && ccc != 0) {
            p[out++] = c;
            continue;
        }
        if (have && (last < 0 || last < ccc))
            joined = compose(starter.cp, c.cp);
        if (joined) {
            starter = (struct point){ joined, starter.change + c.change - 1 };
            continue;
        }
        if (have && ccc != 0) {
            p[held + kept++] = c;
            last = ccc;
            continue;
        }
        if (have) {
            p[held - 1] = starter;
            out = held + kept;
        }
        starter = c;
        have = true;
        held = out + 1; /* room for the starter */
        kept = 0;
        last = -1;
    }
    if (have) {
        p[held - 1] = starter;
        out = held + kept;
    }
    return out;
}

void hfuni_normal_form(enum uni_form form, slice text, struct points *out)
{
    ptrdiff_t first = out->count;
    bool compatible = form == UNI_NFKC || form == UNI_NFKD;

    for (ptrdiff_t at = 0; at < text.len;) {
        uint32_t cp;
        at += uni_decode(text.ptr + at, &cp);
        if (cp < 0x80)
            points_push(out, cp, 0);
        else
            decompose(out, cp, compatible);
    }
    order_marks(out->items + first, out->count - first);
    if (form == UNI_NFC || form == UNI_NFKC)
        out->count = first + recompose(out->items + first, out->count - first);
}
