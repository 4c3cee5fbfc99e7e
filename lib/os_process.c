/* Other processes of os.h: run to the end, or driven through pipes. */
#include "os.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static int64_t timeval_ns(struct timeval t)
{
    return (int64_t)t.tv_sec * 1000000000 + (int64_t)t.tv_usec * 1000;
}

/* in, out: descriptors that become stdin and stdout, or -1. */
static bool spawn_start(const struct os_spawn *s, int in, int out, pid_t *pid, struct err *err)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t all, none;
    char **env = environ;

    posix_spawn_file_actions_init(&files);
    if (in >= 0)
        posix_spawn_file_actions_adddup2(&files, in, 0);
    else if (s->stdin_path)
        posix_spawn_file_actions_addopen(&files, 0, s->stdin_path, O_RDONLY, 0);
    if (out >= 0)
        posix_spawn_file_actions_adddup2(&files, out, 1);
    else if (s->stdout_path)
        posix_spawn_file_actions_addopen(&files, 1, s->stdout_path, O_WRONLY | O_CREAT | O_TRUNC,
                                         0666);
    if (s->stderr_path)
        posix_spawn_file_actions_addopen(&files, 2, s->stderr_path, O_WRONLY | O_CREAT | O_TRUNC,
                                         0666);
    if (s->stdout_to_stderr)
        posix_spawn_file_actions_adddup2(&files, 2, 1);
    posix_spawnattr_init(&attr);
    sigfillset(&all);
    sigemptyset(&none);
    posix_spawnattr_setsigdefault(&attr, &all);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    if (s->env_add) {
        ptrdiff_t n = 0, more = 0;
        while (environ && environ[n])
            n++;
        while (s->env_add[more])
            more++;
        env = calloc((size_t)(n + more + 1), sizeof *env);
        if (!env)
            mem_oom();
        /* The additions come first: getenv finds the first. */
        for (ptrdiff_t i = 0; i < more; i++)
            env[i] = (char *)s->env_add[i];
        for (ptrdiff_t i = 0; i < n; i++)
            env[more + i] = environ[i];
    }
    int e = os_fault_now("spawn") ? errno : 0;
    if (!e)
        e = posix_spawnp(pid, s->argv[0], &files, &attr, (char *const *)s->argv, env);
    if (env != environ)
        free(env);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attr);
    return e == 0 || err_sys(err, ERR_CHILD, e, "cannot run %s", ERR_QUOTE(slice_of(s->argv[0])));
}

static bool wait_end(const char *name, pid_t pid, int64_t start, struct os_usage *usage,
                     struct err *err)
{
    struct rusage u;
    int status;

    while (wait4(pid, &status, 0, &u) < 0) {
        if (errno != EINTR)
            return err_sys(err, ERR_OS, errno, "waiting for %s", name);
        if (os_stopped())
            kill(pid, SIGTERM);
    }
    *usage = (struct os_usage){
        .wall_ns = os_now_ns() - start,
        .user_ns = timeval_ns(u.ru_utime),
        .sys_ns = timeval_ns(u.ru_stime),
        .max_rss_bytes = (int64_t)u.ru_maxrss * 1024,
        .minor_faults = u.ru_minflt,
        .major_faults = u.ru_majflt,
        .voluntary_switches = u.ru_nvcsw,
        .involuntary_switches = u.ru_nivcsw,
        .exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status),
    };
    return true;
}

bool os_run(const struct os_spawn *spawn, struct os_usage *usage, struct err *err)
{
    pid_t pid;
    int64_t start = os_now_ns();

    return spawn_start(spawn, -1, -1, &pid, err) &&
           wait_end(spawn->argv[0], pid, start, usage, err);
}

/* ---- a child with pipes ---- */

bool os_child_start(struct os_child *c, const struct os_spawn *spawn, struct err *err)
{
    int to[2] = { -1, -1 }, from[2] = { -1, -1 };
    bool ok = false;

    *c = (struct os_child){ .pid = -1, .in = -1, .out = -1, .name = spawn->argv[0] };
    if (os_fault_now("pipe") || pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0) {
        err_sys(err, ERR_OS, errno, "pipe");
    } else {
        c->start_ns = os_now_ns();
        ok = spawn_start(spawn, to[0], from[1], &c->pid, err);
    }
    os_close_quiet(to[0]);
    os_close_quiet(from[1]);
    if (!ok) {
        os_close_quiet(to[1]);
        os_close_quiet(from[0]);
        c->pid = -1;
        return false;
    }
    c->in = to[1];
    c->out = from[0];
    fcntl(c->in, F_SETFL, O_NONBLOCK);
    fcntl(c->out, F_SETFL, O_NONBLOCK);
    return true;
}

unsigned os_child_poll(const struct os_child *c, bool want_write, int64_t deadline_ns)
{
    struct pollfd p[2] = { { .fd = c->out, .events = POLLIN },
                           { .fd = want_write ? c->in : -1, .events = POLLOUT } };
    struct timespec wait = { 0 };

    if (deadline_ns >= 0) {
        int64_t left = MAX(deadline_ns - os_now_ns(), 0);
        wait = (struct timespec){ left / 1000000000, left % 1000000000 };
    }
    if (ppoll(p, 2, deadline_ns >= 0 ? &wait : NULL, NULL) <= 0)
        return 0;
    return (p[0].revents ? OS_CHILD_READABLE : 0) | (p[1].revents ? OS_CHILD_WRITABLE : 0);
}

ptrdiff_t os_child_write(struct os_child *c, slice s, struct err *err)
{
    for (;;) {
        ssize_t n = os_fault_now("write") ? -1 : write(c->in, s.ptr, (size_t)s.len);
        if (n >= 0)
            return n;
        if (errno == EAGAIN)
            return 0;
        if (errno == EINTR && !os_stopped())
            continue;
        if (os_stopped())
            err_set(err, ERR_STOP, "stopped by signal %d", os_stopped());
        else
            err_sys(err, ERR_CHILD, errno, "writing to %s", ERR_QUOTE(slice_of(c->name)));
        return -1;
    }
}

ptrdiff_t os_child_read(struct os_child *c, char *dst, ptrdiff_t size, bool *end, struct err *err)
{
    *end = false;
    for (;;) {
        ssize_t n = os_fault_now("read") ? -1 : read(c->out, dst, (size_t)size);
        if (n >= 0) {
            *end = n == 0;
            return n;
        }
        if (errno == EAGAIN)
            return 0;
        if (errno == EINTR && !os_stopped())
            continue;
        if (os_stopped())
            err_set(err, ERR_STOP, "stopped by signal %d", os_stopped());
        else
            err_sys(err, ERR_CHILD, errno, "reading from %s", ERR_QUOTE(slice_of(c->name)));
        return -1;
    }
}

void os_child_close_input(struct os_child *c)
{
    os_close_quiet(c->in);
    c->in = -1;
}

void os_child_kill(const struct os_child *c, int signal_number)
{
    if (c->pid > 0)
        kill(c->pid, signal_number);
}

bool os_child_finish(struct os_child *c, struct os_usage *usage, struct err *err)
{
    pid_t pid = c->pid;

    os_close_quiet(c->in);
    os_close_quiet(c->out);
    c->in = c->out = -1;
    c->pid = -1;
    return pid < 0 || wait_end(c->name, pid, c->start_ns, usage, err);
}
