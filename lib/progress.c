#include "progress.h"

#include "log.h"
#include "os.h"

#include <stdio.h>

#define PERIOD_NS   200000000 /* five lines a second */
#define ETA_FROM_NS 1000000000

/* "1,204,331" */
static const char *grouped(char dst[32], int64_t n)
{
    char digits[24];
    int len = snprintf(digits, sizeof digits, "%lld", (long long)n), at = 0;

    for (int i = 0; i < len; i++) {
        if (i > 0 && digits[i - 1] != '-' && (len - i) % 3 == 0)
            dst[at++] = ',';
        dst[at++] = digits[i];
    }
    dst[at] = '\0';
    return dst;
}

/* "0:41", "1:02:03" */
static const char *clock_text(char dst[32], double seconds)
{
    long long s = (long long)(seconds + 0.5);

    if (s >= 3600)
        snprintf(dst, 32, "%lld:%02lld:%02lld", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(dst, 32, "%lld:%02lld", s / 60, s % 60);
    return dst;
}

void progress_init(struct progress *p, bool shown, volatile int *status_request)
{
    int64_t now = os_now_ns();

    *p = (struct progress){
        .shown = shown, .start_ns = now, .last_ns = now, .status_request = status_request
    };
}

const char *progress_format(char *dst, ptrdiff_t size, const struct progress_state *s,
                            int64_t elapsed_ns)
{
    char a[32], b[32], text[320];
    double seconds = (double)elapsed_ns / 1e9;
    size_t at =
        (size_t)snprintf(text, sizeof text, "%s in, %s out", grouped(a, s->in), grouped(b, s->out));

    if (s->dropped)
        at += (size_t)snprintf(text + at, sizeof text - at, ", %s dropped", grouped(a, s->dropped));
    if (s->rejected)
        at +=
            (size_t)snprintf(text + at, sizeof text - at, ", %s rejected", grouped(a, s->rejected));
    if (seconds > 0) {
        double rate = (double)s->bytes_in / 1e6 / seconds;
        at += (size_t)snprintf(text + at, sizeof text - at, ", %.*f MB/s", rate < 10, rate);
    }
    if (s->raw_total > 0) {
        double share = MIN((double)s->raw_bytes / (double)s->raw_total, 1.0);
        at += (size_t)snprintf(text + at, sizeof text - at, ", %.0f %%", share * 100);
        /* A rate measured over less than a second promises nothing. */
        if (share > 0 && elapsed_ns >= ETA_FROM_NS)
            snprintf(text + at, sizeof text - at, ", %s left",
                     clock_text(a, seconds * (1 - share) / share));
    }
    snprintf(dst, (size_t)size, "%s", text);
    return dst;
}

void progress_update(struct progress *p, const struct progress_state *s)
{
    bool asked = p->status_request && *p->status_request;
    char line[320];

    if (!p->shown && !asked)
        return;
    int64_t now = os_now_ns();
    if (asked) {
        *p->status_request = 0;
        log_notice("%s", progress_format(line, sizeof line, s, now - p->start_ns));
    }
    if (p->shown && now - p->last_ns >= PERIOD_NS) {
        p->last_ns = now;
        log_status(progress_format(line, sizeof line, s, now - p->start_ns));
    }
}

void progress_end(struct progress *p)
{
    if (p->shown)
        log_status_clear();
    p->shown = false;
}
