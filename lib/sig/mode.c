#include "mode.h"

slice mode_id_json(const struct flow_record *rec, int id_field, struct arena *arena)
{
    struct json_span s = rec->spans[id_field];

    if (s.count == 1 && (s.type == JSON_STRING || s.type == JSON_NUMBER))
        return slice_make(rec->raw.ptr + s.start, s.len);
    struct buf b = { 0 };
    json_append_bytes(&b, flow_id(rec, -1, arena));
    slice text = arena_dup(arena, buf_slice(&b));
    buf_release(&b);
    return text;
}
