#include "opt_table.h"

#include <stdarg.h>
#include <stdio.h>

struct parse {
    const struct command *cmd;
    void *conf;
    struct opt_common *common;
    struct opt_result *res;
    struct arena *arena;
    char **argv;
    int argc, at;        /* at: the next argument */
    struct buf problems; /* lines */
    int problem_count, hidden_count;
};

#define PROBLEM_TEXT_MAX 900 /* of err.text; the rest is counted */

ATTR_PRINTF(2, 3) static void problem(struct parse *p, const char *fmt, ...)
{
    char line[400];
    va_list args;

    va_start(args, fmt);
    int n = vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    if (n >= (int)sizeof line)
        memcpy(line + sizeof line - 4, "...", 4);
    p->problem_count++;
    if (p->problems.len + (ptrdiff_t)strlen(line) + 1 > PROBLEM_TEXT_MAX) {
        p->hidden_count++;
        return;
    }
    buf_printf(&p->problems, "%s%s", p->problems.len ? "\n" : "", line);
}

static bool bit_get(const struct opt_result *res, int bit)
{
    return res->given[bit / 64] >> (bit % 64) & 1;
}

static void *destination(const struct parse *p, const struct opt_row *row)
{
    return (char *)(row->common ? (void *)p->common : p->conf) + row->opt->offset;
}

static bool is_value_type(const struct opt *o)
{
    return o->type != OPT_FLAG && o->type != OPT_COUNT;
}

bool opt_given(const struct command *cmd, const struct opt_result *res, const char *name)
{
    ptrdiff_t i = opt_row_find(cmd, slice_of(name));

    ASSERT(i >= 0);
    return bit_get(res, opt_row(cmd, i).given_bit);
}

/* ---- unknown names ---- */

static const char *nearest_name(struct parse *p, slice name)
{
    ptrdiff_t rows = opt_row_count(p->cmd), count = 0;
    const char **names = arena_new(p->arena, const char *, rows * 2);
    bool negated = slice_starts(name, SLICE("no-"));

    for (ptrdiff_t i = 0; i < rows; i++) {
        struct opt_row row = opt_row(p->cmd, i);
        if (row.off || (row.opt->flags & OPT_HIDDEN))
            continue;
        names[count++] = row.opt->name;
        if (negated && row.opt->type == OPT_FLAG)
            names[count++] = arena_printf(p->arena, "no-%s", row.opt->name).ptr;
    }
    return opt_nearest(arena_cstr_dup(p->arena, name), names, count);
}

static void unknown_long(struct parse *p, slice name)
{
    char quoted[96];
    const char *near = nearest_name(p, name);

    err_quote(quoted, sizeof quoted, arena_printf(p->arena, "--%.*s", SLICE_ARG(name)));
    if (near)
        problem(p, "unknown option %s; did you mean '--%s'?", quoted, near);
    else
        problem(p, "unknown option %s", quoted);
}

static void unknown_letter(struct parse *p, const char *arg, char letter)
{
    ptrdiff_t i = opt_row_find(p->cmd, slice_of(arg + 1));
    const char *quoted = ERR_QUOTE(slice_make((char[]){ '-', letter }, 2));

    if (arg[2] && i >= 0 && !opt_row(p->cmd, i).off)
        problem(p, "unknown option %s in '%s'; did you mean '-%s'?", quoted, arg, arg);
    else
        problem(p, "unknown option %s", quoted);
}

/* ---- one option ---- */

/* Stores `text`; NULL: an option without a value was given. spelling: "--name" or "-x". */
static void store(struct parse *p, const struct opt_row *row, const char *spelling,
                  const char *text, bool negated)
{
    const struct opt *o = row->opt;
    void *dest = destination(p, row);
    const char *why;

    p->res->given[row->given_bit / 64] |= (uint64_t)1 << (row->given_bit % 64);
    if (o->type == OPT_COUNT)
        ++*(int *)dest;
    else if (o->type == OPT_FLAG && (o->flags & OPT_TRISTATE))
        *(int *)dest = !negated;
    else if (o->type == OPT_FLAG)
        *(bool *)dest = !negated;
    else if (!text)
        *(const char **)dest = "";
    else if (!opt_value_store(o, text, dest, p->arena, &why))
        problem(p, "option '%s': %s", spelling, why);
}

/* The next argument as the value of an option; NULL when there is none. An argument that spells a
 * long option of ours is not swallowed: `-o --force` is a forgotten value. */
static const char *take_value(struct parse *p, const struct opt *o, const char *spelling)
{
    const char *next = p->at < p->argc ? p->argv[p->at] : NULL;

    if (next && next[0] == '-' && next[1] == '-' && next[2]) {
        slice name = slice_of(next + 2);
        ptrdiff_t equals = slice_find(name, '=');
        if (equals >= 0)
            name.len = equals;
        if (opt_row_find(p->cmd, name) >= 0)
            next = NULL;
    }
    if (!next) {
        problem(p, "option '%s' needs a value: %s", spelling, o->arg);
        return NULL;
    }
    p->at++;
    return next;
}

static void parse_long(struct parse *p, const char *arg)
{
    slice name = slice_of(arg + 2);
    ptrdiff_t equals = slice_find(name, '='), i;
    const char *value = NULL;
    bool negated = false;

    if (equals >= 0) {
        value = name.ptr + equals + 1;
        name.len = equals;
    }
    i = opt_row_find(p->cmd, name);
    if (i < 0 && slice_starts(name, SLICE("no-"))) {
        i = opt_row_find(p->cmd, slice_from(name, 3));
        negated = true;
        if (i >= 0 && opt_row(p->cmd, i).opt->type != OPT_FLAG) {
            problem(p, "option '--%.*s' is unknown: '--%s' is not a flag", SLICE_ARG(name),
                    opt_row(p->cmd, i).opt->name);
            return;
        }
    }
    if (i < 0) {
        unknown_long(p, name);
        return;
    }
    struct opt_row row = opt_row(p->cmd, i);
    const char *spelling = arena_printf(p->arena, "--%.*s", SLICE_ARG(name)).ptr;
    if (row.off) {
        problem(p, "option '%s' has no effect in '%s'", spelling, p->cmd->name);
        return;
    }
    if (negated && (row.opt->flags & OPT_MODE)) {
        problem(p, "option '%s' has no effect: leave '--%s' out", spelling, row.opt->name);
        return;
    }
    if (!is_value_type(row.opt) && value) {
        problem(p, "option '%s' takes no value", spelling);
        return;
    }
    if (is_value_type(row.opt) && !value && !(row.opt->flags & OPT_OPTIONAL)) {
        value = take_value(p, row.opt, spelling);
        if (!value)
            return;
    }
    if ((row.opt->flags & OPT_OPTIONAL) && value && !*value) {
        problem(p, "option '%s=' has an empty value: leave '=' out, or give %s", spelling,
                row.opt->arg);
        return;
    }
    store(p, &row, spelling, value, negated);
}

/* -x, -xVALUE, -x VALUE, -abc. A letter with an optional value takes it only when attached. */
static void parse_letters(struct parse *p, const char *arg)
{
    for (const char *c = arg + 1; *c; c++) {
        ptrdiff_t i = opt_row_find_letter(p->cmd, *c);
        if (i < 0) {
            unknown_letter(p, arg, *c);
            return;
        }
        struct opt_row row = opt_row(p->cmd, i);
        const char spelling[] = { '-', *c, '\0' };
        if (*c == 'h' && row.common) { /* the one letter that differs from its long name */
            p->common->short_help = true;
            continue;
        }
        if (!is_value_type(row.opt)) {
            store(p, &row, spelling, NULL, false);
            continue;
        }
        const char *value = c[1] ? c + 1 : NULL;
        if (!value && !(row.opt->flags & OPT_OPTIONAL)) {
            value = take_value(p, row.opt, spelling);
            if (!value)
                return;
        }
        store(p, &row, spelling, value, false);
        return;
    }
}

static bool mode_selected(const struct parse *p, ptrdiff_t mode)
{
    const char *name = p->cmd->modes[mode].option;

    return name && opt_given(p->cmd, p->res, name);
}

/* By the modes that were named in front of it. */
static bool operand_ends_options(const struct parse *p)
{
    ptrdiff_t mode = 0;

    for (ptrdiff_t m = 1; m < p->cmd->mode_count; m++)
        if (mode_selected(p, m))
            mode = m;
    return p->cmd->operands_end_options >> mode & 1;
}

static void parse_arguments(struct parse *p)
{
    bool options = true;

    p->res->operands = arena_new(p->arena, const char *, p->argc + 1);
    while (p->at < p->argc) {
        const char *arg = p->argv[p->at++];
        if (!options || arg[0] != '-' || !arg[1]) {
            p->res->operands[p->res->operand_count++] = arg;
            options = options && !operand_ends_options(p);
        } else if (strcmp(arg, "--") == 0) {
            options = false;
        } else if (arg[1] == '-') {
            parse_long(p, arg);
        } else {
            parse_letters(p, arg);
        }
    }
}

/* ---- what holds between options ---- */

static void choose_mode(struct parse *p)
{
    const char *first = NULL;

    for (ptrdiff_t m = 0; m < p->cmd->mode_count; m++) {
        if (!mode_selected(p, m))
            continue;
        if (first) {
            problem(p, "options '--%s' and '--%s' exclude each other", first,
                    p->cmd->modes[m].option);
            continue;
        }
        first = p->cmd->modes[m].option;
        p->res->mode = (int)m;
    }
}

/* "'--cat' or '--verify'": the modes that a row needs; NULL when the mode without a name is one. */
static const char *modes_text(struct parse *p, unsigned modes)
{
    slice text = SLICE("");

    for (ptrdiff_t m = 0; m < p->cmd->mode_count; m++)
        if ((modes >> m & 1) && !p->cmd->modes[m].option)
            return NULL;
        else if (modes >> m & 1)
            text = arena_printf(p->arena, "%.*s%s'--%s'", SLICE_ARG(text), text.len ? " or " : "",
                                p->cmd->modes[m].option);
    return text.len ? text.ptr : NULL;
}

/* True when one of the names in "a|b" was given; *text gets "'--a' or '--b'". */
static bool needs_met(struct parse *p, const char *needs, const char **text)
{
    const struct opt list = { .choices = needs };
    const char *const *names;
    ptrdiff_t count = opt_choices(&list, p->arena, &names);
    slice all = SLICE("");

    for (ptrdiff_t i = 0; i < count; i++) {
        if (opt_given(p->cmd, p->res, names[i]))
            return true;
        all = arena_printf(p->arena, "%.*s%s'--%s'", SLICE_ARG(all), i ? " or " : "", names[i]);
    }
    *text = all.ptr;
    return false;
}

/* --force is about every file that is written. */
static bool force_has_effect(const struct parse *p)
{
    const struct opt_common *c = p->common;

    if (c->output || c->rejects || c->drops)
        return true;
    for (ptrdiff_t i = 0; i < p->cmd->opt_count; i++)
        if ((p->cmd->opts[i].flags & OPT_WRITES) && bit_get(p->res, (int)i))
            return true;
    return false;
}

static void check_row(struct parse *p, const struct opt_row *row)
{
    const struct opt *o = row->opt;
    const struct command_mode *mode = p->cmd->mode_count ? &p->cmd->modes[p->res->mode] : NULL;
    bool given = bit_get(p->res, row->given_bit);
    bool valid = !o->modes || (o->modes >> p->res->mode & 1);
    const char *text;

    if (row->off)
        return;
    if (row->groups && mode && !(row->groups & p->cmd->common & ~mode->common_off))
        valid = false;
    if (given && !valid) {
        const char *wanted = row->common ? NULL : modes_text(p, o->modes);
        if (wanted)
            problem(p, "option '--%s' has no effect without %s", o->name, wanted);
        else if (mode->option)
            problem(p, "option '--%s' has no effect with '--%s'", o->name, mode->option);
        else
            problem(p, "option '--%s' has no effect in this mode", o->name);
    } else if (!given && valid && (o->flags & OPT_REQUIRED)) {
        problem(p, "option '--%s %s' is required", o->name, o->arg);
    } else if (given && o->needs && !needs_met(p, o->needs, &text)) {
        problem(p, "option '--%s' has no effect without %s", o->name, text);
    }
}

static void check_operands(struct parse *p)
{
    const struct command_mode *mode = p->cmd->mode_count ? &p->cmd->modes[p->res->mode] : NULL;
    const char *wanted = p->cmd->operands;
    ptrdiff_t count = p->res->operand_count;

    if (wanted && mode && mode->no_operands) {
        if (count)
            problem(p, "operand %s has no effect with '--%s'",
                    ERR_QUOTE(slice_of(p->res->operands[0])), mode->option);
        return;
    }
    if (!wanted) {
        if (count)
            problem(p, "operand %s: '%s' takes none", ERR_QUOTE(slice_of(p->res->operands[0])),
                    p->cmd->name);
        return;
    }
    if (slice_ends(slice_of(wanted), SLICE("...")))
        return;
    if (count > 1)
        problem(p, "operand %s: '%s' takes only one", ERR_QUOTE(slice_of(p->res->operands[1])),
                p->cmd->name);
    if (count == 0 && wanted[0] != '[')
        problem(p, "operand %s is missing", wanted);
}

static void check_together(struct parse *p)
{
    choose_mode(p);
    for (ptrdiff_t i = 0; i < opt_row_count(p->cmd); i++) {
        struct opt_row row = opt_row(p->cmd, i);
        check_row(p, &row);
    }
    check_operands(p);
    if (p->common->quiet && p->common->verbose)
        problem(p, "options '--quiet' and '--verbose' exclude each other");
    if (p->common->force && !force_has_effect(p))
        problem(p, "option '--force' has no effect without an output file");
}

static void set_defaults(struct parse *p)
{
    const char *why;

    *p->common = (struct opt_common){ 0 };
    for (ptrdiff_t i = 0; i < opt_row_count(p->cmd); i++) {
        struct opt_row row = opt_row(p->cmd, i);
        void *dest = destination(p, &row);
        if (row.opt->flags & OPT_TRISTATE) {
            *(int *)dest = -1;
        } else if (row.opt->def && !row.off) {
            bool ok = opt_value_store(row.opt, row.opt->def, dest, p->arena, &why);
            ASSERT(ok); /* opt_check has seen the table */
        }
    }
}

bool opt_parse(const struct command *cmd, void *conf, struct opt_common *common,
               struct opt_result *res, int argc, char **argv, struct arena *arena, struct err *err)
{
    struct parse p = {
        .cmd = cmd,
        .conf = conf,
        .common = common,
        .res = res,
        .arena = arena,
        .argc = argc,
        .argv = argv,
        .at = 1,
    };

    *res = (struct opt_result){ .arena = arena };
    set_defaults(&p);
    parse_arguments(&p);
    bool answer = common->help || common->short_help || common->version || common->dump_options;
    if (!answer)
        check_together(&p);
    bool ok = answer || p.problem_count == 0;
    if (!ok && p.hidden_count)
        buf_printf(&p.problems, "\nand %d more", p.hidden_count);
    if (!ok)
        err_set(err, ERR_USAGE, "%s", buf_cstr(&p.problems));
    buf_release(&p.problems);
    return ok;
}
