/* os.h: every system call that millrace makes, and nothing else.
 *
 * Calls retry EINTR, return bool or a count and fill `struct err` with the class that the exit code
 * table gives them; `name` is only for the message. Tests set `os_fault` to make the nth call of a
 * kind fail: it is asked before every call with the call's name and returns 0 or the errno to fail
 * with.
 *
 * Stopping: the signal handlers of app.c call os_stop(); os_wait_readable() then returns at once
 * and os_stopped() is true. Whoever reads input looks at it and ends as if the input had ended,
 * with ERR_STOP.
 *
 * Temporaries: os_temp_create() registers the file; os_temp_commit() fsyncs, renames and syncs the
 * folder; os_temp_discard() unlinks. os_temp_unlink_all() is async-signal-safe and is what the
 * fatal paths call.
 */
#ifndef OS_H
#define OS_H

#include "err.h"

#include <sys/types.h>

extern int (*os_fault)(const char *call);
/* For the files of this module: true, with errno set, when this call is to fail. */
bool os_fault_now(const char *call);

/* ---- files ---- */
/* fd or -1. Missing, unreadable or a folder: ERR_NOINPUT. */
int os_open_read(const char *path, struct err *err);
/* Fails with ERR_CANTCREAT when it exists and !force. */
int os_open_write(const char *path, bool force, bool append, struct err *err);
/* Bytes read, 0 at the end, -1 on failure (ERR_IO; ERR_STOP after os_stop()). Reads what is there,
 * at most `size`. */
ptrdiff_t os_read(int fd, const char *name, char *dst, ptrdiff_t size, struct err *err);
/* Reads exactly size bytes at offset; a short file is ERR_DATA "ends at byte N". */
bool os_pread_full(int fd, const char *name, void *dst, ptrdiff_t size, int64_t offset,
                   struct err *err);
/* Writes everything. EPIPE is ERR_PIPE, anything else ERR_IO. */
bool os_write_all(int fd, const char *name, slice s, struct err *err);
bool os_writev_all(int fd, const char *name, const slice *parts, ptrdiff_t count, struct err *err);
bool os_pwrite_all(int fd, const char *name, slice s, int64_t offset, struct err *err);
bool os_fsync(int fd, const char *name, struct err *err);
bool os_close(int fd, const char *name, struct err *err);
void os_close_quiet(int fd);
bool os_unlink(const char *path, struct err *err);
bool os_rename(const char *from, const char *to,
               struct err *err); /* and syncs the folder of `to` */
bool os_mkdir(const char *path, bool *existed, struct err *err);
bool os_sync_dir(const char *path, struct err *err);
bool os_truncate(int fd, const char *name, int64_t size, struct err *err);

struct os_stat {
    bool exists, is_dir, is_file, is_pipe, is_tty;
    int64_t size;
    uint64_t device, inode;
    int64_t mtime_ns;
};
/* A missing file is not a failure: exists is false. */
bool os_stat(const char *path, struct os_stat *st, struct err *err);
bool os_fstat(int fd, struct os_stat *st, struct err *err);
/* Free bytes on the file system that holds `path`. */
bool os_free_bytes(const char *path, int64_t *bytes, struct err *err);

/* Entry names of a folder in byte order, without "." and "..". *names is one allocation for
 * os_list_free. */
struct os_entry {
    const char *name;
    bool is_dir, is_file, is_link;
};
bool os_list_dir(const char *path, struct os_entry **entries, ptrdiff_t *count, struct err *err);
void os_list_free(struct os_entry *entries, ptrdiff_t count);

/* Read-only mapping of a whole file (weights, vocabularies: files that do not change while we
 * run). An empty file maps to a valid empty slice. */
bool os_map(const char *path, slice *bytes, struct err *err);
void os_unmap(slice bytes);

/* mem_big_new() of base.h gives huge pages from here on. Before any thread. */
void os_big_pages(void);

/* A whole small file (at most max_bytes, else ERR_CONFIG) into malloc'd memory with RECORD_PADDING
 * readable bytes and a NUL after it; free with os_free. "-" is stdin. */
bool os_slurp(const char *path, ptrdiff_t max_bytes, slice *bytes, struct err *err);
void os_free(slice bytes);

/* ---- temporaries and locks ---- */
struct os_temp {
    int fd;
    char *path;   /* the temporary's */
    char *target; /* where commit renames it to */
    int slot;     /* in the table of os_temp_unlink_all */
};
/* In the folder of target, name ".target.PID-N.tmp". Exists and !force: ERR_CANTCREAT. */
bool os_temp_create(struct os_temp *t, const char *target, bool force, struct err *err);
bool os_temp_commit(struct os_temp *t, struct err *err);
void os_temp_discard(struct os_temp *t);
/* Only the owner may read and write the file from now on (mode 0600). */
bool os_make_private(int fd, const char *name, struct err *err);
/* An unlinked file in $TMPDIR (or /tmp) for spooling; fd or -1. */
int os_temp_anonymous(struct err *err);
void os_temp_unlink_all(void);

/* fd that holds an exclusive lock on `path` (created), or -1: ERR_TEMPFAIL when another has it. */
int os_lock(const char *path, struct err *err);

/* ---- waiting and stopping ---- */
void os_stop(int signal_number); /* async-signal-safe; 0: a failed stage ends the reading */
void os_resume(void);            /* takes back os_stop(0), never a signal */
int os_stopped(void);            /* the signal's number, 0 while running, -1 after os_stop(0) */
/* True when a read would not block (data, end or error). timeout_ms -1 waits; os_stop() ends it. */
bool os_wait_readable(int fd, int timeout_ms);

/* ---- machine ---- */
/* Large blocks go back to the system when they are freed: glibc otherwise learns to keep them. */
void os_memory_setup(void);
int64_t os_now_ns(void); /* monotonic */
int64_t os_unix_ms(void);
/* CPUs for us: min(affinity, cgroup quota rounded down), at least 1. */
int os_cpu_count(void);
bool os_is_tty(int fd);
int64_t os_peak_rss_bytes(void);
double os_cpu_seconds(void); /* user + system of this process */
/* What tells one machine from another when timings are compared. "" when unknown. */
struct os_host {
    char kernel[72], arch[72], governor[72];
    int64_t memory_bytes;
};
void os_host(struct os_host *host);
const char *os_env(const char *name);       /* NULL when unset or empty */
bool os_exe_dir(char *dst, ptrdiff_t size); /* folder of the running executable */

/* ---- the process itself (app.c) ---- */
/* Closed standard descriptors are opened so that using them fails and no file gets their number;
 * SIGPIPE becomes EPIPE; SIGINT, SIGTERM, SIGHUP call os_stop, a second one removes temporaries and
 * kills; SIGUSR1 sets *status_request. */
void os_process_setup(volatile int *status_request);
/* Removes temporaries and dies of the signal, with its default action. Returns only if it cannot. */
void os_die_of_signal(int signal_number);
ATTR_NORETURN void os_exit_now(int code); /* _exit: no handlers, any thread */

/* ---- processes (bench, --convert) ---- */
struct os_usage {
    int64_t wall_ns, user_ns, sys_ns, max_rss_bytes, minor_faults, major_faults;
    int64_t voluntary_switches, involuntary_switches;
    int exit_code; /* 128+n when killed by signal n */
};
struct os_spawn {
    const char *const *argv;                            /* NULL-terminated, found by PATH */
    const char *stdin_path, *stdout_path, *stderr_path; /* NULL: inherit */
    bool stdout_to_stderr;                              /* stdout goes where stderr goes */
    const char *const *env_add; /* "NAME=value", NULL-terminated; NULL: none */
};
/* Runs a command to its end with default signal dispositions. Not startable: ERR_CHILD. */
bool os_run(const struct os_spawn *spawn, struct os_usage *usage, struct err *err);

/* A child whose stdin and stdout are pipes of ours, and nobody blocks: one thread can keep both
 * sides busy. stdin_path and stdout_path of the spawn have no effect. */
struct os_child {
    int pid, in, out; /* in: we write, out: we read; -1 closed */
    int64_t start_ns;
    const char *name;
};
enum { OS_CHILD_READABLE = 1, OS_CHILD_WRITABLE = 2 };

bool os_child_start(struct os_child *c, const struct os_spawn *spawn, struct err *err);
/* What can be done now: waits until there is something, until deadline_ns (os_now_ns; -1: none) or a
 * signal. An end or a broken pipe counts as something: the next call tells. */
unsigned os_child_poll(const struct os_child *c, bool want_write, int64_t deadline_ns);
/* Bytes that went, 0 when the pipe is full or empty; -1: ERR_CHILD (it went away) or ERR_STOP. */
ptrdiff_t os_child_write(struct os_child *c, slice s, struct err *err);
ptrdiff_t os_child_read(struct os_child *c, char *dst, ptrdiff_t size, bool *end, struct err *err);
void os_child_close_input(struct os_child *c); /* its end of file */
void os_child_kill(const struct os_child *c, int signal_number);
/* Closes the pipes and waits for its end. Once started, every child is finished. */
bool os_child_finish(struct os_child *c, struct os_usage *usage, struct err *err);

#endif
