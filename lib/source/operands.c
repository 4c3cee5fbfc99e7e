#include "operands.h"

#include "../os.h"

#include <errno.h>

#define LIST_MAX ((ptrdiff_t)1 << 30)

static ptrdiff_t cut_names(slice list, char end, struct arena *arena, const char **names)
{
    ptrdiff_t n = 0;
    while (list.len) {
        ptrdiff_t len = slice_find(list, end);
        ptrdiff_t used = len < 0 ? list.len : len + 1;
        len = len < 0 ? list.len : len;
        if (len)
            names[n++] = arena_cstr_dup(arena, slice_make(list.ptr, len));
        list = slice_from(list, used);
    }
    return n;
}

static bool check(const char *const *paths, ptrdiff_t count, bool stdin_used, struct err *err)
{
    for (ptrdiff_t i = 0; i < count; i++) {
        struct os_stat st;
        if (strcmp(paths[i], "-") == 0) {
            if (stdin_used)
                return err_set(err, ERR_USAGE, "stdin ('-') is named more than once");
            stdin_used = true;
            continue;
        }
        if (!os_stat(paths[i], &st, err))
            return false;
        if (!st.exists)
            return err_sys(err, ERR_NOINPUT, ENOENT, "cannot open %s",
                           ERR_QUOTE(slice_of(paths[i])));
    }
    return true;
}

bool operands_list(const struct in_conf *conf, struct arena *arena, const char *const **paths,
                   ptrdiff_t *count, bool *none, struct err *err)
{
    slice list = { 0 };
    char end = conf->null_names ? '\0' : '\n';
    if (conf->files_from && !in_slurp(conf->files_from, LIST_MAX, &list, err))
        return err_context(err, "--files-from");
    ptrdiff_t room = conf->path_count + 1;
    for (ptrdiff_t i = 0; i < list.len; i++)
        room += list.ptr[i] == end;
    const char **all = arena_new(arena, const char *, room + 1);
    for (ptrdiff_t i = 0; i < conf->path_count; i++)
        all[i] = conf->paths[i];
    *count = conf->path_count + cut_names(list, end, arena, all + conf->path_count);
    *paths = all;
    *none = conf->files_from && *count == 0;
    if (conf->files_from)
        os_free(list);
    return check(all, *count, conf->files_from && strcmp(conf->files_from, "-") == 0, err);
}
