#include "study.h"

#include "../json.h"
#include "encode.h"
#include "tok_private.h"

/* ---- stages ---- */

static bool trace(const struct tok *t, struct tok_scratch *s, slice text, unsigned flags,
                  struct buf *out, struct tok_ids *ids, struct err *err)
{
    struct tok_request request = {
        .text = text, .flags = flags, .wants = TOK_WANT_OFFSETS | TOK_WANT_TEXTS, .trace = out
    };
    struct tokens tokens = { 0 };
    struct arena arena = { 0 };
    bool ok = tok_encode_tokens(t, s, &request, &tokens, &arena, err);

    if (ok) {
        buf_append(out, SLICE("{\"stage\":\"ids\",\"ids\":["));
        for (ptrdiff_t i = 0; i < tokens.count; i++) {
            if (i)
                buf_append_byte(out, ',');
            buf_append_u64(out, tokens.items[i].id);
            *tok_ids_reserve(ids, 1) = tokens.items[i].id;
            ids->count++;
        }
        buf_append(out, SLICE("],\"tokens\":["));
        for (ptrdiff_t i = 0; i < tokens.count; i++) {
            if (i)
                buf_append_byte(out, ',');
            json_append_bytes(out, tokens.items[i].text.ptr ? tokens.items[i].text : SLICE(""));
        }
        buf_append(out, SLICE("]}"));
    }
    tokens_release(&tokens);
    arena_release(&arena);
    return ok;
}

bool study_explain(const struct tok *t, struct tok_scratch *s, slice text, unsigned flags,
                   struct buf *out, struct err *err)
{
    struct tok_ids ids = { 0 };
    bool ok = trace(t, s, text, flags, out, &ids, err);

    tok_ids_release(&ids);
    return ok;
}

static slice take_line(slice *rest)
{
    ptrdiff_t end = slice_find(*rest, '\n');
    slice line = slice_make(rest->ptr, end < 0 ? rest->len : end);

    *rest = slice_from(*rest, end < 0 ? rest->len : end + 1);
    return line;
}

static void first_difference(slice a, slice b, struct buf *out)
{
    slice la, lb;

    do {
        la = take_line(&a);
        lb = take_line(&b);
    } while (slice_eq(la, lb) && a.len && b.len);
    /* {"stage":"NAME",...: the name of the first stage that is not the same */
    slice name = slice_from(la, (ptrdiff_t)sizeof "{\"stage\":\"" - 1);
    name.len = MAX(slice_find(name, '"'), 0);
    buf_printf(out, "{\"stage\":\"%.*s\",\"a\":%.*s,\"b\":%.*s}", SLICE_ARG(name), SLICE_ARG(la),
               SLICE_ARG(lb));
}

bool study_diff(const struct tok *a, struct tok_scratch *sa, const struct tok *b,
                struct tok_scratch *sb, slice text, unsigned flags, struct buf *out,
                struct err *err)
{
    struct tok_ids ia = { 0 }, ib = { 0 };
    struct buf ta = { 0 }, tb = { 0 };
    bool ok = trace(a, sa, text, flags, &ta, &ia, err) && trace(b, sb, text, flags, &tb, &ib, err);
    bool same = ia.count == ib.count &&
                (ia.count == 0 || memcmp(ia.ids, ib.ids, (size_t)ia.count * sizeof *ia.ids) == 0);

    if (ok && !same)
        first_difference(buf_slice(&ta), buf_slice(&tb), out);
    tok_ids_release(&ia);
    tok_ids_release(&ib);
    buf_release(&ta);
    buf_release(&tb);
    return ok;
}

/* ---- lint ---- */

static void begin(struct buf *out, const char *kind, int64_t *findings)
{
    if (out->len)
        buf_append_byte(out, '\n');
    buf_printf(out, "{\"finding\":\"%s\"", kind);
    ++*findings;
}

static void lint_entry(const struct tok *t, uint32_t id, struct encode_scratch *s,
                       struct tokens *tokens, struct buf *out, int64_t *findings)
{
    slice text = t->bpe.vocab.text[id];

    tokens->count = 0;
    if (!encode_piece_alone(t, s, text, tokens) ||
        (tokens->count == 1 && tokens->items[0].id == id))
        return;
    begin(out, "unreachable", findings);
    buf_printf(out, ",\"id\":%u,\"token\":", id);
    json_append_bytes(out, text);
    buf_append(out, SLICE(",\"becomes\":["));
    for (ptrdiff_t i = 0; i < tokens->count; i++)
        buf_printf(out, "%s%u", i ? "," : "", tokens->items[i].id);
    buf_append(out, SLICE("]}"));
}

static void lint_entries(const struct tok *t, struct buf *out, int64_t *findings)
{
    struct encode_scratch *s = encode_scratch_new();
    struct tokens tokens = { 0 };
    ptrdiff_t gap = -1;

    for (ptrdiff_t id = 0; id <= t->size; id++) {
        bool used = id == t->size || t->flags[id];
        if (!used && gap < 0)
            gap = id;
        if (used && gap >= 0) {
            begin(out, "unused", findings);
            buf_printf(out, ",\"first\":%td,\"last\":%td}", gap, id - 1);
            gap = -1;
        }
        if (id < t->bpe.vocab.size && t->bpe.vocab.text[id].len && !(t->flags[id] & ID_ADDED) &&
            id != t->bpe.unk)
            lint_entry(t, (uint32_t)id, s, &tokens, out, findings);
    }
    tokens_release(&tokens);
    encode_scratch_free(s);
}

/* A special token that comes out although special tokens in the text are text. */
static void lint_specials(const struct tok *t, struct buf *out, int64_t *findings)
{
    struct tok_scratch *s = tok_scratch_new(t);
    struct tok_ids ids = { 0 };

    for (ptrdiff_t i = 0; i < t->added_count; i++) {
        const struct added_token *a = &t->added[i];
        bool forged = false;
        ids.count = 0;
        if (!a->special || !tok_encode(t, s, a->content, TOK_SPECIAL_TEXT, &ids, NULL))
            continue;
        for (ptrdiff_t k = 0; k < ids.count; k++)
            forged |= ids.ids[k] == a->id;
        if (!forged)
            continue;
        begin(out, "forgeable", findings);
        buf_printf(out, ",\"id\":%u,\"token\":", a->id);
        json_append_bytes(out, a->content);
        buf_append_byte(out, '}');
    }
    tok_ids_release(&ids);
    tok_scratch_free(s);
}

static void lint_patterns(const struct tok *t, struct buf *out, int64_t *findings)
{
    static const struct {
        const char *text, *why;
    } constructs[] = {
        { "&&", "an intersection in Oniguruma, two characters in PCRE2" },
        { "$", "the end of a line in Oniguruma, of the text elsewhere" },
        { "^", "the start of a line in Oniguruma, of the text elsewhere" },
        { "\\w", "marks, digits and joiners belong to it or not" },
        { "}+", "a repeated interval in Oniguruma, possessive elsewhere" },
    };

    for (int i = 0; i < t->pretok.count; i++) {
        const struct pretok_stage *stage = &t->pretok.stage[i];
        if (stage->kind != PRETOK_PATTERN)
            continue;
        for (ptrdiff_t k = 0; k < countof(constructs); k++) {
            slice text = slice_of(constructs[k].text), p = stage->literal;
            const char *hit = memmem(p.ptr, (size_t)p.len, text.ptr, (size_t)text.len);
            if (!hit || (*constructs[k].text == '^' && hit > p.ptr && hit[-1] == '['))
                continue;
            begin(out, "pattern", findings);
            buf_printf(out, ",\"stage\":%d,\"construct\":", i);
            json_append_string(out, text);
            buf_printf(out, ",\"why\":\"%s\"}", constructs[k].why);
        }
    }
}

int64_t study_lint(const struct tok *t, struct buf *out)
{
    int64_t findings = 0;

    lint_entries(t, out, &findings);
    lint_specials(t, out, &findings);
    lint_patterns(t, out, &findings);
    return findings;
}
