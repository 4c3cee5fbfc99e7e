#include "opt_table.h"

#define HELP_MAX         56
#define LINE_MAX_COLUMNS 76

static bool lower_name(const char *name)
{
    if (!name || !(name[0] >= 'a' && name[0] <= 'z') || !name[1])
        return false;
    for (const char *p = name; *p; p++)
        if (!(*p >= 'a' && *p <= 'z') && !(*p >= '0' && *p <= '9') && *p != '-')
            return false;
    return strncmp(name, "no-", 3) != 0;
}

static bool plain_text(const char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7F)
            return false;
    return true;
}

static bool is_word(const struct opt *o)
{
    return o->type == OPT_STRING || o->type == OPT_PATH || o->type == OPT_FIELD;
}

/* Names that keep their capital at the start of a help text. */
static bool proper_name(const char *help)
{
    static const char *const names[] = { "Unicode", "Prometheus", "Jinja", "Parquet", "Megatron" };

    for (ptrdiff_t i = 0; i < countof(names); i++)
        if (slice_starts(slice_of(help), slice_of(names[i])))
            return true;
    return false;
}

static const char *check_texts(const struct opt *o)
{
    bool value = o->type != OPT_FLAG && o->type != OPT_COUNT;

    if (!o->help || !*o->help || !plain_text(o->help))
        return "has no help, or control characters in it";
    if (strlen(o->help) > HELP_MAX)
        return "has a help text of more than 56 characters";
    bool capital = o->help[0] >= 'A' && o->help[0] <= 'Z' && o->help[1] >= 'a' && o->help[1] <= 'z';
    if (capital && !proper_name(o->help))
        return "has a help text that begins with a capital";
    if (o->help[strlen(o->help) - 1] == '.')
        return "has a help text that ends in a full stop";
    if (!o->group || !*o->group || !plain_text(o->group))
        return "has no group";
    if (value && (!o->arg || !*o->arg || !plain_text(o->arg)))
        return "takes a value and has no placeholder";
    if (!value && o->arg)
        return "takes no value and has a placeholder";
    for (const char *p = o->arg; p && *p; p++)
        if (*p >= 'a' && *p <= 'z')
            return "has a placeholder that is not upper case";
    return NULL;
}

static const char *check_flags(const struct command *cmd, const struct opt *o)
{
    if ((o->flags & (OPT_REPEAT | OPT_OPTIONAL)) && !is_word(o))
        return "is repeated or optional and not a string, path or field";
    if ((o->flags & OPT_REPEAT) && (o->flags & OPT_OPTIONAL))
        return "is both repeated and optional";
    if ((o->flags & OPT_REPEAT) && o->def)
        return "is repeated and has a default";
    if ((o->flags & OPT_REQUIRED) && (o->def || o->type == OPT_FLAG || o->type == OPT_COUNT))
        return "is required and has a default, or is a flag";
    if ((o->flags & OPT_MODE) && ((o->type == OPT_FLAG && o->def) || o->type == OPT_COUNT))
        return "selects a mode and is a flag with a default, or is counted";
    if ((o->flags & OPT_TRISTATE) && (o->type != OPT_FLAG || o->def))
        return "has three states and is not a flag without default";
    if (cmd->mode_count < 32 && o->modes >> cmd->mode_count)
        return "is valid in a mode that does not exist";
    if ((o->type == OPT_ENUM) != (o->choices != NULL) && o->type != OPT_STRING)
        return "has choices and is no enum, or is an enum without";
    if (o->check && !is_word(o))
        return "has a check and is not a string, path or field";
    if (o->min > o->max)
        return "has min above max";
    return NULL;
}

static const char *check_choices(const struct opt *o)
{
    if (!o->choices)
        return NULL;
    slice s = slice_of(o->choices);
    bool empty = s.len == 0 || s.ptr[0] == '|' || s.ptr[s.len - 1] == '|';
    if (empty || strstr(o->choices, "||") || !plain_text(o->choices))
        return "has an empty choice";
    return NULL;
}

static const char *check_default(const struct opt *o, struct arena *arena)
{
    union {
        int64_t n;
        double x;
        const char *s;
        bool b;
        int i;
    } value;
    const char *why;

    if (o->type == OPT_COUNT && o->def)
        return "is a count and has a default";
    if (o->def && !opt_value_store(o, o->def, &value, arena, &why))
        return arena_printf(arena, "has a default that does not parse: %s", why).ptr;
    return NULL;
}

static const char *check_needs(const struct command *cmd, const struct opt *o, struct arena *arena)
{
    const struct opt list = { .choices = o->needs };
    const char *const *names;

    if (!o->needs)
        return NULL;
    ptrdiff_t count = opt_choices(&list, arena, &names);
    for (ptrdiff_t i = 0; i < count; i++) {
        ptrdiff_t row = opt_row_find(cmd, slice_of(names[i]));
        if (row < 0 || opt_row(cmd, row).off)
            return arena_printf(arena, "needs '%s', which does not exist", names[i]).ptr;
    }
    return NULL;
}

/* Another row that is on and has the same name or letter. */
static const char *check_unique(const struct command *cmd, ptrdiff_t index)
{
    struct opt_row self = opt_row(cmd, index);

    for (ptrdiff_t i = 0; i < opt_row_count(cmd); i++) {
        struct opt_row other = opt_row(cmd, i);
        if (i == index || other.off)
            continue;
        if (strcmp(other.opt->name, self.opt->name) == 0)
            return "is in the table twice";
        if (self.opt->letter && other.opt->letter == self.opt->letter)
            return "has a letter that another one has";
    }
    return NULL;
}

static const char *check_row(const struct command *cmd, ptrdiff_t index, struct arena *arena)
{
    struct opt_row row = opt_row(cmd, index);
    const struct opt *o = row.opt;
    const char *fault;
    char c = o->letter;

    if (row.off)
        return NULL;
    bool letter = !c || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    if (!letter)
        fault = "has a letter that is neither letter nor digit";
    else if (!(fault = check_texts(o)) && !(fault = check_flags(cmd, o)) &&
             !(fault = check_choices(o)) && !(fault = check_default(o, arena)) &&
             !(fault = check_needs(cmd, o, arena)))
        fault = check_unique(cmd, index);
    return fault ? arena_printf(arena, "option '--%s' %s", o->name, fault).ptr : NULL;
}

static const char *check_modes(const struct command *cmd, struct arena *arena)
{
    if ((cmd->mode_count > 0) != (cmd->modes != NULL) || cmd->mode_count > 32)
        return "modes and mode_count differ";
    for (ptrdiff_t m = 0; m < cmd->mode_count; m++) {
        const char *name = cmd->modes[m].option;
        if (!cmd->modes[m].summary || !plain_text(cmd->modes[m].summary))
            return "a mode has no summary";
        if (!name && m > 0)
            return "a mode other than the first has no option";
        ptrdiff_t i = name ? opt_row_find(cmd, slice_of(name)) : -1;
        if (name && (i < 0 || i >= cmd->opt_count || !(cmd->opts[i].flags & OPT_MODE)))
            return arena_printf(arena, "mode '%s' has no option with OPT_MODE", name).ptr;
    }
    for (ptrdiff_t i = 0; i < cmd->opt_count; i++) {
        bool found = !(cmd->opts[i].flags & OPT_MODE);
        for (ptrdiff_t m = 0; m < cmd->mode_count; m++)
            found |= cmd->modes[m].option && !strcmp(cmd->modes[m].option, cmd->opts[i].name);
        if (!found)
            return arena_printf(arena, "option '--%s' selects no mode", cmd->opts[i].name).ptr;
    }
    return NULL;
}

static const char *check_command(const struct command *cmd, struct arena *arena)
{
    if (!lower_name(cmd->name))
        return "the command has no name";
    if (!cmd->summary || !*cmd->summary || !plain_text(cmd->summary) ||
        strlen(cmd->summary) > LINE_MAX_COLUMNS)
        return "the summary is missing or longer than 76 columns";
    if (!cmd->synopsis || !cmd->synopsis[0])
        return "there is no synopsis";
    for (ptrdiff_t i = 0; cmd->synopsis[i]; i++)
        if (!plain_text(cmd->synopsis[i]))
            return "the synopsis has control characters";
    for (const struct command_example *e = cmd->examples; e && e->command; e++) {
        if (!plain_text(e->command) || strlen(e->command) > LINE_MAX_COLUMNS)
            return arena_printf(arena, "example is longer than 76 columns: %s", e->command).ptr;
        if (e->note && (!plain_text(e->note) || strlen(e->note) > LINE_MAX_COLUMNS - 2))
            return arena_printf(arena, "note is longer than 74 columns: %s", e->note).ptr;
    }
    if ((cmd->order && !plain_text(cmd->order)) || (cmd->memory && !plain_text(cmd->memory)))
        return "order or memory has control characters";
    if (cmd->opt_count < 0 || opt_row_count(cmd) > OPT_GIVEN_BITS)
        return "there are too many options";
    if ((cmd->common & COMMON_OUTPUT) && (cmd->common & COMMON_TARGET))
        return "COMMON_OUTPUT and COMMON_TARGET exclude each other";
    return NULL;
}

const char *opt_check(const struct command *cmd, struct arena *arena)
{
    const char *fault = check_command(cmd, arena);

    for (ptrdiff_t i = 0; !fault && i < cmd->opt_count; i++) /* before anything looks for names */
        if (!lower_name(cmd->opts[i].name))
            fault = arena_printf(arena, "option %td: '%s' is not a name (a-z 0-9 -, without no-)",
                                 i, cmd->opts[i].name ? cmd->opts[i].name : "")
                        .ptr;
    for (ptrdiff_t i = 0; !fault && i < opt_row_count(cmd); i++)
        fault = check_row(cmd, i, arena);
    return fault ? fault : check_modes(cmd, arena);
}
