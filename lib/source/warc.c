#include "warc.h"

#include "http.h"

/* ---- frames ---- */

static slice line_at(slice s, ptrdiff_t at)
{
    ptrdiff_t end = slice_find(slice_from(s, at), '\n');
    return slice_make(s.ptr + at, end < 0 ? s.len - at : end);
}

static slice strip_cr(slice line)
{
    if (line.len && line.ptr[line.len - 1] == '\r')
        line.len--;
    return line;
}

static bool parse_length(slice s, int64_t *out)
{
    *out = 0;
    if (s.len == 0 || s.len > 15)
        return false;
    for (ptrdiff_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9')
            return false;
        *out = *out * 10 + (s.ptr[i] - '0');
    }
    return true;
}

static bool begins_warc(slice s)
{
    return s.len >= 8 && (memcmp(s.ptr, "WARC/1.", 7) == 0 || memcmp(s.ptr, "WARC/0.", 7) == 0);
}

/* The fields of an ARC header line, which are separated by single blanks; the URL may hold blanks of
 * its own, so they are counted from the end. */
static bool arc_fields(slice line, slice *url, slice *date, slice *type, slice *length)
{
    slice *fields[] = { length, type, date, NULL };
    for (ptrdiff_t i = 0; i < countof(fields); i++) {
        ptrdiff_t blank = line.len;
        while (blank > 0 && line.ptr[blank - 1] != ' ')
            blank--;
        if (blank == 0)
            return false;
        if (fields[i])
            *fields[i] = slice_from(line, blank);
        line.len = blank - 1;
    }
    *url = line;
    if (!memmem(url->ptr, (size_t)url->len, ":", 1) || date->len < 8 || date->len > 20)
        return false;
    for (ptrdiff_t i = 0; i < date->len; i++)
        if (date->ptr[i] < '0' || date->ptr[i] > '9')
            return false;
    return true;
}

static const char no_length[] = "an ARC record without a length";

static enum warc_frame_status arc_frame(slice s, bool last, ptrdiff_t *head, int64_t *block,
                                        const char **why)
{
    slice line = line_at(s, 0), url, date, type, length;
    if (line.len == s.len && !last && s.len < WARC_HEAD_MAX)
        return WARC_SHORT;
    *head = MIN(line.len + 1, s.len);
    *why = "not an ARC record";
    if (line.len > WARC_HEAD_MAX || !arc_fields(strip_cr(line), &url, &date, &type, &length))
        return WARC_NONE;
    *why = no_length;
    return parse_length(length, block) ? WARC_FRAME : WARC_NONE;
}

/* The length of the header with its empty line, -1 when it does not end in s. */
static ptrdiff_t head_end(slice s)
{
    for (ptrdiff_t at = 0; at < s.len && at < WARC_HEAD_MAX;) {
        slice line = line_at(s, at);
        if (at + line.len == s.len)
            return -1;
        at += line.len + 1;
        if (strip_cr(line).len == 0)
            return at;
    }
    return -1;
}

enum warc_frame_status warc_frame(slice s, bool arc, bool last, ptrdiff_t *head, int64_t *block,
                                  const char **why)
{
    if (arc)
        return arc_frame(s, last, head, block, why);
    slice line = line_at(s, 0);
    if (line.len == s.len && !last && s.len < WARC_HEAD_MAX)
        return WARC_SHORT;
    *head = MIN(line.len + 1, s.len);
    *why = "not a WARC record";
    if (!begins_warc(s))
        return WARC_NONE;
    ptrdiff_t end = head_end(s);
    *why = "a WARC record whose header does not end";
    if (end < 0)
        return last || s.len >= WARC_HEAD_MAX ? WARC_NONE : WARC_SHORT;
    *head = end;
    *why = "a WARC record without Content-Length";
    return parse_length(http_field(slice_make(s.ptr, end), "content-length"), block) ? WARC_FRAME
                                                                                     : WARC_NONE;
}

bool warc_decidable(slice s, bool arc, bool last)
{
    return last || s.len >= WARC_HEAD_MAX || (arc ? slice_find(s, '\n') >= 0 : s.len >= 8);
}

ptrdiff_t warc_resync(slice s, bool arc, bool last, ptrdiff_t from)
{
    for (ptrdiff_t at = from; at < s.len;) {
        ptrdiff_t head;
        int64_t block;
        const char *why;
        slice here = slice_from(s, at);
        if (!warc_decidable(here, arc, last))
            return -1;
        if ((at == 0 || s.ptr[at - 1] == '\n') &&
            (arc ? arc_frame(here, true, &head, &block, &why) != WARC_NONE || why == no_length
                 : begins_warc(here)))
            return at;
        ptrdiff_t nl = slice_find(here, '\n');
        if (nl < 0)
            return -1;
        at += nl + 1;
    }
    return -1;
}

bool warc_detect(slice head, bool *arc)
{
    *arc = slice_starts(head, SLICE("filedesc://"));
    return *arc || begins_warc(head);
}

/* ---- records ---- */

static void bad(struct web_record *r, const char *reason)
{
    r->kind = WEB_BAD;
    r->reason = reason;
}

static bool is_lower(slice s, const char *word)
{
    ptrdiff_t n = (ptrdiff_t)strlen(word);
    if (s.len != n)
        return false;
    for (ptrdiff_t i = 0; i < n; i++)
        if ((s.ptr[i] >= 'A' && s.ptr[i] <= 'Z' ? s.ptr[i] + 32 : s.ptr[i]) != word[i])
            return false;
    return true;
}

static void open_http(slice block, int64_t max_bytes, struct arena *arena, struct web_record *r)
{
    struct http_message m;
    if (!http_parse(block, &m)) {
        bad(r, "an HTTP response whose header does not end");
        return;
    }
    if (m.status == 0) {
        bad(r, "an HTTP response without a status");
        return;
    }
    if (m.status < 200 || m.status > 299) {
        r->kind = WEB_STATUS;
        return;
    }
    const char *why = http_decode(&m, max_bytes, arena);
    if (why) {
        bad(r, why);
        return;
    }
    http_media(http_field(m.fields, "content-type"), arena, &r->media, &r->charset);
    r->body = m.body;
}

static void open_warc(slice record, int64_t max_bytes, struct arena *arena, struct web_record *r)
{
    ptrdiff_t head = head_end(record);
    slice fields = slice_make(record.ptr, MAX(0, head)), block = slice_from(record, MAX(0, head));
    slice type = http_field(fields, "warc-type"), media, charset;
    r->url = http_field(fields, "warc-target-uri");
    if (r->url.len > 2 && *r->url.ptr == '<' && r->url.ptr[r->url.len - 1] == '>')
        r->url = slice_make(r->url.ptr + 1, r->url.len - 2); /* as wget 1.14 wrote it */
    r->date = http_field(fields, "warc-date");
    http_media(http_field(fields, "content-type"), arena, &media, &charset);
    if (is_lower(type, "response") &&
        (media.len == 0 || slice_eq(media, SLICE("application/http")))) {
        open_http(block, max_bytes, arena, r);
    } else if (is_lower(type, "response") || is_lower(type, "resource") ||
               is_lower(type, "conversion")) {
        r->media = media;
        r->charset = charset;
        r->body = block;
    } else {
        r->kind = WEB_OTHER;
    }
}

static void open_arc(slice record, int64_t max_bytes, struct arena *arena, struct web_record *r)
{
    slice line = line_at(record, 0), type, length, charset;
    slice block = slice_from(record, MIN(line.len + 1, record.len));
    if (!arc_fields(strip_cr(line), &r->url, &r->date, &type, &length)) {
        bad(r, "not an ARC record");
    } else if (slice_starts(r->url, SLICE("filedesc:"))) {
        r->kind = WEB_OTHER;
    } else if (slice_starts(r->url, SLICE("http"))) {
        open_http(block, max_bytes, arena, r);
    } else {
        http_media(type, arena, &r->media, &charset);
        r->body = block;
    }
}

void warc_open(slice record, bool arc, int64_t max_bytes, struct arena *arena, struct web_record *r)
{
    *r = (struct web_record){ .kind = WEB_DOCUMENT };
    if (arc)
        open_arc(record, max_bytes, arena, r);
    else
        open_warc(record, max_bytes, arena, r);
}
