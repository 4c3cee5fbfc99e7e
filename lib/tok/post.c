#include "post.h"

#include "../unicode.h"
#include "uclass.h"

void post_scratch_release(struct post_scratch *s)
{
    for (int i = 0; i < POST_PIECES_MAX; i++) {
        tokens_release(&s->part[i]);
        tokens_release(&s->spare[i]);
    }
}

int64_t post_added(const struct post *p, bool pair)
{
    int64_t added = 0;

    for (int i = 0; i < p->count; i++) {
        const struct post_step *step = &p->step[i];
        if (step->kind == POST_BERT)
            added += pair ? 3 : 2;
        else if (step->kind == POST_ROBERTA)
            added += pair ? 4 : 2;
        for (int k = 0; step->kind == POST_TEMPLATE && k < step->pieces[pair]; k++)
            if (step->piece[pair][k].sequence < 0)
                added += step->piece[pair][k].count;
    }
    return added;
}

/* ---- truncation ---- */

static void cut(const struct post *p, struct tokens *t, int64_t length)
{
    if (length >= t->count)
        return;
    if (p->truncate_left)
        memmove(t->items, t->items + (t->count - length), (size_t)length * sizeof *t->items);
    t->count = length;
}

static void cut_longest(const struct post *p, struct tokens *a, struct tokens *b, int64_t most)
{
    int64_t n1 = MIN(a->count, b->count), n2;

    n2 = n1 > most ? n1 : MAX(n1, most - n1);
    if (n1 + n2 > most) {
        n1 = most / 2;
        n2 = n1 + most % 2;
    }
    bool swapped = a->count > b->count;
    cut(p, a, swapped ? n2 : n1);
    cut(p, b, swapped ? n1 : n2);
}

static bool truncate_parts(const struct post *p, struct post_scratch *s, bool add_special,
                           struct err *err)
{
    bool pair = s->count == 2;
    struct tokens *a = &s->part[0], *b = pair ? &s->part[1] : NULL;
    int64_t most = p->max_length - (add_special ? post_added(p, pair) : 0);
    int64_t total = a->count + (b ? b->count : 0), remove = total - most;

    if (most <= 0) {
        cut(p, a, 0);
        if (b)
            cut(p, b, 0);
        return true;
    }
    if (remove <= 0)
        return true;
    if (p->strategy == TRUNCATE_LONGEST) {
        if (b)
            cut_longest(p, a, b, most);
        else
            cut(p, a, most);
        return true;
    }
    struct tokens *t = p->strategy == TRUNCATE_FIRST ? a : b;
    if (!t || t->count <= remove)
        return err_set(err, ERR_DATA, "$.truncation.strategy cannot make this text %jd tokens long",
                       (intmax_t)p->max_length);
    cut(p, t, t->count - remove);
    return true;
}

/* ---- the steps ---- */

static bool is_blank(uint32_t cp)
{
    return cp == 0x120 || uclass_in(uclass_of(cp), UCLASS_SPACE);
}

/* How many blanks there are at an edge. */
static ptrdiff_t blanks(slice text, bool from_end)
{
    ptrdiff_t n = 0, at = from_end ? text.len : 0;
    uint32_t cp;

    while (from_end ? at > 0 : at < text.len) {
        int len = from_end ? uni_decode_back(text.ptr, text.ptr + at, &cp)
                           : uni_decode(text.ptr + at, &cp);
        if (!is_blank(cp))
            break;
        at += from_end ? -len : len;
        n++;
    }
    return n;
}

static uint32_t forward(slice text, uint32_t at, ptrdiff_t chars, uint32_t end)
{
    uint32_t cp;

    for (; chars > 0 && at < end && at < text.len; chars--)
        at += (uint32_t)uni_decode(text.ptr + at, &cp);
    return MIN(at, end);
}

static uint32_t backward(slice text, uint32_t at, ptrdiff_t chars, uint32_t start)
{
    uint32_t cp, end = at;

    for (; chars > 0 && at > 0 && at <= text.len; chars--)
        at -= (uint32_t)uni_decode_back(text.ptr, text.ptr + at, &cp);
    return chars > 0 ? end : MAX(at, start); /* fewer characters than that: it stays */
}

/* Blanks at the edges of a token are not part of what it stands for. They are counted in characters of the
 * text, as the reference's offsets are. */
static void trim_offsets(struct tokens *t, bool prefix_space, const slice texts[2])
{
    for (ptrdiff_t i = 0; i < t->count; i++) {
        struct token *k = &t->items[i];
        ptrdiff_t lead = blanks(k->text, false), tail = blanks(k->text, true);
        if (lead == 1 && prefix_space && (i == 0 || k->start == 0))
            lead = 0;
        if (lead)
            k->start = forward(texts[k->second], k->start, lead, k->end);
        if (tail)
            k->end = backward(texts[k->second], k->end, tail, k->start);
    }
}

static void push_special(struct tokens *t, uint32_t id, slice text, uint32_t type_id)
{
    tokens_push(t, id, 0, 0, text);
    t->items[t->count - 1].type_id = type_id;
    t->items[t->count - 1].special = true;
}

static void append(struct tokens *to, const struct tokens *from)
{
    if (from->count)
        memcpy(tokens_reserve(to, from->count), from->items,
               (size_t)from->count * sizeof *from->items);
    to->count += from->count;
}

static void run_template(const struct post_step *step, struct post_scratch *s, bool add_special)
{
    bool pair = s->count == 2;
    int n = 0;

    for (int k = 0; k < step->pieces[pair]; k++) {
        const struct post_piece *piece = &step->piece[pair][k];
        struct tokens *t = &s->spare[n];
        if (piece->sequence < 0 && !add_special)
            continue;
        t->count = 0;
        n++;
        for (ptrdiff_t i = 0; piece->sequence < 0 && i < piece->count; i++)
            push_special(t, piece->ids[i], piece->texts[i], piece->type_id);
        if (piece->sequence >= 0)
            append(t, &s->part[piece->sequence]);
        for (ptrdiff_t i = 0; i < t->count; i++)
            t->items[i].type_id = piece->type_id;
    }
    for (int k = 0; k < n; k++) {
        struct tokens swap = s->part[k];
        s->part[k] = s->spare[k];
        s->spare[k] = swap;
    }
    s->count = n;
}

/* [CLS] A [SEP] B [SEP], or <s> A </s></s> B </s>. */
static void wrap(const struct post_step *step, struct post_scratch *s)
{
    for (int k = 0; k < s->count; k++) {
        struct tokens *t = &s->part[k], *to = &s->spare[k];
        bool roberta = step->kind == POST_ROBERTA;
        uint32_t type_id = k > 0 && !roberta;
        to->count = 0;
        if (k == 0)
            push_special(to, step->cls, step->cls_text, 0);
        else if (roberta)
            push_special(to, step->sep, step->sep_text, 0);
        append(to, t);
        push_special(to, step->sep, step->sep_text, type_id);
        struct tokens swap = *t;
        *t = *to;
        *to = swap;
    }
}

static void run_step(const struct post_step *step, struct post_scratch *s, bool add_special,
                     const slice texts[2])
{
    for (int k = 0; k < s->count && step->trim_offsets; k++)
        trim_offsets(&s->part[k], step->prefix_space, texts);
    for (int k = 0; k < s->count && step->kind == POST_ROBERTA; k++)
        for (ptrdiff_t i = 0; i < s->part[k].count; i++)
            s->part[k].items[i].type_id = 0;
    if (step->kind == POST_TEMPLATE)
        run_template(step, s, add_special);
    else if (step->kind != POST_BYTES && add_special)
        wrap(step, s);
}

static void pad(const struct post *p, struct tokens *t, ptrdiff_t first)
{
    int64_t count = t->count - first, want = p->pad_to ? p->pad_to : count;

    if (p->pad_multiple > 0 && want % p->pad_multiple > 0)
        want += p->pad_multiple - want % p->pad_multiple;
    ptrdiff_t more = want > count ? want - count : 0;
    for (ptrdiff_t i = 0; i < more; i++)
        push_special(t, p->pad_id, p->pad_text, p->pad_type);
    if (p->pad_left && more) {
        struct token padding = t->items[t->count - 1];
        memmove(t->items + first + more, t->items + first, (size_t)count * sizeof *t->items);
        for (ptrdiff_t i = 0; i < more; i++)
            t->items[first + i] = padding;
    }
}

bool post_run(const struct post *p, struct post_scratch *s, bool add_special, const slice texts[2],
              struct tokens *out, struct err *err)
{
    ptrdiff_t first = out->count;

    for (int k = 0; k < s->count; k++)
        for (ptrdiff_t i = 0; i < s->part[k].count; i++)
            s->part[k].items[i].type_id = (uint32_t)k, s->part[k].items[i].second = k > 0;
    if (p->truncate && !truncate_parts(p, s, add_special, err))
        return false;
    for (int i = 0; i < p->count; i++)
        run_step(&p->step[i], s, add_special, texts);
    for (int k = 0; k < s->count; k++)
        append(out, &s->part[k]);
    if (p->pad)
        pad(p, out, first);
    return true;
}
