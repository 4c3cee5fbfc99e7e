#include "splits.h"

#include "unpack.h"

#include <math.h>
#include <stdlib.h>

static bool is_name(slice s)
{
    for (ptrdiff_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '_' || (c == '-' && i)))
            return false;
    }
    return s.len > 0 && s.len < 64;
}

static bool parse_share(slice s, double *share)
{
    char text[32], *end;
    if (s.len == 0 || s.len >= (ptrdiff_t)sizeof text || (s.ptr[0] != '.' && s.ptr[0] < '0'))
        return false;
    memcpy(text, s.ptr, (size_t)s.len);
    text[s.len] = 0;
    *share = strtod(text, &end);
    return !*end && *share > 0 && *share <= 1;
}

bool splits_parse(slice text, struct splits *s, struct arena *arena, struct err *err)
{
    double sum = 0, share;
    *s = (struct splits){ .text = arena_cstr_dup(arena, text) };
    for (bool more = true; more;) {
        ptrdiff_t comma = slice_find(text, ',');
        slice item = slice_make(text.ptr, comma < 0 ? text.len : comma);
        ptrdiff_t equals = slice_find(item, '=');
        more = comma >= 0;
        text = slice_from(text, more ? comma + 1 : text.len);
        if (s->count == SPLITS_MAX)
            return err_set(err, ERR_USAGE, "more than %d splits", SPLITS_MAX);
        if (equals < 0 || !is_name(slice_make(item.ptr, equals)) ||
            !parse_share(slice_from(item, equals + 1), &share))
            return err_set(err, ERR_USAGE,
                           "%s is not NAME=SHARE with letters, digits, _ and -, and a share from 0 "
                           "to 1",
                           ERR_QUOTE(item));
        struct split *p = &s->splits[s->count++];
        p->name = arena_cstr_dup(arena, slice_make(item.ptr, equals));
        p->end = sum += share;
        for (int i = 0; i + 1 < s->count; i++)
            if (strcmp(s->splits[i].name, p->name) == 0)
                return err_set(err, ERR_USAGE, "split %s twice", p->name);
    }
    return fabs(sum - 1) < 1e-9 ||
           err_set(err, ERR_USAGE, "the shares sum up to %g, not to 1", sum);
}

bool splits_open(struct splits *s, const char *dir, const struct pack_options *options, bool force,
                 struct arena *arena, struct err *err)
{
    bool existed;
    if (s->text && !os_mkdir(dir, &existed, err))
        return false;
    s->count = MAX(s->count, 1);
    for (int i = 0; i < s->count; i++) {
        struct split *p = &s->splits[i];
        struct pack_options o = *options;
        const char *path = dir;
        if (s->text) {
            path = arena_printf(arena, "%s/%s", dir, p->name).ptr;
            o.split = arena_printf(arena, "%s of %s", p->name, s->text).ptr;
        }
        p->open = pack_dir_open(&p->dir, path, &o, force, err);
        if (!p->open || (p->dir.found.complete && !unpack_verify_files(path, &p->dir.found, err)))
            return false;
    }
    return true;
}

void splits_start(struct splits *s, struct flow *flow, int jobs)
{
    for (int i = 0; i < s->count; i++)
        s->splits[i].writer = writer_new(&s->splits[i].dir, flow, jobs);
}

struct writer *splits_of(const struct splits *s, slice id)
{
    int i = 0;
    if (s->count > 1) {
        double x = (double)(hash64_of(id, 0) >> 11) * 0x1p-53;
        while (i + 1 < s->count && x >= s->splits[i].end)
            i++;
    }
    return s->splits[i].writer;
}

bool splits_finish(struct splits *s, struct err *err)
{
    for (int i = 0; i < s->count; i++)
        if (!writer_finish(s->splits[i].writer, err))
            return false;
    return true;
}

void splits_close(struct splits *s)
{
    for (int i = 0; i < s->count; i++) {
        writer_free(s->splits[i].writer);
        if (s->splits[i].open)
            pack_dir_close(&s->splits[i].dir);
    }
}
