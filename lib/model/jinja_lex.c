/* Template text -> tokens. White space control as jinja2 with trim_blocks and lstrip_blocks: a line
 * break after a statement or comment goes, spaces before one at the start of a line go, `-` strips
 * everything on its side, `+` keeps it. One line break at the end of the source is dropped. */
#include "jinja_private.h"

#include <stdio.h>

struct lexer {
    slice s;
    ptrdiff_t at;
    int line;
    struct arena *arena;
    struct jtoken *tokens;
    ptrdiff_t count, cap;
    struct err *err;
};

static bool fail(struct lexer *l, const char *what)
{
    return err_set(l->err, ERR_CONFIG, "line %d: %s", l->line, what);
}

static void token_add(struct lexer *l, enum jtoken_type type, slice text)
{
    if (l->count == l->cap) {
        ptrdiff_t cap = MAX(256, 2 * l->cap);
        l->tokens = arena_grow(l->arena, l->tokens, l->cap * (ptrdiff_t)sizeof *l->tokens,
                               cap * (ptrdiff_t)sizeof *l->tokens, 16);
        l->cap = cap;
    }
    l->tokens[l->count++] = (struct jtoken){ type, l->line, text };
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static char peek(const struct lexer *l, ptrdiff_t more)
{
    return l->at + more < l->s.len ? l->s.ptr[l->at + more] : '\0';
}

static void advance(struct lexer *l, ptrdiff_t n)
{
    for (; n > 0; n--)
        l->line += l->s.ptr[l->at++] == '\n';
}

/* ---- text between tags ---- */

static bool at_tag(const struct lexer *l)
{
    char c = peek(l, 1);
    return peek(l, 0) == '{' && (c == '{' || c == '%' || c == '#');
}

/* `text` ends at a tag that begins with {x and then sign. */
static slice text_before_tag(slice text, bool line_start, char kind, char sign)
{
    if (sign == '-') {
        while (text.len && is_space(text.ptr[text.len - 1]))
            text.len--;
        return text;
    }
    if (kind == '{' || sign == '+')
        return text;
    ptrdiff_t n = text.len;
    while (n && (text.ptr[n - 1] == ' ' || text.ptr[n - 1] == '\t'))
        n--;
    if (n ? text.ptr[n - 1] == '\n' : line_start)
        text.len = n;
    return text;
}

/* What follows a closing tag: `sign` stands before it. */
static void skip_after_tag(struct lexer *l, char kind, char sign)
{
    if (sign == '-') {
        while (l->at < l->s.len && is_space(peek(l, 0)))
            advance(l, 1);
    } else if (kind != '{' && sign != '+') {
        if (peek(l, 0) == '\n')
            advance(l, 1);
        else if (peek(l, 0) == '\r' && peek(l, 1) == '\n')
            advance(l, 2);
    }
}

static bool skip_comment(struct lexer *l)
{
    for (advance(l, 2); l->at < l->s.len; advance(l, 1))
        if (peek(l, 0) == '#' && peek(l, 1) == '}') {
            char sign = l->s.ptr[l->at - 1];
            advance(l, 2);
            skip_after_tag(l, '#', sign == '-' || sign == '+' ? sign : '\0');
            return true;
        }
    return fail(l, "comment without an end");
}

/* ---- inside tags ---- */

static ptrdiff_t utf8_put(char *dst, uint32_t cp)
{
    if (cp < 0x80) {
        dst[0] = (char)cp;
        return 1;
    }
    int n = cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
    static const int mark[] = { 0, 0, 0xC0, 0xE0, 0xF0 };
    for (int i = n - 1; i > 0; i--, cp >>= 6)
        dst[i] = (char)(0x80 | (cp & 63));
    dst[0] = (char)(mark[n] | (int)cp);
    return n;
}

static int hex_value(char c)
{
    return c >= '0' && c <= '9'                 ? c - '0'
           : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
                                                : -1;
}

/* \n \t \r \\ \' \" \xNN \uNNNN; anything else stays as it is, as in Python. */
static ptrdiff_t unescape(const char *p, ptrdiff_t left, char **dst)
{
    static const char from[] = "ntr\\'\"abfv0", to[] = "\n\t\r\\'\"\a\b\f\v";
    char c = p[1];
    const char *hit = c ? memchr(from, c, sizeof from - 1) : NULL;
    if (hit) {
        *(*dst)++ = c == '0' ? '\0' : to[hit - from];
        return 2;
    }
    int digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0;
    uint32_t cp = 0;
    for (int i = 0; i < digits; i++) {
        int v = 2 + i < left ? hex_value(p[2 + i]) : -1;
        if (v < 0)
            digits = 0;
        cp = cp << 4 | (uint32_t)(v & 15);
    }
    if (!digits || cp > 0x10FFFF || (cp >= 0xD800 && cp < 0xE000)) {
        *(*dst)++ = '\\';
        return 1;
    }
    *dst += utf8_put(*dst, cp);
    return 2 + digits;
}

static bool lex_string(struct lexer *l)
{
    char quote = peek(l, 0);
    ptrdiff_t end = l->at + 1;
    while (end < l->s.len && l->s.ptr[end] != quote)
        end += l->s.ptr[end] == '\\' ? 2 : 1;
    if (end >= l->s.len)
        return fail(l, "string without an end");
    const char *p = l->s.ptr + l->at + 1, *stop = l->s.ptr + end;
    char *text = arena_alloc_raw(l->arena, stop - p + 1, 1), *dst = text;
    while (p < stop) {
        if (*p == '\\')
            p += unescape(p, stop - p, &dst);
        else
            *dst++ = *p++;
    }
    token_add(l, T_STRING, slice_make(text, dst - text));
    advance(l, end + 1 - l->at);
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_name(char c)
{
    return ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '_' || is_digit(c);
}

static void lex_number(struct lexer *l)
{
    ptrdiff_t n = 0;
    enum jtoken_type type = T_INT;
    while (is_digit(peek(l, n)) || peek(l, n) == '_')
        n++;
    if (peek(l, n) == '.' && is_digit(peek(l, n + 1))) {
        type = T_FLOAT;
        for (n++; is_digit(peek(l, n)); n++) {
        }
    }
    if ((peek(l, n) | 32) == 'e') {
        ptrdiff_t e = n + 1 + (peek(l, n + 1) == '-' || peek(l, n + 1) == '+');
        if (is_digit(peek(l, e))) {
            type = T_FLOAT;
            for (n = e; is_digit(peek(l, n)); n++) {
            }
        }
    }
    token_add(l, type, slice_make(l->s.ptr + l->at, n));
    advance(l, n);
}

static bool lex_operator(struct lexer *l)
{
    static const char *const two[] = { "==", "!=", "<=", ">=", "//", "**" };
    for (ptrdiff_t i = 0; i < countof(two); i++)
        if (peek(l, 0) == two[i][0] && peek(l, 1) == two[i][1]) {
            token_add(l, T_OP, slice_make(l->s.ptr + l->at, 2));
            advance(l, 2);
            return true;
        }
    if (!peek(l, 0) || !strchr("+-*/%~<>=()[]{},.:|", peek(l, 0)))
        return fail(l, "unexpected character in a tag");
    token_add(l, T_OP, slice_make(l->s.ptr + l->at, 1));
    advance(l, 1);
    return true;
}

/* From behind the opening braces to behind the closing ones. kind: '{' or '%'. */
static bool lex_tag(struct lexer *l, char kind)
{
    char close = kind == '{' ? '}' : '%';
    int depth = 0; /* of brackets: }} may close a dict */
    while (l->at < l->s.len) {
        char c = peek(l, 0);
        bool sign = c == '-' || c == '+';
        if (depth == 0 && peek(l, sign) == close && peek(l, sign + 1) == '}') {
            token_add(l, kind == '{' ? T_VAR_END : T_STMT_END, SLICE(""));
            advance(l, 2 + sign);
            skip_after_tag(l, kind, sign ? c : '\0');
            return true;
        }
        if (is_space(c)) {
            advance(l, 1);
        } else if (c == '"' || c == '\'') {
            if (!lex_string(l))
                return false;
        } else if (is_digit(c)) {
            lex_number(l);
        } else if (is_name(c)) {
            ptrdiff_t n = 1;
            while (is_name(peek(l, n)))
                n++;
            token_add(l, T_NAME, slice_make(l->s.ptr + l->at, n));
            advance(l, n);
        } else {
            depth += (c == '(' || c == '[' || c == '{') - (c == ')' || c == ']' || c == '}');
            if (!lex_operator(l))
                return false;
        }
    }
    return fail(l, "tag without an end");
}

/* After {% : true and the position behind `raw %}` when this is a raw tag. */
static bool raw_tag(struct lexer *l, const char *word, ptrdiff_t from, ptrdiff_t *end, char *sign)
{
    ptrdiff_t at = from, len = (ptrdiff_t)strlen(word);
    at += at < l->s.len && (l->s.ptr[at] == '-' || l->s.ptr[at] == '+');
    while (at < l->s.len && is_space(l->s.ptr[at]))
        at++;
    if (!slice_starts(slice_from(l->s, at), slice_make(word, len)))
        return false;
    at += len;
    while (at < l->s.len && is_space(l->s.ptr[at]))
        at++;
    *sign = at < l->s.len && (l->s.ptr[at] == '-' || l->s.ptr[at] == '+') ? l->s.ptr[at] : '\0';
    at += *sign != '\0';
    if (!slice_starts(slice_from(l->s, at), SLICE("%}")))
        return false;
    *end = at + 2;
    return true;
}

static bool lex_raw(struct lexer *l, ptrdiff_t end, char sign)
{
    advance(l, end - l->at);
    skip_after_tag(l, '%', sign);
    ptrdiff_t start = l->at;
    for (; l->at < l->s.len; advance(l, 1)) {
        if (peek(l, 0) != '{' || peek(l, 1) != '%' || !raw_tag(l, "endraw", l->at + 2, &end, &sign))
            continue;
        slice text = slice_make(l->s.ptr + start, l->at - start);
        token_add(l, T_DATA, text_before_tag(text, false, '%', peek(l, 2)));
        advance(l, end - l->at);
        skip_after_tag(l, '%', sign);
        return true;
    }
    return fail(l, "raw without endraw");
}

static bool lex_all(struct lexer *l)
{
    while (l->at < l->s.len) {
        ptrdiff_t start = l->at;
        bool line_start = start == 0 || l->s.ptr[start - 1] == '\n';
        while (l->at < l->s.len && !at_tag(l))
            advance(l, 1);
        slice text = slice_make(l->s.ptr + start, l->at - start);
        if (l->at == l->s.len) {
            token_add(l, T_DATA, text);
            break;
        }
        char kind = peek(l, 1), sign = peek(l, 2), raw_sign;
        ptrdiff_t raw_end;
        text = text_before_tag(text, line_start, kind, sign);
        if (text.len)
            token_add(l, T_DATA, text);
        if (kind == '#') {
            if (!skip_comment(l))
                return false;
            continue;
        }
        if (kind == '%' && raw_tag(l, "raw", l->at + 2, &raw_end, &raw_sign)) {
            if (!lex_raw(l, raw_end, raw_sign))
                return false;
            continue;
        }
        token_add(l, kind == '{' ? T_VAR_BEGIN : T_STMT_BEGIN, SLICE(""));
        advance(l, 2 + (sign == '-' || (sign == '+' && kind == '%')));
        if (!lex_tag(l, kind))
            return false;
    }
    token_add(l, T_EOF, SLICE(""));
    return true;
}

bool jinja_lex(slice source, struct arena *arena, struct jtoken **tokens, ptrdiff_t *count,
               struct err *err)
{
    struct lexer l = { .s = source, .line = 1, .arena = arena, .err = err };
    if (slice_ends(l.s, SLICE("\n")))
        l.s.len -= slice_ends(l.s, SLICE("\r\n")) ? 2 : 1;
    if (!lex_all(&l))
        return false;
    *tokens = l.tokens;
    *count = l.count;
    return true;
}
