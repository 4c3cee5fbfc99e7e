#include "opt_table.h"

#include <stddef.h>

struct common_row {
    unsigned groups; /* any of these enables it; 0: always there */
    struct opt opt;
};

#define AT(member) offsetof(struct opt_common, member)

static bool check_max_errors(const char *value, struct err *err)
{
    slice s = slice_of(value);
    int64_t count;
    double percent;

    if (slice_ends(s, SLICE("%"))) {
        if (opt_parse_float(slice_make(s.ptr, s.len - 1), &percent) && percent >= 0 &&
            percent <= 100)
            return true;
    } else if (opt_parse_int(s, &count) && count >= 0) {
        return true;
    }
    return err_set(err, ERR_USAGE, "%s is neither a number of records nor a share like 0.5%%",
                   ERR_QUOTE(s));
}

bool opt_parse_part(const char *text, int64_t *index, int64_t *count)
{
    const char *slash = strchr(text, '/');
    return slash && opt_parse_int(slice_make(text, slash - text), index) &&
           opt_parse_int(slice_of(slash + 1), count) && *count >= 1 && *count <= 1000000 &&
           *index >= 1 && *index <= *count;
}

static bool check_part(const char *value, struct err *err)
{
    int64_t index, count;
    return opt_parse_part(value, &index, &count) ||
           err_set(err, ERR_USAGE, "%s is not I/N with 1 <= I <= N", ERR_QUOTE(slice_of(value)));
}

/* In help order. A word here has this meaning in every command. */
static const struct common_row common_rows[] = {
    { COMMON_INPUT,
      { 0, "files-from", OPT_PATH, AT(files_from), .arg = "FILE", .group = "Input",
        .help = "read the names of the inputs from FILE (- is stdin)" } },
    { COMMON_INPUT,
      { '0', "null", OPT_FLAG, AT(null_names), .group = "Input", .needs = "files-from",
        .help = "names in --files-from end with NUL, not newline" } },
    { COMMON_PART,
      { 0, "part", OPT_STRING, AT(part), .arg = "I/N", .check = check_part, .group = "Input",
        .help = "only slice I of N of the records, by their hash" } },
    { COMMON_RECORDS,
      { 0, "field", OPT_FIELD, AT(field), .arg = "PATH", .def = "text", .group = "Input",
        .help = "the member that is worked on: a, a.b, a\\.b" } },
    { COMMON_RECORDS | COMMON_REJECTS,
      { 0, "max-record", OPT_SIZE, AT(max_record), .arg = "SIZE", .def = "64M", .min = 1,
        .max = (double)(1LL << 40), .group = "Input", .help = "a longer record is a bad record" } },
    { COMMON_OUTPUT,
      { 'o', "output", OPT_PATH, AT(output), .arg = "FILE", .group = "Output",
        .help = "write to FILE, which appears when it is complete" } },
    { COMMON_TARGET,
      { 'o', "output", OPT_PATH, AT(output), .arg = "PATH", .group = "Output",
        .help = "the file or folder that is written" } },
    { COMMON_OUTPUT | COMMON_TARGET,
      { 0, "force", OPT_FLAG, AT(force), .group = "Output",
        .help = "replace outputs that exist" } },
    { COMMON_OUTPUT,
      { 0, "compress", OPT_STRING, AT(compress), .arg = "HOW", .group = "Output",
        .help = "zstd, gzip, xz (zstd:19 with level), none; or by suffix" } },
    { COMMON_DROPS,
      { 0, "drops", OPT_PATH, AT(drops), .arg = "FILE", .group = "Output",
        .help = "keep dropped records in FILE, each with its reason" } },
    { COMMON_RECORDS | COMMON_REJECTS,
      { 0, "rejects", OPT_PATH, AT(rejects), .arg = "FILE", .group = "Errors",
        .help = "go on after a bad record and keep it in FILE" } },
    { COMMON_RECORDS | COMMON_REJECTS,
      { 0, "max-errors", OPT_STRING, AT(max_errors), .arg = "N|P%", .group = "Errors",
        .needs = "rejects", .check = check_max_errors,
        .help = "exit 1 when more are bad: a number or a share" } },
    { COMMON_JOBS,
      { 'j', "jobs", OPT_INT, AT(jobs), .arg = "N", .def = "0", .min = 0, .max = 256,
        .group = "General", .help = "threads; 0 is one per available processor" } },
    { COMMON_SEED,
      { 0, "seed", OPT_INT, AT(seed), .arg = "N", .def = "0", .group = "General",
        .help = "start of the random numbers" } },
    { 0,
      { 'q', "quiet", OPT_FLAG, AT(quiet), .group = "General",
        .help = "no notices; warnings and errors stay" } },
    { 0,
      { 'v', "verbose", OPT_COUNT, AT(verbose), .group = "General",
        .help = "print the summary; twice: details" } },
    { 0,
      { 0, "report", OPT_PATH, AT(report), .arg = "FILE", .group = "General",
        .help = "write what happened to FILE, as JSON" } },
    { 0,
      { 0, "metrics", OPT_PATH, AT(metrics), .arg = "FILE", .group = "General",
        .help = "the same for Prometheus (FILE.prom)" } },
    { COMMON_RECORDS,
      { 0, "hadoop", OPT_FLAG, AT(hadoop), .group = "General",
        .help = "end with Hadoop Streaming counters on stderr" } },
    { 0,
      { 0, "lock", OPT_PATH, AT(lock), .arg = "FILE", .group = "General",
        .help = "hold this lock; exit 75 when another run has it" } },
    { COMMON_PROGRESS,
      { 0, "progress", OPT_FLAG, AT(progress), .group = "General", .flags = OPT_TRISTATE,
        .help = "show the progress line, also when not on a terminal" } },
    { 0,
      { 0, "color", OPT_ENUM, AT(color), .arg = "WHEN", .def = "auto",
        .choices = "auto|always|never", .group = "General", .help = "colour in messages" } },
    { 0,
      { 0, "log-format", OPT_ENUM, AT(log_format), .arg = "FORMAT", .def = "text",
        .choices = "text|json", .group = "General", .help = "form of the messages on stderr" } },
    { 0,
      { 0, "isa", OPT_STRING, AT(isa), .arg = "NAME", .choices = "scalar|avx2|avx512|neon",
        .group = "General", .help = "instruction set; the best one by default" } },
    { 0,
      { 'h', "help", OPT_FLAG, AT(help), .group = "General",
        .help = "this text; -h is the short form" } },
    { 0,
      { 'V', "version", OPT_FLAG, AT(version), .group = "General",
        .help = "version, libraries, instruction sets" } },
    { 0,
      { 0, "dump-options", OPT_FLAG, AT(dump_options), .flags = OPT_HIDDEN, .group = "General",
        .help = "print the options as tab-separated values" } },
};

_Static_assert(countof(common_rows) < 64, "own options have the other bits of opt_result.given");

ptrdiff_t opt_row_count(const struct command *cmd)
{
    return cmd->opt_count + countof(common_rows);
}

struct opt_row opt_row(const struct command *cmd, ptrdiff_t index)
{
    ASSERT(index >= 0 && index < opt_row_count(cmd));
    if (index < cmd->opt_count)
        return (struct opt_row){ .opt = &cmd->opts[index], .given_bit = (int)index };
    ptrdiff_t k = index - cmd->opt_count;
    const struct common_row *c = &common_rows[k];
    return (struct opt_row){
        .opt = &c->opt,
        .common = true,
        .off = c->groups && !(c->groups & cmd->common),
        .groups = c->groups,
        .given_bit = OPT_GIVEN_BITS - 1 - (int)k,
    };
}

ptrdiff_t opt_row_find(const struct command *cmd, slice name)
{
    ptrdiff_t off = -1;

    for (ptrdiff_t i = 0; i < opt_row_count(cmd); i++) {
        struct opt_row row = opt_row(cmd, i);
        if (!slice_eq(slice_of(row.opt->name), name))
            continue;
        if (!row.off)
            return i;
        off = i;
    }
    return off;
}

ptrdiff_t opt_row_find_letter(const struct command *cmd, char letter)
{
    for (ptrdiff_t i = 0; i < opt_row_count(cmd); i++) {
        struct opt_row row = opt_row(cmd, i);
        if (row.opt->letter == letter && !row.off)
            return i;
    }
    return -1;
}
