#include "subst.h"

#include "../json.h"

/* The replacement as literal runs and groups. */
struct part {
    slice literal;
    int group; /* -1: literal */
};

struct subst {
    slice spec;
    struct regex *re;
    bool all;
    struct part *parts;
    ptrdiff_t part_count;
};

/* ---- parsing ---- */

static bool is_delimiter(char c)
{
    return c > ' ' && c < 0x7F && c != '\\' && !(c >= '0' && c <= '9') &&
           !((c | 32) >= 'a' && (c | 32) <= 'z');
}

/* The field from `at` up to the next delimiter that is not escaped; *at ends behind it. `\` and the
 * delimiter become the delimiter. Returns false when there is none. */
static bool parse_field(slice spec, char delimiter, ptrdiff_t *at, slice *field,
                        struct arena *arena)
{
    char *out = arena_alloc_raw(arena, spec.len + 1, 1);
    ptrdiff_t len = 0;

    for (ptrdiff_t i = *at; i < spec.len; i++) {
        char c = spec.ptr[i];
        if (c == delimiter) {
            *at = i + 1;
            *field = slice_make(out, len);
            return true;
        }
        if (c == '\\' && i + 1 < spec.len) {
            c = spec.ptr[++i];
            if (c != delimiter)
                out[len++] = '\\';
        }
        out[len++] = c;
    }
    return false;
}

static bool parse_flags(slice flags, unsigned *regex_flags, bool *all, struct err *err)
{
    static const char letters[] = "ismxu";
    static const unsigned values[] = { REGEX_CASELESS, REGEX_DOTALL, REGEX_MULTILINE,
                                       REGEX_EXTENDED, REGEX_UNICODE };

    for (ptrdiff_t i = 0; i < flags.len; i++) {
        const char *hit = flags.ptr[i] ? strchr(letters, flags.ptr[i]) : NULL;
        if (flags.ptr[i] == 'g')
            *all = true;
        else if (hit)
            *regex_flags |= values[hit - letters];
        else
            return err_set(err, ERR_USAGE, "unknown flag %s: the flags are g i s m x u",
                           ERR_QUOTE(slice_make(flags.ptr + i, 1)));
    }
    return true;
}

static void add_literal(struct subst *s, slice literal)
{
    struct part *last = s->part_count ? &s->parts[s->part_count - 1] : NULL;

    if (last && last->group < 0 && last->literal.ptr + last->literal.len == literal.ptr)
        last->literal.len += literal.len;
    else
        s->parts[s->part_count++] = (struct part){ literal, -1 };
}

static bool add_group(struct subst *s, int group, struct err *err)
{
    if (group < 0 || group > regex_group_count(s->re))
        return err_set(err, ERR_USAGE, "the pattern has no group %d", group);
    s->parts[s->part_count++] = (struct part){ .group = group };
    return true;
}

/* What follows a dollar at text[i]; returns the index behind it, or -1. */
static ptrdiff_t parse_dollar(struct subst *s, slice text, ptrdiff_t i, struct err *err)
{
    char c = i < text.len ? text.ptr[i] : '\0';

    if (c == '$') {
        add_literal(s, slice_make(text.ptr + i, 1));
        return i + 1;
    }
    if (c == '&')
        return add_group(s, 0, err) ? i + 1 : -1;
    if (c >= '0' && c <= '9') {
        int group = 0;
        ptrdiff_t end = i;
        while (end < text.len && end < i + 2 && text.ptr[end] >= '0' && text.ptr[end] <= '9')
            group = group * 10 + (text.ptr[end++] - '0');
        return add_group(s, group, err) ? end : -1;
    }
    if (c != '{') {
        add_literal(s, SLICE("$"));
        return i;
    }
    slice name = slice_from(text, i + 1);
    name.len = slice_find(name, '}');
    if (name.len <= 0) {
        err_set(err, ERR_USAGE, "'${' without a name and '}' in the replacement");
        return -1;
    }
    int group = 0;
    bool digits = true;
    for (ptrdiff_t k = 0; k < name.len && digits; k++) {
        digits = name.ptr[k] >= '0' && name.ptr[k] <= '9' && k < 3;
        group = group * 10 + (name.ptr[k] - '0');
    }
    if (!digits && (group = regex_group_number(s->re, name)) < 0) {
        err_set(err, ERR_USAGE, "the pattern has no group named %s", ERR_QUOTE(name));
        return -1;
    }
    return add_group(s, group, err) ? i + name.len + 2 : -1;
}

static bool parse_escape(struct subst *s, char c, struct err *err)
{
    switch (c) {
    case 'n':
        add_literal(s, SLICE("\n"));
        return true;
    case 't':
        add_literal(s, SLICE("\t"));
        return true;
    case 'r':
        add_literal(s, SLICE("\r"));
        return true;
    case '\\':
        add_literal(s, SLICE("\\"));
        return true;
    case '$':
        add_literal(s, SLICE("$"));
        return true;
    default:
        if (c >= '0' && c <= '9')
            return add_group(s, c - '0', err);
        return err_set(err, ERR_USAGE,
                       "unknown escape '\\%c' in the replacement: there are "
                       "\\n \\t \\r \\\\ \\$ and \\1 to \\9",
                       c >= ' ' && c < 0x7F ? c : '?');
    }
}

static bool parse_replacement(struct subst *s, slice text, struct arena *arena, struct err *err)
{
    s->parts = arena_new(arena, struct part, text.len + 1);
    for (ptrdiff_t i = 0; i < text.len;) {
        char c = text.ptr[i];
        if (c == '$') {
            i = parse_dollar(s, text, i + 1, err);
            if (i < 0)
                return false;
        } else if (c == '\\' && i + 1 < text.len) {
            if (!parse_escape(s, text.ptr[i + 1], err))
                return false;
            i += 2;
        } else {
            add_literal(s, slice_make(text.ptr + i, 1));
            i++;
        }
    }
    return true;
}

struct subst *subst_parse(slice spec, struct arena *arena, struct err *err)
{
    struct subst *s = arena_new(arena, struct subst, 1);
    slice pattern, text;
    unsigned flags = 0;
    ptrdiff_t at = 0;

    if (!json_utf8_valid(spec)) {
        err_set(err, ERR_USAGE, "%s is not valid UTF-8", ERR_QUOTE(spec));
        return NULL;
    }
    s->spec = arena_dup(arena, spec);
    if (spec.len > 1 && spec.ptr[0] == 's' && is_delimiter(spec.ptr[1]))
        at = 1;
    char delimiter = at < spec.len ? spec.ptr[at] : '\0';
    if (!is_delimiter(delimiter)) {
        err_set(err, ERR_USAGE, "%s does not start with a delimiter: write /RE/TEXT/FLAGS",
                ERR_QUOTE(spec));
        return NULL;
    }
    at++;
    if (!parse_field(spec, delimiter, &at, &pattern, arena) ||
        !parse_field(spec, delimiter, &at, &text, arena)) {
        err_set(err, ERR_USAGE, "%s has fewer than three '%c': write %cRE%cTEXT%cFLAGS",
                ERR_QUOTE(spec), delimiter, delimiter, delimiter, delimiter);
        return NULL;
    }
    if (!parse_flags(slice_from(spec, at), &flags, &s->all, err))
        return NULL;
    s->re = regex_new(pattern, flags, err);
    if (s->re && parse_replacement(s, text, arena, err))
        return s;
    subst_release(s);
    return NULL;
}

void subst_release(struct subst *s)
{
    if (s)
        regex_free(s->re);
}

slice subst_spec(const struct subst *s)
{
    return s->spec;
}

/* ---- applying ---- */

struct output {
    struct arena *arena;
    char *ptr;
    ptrdiff_t len, cap, max;
};

static bool put(struct output *o, slice s)
{
    if (s.len > o->max - o->len)
        return false;
    if (s.len > o->cap - o->len) {
        ptrdiff_t cap = MIN(MAX(o->cap * 2, o->len + s.len + 256), o->max);
        ptrdiff_t old = o->ptr ? o->cap + RECORD_PADDING : 0;
        o->ptr = arena_grow(o->arena, o->ptr, old, cap + RECORD_PADDING, 1);
        o->cap = cap;
    }
    if (s.len)
        memcpy(o->ptr + o->len, s.ptr, (size_t)s.len);
    o->len += s.len;
    return true;
}

static bool put_replacement(const struct subst *s, const struct regex_scratch *scratch, slice text,
                            struct output *o)
{
    for (ptrdiff_t i = 0; i < s->part_count; i++) {
        slice piece = s->parts[i].literal;
        if (s->parts[i].group >= 0) {
            struct regex_span g = regex_group(scratch, s->parts[i].group);
            piece = g.start < 0 ? SLICE("") : slice_make(text.ptr + g.start, g.end - g.start);
        }
        if (!put(o, piece))
            return false;
    }
    return true;
}

static ptrdiff_t next_code_point(slice text, ptrdiff_t at)
{
    at++;
    while (at < text.len && ((unsigned char)text.ptr[at] & 0xC0) == 0x80)
        at++;
    return at;
}

enum subst_result subst_apply(const struct subst *s, struct regex_scratch *scratch, slice *text,
                              ptrdiff_t max_bytes, int64_t *count, struct arena *arena)
{
    struct output o = { .arena = arena, .max = max_bytes };
    ptrdiff_t at = 0, copied = 0;
    unsigned flags = 0;
    int64_t made = 0;

    while (at <= text->len) {
        enum regex_result r = regex_find(s->re, scratch, *text, at, flags);
        if (r == REGEX_LIMIT)
            return SUBST_LIMIT;
        if (r == REGEX_NONE)
            break;
        struct regex_span m = regex_group(scratch, 0);
        /* \K in a look-ahead can put the start behind the end or before what is copied. */
        if (m.start > m.end || m.start < copied)
            m.start = m.end;
        if (m.end < copied) {
            at = next_code_point(*text, at);
            flags = 0;
            continue;
        }
        if (!put(&o, slice_make(text->ptr + copied, m.start - copied)) ||
            !put_replacement(s, scratch, *text, &o))
            return SUBST_TOO_LONG;
        copied = m.end;
        made++;
        if (!s->all)
            break;
        /* After an empty match another one at the same place does not count (Perl, Python). */
        at = m.end;
        flags = m.start == m.end ? REGEX_NOT_EMPTY_HERE : 0;
    }
    if (!made)
        return SUBST_SAME;
    if (!put(&o, slice_from(*text, copied)))
        return SUBST_TOO_LONG;
    *text = slice_make(o.ptr ? o.ptr : "", o.len);
    *count += made;
    return SUBST_CHANGED;
}
