/* Folders, temporaries and locks of os.h. */
#include "os.h"

#include "buf.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- folders ---- */

static int entry_order(const void *a, const void *b)
{
    return strcmp(((const struct os_entry *)a)->name, ((const struct os_entry *)b)->name);
}

static void entry_type(DIR *dir, const struct dirent *d, struct os_entry *e)
{
    unsigned char type = d->d_type;
    struct stat st;

    if (type == DT_UNKNOWN && fstatat(dirfd(dir), d->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0)
        type = S_ISDIR(st.st_mode)   ? DT_DIR
               : S_ISREG(st.st_mode) ? DT_REG
               : S_ISLNK(st.st_mode) ? DT_LNK
                                     : DT_UNKNOWN;
    e->is_link = type == DT_LNK;
    if (e->is_link && fstatat(dirfd(dir), d->d_name, &st, 0) == 0)
        type = S_ISDIR(st.st_mode) ? DT_DIR : S_ISREG(st.st_mode) ? DT_REG : DT_UNKNOWN;
    e->is_dir = type == DT_DIR;
    e->is_file = type == DT_REG;
}

bool os_list_dir(const char *path, struct os_entry **entries, ptrdiff_t *count, struct err *err)
{
    struct os_entry *list = NULL;
    ptrdiff_t n = 0, cap = 0;
    DIR *dir = os_fault_now("opendir") ? NULL : opendir(path);

    *entries = NULL;
    *count = 0;
    if (!dir)
        return err_sys(err, ERR_NOINPUT, errno, "cannot read folder %s", ERR_QUOTE(slice_of(path)));
    for (;;) {
        errno = 0;
        const struct dirent *d = readdir(dir);
        if (!d)
            break;
        if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
            continue;
        if (n == cap) {
            cap = MAX(64, cap * 2);
            list = realloc(list, (size_t)cap * sizeof *list);
            if (!list)
                mem_oom();
        }
        list[n] = (struct os_entry){ .name = strdup(d->d_name) };
        if (!list[n].name)
            mem_oom();
        entry_type(dir, d, &list[n++]);
    }
    int e = errno;
    closedir(dir);
    if (e) {
        os_list_free(list, n);
        return err_sys(err, ERR_IO, e, "cannot read folder %s", ERR_QUOTE(slice_of(path)));
    }
    if (n)
        qsort(list, (size_t)n, sizeof *list, entry_order);
    *entries = list;
    *count = n;
    return true;
}

void os_list_free(struct os_entry *entries, ptrdiff_t count)
{
    for (ptrdiff_t i = 0; i < count; i++)
        free((char *)entries[i].name);
    free(entries);
}

/* ---- temporaries ---- */

/* Fixed so that os_temp_unlink_all may walk it in a signal handler: a slot's path is published
 * after the file exists and withdrawn before its memory is freed. */
#define TEMP_MAX 64
static char *volatile temp_paths[TEMP_MAX];
static volatile int temp_serial;

static int temp_register(char *path)
{
    for (int i = 0; i < TEMP_MAX; i++) {
        char *empty = NULL;
        if (__atomic_compare_exchange_n(&temp_paths[i], &empty, path, false, __ATOMIC_SEQ_CST,
                                        __ATOMIC_SEQ_CST))
            return i;
    }
    return -1;
}

void os_temp_unlink_all(void)
{
    for (int i = 0; i < TEMP_MAX; i++) {
        char *path = __atomic_exchange_n(&temp_paths[i], NULL, __ATOMIC_SEQ_CST);
        if (path)
            unlink(path);
    }
}

bool os_temp_create(struct os_temp *t, const char *target, bool force, struct err *err)
{
    const char *slash = strrchr(target, '/');
    int dir_len = slash ? (int)(slash - target) + 1 : 0;
    struct stat st;
    char *path = NULL;

    *t = (struct os_temp){ .fd = -1, .slot = -1 };
    if (!force && lstat(target, &st) == 0)
        return err_set(err, ERR_CANTCREAT, "%s exists: use --force to replace it",
                       ERR_QUOTE(slice_of(target)));
    if (stat(target, &st) == 0 && S_ISDIR(st.st_mode))
        return err_sys(err, ERR_CANTCREAT, EISDIR, "cannot create %s", ERR_QUOTE(slice_of(target)));
    /* What may find no memory comes before the file: nothing is left behind that nobody knows of. */
    t->target = strdup(target);
    if (!t->target)
        mem_oom();
    for (int tries = 0; tries < 1000 && t->fd < 0; tries++) {
        free(path);
        int serial = __atomic_fetch_add(&temp_serial, 1, __ATOMIC_RELAXED);
        if (asprintf(&path, "%.*s.%s.%d-%d.tmp", dir_len, target, target + dir_len, (int)getpid(),
                     serial) < 0)
            mem_oom();
        t->fd = os_fault_now("open") ? -1 : open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        if (t->fd < 0 && errno != EEXIST)
            break;
    }
    if (t->fd < 0) {
        err_sys(err, ERR_CANTCREAT, errno, "cannot create %s", ERR_QUOTE(slice_of(target)));
        free(path);
        free(t->target);
        t->target = NULL;
        return false;
    }
    t->path = path;
    t->slot = temp_register(path);
    if (t->slot < 0) {
        os_temp_discard(t);
        return err_set(err, ERR_CANTCREAT, "more than %d output files at once", TEMP_MAX);
    }
    return true;
}

bool os_make_private(int fd, const char *name, struct err *err)
{
    if (os_fault_now("fchmod") || fchmod(fd, 0600) != 0)
        return err_sys(err, ERR_CANTCREAT, errno, "cannot protect %s", ERR_QUOTE(slice_of(name)));
    return true;
}

static void temp_forget(struct os_temp *t)
{
    if (t->slot >= 0)
        __atomic_store_n(&temp_paths[t->slot], NULL, __ATOMIC_SEQ_CST);
    free(t->path);
    free(t->target);
    *t = (struct os_temp){ .fd = -1, .slot = -1 };
}

bool os_temp_commit(struct os_temp *t, struct err *err)
{
    bool ok = os_fsync(t->fd, t->target, err);
    int fd = t->fd;

    t->fd = -1;
    ok = os_close(fd, t->target, ok ? err : NULL) && ok;
    ok = ok && os_rename(t->path, t->target, err);
    if (!ok) {
        os_temp_discard(t);
        return false;
    }
    temp_forget(t);
    return true;
}

void os_temp_discard(struct os_temp *t)
{
    os_close_quiet(t->fd);
    if (t->path)
        unlink(t->path);
    temp_forget(t);
}

int os_temp_anonymous(struct err *err)
{
    const char *dir = os_env("TMPDIR");
    char path[4096];

    if (!dir)
        dir = "/tmp";
    int fd = os_fault_now("open") ? -1 : open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT)) {
        /* A file system without O_TMPFILE. */
        snprintf(path, sizeof path, "%s/millrace-XXXXXX", dir);
        fd = mkostemp(path, O_CLOEXEC);
        if (fd >= 0)
            unlink(path);
    }
    if (fd < 0)
        err_sys(err, ERR_CANTCREAT, errno, "cannot create a temporary file in %s",
                ERR_QUOTE(slice_of(dir)));
    return fd;
}

int os_lock(const char *path, struct err *err)
{
    int fd = os_fault_now("open") ? -1 : open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);

    if (fd < 0) {
        err_sys(err, ERR_CANTCREAT, errno, "cannot create %s", ERR_QUOTE(slice_of(path)));
        return -1;
    }
    if (os_fault_now("flock") || flock(fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK)
            err_set(err, ERR_TEMPFAIL, "%s is locked by another process: try again when it is done",
                    ERR_QUOTE(slice_of(path)));
        else
            err_sys(err, ERR_IO, errno, "cannot lock %s", ERR_QUOTE(slice_of(path)));
        close(fd);
        return -1;
    }
    return fd;
}
