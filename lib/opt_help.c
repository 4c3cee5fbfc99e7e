#include "opt_table.h"

#define HELP_WIDTH  80
#define HELP_COLUMN 24 /* where the descriptions begin: 24 + 56 = 80 */

/* Columns, not bytes: continuation bytes of UTF-8 take no room. */
static ptrdiff_t width_of(slice s)
{
    ptrdiff_t n = 0;

    for (ptrdiff_t i = 0; i < s.len; i++)
        n += ((unsigned char)s.ptr[i] & 0xC0) != 0x80;
    return n;
}

/* Breaks `text` at blanks; the first line goes on at column `at`, the others begin at `indent`. */
static void wrap(struct buf *out, slice text, ptrdiff_t at, ptrdiff_t indent)
{
    bool fresh = true;

    while (text.len) {
        ptrdiff_t blank = slice_find(text, ' ');
        slice word = slice_make(text.ptr, blank < 0 ? text.len : blank);
        if (!fresh && at + 1 + width_of(word) > HELP_WIDTH) {
            buf_printf(out, "\n%*s", (int)indent, "");
            at = indent;
            fresh = true;
        }
        if (!fresh)
            buf_append_byte(out, ' ');
        at += width_of(word) + !fresh;
        buf_append(out, word);
        fresh = false;
        text = slice_from(text, MIN(text.len, word.len + 1));
    }
    buf_append_byte(out, '\n');
}

/* "-k, --key KEY", "--[no-]x" for a flag that is on. */
static slice spelling(const struct opt *o, struct arena *arena)
{
    bool on = o->type == OPT_FLAG && o->def && strcmp(o->def, "true") == 0;
    bool both = on || (o->flags & OPT_TRISTATE);
    const char *open = o->flags & OPT_OPTIONAL ? "[=" : " ";
    const char *close = o->flags & OPT_OPTIONAL ? "]" : "";
    slice letter = o->letter ? arena_printf(arena, "-%c, ", o->letter) : SLICE("    ");

    return arena_printf(arena, "%.*s--%s%s%s%s%s", SLICE_ARG(letter), both ? "[no-]" : "", o->name,
                        o->arg ? open : "", o->arg ? o->arg : "", o->arg ? close : "");
}

/* What the table knows and the help text need not repeat: choices, default, repetition. */
static slice facts(const struct opt *o, struct arena *arena)
{
    slice s = SLICE("");
    const char *const *names;

    if (o->choices) {
        ptrdiff_t count = opt_choices(o, arena, &names);
        for (ptrdiff_t i = 0; i < count; i++)
            s = arena_printf(arena, "%.*s%s%s", SLICE_ARG(s), i ? ", " : "", names[i]);
    }
    bool flag = o->type == OPT_FLAG;
    bool zero = o->type == OPT_INT && o->def && strcmp(o->def, "0") == 0;
    const char *def = flag && o->def && o->def[0] == 't' ? "on" : flag || zero ? NULL : o->def;
    if (def && *def)
        s = arena_printf(arena, "%.*s%s(default %s)", SLICE_ARG(s), s.len ? " " : "", def);
    if (o->flags & OPT_REPEAT)
        s = arena_printf(arena, "%.*s%s(may be repeated)", SLICE_ARG(s), s.len ? " " : "");
    if (o->flags & OPT_REQUIRED)
        s = arena_printf(arena, "%.*s%s(required)", SLICE_ARG(s), s.len ? " " : "");
    return s;
}

static void help_row(const struct opt *o, struct buf *out, struct arena *arena)
{
    slice left = spelling(o, arena), extra = facts(o, arena);
    ptrdiff_t at = 2 + width_of(left);

    buf_printf(out, "  %.*s", SLICE_ARG(left));
    if (at + 2 > HELP_COLUMN) {
        buf_append_byte(out, '\n');
        at = 0;
    }
    buf_printf(out, "%*s", (int)(HELP_COLUMN - at), "");
    slice text = slice_of(o->help);
    bool parenthesis = extra.len && extra.ptr[0] == '(';
    if (extra.len && HELP_COLUMN + width_of(text) + 2 + width_of(extra) <= HELP_WIDTH) {
        buf_printf(out, "%.*s%s %.*s\n", SLICE_ARG(text), parenthesis ? "" : ":", SLICE_ARG(extra));
        return;
    }
    wrap(out, text, HELP_COLUMN, HELP_COLUMN);
    if (extra.len) {
        buf_printf(out, "%*s", HELP_COLUMN, "");
        wrap(out, extra, HELP_COLUMN, HELP_COLUMN);
    }
}

static bool shown(const struct opt_row *row)
{
    return !row->off && !(row->opt->flags & OPT_HIDDEN);
}

/* The rows of one heading, own ones first. */
static void help_group(const struct command *cmd, const char *group, struct buf *out,
                       struct arena *arena)
{
    buf_printf(out, "\n%s:\n", group);
    for (ptrdiff_t i = 0; i < opt_row_count(cmd); i++) {
        struct opt_row row = opt_row(cmd, i);
        if (shown(&row) && strcmp(row.opt->group, group) == 0)
            help_row(row.opt, out, arena);
    }
}

/* Headings in the order of their first option. */
static void help_groups(const struct command *cmd, struct buf *out, struct arena *arena)
{
    for (ptrdiff_t i = 0; i < opt_row_count(cmd); i++) {
        struct opt_row row = opt_row(cmd, i);
        bool seen = false;
        if (!shown(&row))
            continue;
        for (ptrdiff_t j = 0; j < i && !seen; j++) {
            struct opt_row before = opt_row(cmd, j);
            seen = shown(&before) && strcmp(before.opt->group, row.opt->group) == 0;
        }
        if (!seen)
            help_group(cmd, row.opt->group, out, arena);
    }
}

static void help_usage(const struct command *cmd, const char *name, struct buf *out,
                       struct arena *arena)
{
    for (ptrdiff_t i = 0; cmd->synopsis[i]; i++) {
        slice head = arena_printf(arena, "%s %s", i ? "      " : "usage:", name);
        buf_printf(out, "%.*s ", SLICE_ARG(head));
        wrap(out, slice_of(cmd->synopsis[i]), head.len + 1, 11);
    }
    wrap(out, slice_of(cmd->summary), 0, 0);
}

static void help_examples(const struct command *cmd, struct buf *out)
{
    if (cmd->examples && cmd->examples->command)
        buf_append(out, SLICE("\nExamples:\n"));
    for (const struct command_example *e = cmd->examples; e && e->command; e++) {
        if (e->note)
            buf_printf(out, "  # %s\n", e->note);
        buf_printf(out, "  %s\n", e->command);
    }
}

static void help_modes(const struct command *cmd, struct buf *out)
{
    if (cmd->mode_count > 1)
        buf_append(out, SLICE("\nModes:\n"));
    for (ptrdiff_t i = 0; cmd->mode_count > 1 && i < cmd->mode_count; i++) {
        const struct command_mode *m = &cmd->modes[i];
        ptrdiff_t at = 2 + (m->option ? 2 + (ptrdiff_t)strlen(m->option) : 9);
        buf_printf(out, "  %s%s", m->option ? "--" : "", m->option ? m->option : "(default)");
        if (at + 2 > HELP_COLUMN) {
            buf_append_byte(out, '\n');
            at = 0;
        }
        buf_printf(out, "%*s", (int)(HELP_COLUMN - at), "");
        wrap(out, slice_of(m->summary), HELP_COLUMN, HELP_COLUMN);
    }
}

void opt_help(const struct command *cmd, const char *name, bool short_form, struct buf *out)
{
    struct arena arena = { 0 };

    help_usage(cmd, name, out, &arena);
    if (short_form) {
        buf_append_byte(out, '\n');
        for (ptrdiff_t i = 0; i < opt_row_count(cmd); i++) {
            struct opt_row row = opt_row(cmd, i);
            if (shown(&row) && (row.opt->letter || (row.opt->flags & OPT_REQUIRED)))
                help_row(row.opt, out, &arena);
        }
        buf_printf(out, "\nAll options: %s --help    Manual: man %s\n", name, name);
        arena_release(&arena);
        return;
    }
    help_examples(cmd, out);
    help_modes(cmd, out);
    help_groups(cmd, out, &arena);
    buf_append(out, SLICE("\nEvery flag --x has --no-x. Sizes: 64K 1M 2G. Times: 500ms 90s 5m.\n"));
    if (cmd->order) {
        buf_append(out, SLICE("Order: "));
        wrap(out, slice_of(cmd->order), 7, 7);
    }
    if (cmd->memory) {
        buf_append(out, SLICE("Memory: "));
        wrap(out, slice_of(cmd->memory), 8, 8);
    }
    buf_append(out, SLICE("Exit: 0 done, 1 finding, 2 usage, 65 bad data, 66 no input,\n"
                          "      73 cannot create, 74 I/O error, 75 try again, 78 bad model;\n"
                          "      all of them: man millrace\n"));
    buf_printf(out, "Manual: man %s, man millrace\n", name);
    arena_release(&arena);
}

/* ---- dump ---- */

static const char *complete_name(const struct opt *o)
{
    static const char *const names[] = { "", "file", "dir", "command" };

    if (o->type == OPT_PATH && o->complete == OPT_COMPLETE_NONE)
        return "file";
    return names[o->complete];
}

static void dump_row(const struct command *cmd, const struct opt_row *row, struct buf *out)
{
    static const struct {
        unsigned bit;
        const char *name;
    } flag_names[] = {
        { OPT_REPEAT, "repeat" },     { OPT_REQUIRED, "required" }, { OPT_MODE, "mode" },
        { OPT_OPTIONAL, "optional" }, { OPT_HIDDEN, "hidden" },     { OPT_TRISTATE, "tristate" },
    };
    const struct opt *o = row->opt;
    const char *separator = "";

    buf_printf(out, "%.1s\t%s\t%s\t%s\t%s\t", o->letter ? &o->letter : "", o->name,
               opt_type_name(o->type), o->arg ? o->arg : "", o->def ? o->def : "");
    buf_append_double(out, o->min);
    buf_append_byte(out, '\t');
    buf_append_double(out, o->max);
    buf_printf(out, "\t%s\t", o->choices ? o->choices : "");
    for (ptrdiff_t i = 0; i < countof(flag_names); i++)
        if (o->flags & flag_names[i].bit) {
            buf_printf(out, "%s%s", separator, flag_names[i].name);
            separator = ",";
        }
    buf_append_byte(out, '\t');
    separator = "";
    for (ptrdiff_t m = 0; m < cmd->mode_count; m++) {
        if (!(o->modes >> m & 1))
            continue;
        buf_printf(out, "%s%s", separator, cmd->modes[m].option ? cmd->modes[m].option : "default");
        separator = ",";
    }
    buf_printf(out, "\t%s\t%s\t%s\t%s\t%s\n", o->group, complete_name(o),
               row->common ? "common" : "own", o->needs ? o->needs : "", o->help);
}

void opt_dump(const struct command *cmd, struct buf *out)
{
    buf_append(out, SLICE("letter\tname\ttype\targ\tdefault\tmin\tmax\tchoices\tflags\tmodes\t"
                          "group\tcomplete\tscope\tneeds\thelp\n"));
    for (ptrdiff_t i = 0; i < opt_row_count(cmd); i++) {
        struct opt_row row = opt_row(cmd, i);
        if (!row.off)
            dump_row(cmd, &row, out);
    }
    buf_printf(out, "@name\t%s\n@summary\t%s\n", cmd->name, cmd->summary);
    for (ptrdiff_t i = 0; cmd->synopsis[i]; i++)
        buf_printf(out, "@synopsis\t%s\n", cmd->synopsis[i]);
    for (const struct command_example *e = cmd->examples; e && e->command; e++)
        buf_printf(out, "@example\t%s\t%s\n", e->note ? e->note : "", e->command);
    for (ptrdiff_t i = 0; i < cmd->mode_count; i++)
        buf_printf(out, "@mode\t%s\t%s\n", cmd->modes[i].option ? cmd->modes[i].option : "",
                   cmd->modes[i].summary);
    buf_printf(out, "@operands\t%s\n", cmd->operands ? cmd->operands : "");
    if (cmd->order)
        buf_printf(out, "@order\t%s\n", cmd->order);
    if (cmd->memory)
        buf_printf(out, "@memory\t%s\n", cmd->memory);
}
