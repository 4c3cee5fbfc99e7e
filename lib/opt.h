/* opt.h: one table per command; help, man pages, completions and parsing come from it.
 *
 * A command is a `struct command`: name, one-line summary, synopsis, examples, its options in help
 * order, its modes, and which groups of common options it takes. opt_parse fills the command's conf
 * struct (destinations are offsets) and `struct opt_common`, and validates everything before the
 * first byte of input is read: types, ranges, choices, options without an effect in the chosen
 * mode. Every bad option is named, not only the first.
 *
 * An option that is given twice: the last one wins, unless it is OPT_REPEAT.
 *
 * Syntax: -x, -xVALUE, -x VALUE, clusters of letters without values, --long, --long=VALUE,
 * --long VALUE, --no-flag for every flag, `--` ends options, options may follow operands,
 * no abbreviations.
 *
 *     struct conf { const char *key; bool trust; int64_t memory; int unit; };
 *     static const struct opt opts[] = {
 *         { 'k', "key", OPT_STRING, offsetof(struct conf, key), .arg = "KEY", .def = "bytes",
 *           .group = "Matching", .help = "what is compared: bytes, normalized, json:PATH" },
 *         { 0, "memory", OPT_SIZE, offsetof(struct conf, memory), .arg = "SIZE", .def = "1G",
 *           .min = 1 << 20, .max = 1LL << 50, .group = "Matching", .help = "memory budget" },
 *         { 0, "unit", OPT_ENUM, offsetof(struct conf, unit), .arg = "UNIT", .def = "record",
 *           .choices = "record|line|paragraph", .group = "Matching",
 *           .help = "what is a duplicate" },
 *     };
 */
#ifndef OPT_H
#define OPT_H

#include "arena.h"
#include "buf.h"
#include "err.h"

enum opt_type {               /* destination in the conf struct */
                OPT_FLAG,     /* bool; has --no-NAME */
                OPT_COUNT,    /* int: how often it was given */
                OPT_INT,      /* int64_t */
                OPT_FLOAT,    /* double */
                OPT_SIZE,     /* int64_t bytes: 64K 1M 2G KiB MiB GiB (1024); KB, MB are refused */
                OPT_DURATION, /* int64_t ns: 500ms 90s 5m 2h; digits alone are seconds */
                OPT_ENUM,     /* int: index into choices */
                OPT_STRING,   /* const char * */
                OPT_PATH,     /* const char *: a file or folder name */
                OPT_FIELD,    /* const char *: a member path a.b, a\.b */
};

enum opt_flags {
    OPT_REPEAT = 1,    /* destination is struct opt_list, each use appends (STRING, PATH, FIELD) */
    OPT_REQUIRED = 2,  /* missing: usage error (in the modes where it is valid) */
    OPT_MODE = 4,      /* an option that selects a mode when given: see struct command.modes */
    OPT_OPTIONAL = 8,  /* the value may be left out: --x or --x=VALUE; without: "" (STRING, PATH) */
    OPT_HIDDEN = 16,   /* not in -h and --help; the manual has it */
    OPT_WRITES = 64,   /* a file that is written: --force is about it */
    OPT_TRISTATE = 32, /* FLAG with an int destination: -1 not given, 0 --no-x, 1 --x */
};

enum opt_complete { OPT_COMPLETE_NONE, OPT_COMPLETE_FILE, OPT_COMPLETE_DIR, OPT_COMPLETE_COMMAND };

struct opt_list {
    const char **items;
    ptrdiff_t count;
};

struct opt {
    char letter;      /* 0: none */
    const char *name; /* long name without dashes: the same meaning in every command */
    enum opt_type type;
    ptrdiff_t offset;           /* of the destination in the conf struct */
    const char *arg;            /* placeholder, upper case; NULL for flags */
    const char *def;            /* default as text, parsed like a given value; NULL: zero */
    double min, max;            /* for INT, FLOAT, SIZE, DURATION(s); both 0: unchecked */
    const char *choices;        /* for ENUM: "a|b|c"; for STRING: the value must be one of them */
    unsigned flags;             /* enum opt_flags */
    unsigned modes;             /* bit i: valid in modes[i]; 0: in every mode */
    const char *group;          /* heading in the help */
    enum opt_complete complete; /* PATH completes files unless this says otherwise */
    const char *help;           /* at most 56 characters, lower case, no full stop */
    const char *needs; /* "a|b": has no effect, so is an error, unless one of these is given */
    /* Looks at the value's text before anything runs; false with err->text "what is wrong" (the
     * option's name is put in front). NULL: nothing to check. STRING, PATH and FIELD. */
    bool (*check)(const char *value, struct err *err);
};

/* Groups of common options that a command takes. help, version, verbosity, --isa, --color,
 * --log-format, --report, --metrics, --lock and --dump-options are always there. */
enum opt_common_group {
    COMMON_INPUT = 1,     /* --files-from -0 */
    COMMON_RECORDS = 2,   /* --field --rejects --max-errors --max-record --hadoop */
    COMMON_OUTPUT = 4,    /* -o --force --compress */
    COMMON_DROPS = 8,     /* --drops */
    COMMON_JOBS = 16,     /* -j */
    COMMON_SEED = 32,     /* --seed */
    COMMON_PROGRESS = 64, /* --progress --no-progress */
    COMMON_REJECTS = 128, /* --rejects --max-errors --max-record without --field (collect) */
    COMMON_TARGET = 256,  /* -o --force without --compress: the tool names the format */
    COMMON_PART = 512,    /* --part */
    COMMON_FILTER =
        COMMON_INPUT | COMMON_RECORDS | COMMON_OUTPUT | COMMON_JOBS | COMMON_PROGRESS | COMMON_PART,
};

struct opt_common {
    bool short_help, help, version, dump_options, quiet, force, null_names, hadoop;
    int verbose, color, log_format; /* enums: auto|always|never, text|json */
    int progress;                   /* -1 auto, 0 never, 1 always */
    int64_t jobs;                   /* resolved by app: >= 1 */
    int64_t seed, max_record;
    const char *output, *compress, *field, *rejects, *max_errors, *drops;
    const char *report, *metrics, *files_from, *isa, *part, *lock;
};

struct command_example {
    const char *note;    /* what it does, one line */
    const char *command; /* runs in the man page tests */
};

struct command_mode {
    const char *option; /* long name of the OPT_MODE option that selects it; modes[0] may have
                            NULL (the mode without a name) or one, which is then the default */
    const char *summary;
    unsigned common_off; /* enum opt_common_group: given here, their options are an error */
    bool no_operands;    /* operands are an error in this mode */
};

struct command {
    const char *name, *summary;
    const char *const *synopsis;            /* without the name; NULL-terminated */
    const struct command_example *examples; /* ends with a zeroed row */
    const struct opt *opts;
    ptrdiff_t opt_count;
    const struct command_mode *modes; /* modes[0] is the default; NULL: one mode */
    ptrdiff_t mode_count;
    unsigned common;               /* enum opt_common_group */
    const char *operands;          /* "FILE...": any number; "DIR": exactly one; "[DIR]":
                                               at most one; NULL: none is taken */
    unsigned operands_end_options; /* bit i: in modes[i] the first operand ends the options */
    const char *order, *memory;    /* one line each, in --help and the manual */
    const char *libraries;         /* for -V, e.g. "PCRE2 10.42"; may be NULL */
};

struct opt_result {
    const char **operands;
    ptrdiff_t operand_count;
    int mode;            /* index into command.modes */
    uint64_t given[4];   /* bit i: own option i, bit 255 - i: common option i (ask opt_given) */
    struct arena *arena; /* owns lists and copies */
};

/* Fills conf (zeroed by the caller) with defaults, then with argv[1..]. False with ERR_USAGE; all
 * problems are in err->text, separated by "\n". --help and --version win over errors. */
bool opt_parse(const struct command *cmd, void *conf, struct opt_common *common,
               struct opt_result *res, int argc, char **argv, struct arena *arena, struct err *err);
/* Was the option with this long name, own or common, given on the command line? */
bool opt_given(const struct command *cmd, const struct opt_result *res, const char *name);

/* Help texts, at most 80 columns. name: as invoked. short: usage and options that have a letter. */
void opt_help(const struct command *cmd, const char *name, bool short_form, struct buf *out);
/* TSV, one option per line, common ones too; columns are named in its first line. The synopsis,
 * examples, order and memory follow as lines that start with "@". man/ and completions/ are
 * generated from this. */
void opt_dump(const struct command *cmd, struct buf *out);
/* The table's own rules (names, lengths, duplicates, defaults): NULL or what is wrong. */
const char *opt_check(const struct command *cmd, struct arena *arena);

/* The parsers of single values, for text that is not an option (--sub, config files). */
/* "I/N" of --part. */
bool opt_parse_part(const char *text, int64_t *index, int64_t *count);
bool opt_parse_int(slice s, int64_t *out);
bool opt_parse_float(slice s, double *out);
bool opt_parse_size(slice s, int64_t *out);
bool opt_parse_duration(slice s, int64_t *ns);
/* The candidate nearest to `word` (edit distance <= 3), or NULL: for "did you mean". */
const char *opt_nearest(const char *word, const char *const *candidates, ptrdiff_t count);

#endif
