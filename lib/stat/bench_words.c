/* Command texts of bench.h: to words and back. */
#include "bench.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n';
}

static bool needs_shell(const char *what, ptrdiff_t len, const char *text, struct err *err)
{
    return err_set(err, ERR_USAGE, "%s: %s is for a shell: quote it, or add --shell",
                   ERR_QUOTE(slice_of(text)), ERR_QUOTE(slice_make(what, len)));
}

/* One word into `word`; *at stands on its first byte and then after it. */
static bool word_read(const char *text, ptrdiff_t *at, struct buf *word, struct err *err)
{
    ptrdiff_t i = *at;
    char quote = '\0';

    for (; text[i] && (quote || !is_blank(text[i])); i++) {
        char c = text[i];
        if (quote == '\'' ? c != '\'' : quote && c != '"' && c != '\\' && c != '$' && c != '`')
            buf_append_byte(word, c);
        else if (quote && c == quote)
            quote = '\0';
        else if (!quote && (c == '\'' || c == '"'))
            quote = c;
        else if (c == '\\') {
            char next = text[i + 1];
            if (!next)
                return err_set(err, ERR_USAGE, "%s ends with a backslash",
                               ERR_QUOTE(slice_of(text)));
            i++;
            if (quote && !strchr("$`\"\\\n", next))
                buf_append_byte(word, '\\');
            if (next != '\n')
                buf_append_byte(word, next);
        } else if (strchr("$`", c) || (!quote && strchr("|&;<>()*?[", c)) ||
                   (i == *at && strchr("#~", c))) {
            return needs_shell(text + i, 1, text, err);
        } else {
            buf_append_byte(word, c);
        }
    }
    if (quote)
        return err_set(err, ERR_USAGE, "%s: a quote %c is not closed", ERR_QUOTE(slice_of(text)),
                       quote);
    *at = i;
    return true;
}

/* NAME=value in front of a command sets a variable in a shell. */
static bool is_assignment(slice word)
{
    ptrdiff_t equals = slice_find(word, '=');

    if (equals < 1 || (word.ptr[0] >= '0' && word.ptr[0] <= '9'))
        return false;
    for (ptrdiff_t i = 0; i < equals; i++) {
        char c = word.ptr[i];
        if (c != '_' && !(c >= '0' && c <= '9') && !(c >= 'A' && c <= 'Z') &&
            !(c >= 'a' && c <= 'z'))
            return false;
    }
    return true;
}

bool bench_words(const char *text, const char *const **words, ptrdiff_t *count, struct arena *arena,
                 struct err *err)
{
    const char **list = arena_new(arena, const char *, slice_of(text).len / 2 + 2);
    struct buf word = BUF_INIT(0);
    ptrdiff_t n = 0, at = 0;
    bool ok = true;

    for (;;) {
        while (is_blank(text[at]))
            at++;
        if (!text[at])
            break;
        ptrdiff_t start = at;
        buf_clear(&word);
        ok = word_read(text, &at, &word, err);
        if (ok && n == 0 && is_assignment(slice_make(text + start, at - start)))
            ok = needs_shell(text + start, at - start, text, err);
        if (!ok)
            break;
        list[n++] = arena_cstr_dup(arena, buf_slice(&word));
    }
    buf_release(&word);
    if (ok && n == 0)
        ok = err_set(err, ERR_USAGE, "an empty command");
    *words = list;
    *count = n;
    return ok;
}

static bool is_plain(const char *word)
{
    for (const char *c = word; *c; c++)
        if (!(*c >= 'a' && *c <= 'z') && !(*c >= 'A' && *c <= 'Z') && !(*c >= '0' && *c <= '9') &&
            !strchr("_-./=:,+@%^", *c))
            return false;
    return *word != '\0';
}

const char *bench_shown(const char *const *words, ptrdiff_t count, struct arena *arena)
{
    struct buf b = BUF_INIT(0);

    for (ptrdiff_t i = 0; i < count; i++) {
        if (i)
            buf_append_byte(&b, ' ');
        if (is_plain(words[i]) && !(i == 0 && is_assignment(slice_of(words[i])))) {
            buf_append(&b, slice_of(words[i]));
            continue;
        }
        buf_append_byte(&b, '\'');
        for (const char *c = words[i]; *c; c++) {
            if (*c == '\'')
                buf_append(&b, SLICE("'\\''"));
            else
                buf_append_byte(&b, *c);
        }
        buf_append_byte(&b, '\'');
    }
    const char *shown = arena_cstr_dup(arena, buf_slice(&b));
    buf_release(&b);
    return shown;
}

const char *bench_report_named(const char *const *words)
{
    for (; words[0] && strcmp(words[0], "--") != 0; words++) {
        if (strcmp(words[0], "--report") == 0)
            return words[1];
        if (slice_starts(slice_of(words[0]), SLICE("--report=")))
            return words[0] + sizeof "--report=" - 1;
    }
    return NULL;
}

const char *const *bench_report_added(const char *const *words, const char *path,
                                      struct arena *arena)
{
    ptrdiff_t n = 0, at = -1;

    for (; words[n]; n++)
        if (at < 0 && strcmp(words[n], "--") == 0)
            at = n;
    at = at < 0 ? n : at;
    const char **more = arena_new(arena, const char *, n + 3);
    memcpy(more, words, (size_t)at * sizeof *words);
    more[at] = "--report";
    more[at + 1] = path;
    memcpy(more + at + 2, words + at, (size_t)(n - at) * sizeof *words);
    return more;
}
