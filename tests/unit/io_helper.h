/* What the tests of in and out share: a folder of their own, files in it, one call that fails. */
#ifndef IO_HELPER_H
#define IO_HELPER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "arena.h"
#include "buf.h"
#include "os.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

ATTR_UNUSED static char test_dir[64];
/* Everything that a test need not free itself: paths, samples, contents. */
static struct arena test_arena;

ATTR_UNUSED static slice kept(struct buf *b)
{
    slice s = arena_dup(&test_arena, buf_slice(b));

    buf_release(b);
    return s;
}

ATTR_UNUSED static const char *kept_path(const char *path)
{
    return arena_cstr_dup(&test_arena, slice_of(path));
}

ATTR_UNUSED static int folder_setup(void **state)
{
    (void)state;
    snprintf(test_dir, sizeof test_dir, "/tmp/millrace-unit.XXXXXX");
    return mkdtemp(test_dir) ? 0 : -1;
}

ATTR_UNUSED static int folder_teardown(void **state)
{
    char command[128];

    (void)state;
    arena_release(&test_arena);
    snprintf(command, sizeof command, "rm -rf %s", test_dir);
    return system(command);
}

/* Path of NAME in the folder; four of them live at a time. */
ATTR_UNUSED static const char *path_of(const char *name)
{
    static char paths[4][256];
    static int next;
    char *p = paths[next++ & 3];

    snprintf(p, sizeof paths[0], "%s/%s", test_dir, name);
    return p;
}

ATTR_UNUSED static const char *file_put(const char *name, slice bytes)
{
    const char *path = path_of(name);
    FILE *f = fopen(path, "wb");

    assert_non_null(f);
    assert_int_equal(fwrite(bytes.ptr, 1, (size_t)bytes.len, f), bytes.len);
    assert_int_equal(fclose(f), 0);
    return path;
}

ATTR_UNUSED static slice file_get(const char *path)
{
    struct err err = { 0 };
    slice bytes;

    if (!os_slurp(path, (ptrdiff_t)1 << 32, &bytes, &err))
        fail_msg("%s", err.text);
    slice copy = arena_dup(&test_arena, bytes);
    os_free(bytes);
    return copy;
}

ATTR_UNUSED static int files_in_folder(void)
{
    DIR *d = opendir(test_dir);
    int n = 0;

    while (readdir(d))
        n++;
    closedir(d);
    return n - 2;
}

/* Makes the nth call of a kind fail once (n counts from 1). */
static const char *fault_call;
static int fault_at, fault_errno, fault_seen;

ATTR_UNUSED static int fault_hook(const char *call)
{
    return fault_call && strcmp(call, fault_call) == 0 && ++fault_seen == fault_at ? fault_errno
                                                                                   : 0;
}

ATTR_UNUSED static void fault_set(const char *call, int nth, int error)
{
    fault_call = call;
    fault_at = nth;
    fault_errno = error;
    fault_seen = 0;
    os_fault = call ? fault_hook : NULL;
}

/* Text with some structure: compressible, not constant. */
ATTR_UNUSED static slice sample_text(ptrdiff_t len)
{
    struct buf b = BUF_INIT(0);
    uint32_t x = 12345;

    while (b.len < len) {
        x = x * 1664525 + 1013904223;
        buf_printf(&b, "{\"id\":%u,\"text\":\"line of the sample %u\"}\n", x >> 20, x >> 8);
    }
    b.len = len;
    return kept(&b);
}

#endif
