#include "chatrecords.h"

#include "prompt.h"

#include <stdlib.h>

struct chat_records_scratch {
    struct prompt_maker maker;
    struct tok_ids ids;
};

struct chat_records_scratch *chat_records_scratch_new(const struct chat_records *c)
{
    struct chat_records_scratch *s = calloc(1, sizeof *s);

    if (!s)
        mem_oom();
    s->maker = (struct prompt_maker){ .tok = c->t,
                                      .scratch = tok_scratch_new(c->t),
                                      .chat = c->chat,
                                      .bos = c->bos,
                                      .eos = c->eos,
                                      .vocab = tok_vocab_size(c->t),
                                      .no_generation = !c->generation_prompt };
    return s;
}

void chat_records_scratch_free(struct chat_records_scratch *s)
{
    if (!s)
        return;
    tok_scratch_free(s->maker.scratch);
    tok_ids_release(&s->ids);
    free(s);
}

static slice ids_text(const struct tok_ids *ids, struct arena *arena)
{
    struct buf out = { 0 };

    buf_append_byte(&out, '[');
    for (ptrdiff_t i = 0; i < ids->count; i++) {
        if (i)
            buf_append_byte(&out, ',');
        buf_append_u64(&out, ids->ids[i]);
    }
    buf_append_byte(&out, ']');
    slice text = arena_dup(arena, buf_slice(&out));
    buf_release(&out);
    return text;
}

static slice quoted(slice text, struct arena *arena)
{
    struct buf out = { 0 };

    json_append_string(&out, text);
    slice copy = arena_dup(arena, buf_slice(&out));
    buf_release(&out);
    return copy;
}

static int by_start(const void *a, const void *b)
{
    const struct json_edit *x = a, *y = b;

    return (x->start > y->start) - (x->start < y->start);
}

/* The messages are replaced by null when they are dropped: ids take their place. */
static slice write_record(const struct chat_records *c, slice raw, const struct json_span *spans,
                          struct json_span top, slice ids, slice text, struct arena *arena)
{
    struct json_edit edits[3];
    ptrdiff_t n = 0, brace = top.start + top.len - 1;
    struct buf tail = { 0 };
    struct json_span source = spans[CHAT_SPAN_MESSAGES];
    bool in_place = c->drop_source && spans[CHAT_SPAN_IDS].count == 0;

    if (in_place)
        edits[n++] =
            (struct json_edit){ source.key_start, source.start + source.len - source.key_start,
                                arena_printf(arena, "\"ids\":%.*s", SLICE_ARG(ids)) };
    else if (spans[CHAT_SPAN_IDS].count)
        edits[n++] =
            (struct json_edit){ spans[CHAT_SPAN_IDS].start, spans[CHAT_SPAN_IDS].len, ids };
    else
        buf_printf(&tail, ",\"ids\":%.*s", SLICE_ARG(ids));
    if (c->text && spans[CHAT_SPAN_TEXT].count)
        edits[n++] = (struct json_edit){ spans[CHAT_SPAN_TEXT].start, spans[CHAT_SPAN_TEXT].len,
                                         quoted(text, arena) };
    else if (c->text)
        buf_printf(&tail, ",\"text\":%.*s", SLICE_ARG(quoted(text, arena)));
    if (tail.len)
        edits[n++] = (struct json_edit){ brace, 0, arena_dup(arena, buf_slice(&tail)) };
    buf_release(&tail);
    qsort(edits, (size_t)n, sizeof *edits, by_start);
    return json_splice(raw, edits, n, arena);
}

void chat_record(const struct chat_records *c, struct chat_records_scratch *s, slice raw,
                 const struct json_span *spans, struct json_span top, struct arena *arena,
                 struct tok_record_result *result)
{
    struct json_span messages = spans[CHAT_SPAN_MESSAGES], tools = spans[CHAT_SPAN_TOOLS];
    slice list = slice_make(raw.ptr + messages.start, messages.len), tool_list = { "", 0 }, text;
    struct err err = { 0 };

    *result = (struct tok_record_result){ .at = -1 };
    if (tools.count && tools.type != JSON_NULL && tools.type != JSON_ARRAY) {
        result->reason = "\"tools\" is no array";
        result->at = tools.start;
        return;
    }
    if (tools.count && tools.type == JSON_ARRAY)
        tool_list = slice_make(raw.ptr + tools.start, tools.len);
    s->ids.count = 0;
    if (!prompt_of_messages(&s->maker, list, tool_list, arena, &text, &s->ids, &err)) {
        result->reason = arena_dup(arena, slice_of(err.text)).ptr;
        result->at = messages.start;
        return;
    }
    result->tokens = s->ids.count;
    result->bytes = text.len;
    result->out = write_record(c, raw, spans, top, ids_text(&s->ids, arena), text, arena);
}
