#include "gather.h"

#include "../buf.h"
#include "charset.h"
#include "htmldoc.h"
#include "render.h"
#include "warc.h"

#include <stdlib.h>

#define UNIT_PIECES 1024

struct gather {
    struct gather_conf conf;
    struct render_conf render;
    struct arena arena;
    struct leaves *leaves;
    struct table *table; /* for headers, on the reader's thread */
    struct gather_counts counts;
    struct buf text; /* of the leaf that is read whole */

    /* The stream that is being read; open: there is one. */
    bool open, ended, skipping;
    struct leaf leaf;
    enum magic_format format;
    struct cut split;
    struct buf carry;  /* bytes of the unfinished record */
    struct buf header; /* the header row of a table */
    bool header_wanted;
    struct charset_stream *charset;
    struct buf decoded;  /* by charset, not taken yet */
    int64_t undecodable; /* the byte that ends the decoding, from 1; 0: none */
    int64_t number, line, offset;
};

/* ---- pieces ---- */

struct filling {
    struct gather *g;
    struct flow_unit *unit;
    struct piece **tail;
    ptrdiff_t bytes, pieces;
};

static const char *keep(struct filling *f, const char *s)
{
    return arena_cstr_dup(f->unit->arena, slice_of(s));
}

static struct piece *add_piece(struct filling *f, enum piece_kind kind)
{
    struct piece *pc = arena_new(f->unit->arena, struct piece, 1);
    const struct leaf *leaf = &f->g->leaf;
    pc->kind = kind;
    pc->id = keep(f, leaf->id);
    pc->source = keep(f, leaf->source);
    pc->offset = -1;
    *f->tail = pc;
    f->tail = &pc->next;
    f->pieces++;
    return pc;
}

static void add_bad(struct filling *f, const char *reason, int64_t line, int64_t offset)
{
    struct piece *pc = add_piece(f, PIECE_BAD);
    pc->reason = keep(f, reason);
    pc->first_line = line;
    pc->offset = offset;
}

static void add_bad_media(struct filling *f, const char *media)
{
    add_bad(f, arena_printf(f->unit->arena, "binary data (%s)", media).ptr, 0, -1);
}

/* ---- texts ---- */

/* The whole leaf into g->text, one byte more than max_record at most. Members do not say how long
 * they are, so they are read into one buffer that stays, and not into an arena that keeps every
 * size that it grew through. False: see *bad, or the walk ends. */
static bool read_whole(struct filling *f, bool *bad, struct err *err)
{
    struct gather *g = f->g;
    int64_t max = g->conf.max_record + 1, size = g->leaf.whole ? g->leaf.head.len : g->leaf.size;
    ptrdiff_t step = (ptrdiff_t)MIN(size >= 0 ? size + 1 : 2 * MAGIC_HEAD_BYTES, max);
    buf_clear(&g->text);
    for (ptrdiff_t n = 1; n > 0 && g->text.len < max;) {
        ptrdiff_t room = (ptrdiff_t)MIN((int64_t)MAX(step, g->text.len), max - g->text.len);
        char *dst = buf_reserve(&g->text, room);
        n = leaves_read(g->leaves, dst, room, err);
        *bad = n == LEAF_READ_BAD;
        if (n < 0)
            return false;
        g->text.len += n;
        f->unit->bytes_in += n;
    }
    return true;
}

/* The whole leaf into one piece. False: the walk ends. */
static bool read_text(struct filling *f, struct err *err)
{
    struct gather *g = f->g;
    bool bad;
    if (!read_whole(f, &bad, err)) {
        if (bad) {
            add_bad(f, err->text, 0, -1);
            *err = (struct err){ 0 };
        }
        return bad;
    }
    ptrdiff_t len = g->text.len;
    if (len > g->conf.max_record) {
        add_bad(f, "longer than --max-record", 0, -1);
        return true;
    }
    char *p = arena_alloc_raw(f->unit->arena, len + RECORD_PADDING, 1);
    if (len)
        memcpy(p, g->text.ptr, (size_t)len);
    memset(p + len, 0, RECORD_PADDING);
    struct piece *pc = add_piece(f, g->format == MAGIC_HTML        ? PIECE_HTML
                                    : g->format == MAGIC_SUBTITLES ? PIECE_SUBTITLES
                                                                   : PIECE_TEXT);
    pc->bytes = slice_make(p, len);
    f->bytes += len;
    return true;
}

/* ---- streams ---- */

/* Bytes of the stream in UTF-8; as leaves_read. */
static ptrdiff_t stream_read(struct filling *f, char *dst, ptrdiff_t cap, struct err *err)
{
    struct gather *g = f->g;
    while (g->charset && g->decoded.len == 0) {
        if (g->undecodable) {
            err_set(err, ERR_DATA, "byte %lld: does not belong to the charset",
                    (long long)g->undecodable);
            return LEAF_READ_BAD;
        }
        char *raw = arena_alloc_raw(f->unit->arena, 1 << 16, 1);
        ptrdiff_t n = leaves_read(g->leaves, raw, 1 << 16, err);
        int64_t bad;
        if (n < 0)
            return n;
        f->unit->bytes_in += n;
        if (!charset_feed(g->charset, slice_make(raw, n), n == 0, &g->decoded, &bad))
            g->undecodable = bad + 1; /* after what could be decoded */
        arena_trim(f->unit->arena, raw);
        if (n == 0 && !g->undecodable)
            break;
    }
    if (g->charset) {
        ptrdiff_t n = MIN(cap, g->decoded.len);
        if (n)
            memcpy(dst, g->decoded.ptr, (size_t)n);
        buf_consume(&g->decoded, n);
        return n;
    }
    ptrdiff_t n = leaves_read(g->leaves, dst, cap, err);
    f->unit->bytes_in += MAX(n, 0);
    return n;
}

static void close_stream(struct gather *g)
{
    g->open = false;
    charset_close(g->charset);
    g->charset = NULL;
    buf_clear(&g->carry);
    buf_clear(&g->header);
    buf_clear(&g->decoded);
}

/* A window of the stream: the carried bytes and what was read behind them. */
struct window {
    char *ptr;
    ptrdiff_t len, cap;
    struct cut_record *records;
    ptrdiff_t count, record_cap;
};

static void add_record(struct window *w, const struct cut_record *r)
{
    if (w->count == w->record_cap) {
        ptrdiff_t size = (ptrdiff_t)sizeof *r, cap = MAX(1024, w->record_cap * 2);
        struct cut_record *more = malloc((size_t)(cap * size));
        if (!more)
            mem_oom();
        if (w->count)
            memcpy(more, w->records, (size_t)(w->count * size));
        free(w->records);
        w->records = more;
        w->record_cap = cap;
    }
    w->records[w->count++] = *r;
}

/* Names the records of the window. False: the structure is broken behind them. */
static bool cut_window(struct gather *g, struct window *w)
{
    struct cut_record r;
    for (;;) {
        switch (cut_next(&g->split, slice_make(w->ptr, w->len), g->ended, &r)) {
        case CUT_MORE:
            return true;
        case CUT_FAULT:
            return false;
        case CUT_RECORD:
            break;
        }
        if (g->skipping) { /* the end of a record that was too long */
            g->skipping = false;
            g->number += 1;
        } else if (r.len > g->conf.max_record) {
            add_record(w, &(struct cut_record){ r.start, r.len, "longer than --max-record" });
        } else if (g->header_wanted) {
            buf_clear(&g->header);
            buf_append(&g->header, slice_make(w->ptr + r.start, r.len));
            g->header_wanted = false;
        } else {
            add_record(w, &r);
        }
    }
}

static int64_t count_newlines(slice s)
{
    int64_t n = 0;
    for (ptrdiff_t at; (at = slice_find(s, '\n')) >= 0; n++)
        s = slice_from(s, at + 1);
    return n;
}

/* Everything before split.start leaves the window; what is behind it is carried on. */
static void advance(struct gather *g, const struct window *w)
{
    ptrdiff_t used = g->split.start;
    if (g->split.kind != CUT_LINES)
        g->line += count_newlines(slice_make(w->ptr, used));
    g->offset += used;
    buf_clear(&g->carry);
    buf_append(&g->carry, slice_make(w->ptr + used, w->len - used));
    cut_rebase(&g->split);
}

static void add_records(struct filling *f, const struct window *w)
{
    static const enum piece_kind kinds[] = { [CUT_LINES] = PIECE_LINES,
                                             [CUT_ROWS] = PIECE_ROWS,
                                             [CUT_JSON] = PIECE_JSON,
                                             [CUT_WARC] = PIECE_WARC,
                                             [CUT_ARC] = PIECE_ARC };
    struct gather *g = f->g;
    struct piece *pc = add_piece(f, kinds[g->split.kind]);
    struct cut_record *records = arena_new(f->unit->arena, struct cut_record, w->count);
    memcpy(records, w->records, (size_t)w->count * sizeof *records);
    pc->bytes = slice_make(w->ptr, w->len);
    pc->records = records;
    pc->record_count = w->count;
    pc->first_number = g->number;
    pc->first_line = g->line;
    pc->offset = g->offset;
    pc->header = arena_dup(f->unit->arena, buf_slice(&g->header));
    pc->delimiter = g->split.delimiter;
    pc->quote = g->split.quote;
    g->number += w->count;
    f->bytes += w->len;
}

/* The header is judged once, here, and not row by row. False: reported. */
static bool check_header(struct filling *f)
{
    struct gather *g = f->g;
    struct table_columns columns;
    slice *names;
    ptrdiff_t count;
    table_fields(g->table, buf_slice(&g->header), g->split.delimiter, g->split.quote,
                 f->unit->arena, &names, &count);
    const char *wrong = table_columns(names, count, g->conf.text_column, f->unit->arena, &columns);
    if (wrong)
        add_bad(f, wrong, 1, -1);
    return !wrong;
}

/* A table without header: the first row says how many columns there are. */
static void invent_header(struct filling *f, const struct window *w)
{
    struct gather *g = f->g;
    slice *fields;
    ptrdiff_t count;
    table_fields(g->table, slice_make(w->ptr + w->records[0].start, w->records[0].len),
                 g->split.delimiter, g->split.quote, f->unit->arena, &fields, &count);
    for (ptrdiff_t i = 0; i < count; i++)
        buf_printf(&g->header, "%.*scolumn_%td", i ? 1 : 0, &g->split.delimiter, i + 1);
}

/* The record at the front is longer than allowed: it is bad, and its rest is read over. */
static void oversize(struct filling *f, struct window *w)
{
    struct gather *g = f->g;
    if (!g->skipping) {
        int64_t line = g->split.kind == CUT_LINES ? g->number : g->line;
        add_bad(f, "longer than --max-record", line, g->offset);
        g->skipping = true;
    }
    g->split.start = g->split.at = w->len;
    advance(g, w);
}

enum fill { FILL_MORE, FILL_END, FILL_FAIL };

static enum fill read_window(struct filling *f, struct window *w, struct err *err)
{
    struct gather *g = f->g;
    ptrdiff_t n = stream_read(f, w->ptr + w->len, w->cap - w->len, err);
    if (n < 0)
        return n == LEAF_READ_FAIL ? FILL_FAIL : FILL_END;
    w->len += n;
    g->ended = n == 0;
    return FILL_MORE;
}

/* Grows the window while it holds no whole record. False when the stream is over or failed; what
 * it holds is in the unit. */
static bool fill_window(struct filling *f, struct window *w, struct err *err)
{
    struct gather *g = f->g;
    int64_t max = g->conf.max_record;
    for (;;) {
        enum fill st = read_window(f, w, err);
        if (st == FILL_FAIL)
            return false;
        bool sound = cut_window(g, w);
        if (st == FILL_END || !sound) {
            if (w->count)
                add_records(f, w);
            if (st == FILL_END)
                add_bad(f, err->text, 0, -1);
            else
                add_bad(f,
                        arena_printf(f->unit->arena, "byte %lld: %s",
                                     (long long)(g->offset + g->split.at + 1), g->split.fault)
                            .ptr,
                        g->line + count_newlines(slice_make(w->ptr, g->split.at)), -1);
            *err = (struct err){ 0 };
            close_stream(g);
            w->count = 0;
            return true;
        }
        if (g->ended || (w->len == w->cap && w->count) || (w->count && !leaves_ready(g->leaves)))
            return true;
        if (w->len < w->cap)
            continue;
        if (w->len > max) {
            oversize(f, w);
            w->len = 0;
            continue;
        }
        ptrdiff_t cap = (ptrdiff_t)MIN((int64_t)w->cap * 2, max + 1);
        w->ptr =
            arena_grow(f->unit->arena, w->ptr, w->cap + RECORD_PADDING, cap + RECORD_PADDING, 1);
        w->cap = cap;
    }
}

/* One piece of the open stream. False: the walk ends. */
static bool read_stream(struct filling *f, struct err *err)
{
    struct gather *g = f->g;
    struct window w = { .len = g->carry.len };
    w.cap = MAX(FLOW_BATCH_BYTES, g->carry.len + FLOW_BATCH_BYTES / 4);
    w.ptr = arena_alloc_raw(f->unit->arena, w.cap + RECORD_PADDING, 1);
    if (w.len)
        memcpy(w.ptr, g->carry.ptr, (size_t)w.len);
    bool ok = fill_window(f, &w, err);
    if (ok && g->open) {
        memset(w.ptr + w.len, 0, RECORD_PADDING);
        bool table = g->split.kind == CUT_ROWS;
        if (table && w.count && g->header.len == 0 && !g->conf.header)
            invent_header(f, &w);
        if (table && w.count && g->number == 1 && !check_header(f))
            close_stream(g);
        else if (w.count)
            add_records(f, &w);
        if (g->open)
            advance(g, &w);
        if (g->ended)
            close_stream(g);
    }
    free(w.records);
    return ok;
}

/* ---- leaves ---- */

/* The charset of a stream by its head: NULL is UTF-8. */
static const char *stream_charset(struct gather *g, struct filling *f)
{
    ptrdiff_t bom = 0;
    const char *from = charset_bom(g->leaf.head, &bom);
    bool json = g->format == MAGIC_JSONL || g->format == MAGIC_JSON;
    if (g->format == MAGIC_WARC || g->format == MAGIC_ARC)
        return NULL; /* each record has its own */
    if (!from)
        from = g->conf.charset;
    /* JSON is UTF-8 by its standard: there, other bytes are errors and not another charset. */
    if (!from && !json)
        from = charset_guess(g->leaf.head, g->leaf.whole, &bom, f->unit->arena);
    return from && strcmp(from, "UTF-8") != 0 ? from : NULL;
}

static void open_stream(struct filling *f)
{
    struct gather *g = f->g;
    static const enum cut_kind kinds[] = {
        [MAGIC_JSONL] = CUT_LINES, [MAGIC_JSON] = CUT_JSON, [MAGIC_CSV] = CUT_ROWS,
        [MAGIC_TSV] = CUT_ROWS,    [MAGIC_WARC] = CUT_WARC, [MAGIC_ARC] = CUT_ARC
    };
    g->open = true;
    g->ended = g->skipping = false;
    g->undecodable = 0;
    g->number = g->line = 1;
    g->offset = 0;
    cut_init(&g->split, kinds[g->format]);
    g->split.quote = g->conf.quote;
    g->split.delimiter = g->conf.delimiter        ? g->conf.delimiter
                         : g->format == MAGIC_TSV ? '\t'
                                                  : ',';
    g->header_wanted = g->split.kind == CUT_ROWS && g->conf.header;
    const char *from = stream_charset(g, f);
    if (from)
        g->charset = charset_open(from);
}

/* A byte order mark is no part of the records. */
static bool skip_mark(struct filling *f, struct err *err)
{
    struct gather *g = f->g;
    ptrdiff_t bom = 0;
    char mark[4];
    if (!charset_bom(g->leaf.head, &bom))
        return true;
    for (ptrdiff_t n; bom > 0; bom -= n)
        if ((n = leaves_read(g->leaves, mark, bom, err)) <= 0)
            return false;
    return true;
}

static bool begin_leaf(struct filling *f, struct err *err)
{
    struct gather *g = f->g;
    struct magic_media media = magic_media(g->leaf.head);
    ptrdiff_t bom;
    bool arc, web = g->conf.format == MAGIC_WARC || g->conf.format == MAGIC_ARC ||
                    (g->conf.format == MAGIC_AUTO && warc_detect(g->leaf.head, &arc));
    /* UTF-16 without a mark looks binary until its shape is looked at. */
    bool unnamed = strcmp(media.name, "application/octet-stream") == 0;
    if (media.binary && !web && !(unnamed && g->conf.charset)) {
        const char *wide =
            unnamed ? charset_guess(g->leaf.head, g->leaf.whole, &bom, f->unit->arena) : NULL;
        if (!wide || strncmp(wide, "UTF-16", 6) != 0) {
            add_bad_media(f, media.name);
            return true;
        }
    }
    g->format = g->conf.format;
    if (g->format == MAGIC_AUTO)
        g->format = magic_format(g->leaf.head, g->leaf.whole, slice_of(g->leaf.id));
    int64_t *counts[] = {
        NULL,           &g->counts.text, &g->counts.jsonl, &g->counts.json, &g->counts.csv,
        &g->counts.tsv, &g->counts.warc, &g->counts.arc,   &g->counts.html, &g->counts.subtitles
    };
    ++*counts[g->format];
    if (g->format == MAGIC_HTML && g->conf.html == WEBPAGE_RAW)
        g->format = MAGIC_TEXT;
    if (g->format == MAGIC_TEXT || g->format == MAGIC_HTML || g->format == MAGIC_SUBTITLES)
        return read_text(f, err);
    open_stream(f);
    return skip_mark(f, err);
}

static bool gather_next(void *self, struct flow_unit *unit, bool *end, struct err *err)
{
    struct gather *g = self;
    struct piece *first = NULL;
    struct filling f = { .g = g, .unit = unit, .tail = &first };
    bool ok = true, done = false;
    while (ok && !done && f.bytes < FLOW_BATCH_BYTES && f.pieces < UNIT_PIECES) {
        if (g->open) {
            ok = read_stream(&f, err);
            unit->idle = ok && f.pieces && g->open && !leaves_ready(g->leaves);
            if (unit->idle)
                break;
            continue;
        }
        switch (leaves_next(g->leaves, &g->leaf, err)) {
        case LEAF_DOC:
            ok = begin_leaf(&f, err);
            break;
        case LEAF_BAD:
            add_bad(&f, g->leaf.reason, 0, -1);
            *err = (struct err){ 0 };
            break;
        case LEAF_END:
            done = true;
            break;
        case LEAF_FAIL:
            ok = false;
            break;
        }
    }
    unit->data = first; /* also before a failure: what was whole comes out */
    *end = done;
    return ok;
}

static bool gather_work(void *self, void *scratch, struct flow_unit *unit, struct err *err)
{
    struct gather *g = self;
    (void)err;
    render_unit(&g->render, scratch, unit);
    return true;
}

static void *scratch_new(void *self)
{
    struct render_scratch *s = calloc(1, sizeof *s);
    (void)self;
    if (!s)
        mem_oom();
    s->table = table_new();
    return s;
}

/* Workers end at the same time: sums do not depend on their order. */
static void scratch_free(void *self, void *scratch)
{
    struct gather *g = self;
    struct render_scratch *s = scratch;
    int64_t *total = (int64_t *)&g->counts.records, *mine = (int64_t *)&s->counts;
    for (size_t i = 0; i < sizeof s->counts / sizeof *mine; i++)
        __atomic_fetch_add(&total[i], mine[i], __ATOMIC_RELAXED);
    table_free(s->table);
    free(s);
}

const struct flow_source gather_source = { gather_next, gather_work, scratch_new, scratch_free };

/* ---- life ---- */

struct gather *gather_open(const struct gather_conf *conf, struct err *err)
{
    if (conf->charset && !charset_known(conf->charset)) {
        err_set(err, ERR_USAGE, "--charset: neither browsers nor iconv know %s",
                ERR_QUOTE(slice_of(conf->charset)));
        return NULL;
    }
    struct gather *g = calloc(1, sizeof *g);
    if (!g)
        mem_oom();
    g->conf = *conf;
    if (conf->charset && charset_label(slice_of(conf->charset), &g->conf.charset) &&
        strcmp(g->conf.charset, "utf-8") == 0)
        g->conf.charset = "UTF-8";
    g->render.text_column = conf->text_column;
    g->render.charset = g->conf.charset;
    g->render.html = conf->html;
    g->render.max_record = conf->max_record;
    html_init();
    if (!render_conf_init(&g->render, &g->arena, err)) {
        arena_release(&g->arena);
        free(g);
        return NULL;
    }
    g->table = table_new();
    g->leaves = leaves_open(&conf->leaves);
    return g;
}

const struct leaves_counts *gather_leaves(const struct gather *g)
{
    return leaves_counts(g->leaves);
}

const struct gather_counts *gather_counts(const struct gather *g)
{
    return &g->counts;
}

void gather_close(struct gather *g)
{
    if (!g)
        return;
    close_stream(g);
    leaves_close(g->leaves);
    table_free(g->table);
    buf_release(&g->text);
    buf_release(&g->carry);
    buf_release(&g->header);
    buf_release(&g->decoded);
    arena_release(&g->arena);
    free(g);
}
