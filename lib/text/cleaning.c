#include "cleaning.h"

#include "../unicode.h"

#include <math.h>
#include <stdlib.h>

/* ---- preparing ---- */

static struct clean_test *add_test(struct clean *c, enum clean_test_kind kind, struct err *err)
{
    ptrdiff_t at = c->test_count;

    if (c->test_count == CLEAN_MAX_TESTS) {
        err_set(err, ERR_USAGE, "more than %d conditions", CLEAN_MAX_TESTS);
        return NULL;
    }
    while (at > 0 && c->tests[at - 1].kind > kind) {
        c->tests[at] = c->tests[at - 1];
        at--;
    }
    c->test_count++;
    c->tests[at] = (struct clean_test){ .kind = kind };
    return &c->tests[at];
}

bool clean_add_expr(struct clean *c, slice source, bool drop, struct arena *arena, struct err *err)
{
    struct expr expr;

    if (!expr_parse(&expr, source, arena, err))
        return false;
    struct clean_test *t = add_test(c, drop ? CLEAN_DROP_IF : CLEAN_KEEP_IF, err);
    if (!t)
        return false;
    t->expr = expr;
    t->path = expr.path;
    t->source = expr.source;
    return true;
}

/* "meta.url" of "meta.url:RE"; a prefix that is no plain member path belongs to the pattern. */
static ptrdiff_t path_length(slice source)
{
    for (ptrdiff_t i = 0; i < source.len; i++) {
        char c = source.ptr[i];
        if (c == ':')
            return i;
        bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                     c == '_' || c == '.' || c == '-';
        if (!plain)
            break;
    }
    return -1;
}

bool clean_add_match(struct clean *c, slice source, bool drop, struct arena *arena, struct err *err)
{
    ptrdiff_t colon = path_length(source);
    struct clean_test *t = add_test(c, drop ? CLEAN_DROP_MATCH : CLEAN_KEEP_MATCH, err);

    if (!t)
        return false;
    t->source = arena_dup(arena, source);
    if (colon > 0)
        t->path = arena_cstr_dup(arena, slice_make(source.ptr, colon));
    t->re = regex_new(slice_from(source, colon + 1), 0, err);
    return t->re != NULL;
}

bool clean_add_sub(struct clean *c, slice spec, struct arena *arena, struct err *err)
{
    struct subst *s = subst_parse(spec, arena, err);

    if (!s)
        return false;
    c->subs = arena_grow(arena, c->subs, c->sub_count * (ptrdiff_t)sizeof s,
                         (c->sub_count + 1) * (ptrdiff_t)sizeof s, _Alignof(struct subst *));
    c->subs[c->sub_count++] = s;
    return true;
}

static int member_index(struct clean *c, const char *path, struct err *err)
{
    for (int i = 0; i < c->member_count; i++)
        if (strcmp(c->members[i], path) == 0)
            return i;
    if (c->member_count == JSON_MAX_PATHS) {
        err_set(err, ERR_USAGE, "conditions on more than %d members", JSON_MAX_PATHS - 1);
        return -1;
    }
    c->members[c->member_count] = path;
    return c->member_count++;
}

static const char *rule_name(const struct clean_test *t, struct arena *arena)
{
    static const char *const kinds[] = { "keep-if", "drop-if", "keep-match", "drop-match" };

    return arena_printf(arena, "%s:%.*s", kinds[t->kind], SLICE_ARG(t->source)).ptr;
}

static void ready_rules(struct clean *c, struct arena *arena)
{
    c->rules = arena_new(arena, const char *, c->test_count + 16 + QUALITY_RULES);
    for (ptrdiff_t i = 0; i < c->test_count; i++)
        c->rules[c->rule_count++] = rule_name(&c->tests[i], arena);
    c->min_rule = c->rule_count;
    if (c->min_chars >= 0)
        c->rules[c->rule_count++] = "min-chars";
    c->max_rule = c->rule_count;
    if (c->max_chars >= 0)
        c->rules[c->rule_count++] = "max-chars";
    c->lang_rule = c->rule_count;
    if (c->lang || c->lang_model) {
        c->rules[c->rule_count++] = "lang";
        c->rules[c->rule_count++] = "lang-min";
    }
    c->model_rule = c->rule_count;
    if (c->model)
        c->rules[c->rule_count++] = "model-min";
    c->quality_rule = c->rule_count;
    for (int i = 0; c->quality && i < QUALITY_RULES; i++)
        if (c->quality->on[i]) {
            c->quality_index[i] = c->rule_count;
            c->rules[c->rule_count++] = quality_rules[i].name;
        }
    c->matches_rule = c->rule_count;
    if (c->redact && c->max_matches >= 0)
        c->rules[c->rule_count++] = "max-matches";
    c->erase_rule = c->rule_count;
    if (c->erase)
        c->rules[c->rule_count++] = "erase";
    c->lists_rule = c->rule_count;
    for (int i = 0; c->lists && i < LIST_KINDS; i++)
        c->rules[c->rule_count++] = list_rule_names[i];
}

/* What stands around the value of each rule: most of an explanation is the same for all records. */
static void ready_notes(struct clean *c, struct arena *arena)
{
    struct buf b = { 0 };

    c->notes = arena_new(arena, struct clean_note, QUALITY_RULES);
    for (int i = 0; c->quality && i < QUALITY_RULES; i++) {
        c->notes[i].head = arena_printf(arena, "\"%s\":{\"v\":", quality_rules[i].name);
        buf_clear(&b);
        buf_append(&b, quality_rules[i].is_min ? SLICE(",\"min\":") : SLICE(",\"max\":"));
        buf_append_double(&b, c->quality->limit[i]);
        buf_append(&b, SLICE("},"));
        c->notes[i].tail = arena_dup(arena, buf_slice(&b));
    }
    buf_release(&b);
}

bool clean_ready(struct clean *c, struct arena *arena, struct err *err)
{
    struct text_edit *e = &c->edit;

    text_edit_ready(e);
    if (!repair_ready(&c->repair, arena, err) ||
        (c->fix_encoding && !(c->mojibake = mojibake_new(arena, err))))
        return false;
    c->reads_text = e->chars.any || e->space.any || e->trim || c->normalize || c->fix_encoding ||
                    c->repair.any || c->sub_count || c->min_chars >= 0 || c->max_chars >= 0 ||
                    c->field_required || c->quality || c->redact || c->restore || c->lang ||
                    c->lang_model || c->model || (c->lists && lists_has(c->lists, LIST_BAD_WORDS));
    for (ptrdiff_t i = 0; i < c->test_count; i++)
        c->reads_text |= !c->tests[i].path || strcmp(c->tests[i].path, c->field) == 0;
    c->text_member = -1;
    if (c->reads_text)
        c->text_member = member_index(c, c->field, err);
    for (ptrdiff_t i = 0; i < c->test_count; i++) {
        struct clean_test *t = &c->tests[i];
        t->member = member_index(c, t->path ? t->path : c->field, err);
        if (t->member < 0)
            return false;
    }
    for (int i = 0; c->erase && i < c->erase->path_count; i++)
        if ((c->erase_members[i] = member_index(c, c->erase->paths[i], err)) < 0)
            return false;
    if (c->url_field && (c->url_member = member_index(c, c->url_field, err)) < 0)
        return false;
    if ((c->explain || c->spans) && (c->clean_member = member_index(c, "_clean", err)) < 0)
        return false;
    if (c->quality && !quality_ready(c->quality, arena, err))
        return false;
    if (c->normalize)
        c->norm = uni_norm_new(c->normalize == CLEAN_NFC ? UNI_NFC : UNI_NFKC, arena);
    ready_rules(c, arena);
    if (c->explain)
        ready_notes(c, arena);
    return true;
}

void clean_release(struct clean *c)
{
    for (ptrdiff_t i = 0; i < c->test_count; i++)
        regex_free(c->tests[i].re);
    for (ptrdiff_t i = 0; i < c->sub_count; i++)
        subst_release(c->subs[i]);
    if (c->quality)
        quality_release(c->quality);
    mojibake_free(c->mojibake);
    repair_release(&c->repair);
    c->test_count = c->sub_count = 0;
}

struct clean_scratch *clean_scratch_new(const struct clean *c)
{
    struct clean_scratch *s = calloc(1, sizeof *s);

    if (!s)
        mem_oom();
    s->regex = regex_scratch_new();
    if (c->quality)
        s->quality = quality_scratch_new(c->quality);
    return s;
}

void clean_scratch_free(struct clean_scratch *s)
{
    regex_scratch_free(s->regex);
    if (s->quality)
        quality_scratch_free(s->quality);
    arena_release(&s->temp);
    buf_release(&s->note);
    free(s);
}

/* ---- one record ---- */

static bool bad(struct clean_verdict *v, const char *reason)
{
    v->action = CLEAN_BAD;
    v->reason = reason;
    return false;
}

static bool edit_text(const struct clean *c, struct clean_scratch *s, slice *text,
                      struct arena *arena, struct clean_verdict *v)
{
    if (c->mojibake)
        *text = mojibake_fix(c->mojibake, s->regex, *text, &s->temp);
    *text = edit_chars(&c->edit, *text, &s->temp);
    if (c->norm)
        *text = uni_normalize(c->norm, *text, &s->temp);
    if (c->repair.any && !repair_text(&c->repair, s->regex, text, c->max_bytes, &s->temp))
        return bad(v, "a repair of the text hit its match limit");
    for (ptrdiff_t i = 0; i < c->sub_count; i++) {
        slice spec = subst_spec(c->subs[i]);
        switch (subst_apply(c->subs[i], s->regex, text, c->max_bytes, &s->counts.substitutions,
                            &s->temp)) {
        case SUBST_LIMIT:
            return bad(
                v, arena_printf(arena, "--sub '%.*s': match limit reached", SLICE_ARG(spec)).ptr);
        case SUBST_TOO_LONG:
            return bad(v, arena_printf(arena, "--sub '%.*s': text longer than --max-record",
                                       SLICE_ARG(spec))
                              .ptr);
        case SUBST_SAME:
        case SUBST_CHANGED:
            break;
        }
    }
    *text = edit_space(&c->edit, *text, &s->temp);
    return true;
}

/* The record with the new text in the place of the old value. */
static slice replace_text(slice record, struct json_span span, slice text, struct arena *arena)
{
    ptrdiff_t max = record.len - span.len + JSON_QUOTED_MAX(text.len);
    ptrdiff_t tail = span.start + span.len;
    char *out = arena_alloc_raw(arena, max + RECORD_PADDING, 1), *p = out + span.start;

    memcpy(out, record.ptr, (size_t)span.start);
    p = json_write_string(p, text);
    memcpy(p, record.ptr + tail, (size_t)(record.len - tail));
    p += record.len - tail;
    arena_trim(arena, p + RECORD_PADDING);
    return slice_make(out, p - out);
}

static slice quoted(slice text, struct arena *arena)
{
    char *out = arena_alloc_raw(arena, JSON_QUOTED_MAX(text.len), 1);
    slice json = slice_make(out, json_write_string(out, text) - out);

    arena_trim(arena, out + json.len);
    return json;
}

/* The first rule that fails is the one that is named. */
static void drop(struct clean_verdict *v, ptrdiff_t rule, slice value, slice limit)
{
    if (v->action == CLEAN_DROP)
        return;
    v->action = CLEAN_DROP;
    v->rule = (int)rule;
    v->value = value;
    v->limit = limit;
}

/* What a dropped record shows of a match: its beginning, cut between characters. */
static slice evidence(slice match, struct arena *arena)
{
    ptrdiff_t len = MIN(match.len, 200);

    while (len > 0 && len < match.len && ((unsigned char)match.ptr[len] & 0xC0) == 0x80)
        len--;
    return quoted(slice_make(match.ptr, len), arena);
}

/* False when the record is settled (dropped or bad). */
static bool test_expr(const struct clean *c, struct clean_scratch *s, ptrdiff_t i, slice record,
                      struct json_span span, slice text, struct arena *arena,
                      struct clean_verdict *v)
{
    const struct clean_test *t = &c->tests[i];
    bool is_text = t->member == c->text_member;
    enum expr_result r =
        is_text ? expr_test_text(&t->expr, text) : expr_test(&t->expr, record, span, &s->temp);

    s->counts.missing[i] += r == EXPR_MISSING;
    s->counts.mismatch[i] += r == EXPR_MISMATCH;
    if ((r == EXPR_TRUE) == (t->kind == CLEAN_KEEP_IF))
        return true;
    slice value = is_text             ? evidence(text, arena)
                  : r == EXPR_MISSING ? SLICE("null")
                                      : slice_make(record.ptr + span.start, span.len);
    drop(v, i, value, t->expr.json);
    return false;
}

static bool test_match(const struct clean *c, struct clean_scratch *s, ptrdiff_t i, slice record,
                       struct json_span span, slice text, struct arena *arena,
                       struct clean_verdict *v)
{
    const struct clean_test *t = &c->tests[i];
    bool is_text = t->member == c->text_member, is_string = is_text || span.type == JSON_STRING;
    enum regex_result r = REGEX_NONE;
    struct json_fault fault;

    if (!is_text && span.count == 0)
        s->counts.missing[i]++;
    else if (!is_string)
        s->counts.mismatch[i]++;
    else if (!is_text)
        json_string(record, span, JSON_SURROGATE_REPLACE, &s->temp, &text, NULL, &fault);
    if (is_string && (is_text || span.count))
        r = regex_find(t->re, s->regex, text, 0, 0);
    if (r == REGEX_LIMIT)
        return bad(v, arena_printf(arena, "%s: match limit reached", c->rules[i]).ptr);
    if ((r == REGEX_MATCH) == (t->kind == CLEAN_KEEP_MATCH))
        return true;
    slice value = { 0 };
    if (r == REGEX_MATCH) {
        struct regex_span m = regex_group(s->regex, 0);
        value = evidence(slice_make(text.ptr + m.start, MAX(0, m.end - m.start)), arena);
    }
    drop(v, i, value, (slice){ 0 });
    return false;
}

static bool test_length(const struct clean *c, slice text, struct arena *arena,
                        struct clean_verdict *v)
{
    if (c->min_chars < 0 && c->max_chars < 0)
        return true;
    ptrdiff_t chars = uni_count(text);
    bool is_short = c->min_chars >= 0 && chars < c->min_chars;
    if (!is_short && (c->max_chars < 0 || chars <= c->max_chars))
        return true;
    drop(v, is_short ? c->min_rule : c->max_rule, arena_printf(arena, "%td", chars),
         arena_printf(arena, "%lld", (long long)(is_short ? c->min_chars : c->max_chars)));
    return false;
}

/* ---- explanations ---- */

/* The value of _clean: every rule of the profile that was measured, and the rule that drops. */
static slice explanation(const struct clean *c, struct clean_scratch *s,
                         const struct quality_result *q, const struct clean_verdict *v, slice spans,
                         struct arena *arena)
{
    struct buf *b = &s->note;

    if (!c->explain)
        return arena_printf(arena, "{\"spans\":%.*s}", SLICE_ARG(spans));

    buf_clear(b);
    buf_append(b, SLICE("{"));
    if (c->lang || c->lang_model) {
        buf_append(b, SLICE("\"lang\":"));
        json_append_bytes(b, slice_of(s->lang.label));
        buf_append(b, SLICE(",\"lang_score\":"));
        buf_append_double(b, s->lang.score);
        buf_append(b, SLICE(","));
    }
    if (c->model) {
        buf_append(b, SLICE("\"model_score\":"));
        buf_append_double(b, s->model_score);
        buf_append(b, SLICE(","));
    }
    if (c->quality) {
        buf_append(b, SLICE("\"profile\":\""));
        buf_append(b, slice_of(c->quality->profile->name));
        buf_append(b, SLICE("\",\"rules\":{"));
        for (int i = 0; i < QUALITY_RULES; i++) {
            if (!q->measured[i])
                continue;
            buf_append(b, c->notes[i].head);
            buf_append_double(b, q->value[i]);
            buf_append(b, c->notes[i].tail);
        }
        b->len -= b->ptr[b->len - 1] == ',';
        buf_append(b, SLICE("},"));
    }
    buf_append(b, SLICE("\"drop\":"));
    if (v->action == CLEAN_DROP)
        json_append_bytes(b, slice_of(c->rules[v->rule]));
    else
        buf_append(b, SLICE("null"));
    if (c->spans) {
        buf_append(b, SLICE(",\"spans\":"));
        buf_append(b, spans);
    }
    buf_append(b, SLICE("}"));
    return arena_dup(arena, buf_slice(b));
}

static slice number_json(double x, struct arena *arena)
{
    struct buf b = { 0 };

    buf_append_double(&b, x);
    slice text = arena_dup(arena, buf_slice(&b));
    buf_release(&b);
    return text;
}

/* The record with its text (when it changed) and _clean. */
static slice explain_record(const struct clean *c, slice record, const struct json_span *spans,
                            const slice *text, slice clean, struct json_span top,
                            struct arena *temp, struct arena *arena)
{
    struct json_edit edits[2];
    ptrdiff_t count = 0;

    edits[count++] = json_edit_set(record, top, spans[c->clean_member], "_clean", clean, temp);
    if (text) {
        struct json_span span = spans[c->text_member];
        edits[count++] = (struct json_edit){ span.start, span.len, quoted(*text, temp) };
    }
    if (count == 2 && edits[1].start < edits[0].start) {
        struct json_edit first = edits[1];
        edits[1] = edits[0];
        edits[0] = first;
    }
    return json_splice(record, edits, count, arena);
}

/* ---- one record, all stages ---- */

static bool run_tests(const struct clean *c, struct clean_scratch *s, slice record,
                      const struct json_span *spans, slice text, struct arena *arena,
                      struct clean_verdict *v)
{
    for (ptrdiff_t i = 0; i < c->test_count; i++) {
        bool is_expr = c->tests[i].kind <= CLEAN_DROP_IF;
        if (!(is_expr ? test_expr : test_match)(c, s, i, record, spans[c->tests[i].member], text,
                                                arena, v))
            return false;
    }
    return test_length(c, text, arena, v);
}

/* Scores are compared as they are shown, so that annotating and filtering agree. */
static double as_shown(double score)
{
    return rint(score * 1e6) / 1e6;
}

static void run_model(const struct clean *c, struct clean_scratch *s, slice text,
                      struct arena *arena, struct clean_verdict *v)
{
    s->model_score = as_shown(fasttext_score(c->model, text, c->model_label, &s->temp));
    if (v->action == CLEAN_KEEP && s->model_score < c->model_min)
        drop(v, c->model_rule, number_json(s->model_score, arena),
             number_json(c->model_min, arena));
}

/* The rules of the language. */
static void run_lang(const struct clean *c, struct clean_scratch *s, slice text,
                     struct arena *arena, struct clean_verdict *v)
{
    if (c->lang_model) {
        struct fasttext_best best = fasttext_best(c->lang_model, text, &s->temp);
        s->lang = (struct lang_result){ best.label ? best.label : "und", as_shown(best.p) };
    } else {
        s->lang = lang_of(c->lang, text);
    }
    if (v->action != CLEAN_KEEP)
        return;
    if (!lang_listed(c->lang_list, s->lang.label))
        drop(v, c->lang_rule, quoted(slice_of(s->lang.label), arena),
             quoted(slice_of(c->lang_list), arena));
    else if (s->lang.score < c->lang_min)
        drop(v, c->lang_rule + 1, number_json(s->lang.score, arena),
             number_json(c->lang_min, arena));
}

/* False when the record is bad. A drop by an earlier rule stays the one that is named. */
static bool run_quality(const struct clean *c, struct clean_scratch *s, slice *text,
                        struct quality_result *q, struct arena *arena, struct clean_verdict *v)
{
    if (text->len > WORDS_TEXT_MAX)
        return bad(v, "text too long for the rules of a profile");
    quality_measure(c->quality, s->quality, *text, c->explain, &s->temp, q);
    *text = q->text;
    if (q->failed >= 0 && v->action == CLEAN_KEEP)
        drop(v, c->quality_index[q->failed], number_json(q->value[q->failed], arena),
             number_json(c->quality->limit[q->failed], arena));
    return true;
}

/* The record with another text, _clean, or both. */
static slice write_record(const struct clean *c, slice record, struct json_span top,
                          const struct json_span *spans, const slice *text, slice clean,
                          struct arena *temp, struct arena *arena)
{
    if (clean.ptr)
        return explain_record(c, record, spans, text, clean, top, temp, arena);
    return text ? replace_text(record, spans[c->text_member], *text, arena) : (slice){ 0 };
}

/* Stage 7. The text becomes the redacted one, unless that has to wait for its turn. False when the
 * record is dropped. */
static bool run_redact(const struct clean *c, struct clean_scratch *s, slice *text, slice *spans,
                       struct arena *arena, struct clean_verdict *v)
{
    const struct redact *r = c->redact;
    struct redact_result found;

    redact_find(r, *text, arena, &found);
    if (c->max_matches >= 0 && found.count > c->max_matches && v->action == CLEAN_KEEP) {
        drop(v, c->matches_rule, arena_printf(arena, "%td", found.count),
             arena_printf(arena, "%lld", (long long)c->max_matches));
        if (!c->annotate)
            return false;
    }
    if (c->spans)
        *spans = redact_spans(*text, &found, arena);
    if (found.count == 0 || r->with == REDACT_KEEP)
        return true;
    for (ptrdiff_t i = 0; i < found.count; i++)
        s->counts.redacted[found.matches[i].kind]++;
    bool waits = r->with == REDACT_DATATROVE;
    if (waits || c->redact_map) {
        v->late = arena_new(arena, struct clean_late, 1);
        v->late->rewrite = waits;
        v->late->found = found;
        if (c->redact_map)
            v->late->map = redact_map(r, *text, &found, arena);
    }
    if (!waits)
        *text = redact_render(r, *text, &found, NULL, &s->temp);
    return true;
}

slice clean_late_record(const struct clean *c, const struct clean_late *late, slice record,
                        struct json_span top, const struct json_span *spans,
                        struct redact_turns *turns, struct arena *arena)
{
    if (!late->rewrite)
        return (slice){ 0 };
    slice text = redact_render(c->redact, late->text, &late->found, turns, arena);
    return write_record(c, record, top, spans, &text, late->clean, arena, arena);
}

/* A record that a request is about goes, whatever else was asked for. */
static bool run_erase(const struct clean *c, struct clean_scratch *s, slice record,
                      const struct json_span *spans, struct arena *arena, struct clean_verdict *v)
{
    for (int i = 0; i < c->erase->path_count; i++) {
        int64_t line = erase_test(c->erase, i, record, spans[c->erase_members[i]], &s->temp);
        if (!line)
            continue;
        drop(v, c->erase_rule, (slice){ 0 }, (slice){ 0 });
        v->late = arena_new(arena, struct clean_late, 1);
        v->late->erased_by = line;
        v->late->erased_member = c->erase->paths[i];
        return false;
    }
    return true;
}

static void run_url(const struct clean *c, struct clean_scratch *s, slice record,
                    struct json_span span, struct arena *arena, struct clean_verdict *v)
{
    slice url, hit;
    struct json_fault fault;

    if (span.count == 0 || span.type != JSON_STRING) {
        s->counts.no_url++;
        return;
    }
    json_string(record, span, JSON_SURROGATE_REPLACE, &s->temp, &url, NULL, &fault);
    int list = lists_test_url(c->lists, url, &s->temp, &hit);
    if (list >= 0)
        drop(v, c->lists_rule + list, evidence(hit, arena), (slice){ 0 });
}

static void run_bad_words(const struct clean *c, struct clean_scratch *s, slice text,
                          struct arena *arena, struct clean_verdict *v)
{
    slice hit;

    if (v->action == CLEAN_KEEP &&
        lists_test_text(c->lists, text, c->lang || c->lang_model ? s->lang.label : NULL, &s->temp,
                        &hit))
        drop(v, c->lists_rule + LIST_BAD_WORDS, evidence(hit, arena), (slice){ 0 });
}

/* What a text is taken for by models and lists. */
static void run_models(const struct clean *c, struct clean_scratch *s, slice text,
                       struct arena *arena, struct clean_verdict *v)
{
    if (c->lang || c->lang_model)
        run_lang(c, s, text, arena, v);
    if (c->model && (v->action == CLEAN_KEEP || c->annotate))
        run_model(c, s, text, arena, v);
    if (c->lists)
        run_bad_words(c, s, text, arena, v);
}

/* The edits and the rules. False when the record is settled. */
static bool run_stages(const struct clean *c, struct clean_scratch *s, slice record,
                       const struct json_span *spans, slice *text, struct quality_result *q,
                       struct arena *arena, struct clean_verdict *v)
{
    if (c->erase && !run_erase(c, s, record, spans, arena, v))
        return false;
    if (c->url_field)
        run_url(c, s, record, spans[c->url_member], arena, v);
    if (v->action == CLEAN_DROP && !c->annotate)
        return false;
    if (c->reads_text) {
        if (c->restore)
            *text = restore_apply(c->restore, *text, &s->counts.restored, &s->temp);
        if (!edit_text(c, s, text, arena, v))
            return false;
    }
    if (!run_tests(c, s, record, spans, *text, arena, v) &&
        (v->action == CLEAN_BAD || !c->annotate))
        return false;
    run_models(c, s, *text, arena, v);
    if (v->action == CLEAN_DROP && !c->annotate)
        return false;
    if (c->quality && !run_quality(c, s, text, q, arena, v))
        return false;
    return v->action != CLEAN_DROP || c->annotate;
}

void clean_record(const struct clean *c, struct clean_scratch *s, slice record,
                  struct json_span top, const struct json_span *spans, struct arena *arena,
                  struct clean_verdict *v)
{
    slice before = { 0 }, text = { 0 }, clean = { 0 }, found = SLICE("[]");
    struct quality_result q;
    ptrdiff_t surrogates = 0;
    struct json_fault fault;

    arena_reset(&s->temp);
    if (c->reads_text)
        json_string(record, spans[c->text_member], JSON_SURROGATE_REPLACE, &s->temp, &before,
                    &surrogates, &fault);
    text = before;
    if (!run_stages(c, s, record, spans, &text, &q, arena, v))
        return;
    if (c->redact && !run_redact(c, s, &text, &found, arena, v))
        return;
    /* The stages hand back the text itself when they change nothing; a substitution may have
     * written the same text again. */
    bool same = text.ptr == before.ptr && text.len == before.len;
    bool changed = surrogates > 0 || !(same || slice_eq(text, before));
    bool late = v->late && v->late->rewrite;
    s->counts.surrogates += surrogates;
    s->counts.changed += changed || late;
    if (c->explain || c->spans) {
        clean = explanation(c, s, &q, v, found, late ? arena : &s->temp);
        v->action = CLEAN_KEEP; /* with --annotate what a rule would drop */
    }
    if (late) {
        v->late->text = arena_dup(arena, text);
        v->late->clean = clean;
    } else {
        v->out =
            write_record(c, record, top, spans, changed ? &text : NULL, clean, &s->temp, arena);
    }
}
