/* The machine and other processes: clocks, CPUs, memory, os_run of os.h. */
#include "os.h"

#include "buf.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

void os_memory_setup(void)
{
#ifdef M_MMAP_THRESHOLD
    mallopt(M_MMAP_THRESHOLD, 8 << 20);
    mallopt(M_TRIM_THRESHOLD, 16 << 20);
#endif
}

int64_t os_now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t os_unix_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

bool os_is_tty(int fd)
{
    return isatty(fd) == 1;
}

const char *os_env(const char *name)
{
    const char *v = getenv(name);

    return v && *v ? v : NULL;
}

/* A short /proc or /sys file as text, "" when it cannot be read. */
static const char *small_file(const char *path, char *dst, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, dst, size - 1);

    os_close_quiet(fd);
    dst[MAX(n, 0)] = '\0';
    return dst;
}

/* CPUs that a quota of the cgroup (v2 along the process's path, then v1) allows; INT_MAX: no quota.
 * An ancestor's quota binds too, so every level up to the root is looked at. */
static int quota_cpus(void)
{
    char text[4096], path[4400];
    int best = INT_MAX;
    long long quota, period;

    small_file("/proc/self/cgroup", text, sizeof text);
    char *v2 = strstr(text, "0::/");
    if (v2) {
        v2 += 3;
        v2[strcspn(v2, "\n")] = '\0';
        for (;;) {
            char limit[128];
            snprintf(path, sizeof path, "/sys/fs/cgroup%s/cpu.max", strcmp(v2, "/") ? v2 : "");
            if (sscanf(small_file(path, limit, sizeof limit), "%lld %lld", &quota, &period) == 2 &&
                period > 0)
                best = MIN(best, (int)MIN(quota / period, INT_MAX));
            char *slash = strrchr(v2, '/');
            if (!slash || v2[1] == '\0')
                break;
            slash[slash == v2] = '\0';
        }
    }
    char a[64], b[64];
    if (sscanf(small_file("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", a, sizeof a), "%lld", &quota) ==
            1 &&
        sscanf(small_file("/sys/fs/cgroup/cpu/cpu.cfs_period_us", b, sizeof b), "%lld", &period) ==
            1 &&
        quota > 0 && period > 0)
        best = MIN(best, (int)MIN(quota / period, INT_MAX));
    return best;
}

int os_cpu_count(void)
{
    cpu_set_t set;
    int n = 1;

    CPU_ZERO(&set);
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        n = CPU_COUNT(&set);
    else
        n = (int)sysconf(_SC_NPROCESSORS_ONLN);
    return MAX(1, MIN(n, quota_cpus()));
}

void os_host(struct os_host *host)
{
    struct utsname u;
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);

    *host = (struct os_host){ .memory_bytes = pages > 0 && page > 0 ? (int64_t)pages * page : 0 };
    if (uname(&u) == 0) {
        snprintf(host->kernel, sizeof host->kernel, "%s", u.release);
        snprintf(host->arch, sizeof host->arch, "%s", u.machine);
    }
    small_file("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", host->governor,
               sizeof host->governor);
    host->governor[strcspn(host->governor, "\n")] = '\0';
}

int64_t os_peak_rss_bytes(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (int64_t)u.ru_maxrss * 1024;
}

static int64_t timeval_ns(struct timeval t)
{
    return (int64_t)t.tv_sec * 1000000000 + (int64_t)t.tv_usec * 1000;
}

double os_cpu_seconds(void)
{
    struct rusage u;

    getrusage(RUSAGE_SELF, &u);
    return (double)(timeval_ns(u.ru_utime) + timeval_ns(u.ru_stime)) / 1e9;
}

bool os_exe_dir(char *dst, ptrdiff_t size)
{
    ssize_t n = readlink("/proc/self/exe", dst, (size_t)size - 1);

    if (n <= 0)
        return false;
    dst[n] = '\0';
    char *slash = strrchr(dst, '/');
    if (slash)
        *slash = '\0';
    return slash != NULL;
}

/* ---- the process itself ---- */

static volatile int *status_flag;

static void on_stop_signal(int sig)
{
    if (os_stopped())
        os_die_of_signal(sig);
    os_stop(sig);
}

static void on_status_signal(int sig)
{
    (void)sig;
    *status_flag = 1;
}

void os_process_setup(volatile int *status_request)
{
    struct sigaction ignore = { .sa_handler = SIG_IGN }, stop = { .sa_handler = on_stop_signal };
    struct sigaction status = { .sa_handler = on_status_signal, .sa_flags = SA_RESTART }, old;
    static const int stops[] = { SIGINT, SIGTERM, SIGHUP };

    /* Opened the wrong way round: a read of a closed stdin, a write to a closed stdout must fail. */
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd)
            os_exit_now(ERR_OS);
    status_flag = status_request;
    sigaction(SIGPIPE, &ignore, NULL);
    sigaction(SIGUSR1, &status, NULL);
    for (ptrdiff_t i = 0; i < countof(stops); i++) /* an inherited ignore (nohup) stays */
        if (sigaction(stops[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
            sigaction(stops[i], &stop, NULL);
}

void os_die_of_signal(int sig)
{
    struct sigaction dfl = { .sa_handler = SIG_DFL };
    sigset_t one;

    os_temp_unlink_all();
    sigaction(sig, &dfl, NULL);
    sigemptyset(&one);
    sigaddset(&one, sig);
    sigprocmask(SIG_UNBLOCK, &one, NULL);
    raise(sig);
}

void os_exit_now(int code)
{
    _exit(code);
}
