/* chatrecords.h: records of messages to ids, by a model's chat template: what tokenize --chat does.
 *
 *     struct chat_records c = { .t = tok, .chat = template };
 *     struct chat_records_scratch *s = chat_records_scratch_new(&c);      // per thread
 *     chat_record(&c, s, raw, spans, top, arena, &result);
 */
#ifndef CHATRECORDS_H
#define CHATRECORDS_H

#include "../tok/records.h"
#include "jinja.h"

struct chat_records {
    const struct tok *t;
    const struct jinja *chat;
    int64_t bos, eos;       /* for the template; -1: none */
    bool generation_prompt; /* end with what begins the answer */
    bool text;              /* add the rendered text as "text" */
    bool drop_source;
    const char *field; /* of the messages */
};

/* Members, in this order. */
enum { CHAT_SPAN_MESSAGES, CHAT_SPAN_IDS, CHAT_SPAN_TOOLS, CHAT_SPAN_TEXT, CHAT_SPANS };

struct chat_records_scratch;
struct chat_records_scratch *chat_records_scratch_new(const struct chat_records *c);
void chat_records_scratch_free(struct chat_records_scratch *s);

void chat_record(const struct chat_records *c, struct chat_records_scratch *s, slice raw,
                 const struct json_span *spans, struct json_span top, struct arena *arena,
                 struct tok_record_result *result);

#endif
