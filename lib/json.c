#include "json.h"

/* ---- queries ---- */

/* One part of a path, up to the next bare dot, with "\." and "\\" resolved. Moves *p behind the dot;
 * *more says that there was one. */
static bool path_part(const char **p, struct arena *arena, slice *part, bool *more)
{
    char *to = arena_alloc_raw(arena, (ptrdiff_t)strlen(*p) + RECORD_PADDING, 1);
    const char *from = *p;

    *part = (slice){ to, 0 };
    while (*from && *from != '.') {
        if (*from == '\\') {
            from++;
            if (*from != '.' && *from != '\\')
                return false;
        }
        to[part->len++] = *from++;
    }
    *more = *from == '.';
    *p = from + *more;
    return part->len > 0;
}

static struct json_query_node *node_new(struct arena *arena, slice key)
{
    struct json_query_node *n = arena_new(arena, struct json_query_node, 1);

    n->key = key;
    memcpy(&n->head, key.ptr, (size_t)MIN(key.len, 8));
    n->head_mask = key.len >= 8 ? UINT64_MAX : ((uint64_t)1 << 8 * key.len) - 1;
    n->first_slot = n->inner = -1;
    return n;
}

static struct json_query_node *node_child(struct json_query_node *parent, slice key,
                                          struct arena *arena)
{
    struct json_query_node **link = &parent->child;

    for (; *link; link = &(*link)->next)
        if (slice_eq((*link)->key, key))
            return *link;
    *link = node_new(arena, key);
    parent->child_lengths |= (uint64_t)1 << MIN(key.len, 63);
    return *link;
}

bool json_query_init(struct json_query *q, const char *const *paths, int count, struct arena *arena,
                     struct err *err)
{
    int inner = 0;

    ASSERT(count >= 0 && count <= JSON_MAX_PATHS);
    *q = (struct json_query){ .root = node_new(arena, SLICE("")), .count = count };
    for (int i = 0; i < count; i++) {
        struct json_query_node *n = q->root;
        const char *p = paths[i];
        bool more = true;
        while (more) {
            slice part;
            if (!path_part(&p, arena, &part, &more) || !json_utf8_valid(part))
                return err_set(err, ERR_USAGE,
                               "bad member path %s: use names joined by '.', and '\\.' for a dot "
                               "in a name",
                               ERR_QUOTE(slice_of(paths[i])));
            if (n != q->root && n->inner < 0) {
                if (inner == JSON_QUERY_INNER_MAX)
                    return err_set(err, ERR_USAGE, "member path %s is too deep",
                                   ERR_QUOTE(slice_of(paths[i])));
                n->inner = inner++;
            }
            n->below |= (uint32_t)1 << i;
            n = node_child(n, part, arena);
        }
        if (n->first_slot < 0)
            n->first_slot = i;
        q->same_as[i] = (int8_t)n->first_slot;
    }
    return true;
}

/* ---- scanning ---- */

bool json_scan(slice record, const struct json_query *q, struct json_span *spans,
               struct json_span *top, struct json_fault *fault)
{
    int count = q ? q->count : 0;

    for (int i = 0; i < count; i++)
        spans[i] = (struct json_span){ 0 };
    if (!jsonscan_kernel()->scan(record, count ? q->root : NULL, spans, top, fault))
        return false;
    for (int i = 0; i < count; i++)
        if (UNLIKELY(q->same_as[i] != i))
            spans[i] = spans[q->same_as[i]];
    return true;
}

/* ---- splicing ---- */

slice json_splice(slice record, const struct json_edit *edits, ptrdiff_t count, struct arena *arena)
{
    ptrdiff_t len = record.len, at = 0;

    for (ptrdiff_t i = 0; i < count; i++) {
        ASSERT(edits[i].len >= 0 && edits[i].start >= at);
        at = edits[i].start + edits[i].len;
        len += edits[i].text.len - edits[i].len;
    }
    ASSERT(at <= record.len);
    char *out = arena_alloc_raw(arena, len + RECORD_PADDING, 1), *p = out;
    at = 0;
    for (ptrdiff_t i = 0; i < count; i++) {
        ptrdiff_t keep = edits[i].start - at;
        memcpy(p, record.ptr + at, (size_t)keep);
        p += keep;
        if (edits[i].text.len)
            memcpy(p, edits[i].text.ptr, (size_t)edits[i].text.len);
        p += edits[i].text.len;
        at = edits[i].start + edits[i].len;
    }
    if (record.len - at)
        memcpy(p, record.ptr + at, (size_t)(record.len - at));
    return (slice){ out, len };
}

/* Whether only white space lies between the braces of the object. */
static bool object_is_empty(slice record, struct json_span top)
{
    const char *p = record.ptr + top.start + 1, *end = record.ptr + top.start + top.len - 1;

    while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
        p++;
    return p == end;
}

struct json_edit json_edit_set(slice record, struct json_span top, struct json_span span,
                               const char *key, slice value, struct arena *arena)
{
    if (span.count > 0)
        return (struct json_edit){ span.start, span.len, value };
    ASSERT(top.type == JSON_OBJECT);
    slice name = slice_of(key);
    bool first = object_is_empty(record, top);
    char *text = arena_alloc_raw(arena, name.len + value.len + 4, 1), *p = text;
    if (!first)
        *p++ = ',';
    *p++ = '"';
    memcpy(p, name.ptr, (size_t)name.len);
    p += name.len;
    memcpy(p, "\":", 2);
    p += 2;
    memcpy(p, value.ptr, (size_t)value.len);
    p += value.len;
    return (struct json_edit){ top.start + top.len - 1, 0, { text, p - text } };
}
