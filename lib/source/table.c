#include "table.h"

#include "../err.h"
#include "../json.h"

#include <csv.h>
#include <stdlib.h>

struct table {
    struct csv_parser parser;
    struct arena *arena; /* of the current row */
    slice *fields;
    ptrdiff_t count, cap;
};

/* White space is part of a field, and only the splitter's newlines end rows. */
static int no_space(unsigned char c)
{
    (void)c;
    return 0;
}

static int only_newline(unsigned char c)
{
    return c == '\n';
}

struct table *table_new(void)
{
    struct table *t = calloc(1, sizeof *t);
    if (!t || csv_init(&t->parser, 0) != 0)
        mem_oom();
    csv_set_space_func(&t->parser, no_space);
    csv_set_term_func(&t->parser, only_newline);
    return t;
}

void table_free(struct table *t)
{
    if (!t)
        return;
    csv_free(&t->parser);
    free(t);
}

static void add_field(struct table *t, slice s)
{
    if (t->count == t->cap) {
        ptrdiff_t cap = MAX(16, t->cap * 2), size = (ptrdiff_t)sizeof(slice);
        t->fields = arena_grow(t->arena, t->fields, t->cap * size, cap * size, 8);
        t->cap = cap;
    }
    t->fields[t->count++] = s;
}

static void on_field(void *bytes, size_t len, void *data)
{
    struct table *t = data;
    char *copy = arena_alloc_raw(t->arena, (ptrdiff_t)len + RECORD_PADDING, 1);
    if (len)
        memcpy(copy, bytes, len);
    add_field(t, slice_make(copy, (ptrdiff_t)len));
}

static void on_row(int terminator, void *data)
{
    (void)terminator, (void)data;
}

void table_fields(struct table *t, slice row, char delimiter, char quote, struct arena *arena,
                  slice **fields, ptrdiff_t *count)
{
    t->arena = arena;
    t->fields = NULL;
    t->count = t->cap = 0;
    if (quote && slice_find(row, quote) >= 0) {
        csv_set_delim(&t->parser, (unsigned char)delimiter);
        csv_set_quote(&t->parser, (unsigned char)quote);
        if (csv_parse(&t->parser, row.ptr, (size_t)row.len, on_field, on_row, t) !=
                (size_t)row.len ||
            csv_fini(&t->parser, on_field, on_row, t) != 0)
            mem_oom(); /* without strict mode nothing else can go wrong */
    } else {
        ptrdiff_t end;
        while ((end = slice_find(row, delimiter)) >= 0) {
            add_field(t, slice_make(row.ptr, end));
            row = slice_from(row, end + 1);
        }
        add_field(t, row);
    }
    *fields = t->fields;
    *count = t->count;
}

static slice json_key(slice name, struct arena *arena)
{
    char *p = arena_alloc_raw(arena, JSON_QUOTED_MAX(name.len) + 1, 1);
    char *end = json_write_string(p, name);
    *end++ = ':';
    return slice_make(p, end - p);
}

static ptrdiff_t find_name(const struct table_columns *c, ptrdiff_t count, slice name)
{
    for (ptrdiff_t i = 0; i < count; i++)
        if (slice_eq(c->names[i], name))
            return i;
    return -1;
}

const char *table_columns(const slice *header, ptrdiff_t count, const char *text_column,
                          struct arena *arena, struct table_columns *c)
{
    *c = (struct table_columns){ .count = count,
                                 .names = arena_new(arena, slice, count),
                                 .keys = arena_new(arena, slice, count) };
    for (ptrdiff_t i = 0; i < count; i++) {
        slice name = header[i].len ? header[i] : arena_printf(arena, "column_%td", i + 1);
        if (!json_utf8_valid(name))
            return arena_printf(arena, "the name of column %td is not UTF-8", i + 1).ptr;
        if (find_name(c, i, name) >= 0)
            return arena_printf(arena, "two columns are called %s", ERR_QUOTE(name)).ptr;
        c->names[i] = name;
    }
    c->text = find_name(c, count, text_column ? slice_of(text_column) : SLICE("text"));
    if (c->text < 0 && !text_column && count == 1)
        c->text = 0;
    c->id = find_name(c, count, SLICE("id"));
    c->source = find_name(c, count, SLICE("source"));
    if (c->text < 0)
        return arena_printf(arena, "no column %s: say which one with --text-column",
                            ERR_QUOTE(text_column ? slice_of(text_column) : SLICE("text")))
            .ptr;
    ptrdiff_t other = find_name(c, count, SLICE("text"));
    if (other >= 0 && other != c->text)
        return "the column 'text' would be hidden by the one that --text-column names";
    c->names[c->text] = SLICE("text");
    for (ptrdiff_t i = 0; i < count; i++) {
        c->keys[i] = json_key(c->names[i], arena);
        c->keys_len += c->keys[i].len + 1;
    }
    return NULL;
}
