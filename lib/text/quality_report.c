/* What the rules of a profile did in a run, for its report. */
#include "../buf.h"
#include "quality_private.h"

const struct quality_counts *quality_scratch_counts(const struct quality_scratch *s)
{
    return &s->counts;
}

static slice take(struct buf *b, struct arena *arena)
{
    slice text = arena_dup(arena, buf_slice(b));

    buf_release(b);
    return text;
}

slice quality_counts_json(const struct quality *q, const struct quality_counts *c,
                          struct arena *arena)
{
    struct buf b = { 0 };

    buf_append(&b, SLICE("{"));
    for (int i = 0; i < QUALITY_RULES; i++) {
        if (!q->on[i])
            continue;
        buf_printf(&b, "%s\"%s\":{\"measured\":%lld,\"fired\":%lld", b.len > 1 ? "," : "",
                   quality_rules[i].name, (long long)c->measured[i], (long long)c->fired[i]);
        if (q->clock_ns) {
            buf_append(&b, SLICE(",\"ns_per_byte\":"));
            buf_append_double(&b, quality_ratio(c->cost_ns[i], c->bytes));
        }
        buf_append(&b, SLICE("}"));
    }
    buf_append(&b, SLICE("}"));
    return take(&b, arena);
}

slice quality_flagged(const struct quality *q, const struct quality_counts *c, bool always,
                      struct arena *arena)
{
    struct buf b = { 0 };

    for (int i = 0; i < QUALITY_RULES; i++)
        if (q->on[i] && c->measured[i] >= QUALITY_FLAG_TEXTS &&
            c->fired[i] == (always ? c->measured[i] : 0))
            buf_printf(&b, "%s%s", b.len ? ", " : "", quality_rules[i].name);
    return take(&b, arena);
}
