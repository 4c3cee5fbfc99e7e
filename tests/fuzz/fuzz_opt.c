/* Options: the input is NUL-separated arguments for a table that has every type. No crash, and a
 * refusal always says why. */
#include <stdlib.h>

#include "../../lib/opt.h"

struct conf {
    bool flag;
    int count, choice;
    int64_t n, size, wait;
    double x;
    const char *field, *hint;
    struct opt_list list;
};

#define ROW(letter, name, type, member, ...)                                                       \
    {                                                                                              \
        letter, name, type, offsetof(struct conf, member), .group = "Fuzz", .help = "x",           \
                                                           __VA_ARGS__                             \
    }

static const struct opt opts[] = {
    ROW('f', "flag", OPT_FLAG, flag, .flags = OPT_MODE),
    ROW('c', "count", OPT_COUNT, count, .needs = "flag|size"),
    ROW('e', "enum", OPT_ENUM, choice, .arg = "E", .choices = "one|two|three"),
    ROW('n', "int", OPT_INT, n, .arg = "N", .min = -5, .max = 5),
    ROW('s', "size", OPT_SIZE, size, .arg = "S", .modes = 1),
    ROW('d', "wait", OPT_DURATION, wait, .arg = "T", .modes = 2),
    ROW('x', "float", OPT_FLOAT, x, .arg = "X"),
    ROW('m', "member", OPT_FIELD, field, .arg = "M"),
    ROW('i', "hint", OPT_STRING, hint, .arg = "H", .flags = OPT_OPTIONAL),
    ROW('l', "list", OPT_PATH, list, .arg = "L", .flags = OPT_REPEAT),
};
static const struct command_mode modes[] = { { .summary = "a" }, { "flag", "b", 0, true } };
static const char *const synopsis[] = { "[options]", NULL };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct command cmd = {
        .name = "fuzz",
        .summary = "s",
        .synopsis = synopsis,
        .opts = opts,
        .opt_count = countof(opts),
        .modes = modes,
        .mode_count = 2,
        .common = COMMON_FILTER,
        .operands = "[FILE]",
    };
    struct arena arena = { 0 };
    struct conf conf = { 0 };
    struct opt_common common;
    struct opt_result res;
    struct err err = { 0 };
    char *text = arena_cstr_dup(&arena, slice_make((const char *)data, (ptrdiff_t)size));
    char **argv = arena_new(&arena, char *, (ptrdiff_t)size + 3);
    int argc = 0;

    argv[argc++] = text;
    for (char *p = text; p <= text + size; p += strlen(p) + 1)
        argv[argc++] = p;
    if (!opt_parse(&cmd, &conf, &common, &res, argc, argv, &arena, &err) &&
        (err.class != ERR_USAGE || !err.text[0]))
        abort();
    ASSERT(res.operand_count <= argc && conf.choice >= 0 && conf.choice < 3);
    arena_release(&arena);
    return 0;
}
