#include "os.h"

#include "buf.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/uio.h>
#include <unistd.h>

int (*os_fault)(const char *call);

bool os_fault_now(const char *call)
{
    int e = os_fault ? os_fault(call) : 0;

    if (e)
        errno = e;
    return e != 0;
}

/* ---- stopping ---- */

/* 0: running, n: signal n, -1: a later stage failed. Lock-free, so a signal handler may store it. */
static _Atomic int stop_flag;
/* Written by os_stop so that every poll() wakes; made on first use of os_wait_readable. */
static int stop_pipe[2] = { -1, -1 };

__attribute__((constructor)) static void stop_pipe_open(void)
{
    if (pipe2(stop_pipe, O_CLOEXEC | O_NONBLOCK) != 0) {
        stop_pipe[0] = stop_pipe[1] = -1;
        return;
    }
    /* A process that was started with a closed stdin must not read this pipe in its place. */
    for (int i = 0; i < 2; i++) {
        int low = stop_pipe[i];
        if (low > 2)
            continue;
        stop_pipe[i] = fcntl(low, F_DUPFD_CLOEXEC, 3);
        close(low);
    }
}

void os_stop(int signal_number)
{
    int saved = errno;

    stop_flag = signal_number ? signal_number : -1;
    if (stop_pipe[1] >= 0 && write(stop_pipe[1], "", 1) < 0)
        errno = saved; /* full: somebody was told already */
    errno = saved;
}

void os_resume(void)
{
    char bytes[64];

    if (stop_flag != -1)
        return;
    stop_flag = 0;
    while (read(stop_pipe[0], bytes, sizeof bytes) > 0)
        ;
    if (stop_flag) /* a signal came in between: its byte may be gone */
        os_stop(stop_flag);
}

int os_stopped(void)
{
    return stop_flag;
}

bool os_wait_readable(int fd, int timeout_ms)
{
    struct pollfd p[2] = { { .fd = fd, .events = POLLIN },
                           { .fd = stop_pipe[0], .events = POLLIN } };

    for (;;) {
        int n = stop_flag ? 0 : poll(p, 2, timeout_ms);
        if (n > 0)
            return p[0].revents != 0;
        if (n == 0 || errno != EINTR)
            return false;
        if (stop_flag)
            return false;
    }
}

/* ---- files ---- */

int os_open_read(const char *path, struct err *err)
{
    int fd = os_fault_now("open") ? -1 : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    struct stat st;

    if (fd < 0) {
        err_sys(err, ERR_NOINPUT, errno, "cannot open %s", ERR_QUOTE(slice_of(path)));
        return -1;
    }
    if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode)) {
        close(fd);
        err_sys(err, ERR_NOINPUT, EISDIR, "cannot read %s", ERR_QUOTE(slice_of(path)));
        return -1;
    }
    return fd;
}

int os_open_write(const char *path, bool force, bool append, struct err *err)
{
    int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | (append ? O_APPEND : 0);

    flags |= append ? 0 : force ? O_TRUNC : O_EXCL;
    int fd = os_fault_now("open") ? -1 : open(path, flags, 0666);
    if (fd < 0)
        err_sys(err, ERR_CANTCREAT, errno, "cannot create %s", ERR_QUOTE(slice_of(path)));
    return fd;
}

ptrdiff_t os_read(int fd, const char *name, char *dst, ptrdiff_t size, struct err *err)
{
    for (;;) {
        /* Waiting here and not in read(2): any thread may ask us to stop. */
        os_wait_readable(fd, -1);
        if (stop_flag) { /* before what there is to read: an interrupted pipeline ends everywhere at
                            once, and the writer's death must not look like the end of the data */
            err_set(err, ERR_STOP, "stopped by signal %d", stop_flag);
            return -1;
        }
        ssize_t n = os_fault_now("read") ? -1 : read(fd, dst, (size_t)size);
        if (n >= 0)
            return n;
        if (errno == EAGAIN) {
            os_wait_readable(fd, -1);
        } else if (errno != EINTR) {
            err_sys(err, ERR_IO, errno, "%s: read failed", name);
            return -1;
        }
    }
}

bool os_pread_full(int fd, const char *name, void *dst, ptrdiff_t size, int64_t offset,
                   struct err *err)
{
    char *to = dst;

    while (size > 0) {
        ssize_t n = os_fault_now("pread") ? -1 : pread(fd, to, (size_t)size, offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_sys(err, ERR_IO, errno, "%s: read failed", name);
        if (n == 0)
            return err_set(err, ERR_DATA, "%s: ends at byte %lld", name, (long long)offset);
        to += n;
        size -= n;
        offset += n;
    }
    return true;
}

static bool write_failed(const char *name, struct err *err)
{
    return err_sys(err, errno == EPIPE ? ERR_PIPE : ERR_IO, errno, "%s: write failed", name);
}

/* A descriptor that somebody made non-blocking (a shared tty, a socket) is waited for. */
static bool wait_writable(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLOUT };

    return poll(&p, 1, -1) > 0 || errno == EINTR;
}

bool os_write_all(int fd, const char *name, slice s, struct err *err)
{
    while (s.len > 0) {
        ssize_t n = os_fault_now("write") ? -1 : write(fd, s.ptr, (size_t)s.len);
        if (n < 0 && (errno == EINTR || (errno == EAGAIN && wait_writable(fd))))
            continue;
        if (n < 0)
            return write_failed(name, err);
        s = slice_from(s, n);
    }
    return true;
}

#define IOV_PER_CALL 256

bool os_writev_all(int fd, const char *name, const slice *parts, ptrdiff_t count, struct err *err)
{
    struct iovec iov[IOV_PER_CALL];
    ptrdiff_t at = 0, done = 0; /* done: bytes of parts[at] that are out */

    while (at < count) {
        int n = 0;
        for (ptrdiff_t i = at; i < count && n < IOV_PER_CALL; i++, n++) {
            ptrdiff_t skip = i == at ? done : 0;
            iov[n] = (struct iovec){ (char *)parts[i].ptr + skip, (size_t)(parts[i].len - skip) };
        }
        ssize_t wrote = os_fault_now("write") ? -1 : writev(fd, iov, n);
        if (wrote < 0 && (errno == EINTR || (errno == EAGAIN && wait_writable(fd))))
            continue;
        if (wrote < 0)
            return write_failed(name, err);
        for (; at < count && wrote >= parts[at].len - done; at++, done = 0)
            wrote -= parts[at].len - done;
        done += wrote;
    }
    return true;
}

bool os_pwrite_all(int fd, const char *name, slice s, int64_t offset, struct err *err)
{
    while (s.len > 0) {
        ssize_t n = os_fault_now("pwrite") ? -1 : pwrite(fd, s.ptr, (size_t)s.len, offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return write_failed(name, err);
        s = slice_from(s, n);
        offset += n;
    }
    return true;
}

bool os_fsync(int fd, const char *name, struct err *err)
{
    /* EINVAL, ENOTSUP: something that has no disk behind it (a pipe, some network folders). */
    if (!os_fault_now("fsync") && (fsync(fd) == 0 || errno == EINVAL || errno == ENOTSUP))
        return true;
    return err_sys(err, ERR_IO, errno, "%s: fsync failed", name);
}

bool os_close(int fd, const char *name, struct err *err)
{
    bool failed = os_fault_now("close");
    int e = errno;

    if (close(fd) != 0 && errno != EINTR) {
        failed = true;
        e = errno;
    }
    return !failed || err_sys(err, ERR_IO, e, "%s: close failed", name);
}

void os_close_quiet(int fd)
{
    if (fd >= 0)
        close(fd);
}

bool os_unlink(const char *path, struct err *err)
{
    if (!os_fault_now("unlink") && (unlink(path) == 0 || errno == ENOENT))
        return true;
    return err_sys(err, ERR_IO, errno, "cannot remove %s", ERR_QUOTE(slice_of(path)));
}

/* The folder part of a path, malloc'd: "." when there is none. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *dir = !slash ? strdup(".") : strndup(path, slash == path ? 1 : (size_t)(slash - path));

    if (!dir)
        mem_oom();
    return dir;
}

bool os_sync_dir(const char *path, struct err *err)
{
    int fd = os_fault_now("open") ? -1 : open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return err_sys(err, ERR_IO, errno, "cannot open %s", ERR_QUOTE(slice_of(path)));
    bool ok = os_fsync(fd, path, err);
    close(fd);
    return ok;
}

bool os_rename(const char *from, const char *to, struct err *err)
{
    if (os_fault_now("rename") || rename(from, to) != 0)
        return err_sys(err, ERR_CANTCREAT, errno, "cannot rename to %s", ERR_QUOTE(slice_of(to)));
    char *dir = folder_of(to);
    bool ok = os_sync_dir(dir, err);
    free(dir);
    return ok;
}

bool os_mkdir(const char *path, bool *existed, struct err *err)
{
    struct stat st;

    *existed = false;
    if (!os_fault_now("mkdir") && mkdir(path, 0777) == 0)
        return true;
    int e = errno;
    if (e == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
        *existed = true;
        return true;
    }
    return err_sys(err, ERR_CANTCREAT, e, "cannot create folder %s", ERR_QUOTE(slice_of(path)));
}

bool os_truncate(int fd, const char *name, int64_t size, struct err *err)
{
    if (!os_fault_now("ftruncate") && ftruncate(fd, size) == 0)
        return true;
    return err_sys(err, ERR_IO, errno, "%s: cannot truncate", name);
}

static void stat_fill(struct os_stat *out, const struct stat *st)
{
    *out = (struct os_stat){
        .exists = true,
        .is_dir = S_ISDIR(st->st_mode),
        .is_file = S_ISREG(st->st_mode),
        .is_pipe = S_ISFIFO(st->st_mode) || S_ISSOCK(st->st_mode),
        .is_tty = S_ISCHR(st->st_mode),
        .size = st->st_size,
        .device = st->st_dev,
        .inode = st->st_ino,
        .mtime_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec,
    };
}

bool os_stat(const char *path, struct os_stat *out, struct err *err)
{
    struct stat st;

    *out = (struct os_stat){ 0 };
    if (os_fault_now("stat") || stat(path, &st) != 0)
        return errno == ENOENT || errno == ENOTDIR ||
               err_sys(err, ERR_NOINPUT, errno, "cannot look at %s", ERR_QUOTE(slice_of(path)));
    stat_fill(out, &st);
    return true;
}

bool os_fstat(int fd, struct os_stat *out, struct err *err)
{
    struct stat st;

    *out = (struct os_stat){ 0 };
    if (os_fault_now("stat") || fstat(fd, &st) != 0)
        return err_sys(err, ERR_IO, errno, "fstat failed");
    stat_fill(out, &st);
    out->is_tty = out->is_tty && isatty(fd);
    return true;
}

bool os_free_bytes(const char *path, int64_t *bytes, struct err *err)
{
    struct statvfs v;

    if (os_fault_now("statvfs") || statvfs(path, &v) != 0)
        return err_sys(err, ERR_IO, errno, "cannot look at %s", ERR_QUOTE(slice_of(path)));
    if (__builtin_mul_overflow((int64_t)v.f_bavail, (int64_t)v.f_frsize, bytes))
        *bytes = INT64_MAX;
    return true;
}

bool os_map(const char *path, slice *bytes, struct err *err)
{
    struct os_stat st;
    int fd = os_open_read(path, err);

    *bytes = SLICE("");
    if (fd < 0)
        return false;
    bool ok = os_fstat(fd, &st, err);
    if (ok && !st.is_file)
        ok = err_set(err, ERR_NOINPUT, "%s is not a regular file", ERR_QUOTE(slice_of(path)));
    if (ok && st.size > 0) {
        void *p = os_fault_now("mmap") ? MAP_FAILED
                                       : mmap(NULL, (size_t)st.size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (p == MAP_FAILED)
            ok = err_sys(err, errno == ENOMEM ? ERR_OS : ERR_IO, errno, "cannot map %s",
                         ERR_QUOTE(slice_of(path)));
        else
            *bytes = slice_make(p, st.size);
    }
    close(fd);
    return ok;
}

static void *big_alloc(size_t bytes)
{
    const size_t page = (size_t)2 << 20;
    size_t room = bytes + page;
    char *p = os_fault_now("mmap") ? MAP_FAILED
                                   : mmap(NULL, room, PROT_READ | PROT_WRITE,
                                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (p == MAP_FAILED)
        return NULL;
    /* Aligned to the page, the rest given back. */
    size_t skip = (page - (uintptr_t)p % page) % page, size = ALIGN_UP(bytes, (size_t)4096);
    if (skip)
        munmap(p, skip);
    munmap(p + skip + size, room - skip - size);
    madvise(p + skip, size, MADV_HUGEPAGE);
    return p + skip;
}

static void big_free(void *p, size_t bytes)
{
    if (p)
        munmap(p, ALIGN_UP(bytes, (size_t)4096));
}

void os_big_pages(void)
{
    static const struct mem_big hook = { big_alloc, big_free };
    base_set_big(&hook);
}

void os_unmap(slice bytes)
{
    if (bytes.len > 0)
        munmap((void *)bytes.ptr, (size_t)bytes.len);
}

bool os_slurp(const char *path, ptrdiff_t max_bytes, slice *bytes, struct err *err)
{
    bool is_stdin = strcmp(path, "-") == 0;
    int fd = is_stdin ? 0 : os_open_read(path, err);
    struct buf b = BUF_INIT(max_bytes + 1);
    struct os_stat st;
    ptrdiff_t n = 0;

    if (fd < 0)
        return false;
    if (os_fstat(fd, &st, NULL) && st.is_file && st.size > 0 && st.size <= max_bytes)
        buf_reserve(&b, st.size + 1);
    else
        buf_reserve(&b, 1);
    for (;;) {
        if (b.len == b.cap && !buf_reserve(&b, MIN(MAX(b.cap, 4096), max_bytes + 1 - b.len)))
            break;
        n = os_read(fd, path, b.ptr + b.len, b.cap - b.len, err);
        if (n <= 0)
            break;
        b.len += n;
        if (b.len > max_bytes)
            break;
    }
    if (!is_stdin)
        close(fd);
    if (n >= 0 && b.len > max_bytes)
        err_set(err, ERR_CONFIG, "%s: larger than %td bytes", path, max_bytes);
    if (n < 0 || b.len > max_bytes) {
        buf_release(&b);
        return false;
    }
    memset(b.ptr + b.len, 0, RECORD_PADDING);
    *bytes = buf_slice(&b);
    return true;
}

void os_free(slice bytes)
{
    free((void *)bytes.ptr);
}
