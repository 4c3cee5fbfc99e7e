#include "erase.h"

#include "../hash.h"

struct erase_entry {
    slice value;
    int path;
    int64_t line; /* 0: free */
};

static struct erase_entry *find(const struct erase *e, int path, slice value)
{
    for (uint64_t i = hash64_of(value, (uint64_t)path);; i++) {
        struct erase_entry *entry = &e->table[i & e->mask];
        if (!entry->line || (entry->path == path && slice_eq(entry->value, value)))
            return entry;
    }
}

static int path_index(struct erase *e, slice path, struct arena *arena)
{
    for (int i = 0; i < e->path_count; i++)
        if (slice_eq(slice_of(e->paths[i]), path))
            return i;
    if (e->path_count == ERASE_PATHS_MAX)
        return -1;
    e->paths[e->path_count] = arena_cstr_dup(arena, path);
    return e->path_count++;
}

/* "PATH" of "PATH=VALUE"; -1: the line is an id. */
static ptrdiff_t path_length(slice line)
{
    for (ptrdiff_t i = 0; i < line.len; i++) {
        char c = line.ptr[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                     c == '_' || c == '.' || c == '-';
        if (c == '=')
            return i > 0 ? i : -1;
        if (!plain)
            return -1;
    }
    return -1;
}

struct erase *erase_new(slice file, struct arena *arena, struct err *err)
{
    struct erase *e = arena_new(arena, struct erase, 1);
    ptrdiff_t lines = 1, bad = json_utf8_prefix(file);
    int64_t number = 0;

    if (bad < file.len)
        return err_set(err, ERR_DATA, "byte %td: invalid UTF-8", bad), NULL;
    for (ptrdiff_t i = 0; i < file.len; i++)
        lines += file.ptr[i] == '\n';
    e->mask = 15;
    while (e->mask < (uint64_t)lines * 2)
        e->mask = e->mask * 2 + 1;
    e->table = arena_new(arena, struct erase_entry, (ptrdiff_t)e->mask + 1);
    while (file.len > 0) {
        ptrdiff_t nl = slice_find(file, '\n');
        slice line = slice_make(file.ptr, nl < 0 ? file.len : nl);
        file = slice_from(file, nl < 0 ? file.len : nl + 1);
        number++;
        if (slice_ends(line, SLICE("\r")))
            line.len--;
        if (line.len == 0 || line.ptr[0] == '#')
            continue;
        ptrdiff_t at = path_length(line);
        int path = path_index(e, at < 0 ? SLICE("id") : slice_make(line.ptr, at), arena);
        if (path < 0)
            return err_set(err, ERR_DATA, "line %lld: more than %d members", (long long)number,
                           ERASE_PATHS_MAX),
                   NULL;
        slice value = slice_from(line, at < 0 ? 0 : at + 1);
        struct erase_entry *entry = find(e, path, value);
        if (!entry->line) {
            *entry = (struct erase_entry){ arena_dup(arena, value), path, number };
            e->requests++;
        }
    }
    return e;
}

int64_t erase_test(const struct erase *e, int path, slice record, struct json_span span,
                   struct arena *temp)
{
    slice value = slice_make(record.ptr + span.start, span.len);
    struct json_fault fault;

    if (span.count == 0)
        return 0;
    if (span.type == JSON_STRING)
        json_string(record, span, JSON_SURROGATE_REPLACE, temp, &value, NULL, &fault);
    return find(e, path, value)->line;
}
