/* bench.h: what a benchmark is: samples of commands, a comparison, and their texts.
 *
 * bench_measure() runs one or two commands in rounds through a callback (so that tests can put a
 * synthetic clock behind it), bench_compare() gives the verdict, bench_format() prints table, JSON,
 * CSV or Markdown, bench_baseline() reads the JSON back, bench_words() splits a command's text.
 * Starting processes is the caller's business.
 *
 *     struct bench b = { .count = 2, .result = { { .command = "new" }, { .command = "old" } } };
 *     bench_measure(&b, &plan, run_once, self, &arena, &err);
 *     struct bench_gate gate = { .measure = BENCH_WALL, .margin = 0.05, .fail = true };
 *     bench_compare(&b, &b.result[1], true, &gate, &arena);
 *     bench_format(&b, BENCH_TABLE, &text, &arena);
 *
 * Pure but for the callback; one thread at a time; everything lives in the caller's arena.
 */
#ifndef BENCH_H
#define BENCH_H

#include "../buf.h"
#include "../err.h"
#include "stat.h"

#define BENCH_SCHEMA   1
#define BENCH_RUNS_MAX 1000000

/* What is measured of every run. The first five can be compared and gated on. */
enum bench_measure {
    BENCH_WALL, /* seconds from start to end */
    BENCH_CPU,  /* user + system seconds */
    BENCH_USER,
    BENCH_SYSTEM,
    BENCH_RSS, /* largest resident memory, bytes */
    BENCH_MINOR_FAULTS,
    BENCH_MAJOR_FAULTS,
    BENCH_VOLUNTARY_SWITCHES,
    BENCH_INVOLUNTARY_SWITCHES,
    BENCH_EXIT,
    /* From the command's own --report; NAN: not reported. */
    BENCH_RECORDS, /* input records */
    BENCH_BYTES,   /* input bytes */
    BENCH_TOKENS,
    BENCH_PROMPT_TOKENS,
    BENCH_COMPLETION_TOKENS,
    BENCH_PROMPT_RATE, /* tokens per second of the phase, as the command measured it */
    BENCH_COMPLETION_RATE,
    BENCH_MEASURES
};
#define BENCH_COMPARABLE  5
#define BENCH_FROM_REPORT BENCH_RECORDS

struct bench_result {
    const char *command; /* as shown */
    double *samples[BENCH_MEASURES];
    ptrdiff_t count, cap;
};

/* The machine, as far as it decides whether two measurements may be compared. */
struct bench_host {
    const char *cpu, *arch, *governor, *kernel; /* "" when unknown */
    int64_t cpus, memory_bytes;
};

struct bench_comparison {
    bool done;
    const char *against; /* the other command as shown, or the baseline's file */
    enum bench_measure measure;
    double fresh_median, base_median;
    struct stat_interval ratio;
    double confidence, margin, min_difference;
    bool gated; /* a regression shall be a failure */
    bool same_host;
    enum stat_verdict verdict;
    bool regression; /* slower beyond both limits, on the same host, and gated */
};

struct bench {
    struct bench_result result[2]; /* [0]: the command, [1]: what --vs named */
    int count;
    int64_t warmup, seed, unix_ms;
    struct bench_host host;
    struct bench_comparison comparison;
};

/* ---- measuring ---- */

struct bench_plan {
    int64_t warmup;      /* rounds that are thrown away */
    int64_t runs;        /* at least so many rounds */
    int64_t min_time_ns; /* and until the first command has run so long in total */
    uint64_t seed;       /* of the order within a round */
};

/* Runs command `which` once and fills sample[BENCH_MEASURES]; round counts from 0 over warm-ups
 * and runs. */
typedef bool bench_once_fn(void *self, int which, int64_t round, bool warmup, double *sample,
                           struct err *err);
/* In every round each command runs once, in random order: drift of the machine meets all alike. */
bool bench_measure(struct bench *b, const struct bench_plan *plan, bench_once_fn *once, void *self,
                   struct arena *arena, struct err *err);
struct stat_summary bench_summary(const struct bench_result *r, enum bench_measure m,
                                  struct arena *arena);
/* Summary of `amount` per second of wall time over the runs; n 0: not reported. For prompt and
 * completion tokens the command's own rate wins: it knows when each phase began. */
struct stat_summary bench_rate(const struct bench_result *r, enum bench_measure amount,
                               struct arena *arena);

/* ---- comparing ---- */

struct bench_gate {
    enum bench_measure measure; /* below BENCH_COMPARABLE */
    double margin;              /* 0.05: 5 % */
    double min_difference;      /* in the measure's unit: less is never a regression */
    bool fail;                  /* a regression is a failure */
    bool same_host;
};

/* Compares b->result[0] with `base` into b->comparison. interleaved: from the same rounds. */
void bench_compare(struct bench *b, const struct bench_result *base, bool interleaved,
                   const char *against, const struct bench_gate *gate, struct arena *arena);
/* One line: "slower: 1.21 times the wall time of 'old' (99 % interval 1.18 to 1.24)". */
slice bench_verdict(const struct bench *b, struct arena *arena);

/* How far comparisons of a command with itself go apart on this host: the 99th percentile of
 * |ratio - 1| over seeded splits of the runs into halves. NAN: fewer than 2 * STAT_MIN_SAMPLES. */
double bench_noise(const struct bench_result *r, enum bench_measure m, uint64_t seed,
                   struct arena *arena);

/* What differs between two hosts, or NULL: "cpu 'A', now 'B'". The kernel may differ. */
const char *bench_host_difference(const struct bench_host *base, const struct bench_host *now,
                                  struct arena *arena);

/* ---- texts ---- */

/* The names of BENCH_FORMS, in this order. */
enum bench_form {
    BENCH_TABLE,
    BENCH_JSON,
    BENCH_CSV,
    BENCH_MARKDOWN,
    BENCH_JSONL, /* a line per run */
    BENCH_JUNIT, /* XML: a regression is a failed case */
    BENCH_GITHUB /* workflow commands: a regression is an ::error:: */
};
#define BENCH_FORMS "table|json|csv|md|jsonl|junit|github"

void bench_format(const struct bench *b, enum bench_form form, struct buf *out,
                  struct arena *arena);

/* Reads what BENCH_JSON wrote: host and samples of the result whose command is `command`, or of the
 * only one. Not such a file: ERR_CONFIG. */
bool bench_baseline(slice json, const char *command, struct bench_result *result,
                    struct bench_host *host, struct arena *arena, struct err *err);

/* The figures of a --report (records, bytes, tokens) into sample; false: not a report. */
bool bench_read_report(slice json, double *sample, struct arena *arena);

/* Splits a command's text into words as a shell does: blanks, '...', "...", \x. What only a shell
 * can do (pipes, variables, wildcards ...) is ERR_USAGE, not taken literally. NULL-terminated. */
bool bench_words(const char *text, const char *const **words, ptrdiff_t *count, struct arena *arena,
                 struct err *err);
/* The reverse: one line that a shell reads as these words. */
const char *bench_shown(const char *const *words, ptrdiff_t count, struct arena *arena);

/* The FILE of `--report FILE` among a command's words, or NULL. */
const char *bench_report_named(const char *const *words);
/* The words with `--report path` added, in front of a "--" where there is one. */
const char *const *bench_report_added(const char *const *words, const char *path,
                                      struct arena *arena);

#endif
