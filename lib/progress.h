/* progress.h: one line on stderr, at most five times a second, only when it is shown at all.
 *
 * The commit thread calls progress_update freely; it looks at the clock only every so many calls.
 * SIGUSR1 (os_status_requested) prints one status line whether or not progress is shown.
 *
 *     dedup: 1,204,331 in, 1,101,220 out, 812 MB/s, 37 %, 0:41 left
 */
#ifndef PROGRESS_H
#define PROGRESS_H

#include "base.h"

struct progress {
    bool shown;
    int64_t start_ns, last_ns;
    volatile int *status_request; /* set by SIGUSR1; NULL: none */
};

struct progress_state {
    int64_t in, out, dropped, rejected, bytes_in;
    int64_t raw_bytes, raw_total; /* raw_total -1: unknown */
};

void progress_init(struct progress *p, bool shown, volatile int *status_request);
void progress_update(struct progress *p, const struct progress_state *s);
void progress_end(struct progress *p); /* erases the line */
/* The line itself, for the summary and SIGUSR1; returns dst. */
const char *progress_format(char *dst, ptrdiff_t size, const struct progress_state *s,
                            int64_t elapsed_ns);

#endif
