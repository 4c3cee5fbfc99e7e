#include "render.h"

#include "charset.h"
#include "htmldoc.h"
#include "magic.h"
#include "subtitles.h"
#include "warc.h"

#define EXACT_ABOVE (1 << 20) /* texts longer than this get a buffer of the size they need */

struct writer {
    const struct render_conf *conf;
    struct table *table;
    struct render_counts *counts;
    struct flow_unit *unit;
    struct flow_reject **reject_tail;
    char *start, *p;
};

bool render_conf_init(struct render_conf *c, struct arena *arena, struct err *err)
{
    static const char *const paths[] = { "id", "source" };
    return json_query_init(&c->query, paths, countof(paths), arena, err);
}

/* ---- writing ---- */

static void put(struct writer *w, slice s)
{
    if (s.len)
        memcpy(w->p, s.ptr, (size_t)s.len);
    w->p += s.len;
}

static void put_number(struct writer *w, int64_t n)
{
    char digits[24];
    ptrdiff_t i = countof(digits);
    do {
        digits[--i] = (char)('0' + n % 10);
    } while (n /= 10);
    put(w, slice_make(digits + i, countof(digits) - i));
}

static void end_record(struct writer *w)
{
    *w->p++ = '\n';
    w->unit->records_out++;
}

static void reject(struct writer *w, const struct piece *pc, int64_t line, int64_t offset,
                   const char *reason, slice raw)
{
    struct flow_reject *r = arena_new(w->unit->arena, struct flow_reject, 1);
    *r = (struct flow_reject){ .file = pc->id,
                               .line = line,
                               .offset = offset,
                               .reason = reason,
                               .raw = raw,
                               .out_before = w->p - w->start,
                               .records_before = w->unit->records_out };
    *w->reject_tail = r;
    w->reject_tail = &r->next;
}

static int64_t count_lines(slice s)
{
    int64_t n = 0;
    for (ptrdiff_t at; (at = slice_find(s, '\n')) >= 0; n++)
        s = slice_from(s, at + 1);
    return n;
}

/* The reject of record i, with its line in the stream. */
static void reject_record(struct writer *w, const struct piece *pc, ptrdiff_t i, const char *reason)
{
    struct cut_record r = pc->records[i];
    int64_t line = pc->kind == PIECE_LINES
                       ? pc->first_number + i
                       : pc->first_line + count_lines(slice_make(pc->bytes.ptr, r.start));
    reject(w, pc, line, pc->offset + r.start, reason, slice_make(pc->bytes.ptr + r.start, r.len));
}

static const char *at_byte(struct writer *w, ptrdiff_t at, const char *what)
{
    return arena_printf(w->unit->arena, "byte %td: %s", at + 1, what).ptr;
}

/* ---- bounds ---- */

#define EACH(byte) ((uint64_t)0x0101010101010101 * (byte))

/* The high bit of every byte of x that is zero; exact for each byte. */
static uint64_t zero_bytes(uint64_t x)
{
    return ~(((x & EACH(0x7f)) + EACH(0x7f)) | x | EACH(0x7f));
}

/* An upper bound of the quoted length, with 5 more bytes for each byte that is escaped. */
static ptrdiff_t quoted_bound(slice s)
{
    ptrdiff_t escapes = 0, i = 0;
    if (s.len <= EXACT_ABOVE)
        return JSON_QUOTED_MAX(s.len);
    for (; i + 8 <= s.len; i += 8) {
        uint64_t x = load_u64(s.ptr + i);
        uint64_t control = ~(((x & EACH(0x7f)) + EACH(0x60)) | x) & EACH(0x80);
        escapes +=
            __builtin_popcountll(control | zero_bytes(x ^ EACH('"')) | zero_bytes(x ^ EACH('\\')));
    }
    return s.len + 5 * (escapes + s.len - i) + 2;
}

/* What a record has besides its own bytes. */
static ptrdiff_t frame_bound(const struct piece *pc)
{
    return JSON_QUOTED_MAX((ptrdiff_t)(strlen(pc->id) + strlen(pc->source))) + 128;
}

/* ---- texts ---- */

struct text {
    const struct piece *piece;
    slice utf8;
    slice meta;          /* of a page: members without braces */
    const char *charset; /* NULL: it was UTF-8 */
    const char *reason;
};

/* `from` NULL: by mark, shape and detection. */
static void decode(struct writer *w, slice bytes, const char *from, struct text *t)
{
    struct arena *arena = w->unit->arena;
    ptrdiff_t bom = 0, bad = 0;
    t->utf8 = bytes;
    t->charset = t->reason = NULL;
    const char *marked = charset_bom(bytes, &bom);
    if (marked || !from)
        from = marked ? marked : charset_guess(bytes, true, &bom, arena);
    slice body = slice_from(bytes, bom);
    if (!from) {
        t->reason = charset_can_detect
                        ? "neither UTF-8 nor a charset that can be detected: "
                          "name it with --charset"
                        : "not UTF-8, and this build cannot detect charsets: name it "
                          "with --charset";
    } else if (strcmp(from, "UTF-8") == 0) {
        ptrdiff_t good = json_utf8_prefix(body);
        t->utf8 = body;
        if (good < body.len)
            t->reason = at_byte(w, bom + good, "not UTF-8");
    } else if (!charset_convert(body, from, arena, &t->utf8, &bad)) {
        t->reason = arena_printf(arena, "byte %td: not %s", bom + bad + 1, from).ptr;
    } else {
        t->charset = from;
        if (!json_utf8_valid(t->utf8))
            t->reason = arena_printf(arena, "%s gives no valid UTF-8", from).ptr;
    }
    ptrdiff_t nul = t->reason ? -1 : slice_find(t->utf8, 0);
    if (nul >= 0)
        t->reason = at_byte(w, nul, "binary data (a NUL byte)");
}

/* A page that is UTF-8 but for a few bytes, as browsers show it: U+FFFD for each of them. It is
 * UTF-8 when characters beyond ASCII are many times the stray bytes. */
static bool mend(struct writer *w, slice bytes, struct text *t)
{
    struct buf out = { 0 };
    ptrdiff_t bad = 0, wide = 0;
    for (ptrdiff_t i = 0; i < bytes.len; i++)
        wide += (unsigned char)bytes.ptr[i] >= 0xc2;
    for (slice s = bytes; s.len && bad * 8 <= wide;) {
        ptrdiff_t good = json_utf8_prefix(s);
        buf_append(&out, slice_make(s.ptr, good));
        s = slice_from(s, good);
        if (s.len) {
            buf_append(&out, SLICE("\xef\xbf\xbd"));
            s = slice_from(s, 1);
            bad++;
        }
    }
    bool mended = bad > 0 && bad * 8 <= wide && slice_find(buf_slice(&out), 0) < 0;
    if (mended) {
        char *p = arena_alloc_raw(w->unit->arena, out.len + RECORD_PADDING, 1);
        memcpy(p, out.ptr, (size_t)out.len);
        memset(p + out.len, 0, RECORD_PADDING);
        t->utf8 = slice_make(p, out.len);
        t->charset = t->reason = NULL;
        w->counts->mended_pages++;
    }
    buf_release(&out);
    return mended;
}

/* A page: the label that came with it is believed when the bytes are in that charset, then its own.
 * Users of browsers see the page either way, so another guess is better than none. */
static void decode_html(struct writer *w, slice bytes, slice label, struct text *t)
{
    slice labels[] = { label, html_meta_charset(bytes) };
    for (ptrdiff_t i = 0; i < countof(labels); i++) {
        const char *standard = NULL;
        if (!charset_label(labels[i], &standard))
            continue;
        /* Who can read the label has no UTF-16 before them. */
        bool utf8 = strcmp(standard, "utf-8") == 0 || (i && strncmp(standard, "utf-16", 6) == 0);
        decode(w, bytes, utf8 ? "UTF-8" : standard, t);
        if (!t->reason || (utf8 && mend(w, bytes, t)))
            return;
    }
    decode(w, bytes, w->conf->charset, t);
    if (t->reason && w->conf->charset)
        decode(w, bytes, NULL, t);
    if (t->reason)
        mend(w, bytes, t);
}

/* The text of a page in place of its markup. */
static void extract(struct writer *w, struct text *t)
{
    struct webpage page;
    if (t->reason || w->conf->html == WEBPAGE_RAW)
        return;
    webpage_read(t->utf8, w->conf->html, w->unit->arena, &page);
    t->utf8 = page.text;
    t->meta = page.meta;
    t->reason = page.reason;
}

static void write_text(struct writer *w, const struct text *t)
{
    const struct piece *pc = t->piece;
    if (t->reason) {
        reject(w, pc, 0, -1, t->reason, SLICE(""));
        return;
    }
    put(w, SLICE("{\"id\":"));
    w->p = json_write_string(w->p, slice_of(pc->id));
    put(w, SLICE(",\"source\":"));
    w->p = json_write_string(w->p, slice_of(pc->source));
    put(w, SLICE(",\"text\":"));
    w->p = json_write_string(w->p, t->utf8);
    if (t->charset || t->meta.len)
        put(w, SLICE(",\"meta\":{"));
    put(w, t->meta);
    if (t->charset) {
        put(w, t->meta.len ? SLICE(",\"charset\":") : SLICE("\"charset\":"));
        w->p = json_write_string(w->p, slice_of(t->charset));
    }
    put(w, t->charset || t->meta.len ? SLICE("}}") : SLICE("}"));
    end_record(w);
}

/* ---- lines and JSON values ---- */

/* ID#N without its closing quote. */
static void put_id(struct writer *w, slice quoted_id, int64_t number)
{
    put(w, SLICE("\"id\":"));
    put(w, slice_make(quoted_id.ptr, quoted_id.len - 1));
    put(w, SLICE("#"));
    put_number(w, number);
    put(w, SLICE("\""));
}

static slice quote(struct writer *w, const char *text)
{
    slice s = slice_of(text);
    char *p = arena_alloc_raw(w->unit->arena, JSON_QUOTED_MAX(s.len), 1);
    return slice_make(p, json_write_string(p, s) - p);
}

/* A value that lies on several lines, on one. Valid JSON has no raw newline in its strings. */
static void put_on_one_line(struct writer *w, slice s)
{
    bool in_string = false;
    if (slice_find(s, '\n') < 0 && slice_find(s, '\r') < 0) {
        put(w, s);
        return;
    }
    for (ptrdiff_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (in_string && c == '\\') {
            *w->p++ = c;
            c = s.ptr[++i];
        } else if (c == '"') {
            in_string = !in_string;
        } else if (!in_string && (c == ' ' || c == '\t' || c == '\n' || c == '\r')) {
            continue;
        }
        *w->p++ = c;
    }
}

struct names {
    slice id, source; /* as JSON strings */
};

static void write_object(struct writer *w, slice raw, const struct json_span *spans,
                         const struct json_span *top, int64_t number, const struct names *names)
{
    slice object = slice_make(raw.ptr + top->start, top->len);
    slice rest = slice_from(object, 1);
    ptrdiff_t i = 0;
    while (rest.ptr[i] == ' ' || rest.ptr[i] == '\t' || rest.ptr[i] == '\n' || rest.ptr[i] == '\r')
        i++;
    bool empty = rest.ptr[i] == '}';
    put(w, SLICE("{"));
    if (spans[0].count == 0) {
        put_id(w, names->id, number);
        if (spans[1].count == 0 || !empty)
            put(w, SLICE(","));
    }
    if (spans[1].count == 0) {
        put(w, SLICE("\"source\":"));
        put(w, names->source);
        if (!empty)
            put(w, SLICE(","));
    }
    put_on_one_line(w, empty ? SLICE("}") : rest);
    end_record(w);
}

/* A JSON string as a record: its text as it stands, not decoded. */
static void write_string(struct writer *w, slice raw, const struct json_span *top, int64_t number,
                         const struct names *names)
{
    put(w, SLICE("{"));
    put_id(w, names->id, number);
    put(w, SLICE(",\"source\":"));
    put(w, names->source);
    put(w, SLICE(",\"text\":"));
    put(w, slice_make(raw.ptr + top->start, top->len));
    put(w, SLICE("}"));
    end_record(w);
}

static bool is_blank(slice s)
{
    for (ptrdiff_t i = 0; i < s.len; i++)
        if (s.ptr[i] != ' ' && s.ptr[i] != '\t' && s.ptr[i] != '\r')
            return false;
    return true;
}

static void write_values(struct writer *w, const struct piece *pc)
{
    struct names names = { quote(w, pc->id), quote(w, pc->source) };
    for (ptrdiff_t i = 0; i < pc->record_count; i++) {
        slice raw = slice_make(pc->bytes.ptr + pc->records[i].start, pc->records[i].len);
        struct json_span spans[2], top;
        struct json_fault fault;
        if (pc->kind == PIECE_LINES && is_blank(raw))
            continue;
        w->unit->in++;
        if (!json_scan(raw, &w->conf->query, spans, &top, &fault))
            reject_record(w, pc, i, at_byte(w, fault.at, fault.what));
        else if (top.type == JSON_STRING && pc->kind == PIECE_JSON)
            write_string(w, raw, &top, pc->first_number + i, &names);
        else if (top.type != JSON_OBJECT)
            reject_record(w, pc, i,
                          pc->kind == PIECE_JSON ? "neither an object nor a string"
                                                 : "not an object");
        else if (spans[0].count > 1 || spans[1].count > 1)
            reject_record(w, pc, i,
                          spans[0].count > 1 ? "duplicate of member 'id'"
                                             : "duplicate of member 'source'");
        else
            write_object(w, raw, spans, &top, pc->first_number + i, &names);
    }
}

/* ---- rows ---- */

static void write_row(struct writer *w, const struct table_columns *c, const slice *fields,
                      int64_t number, const struct names *names)
{
    put(w, SLICE("{"));
    if (c->id >= 0) {
        put(w, c->keys[c->id]);
        w->p = json_write_string(w->p, fields[c->id]);
    } else {
        put_id(w, names->id, number);
    }
    put(w, SLICE(",\"source\":"));
    if (c->source >= 0)
        w->p = json_write_string(w->p, fields[c->source]);
    else
        put(w, names->source);
    put(w, SLICE(","));
    put(w, c->keys[c->text]);
    w->p = json_write_string(w->p, fields[c->text]);
    for (ptrdiff_t k = 0; k < c->count; k++) {
        if (k == c->id || k == c->source || k == c->text)
            continue;
        put(w, SLICE(","));
        put(w, c->keys[k]);
        w->p = json_write_string(w->p, fields[k]);
    }
    put(w, SLICE("}"));
    end_record(w);
}

static const char *piece_columns(struct writer *w, const struct piece *pc, struct table_columns *c)
{
    slice *header;
    ptrdiff_t count;
    table_fields(w->table, pc->header, pc->delimiter, pc->quote, w->unit->arena, &header, &count);
    return table_columns(header, count, w->conf->text_column, w->unit->arena, c);
}

static void write_rows(struct writer *w, const struct piece *pc, const struct table_columns *c)
{
    struct names names = { quote(w, pc->id), quote(w, pc->source) };
    struct arena *arena = w->unit->arena;
    for (ptrdiff_t i = 0; i < pc->record_count; i++) {
        slice row = slice_make(pc->bytes.ptr + pc->records[i].start, pc->records[i].len), *fields;
        ptrdiff_t count, good = json_utf8_prefix(row);
        w->unit->in++;
        if (pc->records[i].bad || good < row.len) {
            reject_record(w, pc, i,
                          pc->records[i].bad ? pc->records[i].bad : at_byte(w, good, "not UTF-8"));
            continue;
        }
        table_fields(w->table, row, pc->delimiter, pc->quote, arena, &fields, &count);
        if (count == c->count)
            write_row(w, c, fields, pc->first_number + i, &names);
        else
            reject_record(
                w, pc, i,
                arena_printf(arena, "%td fields where the header has %td", count, c->count).ptr);
    }
}

/* ---- records of web archives ---- */

struct page {
    struct web_record web;
    struct text text;
};

static bool is_text_media(slice media)
{
    static const char *const known[] = { "text/html", "application/xhtml+xml", "text/plain",
                                         "text/markdown", "text/x-markdown" };
    for (ptrdiff_t i = 0; i < countof(known); i++)
        if (slice_eq(media, slice_of(known[i])))
            return true;
    return false;
}

static void decode_page(struct writer *w, struct page *p)
{
    const char *standard = NULL, *from = w->conf->charset;
    if (slice_eq(p->web.media, SLICE("text/html")) ||
        slice_eq(p->web.media, SLICE("application/xhtml+xml"))) {
        decode_html(w, p->web.body, p->web.charset, &p->text);
        extract(w, &p->text);
        return;
    }
    if (charset_label(p->web.charset, &standard))
        from = strcmp(standard, "utf-8") == 0 ? "UTF-8" : standard;
    decode(w, p->web.body, from, &p->text);
    if (p->text.reason && from)
        decode(w, p->web.body, NULL, &p->text);
}

static ptrdiff_t open_page(struct writer *w, const struct piece *pc, ptrdiff_t i, struct page *p)
{
    slice raw = slice_make(pc->bytes.ptr + pc->records[i].start, pc->records[i].len);
    w->counts->web_records++;
    if (pc->records[i].bad) {
        p->web = (struct web_record){ .kind = WEB_BAD, .reason = pc->records[i].bad };
        return 0;
    }
    warc_open(raw, pc->kind == PIECE_ARC, w->conf->max_record, w->unit->arena, &p->web);
    if (p->web.kind != WEB_DOCUMENT)
        return 0;
    struct magic_media sniffed = magic_media(p->web.body);
    if (p->web.media.len == 0)
        p->web.media = slice_of(sniffed.name);
    if (!is_text_media(p->web.media) || (sniffed.binary && p->web.charset.len == 0)) {
        p->web.kind = WEB_MEDIA;
        return 0;
    }
    decode_page(w, p);
    return quoted_bound(p->text.utf8) + frame_bound(pc) + 128 + p->text.meta.len +
           JSON_QUOTED_MAX(p->web.url.len + p->web.date.len + p->web.media.len);
}

/* A member of "meta"; header fields may hold any bytes. */
static void put_meta(struct writer *w, bool *first, const char *key, slice value)
{
    struct buf quoted = { 0 };
    if (value.len == 0)
        return;
    put(w, *first ? SLICE(",\"meta\":{\"") : SLICE(",\""));
    *first = false;
    put(w, slice_of(key));
    put(w, SLICE("\":"));
    json_append_bytes(&quoted, value);
    put(w, buf_slice(&quoted));
    buf_release(&quoted);
}

static void write_page(struct writer *w, const struct page *p, int64_t number,
                       const struct names *names)
{
    bool first = true;
    put(w, SLICE("{"));
    put_id(w, names->id, number);
    put(w, SLICE(",\"source\":"));
    put(w, names->source);
    put(w, SLICE(",\"text\":"));
    w->p = json_write_string(w->p, p->text.utf8);
    put_meta(w, &first, "url", p->web.url);
    put_meta(w, &first, "date", p->web.date);
    put_meta(w, &first, "type", p->web.media);
    put_meta(w, &first, "charset", slice_of(p->text.charset ? p->text.charset : ""));
    if (p->text.meta.len)
        put(w, first ? SLICE(",\"meta\":{") : SLICE(","));
    first = first && p->text.meta.len == 0;
    put(w, p->text.meta);
    put(w, first ? SLICE("}") : SLICE("}}"));
    end_record(w);
}

static void write_pages(struct writer *w, const struct piece *pc, const struct page *pages)
{
    struct names names = { quote(w, pc->id), quote(w, pc->source) };
    for (ptrdiff_t i = 0; i < pc->record_count; i++) {
        const struct page *p = &pages[i];
        switch (p->web.kind) {
        case WEB_OTHER:
            w->counts->web_other++;
            continue;
        case WEB_STATUS:
            w->counts->web_status++;
            continue;
        case WEB_MEDIA:
            w->counts->web_media++;
            continue;
        case WEB_BAD:
        case WEB_DOCUMENT:
            break;
        }
        w->unit->in++;
        const char *reason = p->web.kind == WEB_BAD ? p->web.reason : p->text.reason;
        if (reason)
            reject(w, pc, 0, pc->offset + pc->records[i].start,
                   arena_printf(w->unit->arena, "record %lld: %s",
                                (long long)(pc->first_number + i), reason)
                       .ptr,
                   SLICE(""));
        else
            write_page(w, p, pc->first_number + i, &names);
    }
}

/* ---- the unit ---- */

/* Decodes what has to be decoded and says how many bytes the piece can become. */
static ptrdiff_t prepare(struct writer *w, const struct piece *pc, void **prepared)
{
    struct arena *arena = w->unit->arena;
    ptrdiff_t bound = frame_bound(pc);
    switch (pc->kind) {
    case PIECE_TEXT:;
        struct text *t = arena_new(arena, struct text, 1);
        t->piece = pc;
        decode(w, pc->bytes, w->conf->charset, t);
        *prepared = t;
        return bound + quoted_bound(t->utf8);
    case PIECE_HTML:;
        struct text *h = arena_new(arena, struct text, 1);
        h->piece = pc;
        decode_html(w, pc->bytes, SLICE(""), h);
        extract(w, h);
        *prepared = h;
        return bound + quoted_bound(h->utf8) + h->meta.len;
    case PIECE_SUBTITLES:;
        struct text *cues = arena_new(arena, struct text, 1);
        struct buf out = { 0 };
        cues->piece = pc;
        decode(w, pc->bytes, w->conf->charset, cues);
        if (!cues->reason) {
            subtitles_text(cues->utf8, &out);
            cues->utf8 = arena_dup(arena, buf_slice(&out));
        }
        buf_release(&out);
        *prepared = cues;
        return bound + quoted_bound(cues->utf8);
    case PIECE_ROWS:;
        struct table_columns *c = arena_new(arena, struct table_columns, 1);
        piece_columns(w, pc, c); /* judged when the file was opened */
        *prepared = c;
        return bound + quoted_bound(pc->bytes) +
               pc->record_count * (bound + c->keys_len + 3 * c->count);
    case PIECE_WARC:
    case PIECE_ARC:;
        struct page *pages = arena_new(arena, struct page, pc->record_count);
        for (ptrdiff_t i = 0; i < pc->record_count; i++)
            bound += open_page(w, pc, i, &pages[i]);
        *prepared = pages;
        return bound;
    case PIECE_LINES:
    case PIECE_JSON:
        return bound + pc->bytes.len + pc->record_count * bound;
    case PIECE_BAD:
        break;
    }
    return bound;
}

void render_unit(const struct render_conf *c, struct render_scratch *scratch,
                 struct flow_unit *unit)
{
    struct writer w = {
        .conf = c, .table = scratch->table, .counts = &scratch->counts, .unit = unit
    };
    const struct piece *first = unit->data, *pc;
    ptrdiff_t pieces = 0, n = 0, bound = 0;

    for (pc = first; pc; pc = pc->next)
        pieces++;
    void **prepared = arena_new(unit->arena, void *, pieces);
    w.reject_tail = &unit->rejects;
    for (pc = first, n = 0; pc; pc = pc->next, n++)
        bound += prepare(&w, pc, &prepared[n]);
    w.start = w.p = arena_alloc_raw(unit->arena, bound, 1);
    for (pc = first, n = 0; pc; pc = pc->next, n++) {
        switch (pc->kind) {
        case PIECE_TEXT:
        case PIECE_HTML:
        case PIECE_SUBTITLES:
            unit->in++;
            write_text(&w, prepared[n]);
            break;
        case PIECE_ROWS:
            write_rows(&w, pc, prepared[n]);
            break;
        case PIECE_WARC:
        case PIECE_ARC:
            write_pages(&w, pc, prepared[n]);
            break;
        case PIECE_BAD:
            unit->in++;
            reject(&w, pc, pc->first_line, pc->offset, pc->reason, pc->bytes);
            break;
        case PIECE_LINES:
        case PIECE_JSON:
            write_values(&w, pc);
            break;
        }
    }
    ASSERT(w.p - w.start <= bound);
    unit->out = slice_make(w.start, w.p - w.start);
}
