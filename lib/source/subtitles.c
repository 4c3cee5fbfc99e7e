#include "subtitles.h"

static slice next_line(slice *rest)
{
    ptrdiff_t end = slice_find(*rest, '\n');
    slice line = slice_make(rest->ptr, end < 0 ? rest->len : end);
    *rest = slice_from(*rest, end < 0 ? rest->len : end + 1);
    while (line.len && ((unsigned char)line.ptr[line.len - 1] <= ' '))
        line.len--;
    while (line.len && (unsigned char)*line.ptr <= ' ')
        line = slice_from(line, 1);
    return line;
}

static bool is_times(slice line)
{
    return line.len && line.ptr[0] >= '0' && line.ptr[0] <= '9' &&
           memmem(line.ptr, (size_t)line.len, "-->", 3);
}

static bool is_number(slice line)
{
    for (ptrdiff_t i = 0; i < line.len; i++)
        if (line.ptr[i] < '0' || line.ptr[i] > '9')
            return false;
    return line.len > 0;
}

/* The end of a mark that begins at s; 0: it is none. */
static ptrdiff_t mark_length(slice s)
{
    char close = *s.ptr == '<' ? '>' : '}';
    bool mark = s.len > 1 && (*s.ptr == '<' ? s.ptr[1] == '/' || s.ptr[1] > ' ' : s.ptr[1] == '\\');
    ptrdiff_t end = mark ? slice_find(s, close) : -1;
    return end < 0 ? 0 : end + 1;
}

static ptrdiff_t entity(slice s, slice *text)
{
    static const struct {
        const char *name, *text;
    } known[] = { { "&amp;", "&" },  { "&lt;", "<" }, { "&gt;", ">" },
                  { "&nbsp;", " " }, { "&lrm;", "" }, { "&rlm;", "" } };
    for (ptrdiff_t i = 0; i < countof(known); i++)
        if (slice_starts(s, slice_of(known[i].name))) {
            *text = slice_of(known[i].text);
            return (ptrdiff_t)strlen(known[i].name);
        }
    return 0;
}

static void put_line(slice line, bool vtt, struct buf *out)
{
    while (line.len) {
        slice text = SLICE("");
        ptrdiff_t n = *line.ptr == '<' || *line.ptr == '{' ? mark_length(line)
                      : vtt && *line.ptr == '&'            ? entity(line, &text)
                                                           : 0;
        if (n)
            buf_append(out, text);
        else
            buf_append_byte(out, *line.ptr);
        line = slice_from(line, n ? n : 1);
    }
}

/* Blocks of WebVTT that are no cues. */
static bool is_other(slice line)
{
    static const char *const names[] = { "NOTE", "STYLE", "REGION", "WEBVTT" };
    for (ptrdiff_t i = 0; i < countof(names); i++) {
        ptrdiff_t n = (ptrdiff_t)strlen(names[i]);
        if (slice_starts(line, slice_of(names[i])) && (line.len == n || line.ptr[n] <= ' '))
            return true;
    }
    return false;
}

/* One block, up to an empty line. */
static void put_block(slice *rest, slice line, bool vtt, struct buf *out)
{
    bool skip = vtt && is_other(line);
    slice after = *rest, second = next_line(&after);
    ptrdiff_t start = out->len;
    /* A number or a name in front of the times. */
    if (!skip && is_times(second) && (vtt || is_number(line))) {
        *rest = after;
        line = next_line(rest);
    } else if (is_times(line)) {
        line = next_line(rest);
    }
    for (; line.len; line = rest->len ? next_line(rest) : slice_make(line.ptr, 0)) {
        if (skip)
            continue;
        ptrdiff_t before = out->len;
        if (out->len > start)
            buf_append_byte(out, ' ');
        put_line(line, vtt, out);
        if (out->len == before + 1 && before > start)
            out->len = before; /* only marks */
    }
    if (out->len > start)
        buf_append_byte(out, '\n');
}

void subtitles_text(slice utf8, struct buf *out)
{
    bool vtt = slice_starts(utf8, SLICE("WEBVTT"));
    ptrdiff_t start = out->len;
    while (utf8.len) {
        slice line = next_line(&utf8);
        if (line.len)
            put_block(&utf8, line, vtt, out);
    }
    if (out->len > start)
        out->len--;
}
