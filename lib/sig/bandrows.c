#include "bandrows.h"

#include "../json.h"

#include <inttypes.h>

#define KEY_DIGITS 16
#define READ_BYTES ((ptrdiff_t)1 << 18)

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool bandrow_parse(slice line, struct bandrow *row)
{
    if (line.len > 0 && line.ptr[line.len - 1] == '\r')
        line.len--;
    if (line.len <= KEY_DIGITS + 1 || line.ptr[KEY_DIGITS] != '\t')
        return false;
    row->key = 0;
    for (int i = 0; i < KEY_DIGITS; i++) {
        int digit = hex_digit(line.ptr[i]);
        if (digit < 0)
            return false;
        row->key = row->key << 4 | (uint64_t)digit;
    }
    row->id = slice_from(line, KEY_DIGITS + 1);
    /* A key-value stream may leave white space at the end; ids have none there. */
    while (row->id.len > 0 &&
           (row->id.ptr[row->id.len - 1] == '\t' || row->id.ptr[row->id.len - 1] == ' '))
        row->id.len--;
    char first = row->id.len ? row->id.ptr[0] : 0;
    char last = row->id.len ? row->id.ptr[row->id.len - 1] : 0;
    for (ptrdiff_t i = 0; i < row->id.len; i++)
        if ((unsigned char)row->id.ptr[i] < ' ')
            return false;
    bool string = first == '"' && last == '"' && row->id.len >= 2;
    bool number = first == '-' || (first >= '0' && first <= '9');
    return string || number;
}

void bandrow_append(struct buf *b, uint64_t key, slice id)
{
    char digits[KEY_DIGITS + 1];

    for (int i = 0; i < KEY_DIGITS; i++)
        digits[i] = "0123456789abcdef"[key >> (60 - 4 * i) & 15];
    digits[KEY_DIGITS] = '\t';
    buf_append(b, slice_make(digits, sizeof digits));
    buf_append(b, id);
    buf_append_byte(b, '\n');
}

static bool bad_row(const char *name, int64_t line, slice what, struct err *err)
{
    return err_set(err, ERR_DATA, "%s:%" PRId64 ": %s is no row of --sign", name, line,
                   ERR_QUOTE(what));
}

struct lines {
    struct buf data;
    ptrdiff_t at; /* what is parsed already */
    int64_t line;
};

/* The whole lines that are there; at the end of an input also a last one without a newline. */
static bool take_lines(struct lines *l, const char *name, bool ended,
                       bool (*visit)(void *, const struct bandrow *, struct err *), void *self,
                       struct err *err)
{
    for (;;) {
        slice rest = slice_from(buf_slice(&l->data), l->at);
        ptrdiff_t end = slice_find(rest, '\n');
        struct bandrow row;
        if (end < 0 && (!ended || rest.len == 0))
            break;
        slice line = slice_make(rest.ptr, end < 0 ? rest.len : end);
        l->at += line.len + (end >= 0);
        l->line++;
        if (line.len == 0)
            continue;
        if (!bandrow_parse(line, &row))
            return bad_row(name, l->line, line, err);
        if (!visit(self, &row, err))
            return err_context(err, "%s:%" PRId64, name, l->line);
    }
    buf_consume(&l->data, l->at);
    l->at = 0;
    if (l->data.len > BANDROWS_LINE_MAX)
        return err_set(err, ERR_DATA, "%s:%" PRId64 ": longer than 64 MiB", name, l->line + 1);
    return true;
}

bool bandrows_each(const struct in_conf *conf,
                   bool (*visit)(void *self, const struct bandrow *, struct err *), void *self,
                   struct err *err)
{
    struct in *in = in_open(conf, err);
    struct lines l = { .line = 0 };
    enum in_status status = in ? IN_DATA : IN_FAIL;
    bool ok = in != NULL;

    while (ok && status != IN_END && status != IN_FAIL) {
        ptrdiff_t got = 0;
        char *dst = buf_reserve(&l.data, READ_BYTES);
        status = in_read(in, dst, READ_BYTES, &got, err);
        if (status == IN_DATA)
            l.data.len += got;
        if (status == IN_FAIL)
            break;
        ok = take_lines(&l, in_name(in), status != IN_DATA, visit, self, err);
        if (status == IN_NEXT)
            l.line = 0;
    }
    buf_release(&l.data);
    in_close(in);
    return ok && status != IN_FAIL;
}

/* ---- pairs ---- */

struct pairs {
    struct out *out;
    struct buf text;  /* what is to be written */
    struct buf first; /* the id of the first row of the key, until a second id is seen */
    uint64_t key;
    int64_t rows, kept, keys; /* read; written; different keys of what is written */
    bool any, shared;         /* there was a row; its key has two ids */
};

static bool flush(struct pairs *p, struct err *err)
{
    bool ok = out_write(p->out, buf_slice(&p->text), err);
    buf_clear(&p->text);
    return ok;
}

static bool pair_row(void *self, const struct bandrow *row, struct err *err)
{
    struct pairs *p = self;

    p->rows++;
    if (p->any && row->key < p->key)
        return err_set(err, ERR_DATA, "rows are not in order: sort them with LC_ALL=C sort");
    if (!p->any || row->key != p->key) {
        p->any = true;
        p->shared = false;
        p->key = row->key;
        buf_clear(&p->first);
        buf_append(&p->first, row->id);
        return true;
    }
    if (!p->shared) {
        if (slice_eq(buf_slice(&p->first), row->id))
            return true;
        p->shared = true;
        p->keys++;
        p->kept++;
        bandrow_append(&p->text, p->key, buf_slice(&p->first));
    }
    p->kept++;
    bandrow_append(&p->text, row->key, row->id);
    return p->text.len < READ_BYTES || flush(p, err);
}

bool bandrows_pairs(const struct in_conf *in, const struct out_conf *out, struct report *report,
                    struct err *err)
{
    struct pairs p = { .out = out_open(out, err) };
    bool ok = p.out && bandrows_each(in, pair_row, &p, err) && flush(&p, err);

    report->in = p.rows;
    report->out = report->records_out = p.kept;
    report_int(report, "shared_keys_total", p.keys, "keys that two records or more have");
    if (ok)
        ok = out_commit(p.out, err);
    else
        out_abort(p.out);
    buf_release(&p.text);
    buf_release(&p.first);
    return ok;
}
