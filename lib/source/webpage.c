#include "webpage.h"

#include "../buf.h"
#include "../json.h"
#include "htmlmain.h"
#include "htmltext.h"

static void put_member(struct buf *meta, const char *key, slice value, struct buf *line)
{
    buf_clear(line);
    html_one_line(value, line);
    if (line->len == 0)
        return;
    buf_printf(meta, "%s\"%s\":", meta->len ? "," : "", key);
    json_append_bytes(meta, buf_slice(line));
}

void webpage_read(slice utf8, enum webpage_mode mode, struct arena *arena, struct webpage *page)
{
    struct html_doc doc;
    struct buf out = { 0 }, line = { 0 };
    *page = (struct webpage){ .reason = html_parse(utf8, arena, &doc) };
    if (page->reason)
        return;
    html_render(&doc, mode == WEBPAGE_MAIN ? html_main(&doc, arena) : NULL, &out);
    page->text = arena_dup(arena, buf_slice(&out));
    buf_clear(&out);
    put_member(&out, "title", doc.og_title.len ? doc.og_title : doc.title, &line);
    put_member(&out, "lang", doc.lang, &line);
    put_member(&out, "published", doc.date, &line);
    put_member(&out, "canonical", doc.url, &line);
    put_member(&out, "license", doc.license, &line);
    page->meta = arena_dup(arena, buf_slice(&out));
    buf_release(&out);
    buf_release(&line);
}
