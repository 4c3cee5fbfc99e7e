/* The option parser, its help and dump, and the table's own rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "opt.h"

struct conf {
    bool trim, keep, train;
    int unit, depth;
    int64_t top, memory, wait;
    double near;
    const char *key, *against, *verify, *explain, *model;
    struct opt_list subs;
};

#define AT(member) offsetof(struct conf, member)

static bool check_even(const char *value, struct err *err)
{
    return strlen(value) % 2 == 0 || err_set(err, ERR_USAGE, "'%s' is odd", value);
}

static const struct opt opts[] = {
    { 't', "trim", OPT_FLAG, AT(trim), .group = "Text", .help = "trim white space" },
    { 0, "keep", OPT_FLAG, AT(keep), .def = "true", .group = "Text", .help = "keep it" },
    { 'd', "depth", OPT_COUNT, AT(depth), .group = "Text", .help = "how deep" },
    { 'n', "top", OPT_INT, AT(top), .arg = "N", .def = "7", .min = 1, .max = 100, .group = "Text",
      .help = "how many" },
    { 0, "near", OPT_FLOAT, AT(near), .arg = "X", .min = 0, .max = 1, .modes = 1, .group = "Text",
      .help = "how near" },
    { 0, "memory", OPT_SIZE, AT(memory), .arg = "SIZE", .def = "1G", .min = 1 << 20,
      .max = (double)(1LL << 50), .group = "Limits", .help = "memory budget" },
    { 0, "wait", OPT_DURATION, AT(wait), .arg = "TIME", .group = "Limits", .help = "time budget" },
    { 'u', "unit", OPT_ENUM, AT(unit), .arg = "UNIT", .def = "line",
      .choices = "record|line|paragraph", .group = "Text", .help = "what is a duplicate" },
    { 'k', "key", OPT_FIELD, AT(key), .arg = "PATH", .group = "Text", .help = "the member" },
    { 's', "sub", OPT_STRING, AT(subs), .arg = "RULE", .flags = OPT_REPEAT, .group = "Text",
      .check = check_even, .help = "replace" },
    { 0, "explain", OPT_STRING, AT(explain), .arg = "HOW", .flags = OPT_OPTIONAL, .group = "Text",
      .help = "explain" },
    { 0, "against", OPT_PATH, AT(against), .arg = "FILE", .needs = "near|key", .group = "Text",
      .help = "a reference" },
    { 0, "train", OPT_FLAG, AT(train), .flags = OPT_MODE, .group = "Modes", .help = "train" },
    { 0, "verify", OPT_PATH, AT(verify), .arg = "DIR", .flags = OPT_MODE,
      .complete = OPT_COMPLETE_DIR, .group = "Modes", .help = "verify a folder" },
    { 'm', "model", OPT_PATH, AT(model), .arg = "FILE", .flags = OPT_REQUIRED, .modes = 1,
      .group = "Text", .help = "the model" },
};
static const struct command_mode modes[] = {
    { NULL, "do it", 0, false },
    { "train", "learn it", 0, false },
    { "verify", "look at it", COMMON_RECORDS | COMMON_OUTPUT, true },
};
static const char *const synopsis[] = { "[options] [FILE...]", NULL };
static const struct command_example examples[] = { { "the usual", "toy -m x < a" }, { 0 } };

static struct command toy(void)
{
    return (struct command){
        .name = "toy",
        .summary = "Play with records.",
        .synopsis = synopsis,
        .examples = examples,
        .opts = opts,
        .opt_count = countof(opts),
        .modes = modes,
        .mode_count = 3,
        .common = COMMON_FILTER,
        .operands = "FILE...",
        .order = "output order is input order",
        .memory = "bounded",
    };
}

static struct conf conf;
static struct opt_common common;
static struct opt_result res;
static struct err err;
static struct arena arena;

static bool run_command(const struct command *cmd, const char *const *args)
{
    char *argv[32] = { (char *)(uintptr_t) "toy" };
    int argc = 1;

    while (args[argc - 1]) {
        argv[argc] = (char *)(uintptr_t)args[argc - 1];
        argc++;
    }
    arena_release(&arena);
    conf = (struct conf){ 0 };
    err = (struct err){ 0 };
    return opt_parse(cmd, &conf, &common, &res, argc, argv, &arena, &err);
}

static bool run(const char *const *args)
{
    struct command cmd = toy();
    return run_command(&cmd, args);
}

#define GOOD(...) assert_true(run((const char *const[]){ __VA_ARGS__, NULL }))
#define BAD(expected, ...)                                                                         \
    do {                                                                                           \
        assert_false(run((const char *const[]){ __VA_ARGS__, NULL }));                             \
        assert_int_equal(err.class, ERR_USAGE);                                                    \
        assert_string_equal(err.text, expected);                                                   \
    } while (0)

static void values_have_every_spelling(void **state)
{
    (void)state;
    GOOD("-m", "x");
    assert_int_equal(conf.top, 7);
    assert_int_equal(conf.memory, 1LL << 30);
    assert_int_equal(conf.unit, 1);
    assert_true(conf.keep);
    assert_false(conf.trim);
    assert_null(conf.explain);
    assert_string_equal(common.field, "text");
    assert_int_equal(common.max_record, 64 << 20);
    assert_int_equal(common.progress, -1);
    assert_int_equal(common.jobs, 0);
    GOOD("-mx", "-tddn5", "--no-keep", "--near=.5", "a", "--memory", "2M", "-", "--", "--trim");
    assert_string_equal(conf.model, "x");
    assert_true(conf.trim);
    assert_int_equal(conf.depth, 2);
    assert_int_equal(conf.top, 5);
    assert_false(conf.keep);
    assert_true(conf.near == 0.5);
    assert_int_equal(conf.memory, 2 << 20);
    assert_int_equal(res.operand_count, 3);
    assert_string_equal(res.operands[0], "a");
    assert_string_equal(res.operands[1], "-");
    assert_string_equal(res.operands[2], "--trim");
    GOOD("-m", "x", "--unit=paragraph", "--wait", "90", "-n1", "-n", "2", "--explain");
    assert_int_equal(conf.unit, 2);
    assert_int_equal(conf.wait, 90000000000);
    assert_int_equal(conf.top, 2);
    assert_string_equal(conf.explain, "");
    GOOD("-m", "x", "--explain=why", "-vv", "--no-progress", "--color=never", "-j3", "--isa=avx2");
    assert_string_equal(conf.explain, "why");
    assert_int_equal(common.verbose, 2);
    assert_int_equal(common.progress, 0);
    assert_int_equal(common.color, 2);
    assert_int_equal(common.jobs, 3);
    GOOD("-m", "x", "--progress", "--trim", "--no-trim", "-n", "+4");
    assert_int_equal(common.progress, 1);
    assert_false(conf.trim);
    assert_int_equal(conf.top, 4);
}

static void repeated_options_append(void **state)
{
    (void)state;
    GOOD("-m", "x", "-sab", "--sub", "cd", "--sub=", "-s", "efgh", "-sij");
    assert_int_equal(conf.subs.count, 5);
    static const char *const want[] = { "ab", "cd", "", "efgh", "ij" };
    for (int i = 0; i < 5; i++)
        assert_string_equal(conf.subs.items[i], want[i]);
}

static void given_tells_options_from_defaults(void **state)
{
    struct command cmd = toy();
    (void)state;
    GOOD("-m", "x", "-n", "7", "--field=a.b");
    assert_true(opt_given(&cmd, &res, "top"));
    assert_true(opt_given(&cmd, &res, "model"));
    assert_false(opt_given(&cmd, &res, "memory"));
    assert_true(opt_given(&cmd, &res, "field"));
    assert_false(opt_given(&cmd, &res, "jobs"));
}

static void bad_values_are_named(void **state)
{
    (void)state;
    BAD("option '--top': 'abc' is not a whole number", "-mx", "--top=abc");
    BAD("option '-n': '0' is out of range: 1 to 100", "-mx", "-n0");
    BAD("option '--top': '' is not a whole number", "-mx", "--top=");
    BAD("option '--top': '99999999999999999999' is too large", "-mx", "--top=99999999999999999999");
    BAD("option '--near': 'nan' is not a number", "-mx", "--near=nan");
    BAD("option '--near': '0x1' is not a number", "-mx", "--near=0x1");
    BAD("option '--near': '1.5' is out of range: 0 to 1", "-mx", "--near", "1.5");
    BAD("option '--memory': '1MB' is ambiguous (1000 or 1024?): write 1M or 1MiB", "-mx",
        "--memory=1MB");
    BAD("option '--memory': '1' is out of range: 1M to 1P", "-mx", "--memory=1");
    BAD("option '--memory': '16E' is too large", "-mx", "--memory=16E");
    BAD("option '--wait': '5 s' is not a duration such as 500ms, 90s, 5m or 2h", "-mx",
        "--wait=5 s");
    BAD("option '--unit': 'lien' is not one of record, line, paragraph; did you mean 'line'?",
        "-mx", "--unit=lien");
    BAD("option '--key': 'a..b' has an empty name between dots", "-mx", "--key=a..b");
    BAD("option '--key': 'a\\x' has a backslash that is not before '.' or '\\'", "-mx",
        "--key=a\\x");
    BAD("option '--model': the file name is empty", "--model=");
    BAD("option '--sub': 'abc' is odd", "-mx", "--sub=abc");
    BAD("option '--explain=' has an empty value: leave '=' out, or give HOW", "-mx", "--explain=");
    BAD("option '--isa': 'avx' is not one of scalar, avx2, avx512, neon; did you mean 'avx2'?",
        "-mx", "--isa=avx");
    BAD("option '--max-errors': '101%' is neither a number of records nor a share like 0.5%", "-mx",
        "--rejects=r", "--max-errors=101%");
}

static void unknown_names_get_a_suggestion(void **state)
{
    (void)state;
    BAD("unknown option '--memroy'; did you mean '--memory'?", "-mx", "--memroy=1G");
    BAD("unknown option '--mem'; did you mean '--memory'?", "-mx", "--mem=1G");
    BAD("unknown option '--no-tirm'; did you mean '--no-trim'?", "-mx", "--no-tirm");
    BAD("unknown option '--qwertyuiop'", "-mx", "--qwertyuiop");
    BAD("unknown option '-x'", "-mx", "-x");
    BAD("unknown option '-e' in '-explain'; did you mean '--explain'?", "-mx", "-explain");
    BAD("unknown option '--\\x01'", "-mx", "--\x01");
    BAD("option '--seed' has no effect in 'toy'", "-mx", "--seed=1");
    BAD("option '--no-top' is unknown: '--top' is not a flag", "-mx", "--no-top");
    BAD("option '--trim' takes no value", "-mx", "--trim=yes");
    BAD("option '--output' needs a value: FILE", "-mx", "--trim", "--output");
    BAD("option '-o' needs a value: FILE\noption '--force' has no effect without an output file",
        "-mx", "-o", "--force"); /* a model is read, not written */
    BAD("option '-o' needs a value: FILE\noption '--force' has no effect without an output file",
        "--train", "-o", "--force");
}

static void every_problem_is_listed(void **state)
{
    (void)state;
    BAD("unknown option '--bad'\noption '--top': 'x' is not a whole number\n"
        "option '--model FILE' is required",
        "--bad", "--top=x");
    const char *many[28];
    for (int i = 0; i < 27; i++)
        many[i] = "--an-option-that-does-not-exist-and-has-a-name";
    many[27] = NULL;
    assert_false(run(many));
    const char *last = strrchr(err.text, '\n');
    assert_non_null(last);
    assert_memory_equal(last, "\nand ", 5);
}

static void options_without_effect_are_errors(void **state)
{
    (void)state;
    BAD("option '--max-errors' has no effect without '--rejects'", "-mx", "--max-errors=3");
    BAD("option '--null' has no effect without '--files-from'", "-mx", "-0");
    BAD("option '--against' has no effect without '--near' or '--key'", "-mx", "--against=a");
    BAD("option '--force' has no effect without an output file", "--train", "--force");
    BAD("options '--quiet' and '--verbose' exclude each other", "-mx", "-qv");
    BAD("option '--near' has no effect with '--train'", "--train", "--near=1");
    BAD("option '--field' has no effect with '--verify'", "--verify=d", "--field=x");
    BAD("option '--model' has no effect with '--verify'", "--verify=d", "-mx");
    BAD("operand 'f' has no effect with '--verify'", "--verify=d", "f");
    BAD("options '--train' and '--verify' exclude each other", "--train", "--verify=d");
    BAD("option '--no-train' has no effect: leave '--train' out", "-mx", "--no-train");
    GOOD("-mx", "--against=a", "--key=k");
    GOOD("--verify=d", "--isa=scalar");
    assert_int_equal(res.mode, 2);
    GOOD("-mx", "--rejects=r", "--max-errors=0.5%", "--force");
    GOOD("-mx", "--files-from=-", "-0");
}

static void operands_are_counted(void **state)
{
    struct command cmd = toy();
    (void)state;
    cmd.operands = NULL;
    assert_false(run_command(&cmd, (const char *const[]){ "-mx", "a", NULL }));
    assert_string_equal(err.text, "operand 'a': 'toy' takes none");
    cmd.operands = "DIR";
    assert_false(run_command(&cmd, (const char *const[]){ "-mx", NULL }));
    assert_string_equal(err.text, "operand DIR is missing");
    assert_false(run_command(&cmd, (const char *const[]){ "-mx", "a", "b", NULL }));
    assert_string_equal(err.text, "operand 'b': 'toy' takes only one");
    cmd.operands = "[DIR]";
    assert_true(run_command(&cmd, (const char *const[]){ "-mx", NULL }));
    cmd.operands = "COMMAND...";
    cmd.operands_end_options = true;
    assert_true(run_command(&cmd, (const char *const[]){ "-mx", "ls", "--help", "-l", NULL }));
    assert_int_equal(res.operand_count, 3);
    assert_false(common.help);
}

static void help_wins_over_errors(void **state)
{
    (void)state;
    GOOD("--nonsense", "--help", "--top=x");
    assert_true(common.help);
    GOOD("-o", "--help");
    assert_true(common.help);
    GOOD("-qh");
    assert_true(common.short_help);
    GOOD("--top", "--version");
    assert_true(common.version);
    GOOD("--dump-options");
    assert_true(common.dump_options);
}

static void help_fits_80_columns(void **state)
{
    struct command cmd = toy();
    (void)state;
    cmd.memory = "a line that is much longer than eighty columns, so that it has to be broken "
                 "somewhere, which is what this test looks at: no line is longer than eighty";
    for (int s = 0; s < 2; s++) {
        struct buf b = { 0 };
        opt_help(&cmd, "toy", s, &b);
        ptrdiff_t column = 0;
        for (ptrdiff_t i = 0; i < b.len; i++) {
            column = b.ptr[i] == '\n' ? 0 : column + 1;
            assert_true(column <= 80);
            assert_false(b.ptr[i] == '\n' && i && b.ptr[i - 1] == ' ');
        }
        assert_non_null(strstr(buf_cstr(&b), "usage: toy [options] [FILE...]\n"));
        assert_true((strstr(b.ptr, "--memory") != NULL) == !s);
        assert_true((strstr(b.ptr, "record, line, paragraph (default line)") != NULL));
        assert_null(strstr(b.ptr, "--dump-options"));
        assert_null(strstr(b.ptr, "--seed"));
        buf_release(&b);
    }
}

static void dump_has_every_option(void **state)
{
    struct command cmd = toy();
    struct buf b = { 0 };
    (void)state;
    opt_dump(&cmd, &b);
    const char *text = buf_cstr(&b);
    for (ptrdiff_t i = 0; i < countof(opts); i++)
        assert_non_null(strstr(text, opts[i].name));
    assert_non_null(strstr(text, "u\tunit\tenum\tUNIT\tline\t0\t0\trecord|line|paragraph\t\t\t"
                                 "Text\t\town\t\twhat is a duplicate\n"));
    assert_non_null(strstr(text, "\tdump-options\tflag\t"));
    assert_non_null(strstr(text, "@mode\tverify\tlook at it\n"));
    /* Every row has as many columns as the first line. */
    int want = 0, tabs = 0;
    const char *end = strstr(text, "@name");
    for (const char *p = text; p < end; p++) {
        tabs += *p == '\t';
        if (*p != '\n')
            continue;
        assert_true(want == 0 || tabs == want);
        want = tabs;
        tabs = 0;
    }
    buf_release(&b);
}

static void single_values(void **state)
{
    int64_t n;
    double x;
    (void)state;
    assert_true(opt_parse_int(SLICE("-9223372036854775808"), &n) && n == INT64_MIN);
    assert_false(opt_parse_int(SLICE("9223372036854775808"), &n));
    assert_false(opt_parse_int(SLICE("1 "), &n));
    assert_false(opt_parse_int(SLICE(""), &n));
    assert_false(opt_parse_int(SLICE("-"), &n));
    assert_true(opt_parse_float(SLICE("-1e-3"), &x) && x == -1e-3);
    assert_false(opt_parse_float(SLICE("1e999"), &x));
    assert_false(opt_parse_float(SLICE("inf"), &x));
    assert_false(opt_parse_float(SLICE("."), &x));
    assert_true(opt_parse_size(SLICE("3KiB"), &n) && n == 3072);
    assert_true(opt_parse_size(SLICE("3k"), &n) && n == 3072);
    assert_true(opt_parse_size(SLICE("7E"), &n));
    assert_false(opt_parse_size(SLICE("8E"), &n));
    assert_false(opt_parse_size(SLICE("3KB"), &n));
    assert_false(opt_parse_size(SLICE("3kb"), &n));
    assert_false(opt_parse_size(SLICE("K"), &n));
    assert_false(opt_parse_size(SLICE("-1"), &n));
    assert_false(opt_parse_size(slice_make("1\0", 2), &n));
    assert_true(opt_parse_duration(SLICE("1.5s"), &n) && n == 1500000000);
    assert_true(opt_parse_duration(SLICE("500ms"), &n) && n == 500000000);
    assert_true(opt_parse_duration(SLICE("2h"), &n) && n == 7200000000000);
    assert_false(opt_parse_duration(SLICE("99999999999h"), &n));
    assert_false(opt_parse_duration(SLICE("1e3s"), &n));
    assert_false(opt_parse_duration(SLICE("-1s"), &n));
    assert_false(opt_parse_duration(SLICE("s"), &n));
}

static void nearest_is_near(void **state)
{
    static const char *const words[] = { "text", "field", "force", "max-record", "max-errors" };
    (void)state;
    assert_string_equal(opt_nearest("filed", words, 5), "field");
    assert_string_equal(opt_nearest("max-err", words, 5), "max-errors");
    assert_null(opt_nearest("zzz", words, 5));
    assert_null(opt_nearest("", words, 5));
    assert_null(opt_nearest("a-word-that-is-longer-than-any-option-may-ever-be-x", words, 5));
}

/* Copies the good table, spoils one row, and expects a complaint that contains `what`. */
static void spoiled(const char *what, struct opt row)
{
    struct opt copy[countof(opts) + 1];
    struct command cmd = toy();

    memcpy(copy, opts, sizeof opts);
    copy[countof(opts)] = row;
    cmd.opts = copy;
    cmd.opt_count = countof(copy);
    const char *fault = opt_check(&cmd, &arena);
    assert_non_null(fault);
    if (!strstr(fault, what))
        fail_msg("expected '%s' in '%s'", what, fault);
}

static void tables_are_checked(void **state)
{
    struct command cmd = toy();
    const struct opt flag = { 0, "fine", OPT_FLAG, 0, .group = "Text", .help = "fine" };
    const struct opt word = {
        0, "fine", OPT_STRING, 0, .arg = "X", .group = "Text", .help = "x y"
    };
    struct opt o;
    (void)state;

    const char *fault = opt_check(&cmd, &arena);
    if (fault)
        fail_msg("%s", fault);
#define SPOIL(what, from, ...) (o = (from), __VA_ARGS__, spoiled(what, o))
    SPOIL("is not a name", flag, o.name = NULL);
    SPOIL("is not a name", flag, o.name = "no-fine");
    SPOIL("is not a name", flag, o.name = "Fine");
    SPOIL("twice", flag, o.name = "trim");
    SPOIL("twice", flag, o.name = "field");
    SPOIL("letter that another", flag, o.letter = 't');
    SPOIL("letter that another", flag, o.letter = 'q');
    SPOIL("neither letter nor digit", flag, o.letter = '?');
    SPOIL("has no help", flag, o.help = "");
    SPOIL("control characters", flag, o.help = "a\tb");
    SPOIL("more than 56", flag,
          o.help = "123456789 123456789 123456789 123456789 123456789 1234567");
    SPOIL("capital", flag, o.help = "Fine");
    SPOIL("full stop", flag, o.help = "fine.");
    SPOIL("no group", flag, o.group = NULL);
    SPOIL("takes no value", flag, o.arg = "X");
    SPOIL("no placeholder", word, o.arg = NULL);
    SPOIL("not upper case", word, o.arg = "x");
    SPOIL("repeated or optional", flag, o.flags = OPT_REPEAT);
    SPOIL("both repeated and optional", word, o.flags = OPT_REPEAT | OPT_OPTIONAL);
    SPOIL("repeated and has a default", word, (o.flags = OPT_REPEAT, o.def = "x"));
    SPOIL("required", flag, o.flags = OPT_REQUIRED);
    SPOIL("selects a mode and is a flag with", flag, (o.flags = OPT_MODE, o.def = "true"));
    SPOIL("selects no mode", flag, o.flags = OPT_MODE);
    SPOIL("three states", word, o.flags = OPT_TRISTATE);
    SPOIL("mode that does not exist", flag, o.modes = 8);
    SPOIL("enum without", word, o.type = OPT_ENUM);
    SPOIL("is no enum", word, (o.type = OPT_INT, o.choices = "a|b"));
    SPOIL("empty choice", word, (o.type = OPT_ENUM, o.choices = "a||b"));
    SPOIL("default that does not parse", word, (o.type = OPT_ENUM, o.choices = "a|b", o.def = "c"));
    SPOIL("default that does not parse", word, (o.type = OPT_INT, o.max = 3, o.def = "4"));
    SPOIL("has a check", flag, o.check = check_even);
    SPOIL("min above max", word, (o.type = OPT_INT, o.min = 4, o.max = 3));
    SPOIL("which does not exist", flag, o.needs = "trim|nothing");
    SPOIL("which does not exist", flag, o.needs = "seed");
}

static void commands_are_checked(void **state)
{
    struct command cmd = toy();
    (void)state;
#define EXPECT(what)                                                                               \
    do {                                                                                           \
        const char *fault = opt_check(&cmd, &arena);                                               \
        assert_non_null(fault);                                                                    \
        assert_non_null(strstr(fault, what));                                                      \
        cmd = toy();                                                                               \
    } while (0)
    cmd.name = "Toy";
    EXPECT("no name");
    cmd.summary = "";
    EXPECT("summary");
    cmd.synopsis = NULL;
    EXPECT("synopsis");
    cmd.common |= COMMON_TARGET;
    EXPECT("exclude each other");
    cmd.modes = NULL;
    EXPECT("mode");
    const struct command_mode unknown[] = { { NULL, "x", 0, false }, { "trim", "y", 0, false } };
    cmd.modes = unknown;
    cmd.mode_count = 2;
    EXPECT("mode");
    const struct command_example wide[] = {
        { NULL, "123456789 123456789 123456789 123456789 123456789 123456789 123456789 1234567" },
        { 0 }
    };
    cmd.examples = wide;
    EXPECT("76 columns");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_have_every_spelling),
        cmocka_unit_test(repeated_options_append),
        cmocka_unit_test(given_tells_options_from_defaults),
        cmocka_unit_test(bad_values_are_named),
        cmocka_unit_test(unknown_names_get_a_suggestion),
        cmocka_unit_test(every_problem_is_listed),
        cmocka_unit_test(options_without_effect_are_errors),
        cmocka_unit_test(operands_are_counted),
        cmocka_unit_test(help_wins_over_errors),
        cmocka_unit_test(help_fits_80_columns),
        cmocka_unit_test(dump_has_every_option),
        cmocka_unit_test(single_values),
        cmocka_unit_test(nearest_is_near),
        cmocka_unit_test(tables_are_checked),
        cmocka_unit_test(commands_are_checked),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    arena_release(&arena);
    return failed;
}
