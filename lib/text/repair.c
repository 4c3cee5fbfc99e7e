#include "repair.h"

#include "../buf.h"
#include "c4.h"

#define MARKDOWN_PASSES 100

/* ---- HTML ---- */

/* What stands between < and >: a tag, a closing tag, a comment, a declaration. */
static bool is_tag(slice inside)
{
    char c = inside.len ? inside.ptr[0] : '\0';

    if (c == '/')
        c = inside.len > 1 ? inside.ptr[1] : '\0';
    return c == '!' || c == '?' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* A tag that only shows when another inside it is gone goes too: the last < that is still there
 * belongs to a >. Comments may hold anything. */
static slice without_tags(slice text, struct arena *arena)
{
    char *out = NULL, *p = NULL;
    ptrdiff_t *open = NULL, depth = 0, cap = 0;

    if (slice_find(text, '<') < 0)
        return text;
    out = p = arena_alloc_raw(arena, text.len + RECORD_PADDING, 1);
    for (ptrdiff_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        *p++ = c;
        if (c == '<') {
            if (depth == cap) {
                ptrdiff_t size = (ptrdiff_t)sizeof *open;
                open = arena_grow(arena, open, cap * size, MAX(64, 2 * cap) * size,
                                  _Alignof(ptrdiff_t));
                cap = MAX(64, 2 * cap);
            }
            open[depth++] = p - 1 - out;
        } else if (c == '>' && depth) {
            ptrdiff_t at = open[--depth];
            if (is_tag(slice_make(out + at + 1, p - 1 - (out + at + 1))))
                p = out + at;
            else
                depth = 0; /* "a < b > c": neither is a bracket */
        }
    }
    memset(p, 0, RECORD_PADDING);
    return slice_make(out, p - out);
}

static slice with_entities(slice text, struct arena *arena)
{
    static const struct {
        const char *name, *text;
    } entities[] = { { "&nbsp;", " " }, { "&#160;", " " }, { "&quot;", "\"" },
                     { "&#34;", "\"" }, { "&apos;", "'" }, { "&#39;", "'" } };
    char *out, *p;

    if (slice_find(text, '&') < 0)
        return text;
    out = p = arena_alloc_raw(arena, text.len + RECORD_PADDING, 1);
    for (ptrdiff_t i = 0; i < text.len;) {
        int e = 0;
        while (
            e < countof(entities) &&
            !(text.ptr[i] == '&' && slice_starts(slice_from(text, i), slice_of(entities[e].name))))
            e++;
        *p++ = e < countof(entities) ? entities[e].text[0] : text.ptr[i];
        i += e < countof(entities) ? (ptrdiff_t)strlen(entities[e].name) : 1;
    }
    memset(p, 0, RECORD_PADDING);
    return slice_make(out, p - out);
}

/* ---- lines with phrases ---- */

/* Lines without what the pattern finds; false at a limit. */
static bool drop_lines(const struct regex *re, struct regex_scratch *regex, slice *text,
                       struct arena *arena)
{
    char *out = NULL, *p = NULL;
    ptrdiff_t at = 0, done = 0;

    while (at < text->len) {
        enum regex_result found = regex_find(re, regex, *text, at, 0);
        if (found == REGEX_LIMIT)
            return false;
        if (found == REGEX_NONE)
            break;
        ptrdiff_t start = regex_group(regex, 0).start, end = regex_group(regex, 0).end;
        while (start > done && text->ptr[start - 1] != '\n')
            start--;
        ptrdiff_t feed = slice_find(slice_from(*text, end), '\n');
        end = feed < 0 ? text->len : end + feed + 1;
        if (!out)
            out = p = arena_alloc_raw(arena, text->len + RECORD_PADDING, 1);
        memcpy(p, text->ptr + done, (size_t)(start - done));
        p += start - done;
        at = done = end;
    }
    if (!out)
        return true;
    memcpy(p, text->ptr + done, (size_t)(text->len - done));
    p += text->len - done;
    memset(p, 0, RECORD_PADDING);
    *text = slice_make(out, p - out);
    return true;
}

/* The phrases as alternatives, their characters quoted. */
static bool ready_phrases(struct repair *r, struct err *err)
{
    struct buf pattern = { 0 };

    for (slice rest = r->phrases; rest.len;) {
        ptrdiff_t feed = slice_find(rest, '\n');
        slice phrase = slice_make(rest.ptr, feed < 0 ? rest.len : feed);
        rest = slice_from(rest, feed < 0 ? rest.len : feed + 1);
        if (phrase.len && phrase.ptr[phrase.len - 1] == '\r')
            phrase.len--;
        if (!phrase.len)
            continue;
        if (pattern.len)
            buf_append_byte(&pattern, '|');
        for (ptrdiff_t i = 0; i < phrase.len; i++) {
            char c = phrase.ptr[i];
            if (!(c & 0x80) && strchr("\\^$.[]|()?*+{}#-", c) && c)
                buf_append_byte(&pattern, '\\');
            buf_append_byte(&pattern, c);
        }
    }
    if (!pattern.len) {
        buf_release(&pattern);
        return err_set(err, ERR_DATA, "no phrase in the file");
    }
    r->phrase = regex_new(buf_slice(&pattern), REGEX_CASELESS, err);
    buf_release(&pattern);
    return r->phrase != NULL;
}

/* ---- all ---- */

static bool add_step(struct repair *r, const char *spec, struct arena *arena, struct err *err)
{
    struct subst *s = subst_parse(slice_of(spec), arena, err);

    ASSERT(r->step_count < countof(r->steps));
    if (s)
        r->steps[r->step_count++] = s;
    return s != NULL;
}

/* The first four steps, with markdown. */
static const char *const markdown[] = { "/\\*\\*(.*?)\\*\\*/$1/g", "/\\*(.*?)\\*/$1/g",
                                        "/_(.*?)_/$1/g", "/\\[.*?\\]\\((.*?)\\)/$1/g" };

bool repair_ready(struct repair *r, struct arena *arena, struct err *err)
{
    const struct {
        bool on;
        const char *spec;
    } steps[] = {
        { r->quotes, "/[\\x{2018}-\\x{201B}]/'/g" },
        { r->quotes, "/[\\x{201C}-\\x{201F}]/\"/g" },
        { r->dashes, "/[\\x{2010}-\\x{2015}\\x{2212}]/-/g" },
        { r->bullets,
          "/^[ \\t]*(?:(?:[\\x{2022}\\x{2023}\\x{2043}\\x{2219}\\x{25AA}\\x{25CB}\\x{25CF}"
          "\\x{25E6}\\x{25A0}\\x{25A1}\\x{25B6}\\x{25BA}]|[-*](?=[ \\t]))[ \\t]*)+//gm" },
        { r->url_lines,
          "/^[ \\t]*<?(?:(?:https?|ftp):\\/\\/|www\\.)[^\\s<>]+>?[ \\t\\r]*(?:\\n|\\z)//gmi" },
    };

    r->any = r->html || r->markdown || r->quotes || r->dashes || r->bullets || r->url_lines ||
             r->c4_lines || r->max_repeat || r->phrases.len;
    for (int i = 0; r->markdown && i < countof(markdown); i++)
        if (!add_step(r, markdown[i], arena, err))
            return false;
    for (int i = 0; i < countof(steps); i++)
        if (steps[i].on && !add_step(r, steps[i].spec, arena, err))
            return false;
    if (r->c4_lines) {
        r->classes = char_classes_new(arena);
        r->c4_phrases = arena_new(arena, struct bytepair, 1);
        c4_phrases_ready(r->c4_phrases);
    }
    return !r->phrases.len || ready_phrases(r, err);
}

void repair_release(struct repair *r)
{
    for (int i = 0; i < r->step_count; i++)
        subst_release(r->steps[i]);
    regex_free(r->phrase);
    r->step_count = 0;
    r->phrase = NULL;
}

static slice limit_repeats(const struct repair *r, slice text, struct arena *arena)
{
    char *out = NULL, *p = NULL;
    slice last = { 0 };
    int64_t run = 0;

    for (ptrdiff_t i = 0; i < text.len;) {
        ptrdiff_t width = 1;
        while (i + width < text.len && ((unsigned char)text.ptr[i + width] & 0xC0) == 0x80)
            width++;
        slice c = slice_make(text.ptr + i, width);
        bool is_space = width == 1 && (c.ptr[0] == ' ' || (c.ptr[0] >= 9 && c.ptr[0] <= 13));
        run = !is_space && slice_eq(c, last) ? run + 1 : 1;
        last = c;
        if (run > r->max_repeat && !out) {
            out = arena_alloc_raw(arena, text.len + RECORD_PADDING, 1);
            memcpy(out, text.ptr, (size_t)i);
            p = out + i;
        }
        if (out && run <= r->max_repeat) {
            memcpy(p, c.ptr, (size_t)width);
            p += width;
        }
        i += width;
    }
    if (!out)
        return text;
    memset(p, 0, RECORD_PADDING);
    return slice_make(out, p - out);
}

static void ignore_line(void *arg, slice line)
{
    (void)arg;
    (void)line;
}

static slice apply_c4(const struct repair *r, slice text, struct arena *arena)
{
    const struct c4_conf conf = {
        .classes = r->classes, .phrases = r->c4_phrases, .terminal_lines = true, .line = ignore_line
    };
    struct c4_result result;

    c4_lines(&conf, text, arena, &result);
    return result.text;
}

bool repair_text(const struct repair *r, struct regex_scratch *regex, slice *text,
                 ptrdiff_t max_bytes, struct arena *arena)
{
    int64_t count = 0;
    int step = 0;

    if (r->html)
        *text = with_entities(without_tags(*text, arena), arena);
    for (int pass = 0; r->markdown && pass < MARKDOWN_PASSES; pass++) {
        bool changed = false;
        for (step = 0; step < countof(markdown); step++) {
            enum subst_result s =
                subst_apply(r->steps[step], regex, text, max_bytes, &count, arena);
            if (s != SUBST_SAME && s != SUBST_CHANGED)
                return false;
            changed |= s == SUBST_CHANGED;
        }
        if (!changed)
            break;
    }
    for (step = r->markdown ? countof(markdown) : 0; step < r->step_count; step++)
        if (subst_apply(r->steps[step], regex, text, max_bytes, &count, arena) > SUBST_CHANGED)
            return false;
    if (r->max_repeat)
        *text = limit_repeats(r, *text, arena);
    if (r->phrase && !drop_lines(r->phrase, regex, text, arena))
        return false;
    if (r->c4_lines)
        *text = apply_c4(r, *text, arena);
    return true;
}
