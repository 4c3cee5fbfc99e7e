/* inject.c: an LD_PRELOAD library that makes the nth call of one kind fail.
 *
 *   INJECT=alloc:17          the 17th allocation returns NULL
 *   INJECT=write:3:ENOSPC    the 3rd write or writev fails (errno by number)
 *   INJECT=short:5           every 5th read or write moves one byte only
 *
 * Calls are counted from the first one after main() has begun (a constructor with low priority
 * counts none), so that the loader's own work stays out of it. INJECT_HIT=FILE: touched when the
 * fault was delivered, so the driver knows when n is past the last call. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static char kind[16];
static long nth = -1, seen;
static int error_number;
static const char *hit_path;

__attribute__((constructor)) static void inject_setup(void)
{
    const char *spec = getenv("INJECT");

    hit_path = getenv("INJECT_HIT");
    if (!spec)
        return;
    const char *colon = strchr(spec, ':');
    if (!colon || colon - spec >= (long)sizeof kind)
        return;
    memcpy(kind, spec, (size_t)(colon - spec));
    char *end;
    nth = strtol(colon + 1, &end, 10);
    error_number = *end == ':' ? (int)strtol(end + 1, NULL, 10) : EIO;
    unsetenv("LD_PRELOAD");
}

static void mark(void)
{
    static int (*real_open)(const char *, int, ...);
    if (!real_open)
        *(void **)&real_open = dlsym(RTLD_NEXT, "open");
    int fd = hit_path ? real_open(hit_path, O_WRONLY | O_CREAT, 0666) : -1;
    if (fd >= 0)
        close(fd);
}

static bool fails(const char *call)
{
    if (nth < 0 || strcmp(call, kind) != 0)
        return false;
    if (__atomic_add_fetch(&seen, 1, __ATOMIC_RELAXED) != nth)
        return false;
    mark();
    errno = error_number;
    return true;
}

static bool is_short(void)
{
    if (nth < 0 || strcmp(kind, "short") != 0)
        return false;
    return __atomic_add_fetch(&seen, 1, __ATOMIC_RELAXED) % nth == 0;
}

#define REAL(type, name, ...)                                                                      \
    static type (*real)(__VA_ARGS__);                                                              \
    if (!real)                                                                                     \
    *(void **)&real = dlsym(RTLD_NEXT, #name)

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t);
extern void *__libc_memalign(size_t, size_t);

void *malloc(size_t n)
{
    if (fails("alloc")) {
        errno = ENOMEM;
        return NULL;
    }
    return __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
    if (fails("alloc")) {
        errno = ENOMEM;
        return NULL;
    }
    return __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
    if (fails("alloc")) {
        errno = ENOMEM;
        return NULL;
    }
    return __libc_realloc(p, n);
}

void *aligned_alloc(size_t align, size_t n)
{
    if (fails("alloc")) {
        errno = ENOMEM;
        return NULL;
    }
    return __libc_memalign(align, n);
}

ssize_t read(int fd, void *p, size_t n)
{
    REAL(ssize_t, read, int, void *, size_t);
    return fails("read") ? -1 : real(fd, p, is_short() && n > 1 ? 1 : n);
}

ssize_t pread(int fd, void *p, size_t n, off_t at)
{
    REAL(ssize_t, pread, int, void *, size_t, off_t);
    return fails("read") ? -1 : real(fd, p, n, at);
}

ssize_t pread64(int fd, void *p, size_t n, off_t at)
{
    return pread(fd, p, n, at);
}

ssize_t write(int fd, const void *p, size_t n)
{
    REAL(ssize_t, write, int, const void *, size_t);
    if (fd == 2) /* the message about the fault must come through */
        return real(fd, p, n);
    return fails("write") ? -1 : real(fd, p, is_short() && n > 1 ? 1 : n);
}

ssize_t writev(int fd, const struct iovec *v, int n)
{
    REAL(ssize_t, writev, int, const struct iovec *, int);
    if (is_short() && n > 1)
        n = 1;
    return fails("write") ? -1 : real(fd, v, n);
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
    REAL(ssize_t, pwrite, int, const void *, size_t, off_t);
    return fails("write") ? -1 : real(fd, p, n, at);
}

ssize_t pwrite64(int fd, const void *p, size_t n, off_t at)
{
    return pwrite(fd, p, n, at);
}

int fsync(int fd)
{
    REAL(int, fsync, int);
    return fails("fsync") ? -1 : real(fd);
}

int rename(const char *from, const char *to)
{
    REAL(int, rename, const char *, const char *);
    return fails("rename") ? -1 : real(from, to);
}

int open(const char *path, int flags, ...)
{
    REAL(int, open, const char *, int, ...);
    va_list args;
    va_start(args, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
    va_end(args);
    return fails("open") ? -1 : real(path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(args, mode_t) : 0;
    va_end(args);
    return open(path, flags, mode);
}
