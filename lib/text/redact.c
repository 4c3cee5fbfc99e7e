#include "redact.h"

#include "../hash.h"
#include "../json.h"
#include "../sha256.h"
#include "../unicode.h"

#define TOKEN_LETTERS 16

bool redact_check(const struct redact *r, struct err *err)
{
    bool dolma = r->with == REDACT_DOLMA;

    if (r->with != REDACT_DATATROVE && !dolma)
        return true;
    for (int i = 0; i < pii_kind_count; i++)
        if (r->pii.named[i] && i != PII_EMAIL && i != PII_IP && !(dolma && i == PII_PHONE))
            return err_set(err, ERR_USAGE, "%s replaces email%s and ip only, not %s",
                           dolma ? "dolma" : "datatrove", dolma ? ", phone" : "",
                           pii_kinds[i].name);
    return true;
}

void redact_ready(struct redact *r, struct arena *arena)
{
    pii_ready(&r->pii, arena);
}

/* ---- what is written ---- */

static char *write_tag(char *p, int kind)
{
    *p++ = '<';
    for (const char *c = pii_kinds[kind].name; *c; c++)
        *p++ = *c >= 'a' && *c <= 'z' ? (char)(*c - 32) : *c;
    return p;
}

#define TAG_MAX 64

/* Needs TAG_MAX bytes. */
static slice write_token(const struct redact *r, int kind, slice value, char *dst,
                         struct arena *temp)
{
    unsigned char digest[SHA256_BYTES];
    slice name = slice_of(pii_kinds[kind].name);
    char *text = arena_alloc_raw(temp, name.len + 1 + value.len, 1), *p = write_tag(dst, kind);

    memcpy(text, name.ptr, (size_t)name.len + 1);
    memcpy(text + name.len + 1, value.ptr, (size_t)value.len);
    hmac_sha256(r->key, slice_make(text, name.len + 1 + value.len), digest);
    *p++ = ':';
    for (int i = 0; i < TOKEN_LETTERS; i++)
        *p++ = (char)('a' + (digest[i / 2] >> (i & 1 ? 0 : 4) & 15));
    *p++ = '>';
    return slice_make(dst, p - dst);
}

static const char *const peer_emails[] = { "email@example.com", "firstname.lastname@example.org" };
static const char *const peer_ips[] = { "22.214.171.124", "126.96.36.199",  "188.8.131.52",
                                        "184.108.40.206", "220.127.116.11", "18.104.22.168" };

/* The replacement of one match, at most MAX(TAG_MAX, length of the match) bytes. */
static char *write_one(const struct redact *r, const struct pii_match *m, slice value, char *p,
                       struct redact_turns *turns, struct arena *temp)
{
    slice fixed;

    switch (r->with) {
    case REDACT_TAG:
        p = write_tag(p, m->kind);
        *p++ = '>';
        return p;
    case REDACT_MASK:
        for (ptrdiff_t i = 0; i < value.len; i++)
            if (((unsigned char)value.ptr[i] & 0xC0) != 0x80)
                *p++ = '*';
        return p;
    case REDACT_HASH:
        return p + write_token(r, m->kind, value, p, temp).len;
    case REDACT_DROP:
        return p;
    case REDACT_DOLMA:
        fixed = m->kind == PII_EMAIL   ? SLICE(" |||EMAIL_ADDRESS||| ")
                : m->kind == PII_PHONE ? SLICE(" |||PHONE_NUMBER||| ")
                                       : SLICE(" |||IP_ADDRESS||| ");
        break;
    case REDACT_DATATROVE:
        if (m->kind == PII_EMAIL) {
            fixed = slice_of(peer_emails[turns->email]);
            turns->email = (turns->email + 1) % (int)countof(peer_emails);
        } else {
            fixed = slice_of(peer_ips[turns->ip]);
            turns->ip = (turns->ip + 1) % (int)countof(peer_ips);
        }
        break;
    default:
        fixed = value;
    }
    memcpy(p, fixed.ptr, (size_t)fixed.len);
    return p + fixed.len;
}

/* ends[i]: where replacement i ends in the new text (NULL: not asked). */
static slice render(const struct redact *r, slice text, const struct redact_result *result,
                    struct redact_turns *turns, ptrdiff_t *ends, struct arena *arena)
{
    ptrdiff_t max = text.len + RECORD_PADDING, at = 0;
    struct arena temp = { 0 };

    for (ptrdiff_t i = 0; i < result->count; i++)
        max += TAG_MAX;
    char *out = arena_alloc_raw(arena, max, 1), *p = out;
    for (ptrdiff_t i = 0; i < result->count; i++) {
        const struct pii_match *m = &result->matches[i];
        memcpy(p, text.ptr + at, (size_t)(m->start - at));
        p += m->start - at;
        p = write_one(r, m, slice_make(text.ptr + m->start, m->end - m->start), p, turns, &temp);
        if (ends)
            ends[i] = p - out;
        at = m->end;
    }
    memcpy(p, text.ptr + at, (size_t)(text.len - at));
    p += text.len - at;
    arena_release(&temp);
    arena_trim(arena, p + RECORD_PADDING);
    return slice_make(out, p - out);
}

slice redact_render(const struct redact *r, slice text, const struct redact_result *result,
                    struct redact_turns *turns, struct arena *arena)
{
    if (result->count == 0 || r->with == REDACT_KEEP)
        return text;
    return render(r, text, result, turns, NULL, arena);
}

/* ---- until nothing is left ---- */

/* A place in the rendered text as a place in the original. */
static ptrdiff_t place_before(const struct redact_result *result, const ptrdiff_t *ends,
                              ptrdiff_t at, bool is_end)
{
    ptrdiff_t low = 0, high = result->count; /* the first replacement that ends beyond `at` */

    while (low < high) {
        ptrdiff_t mid = (low + high) / 2;
        if (is_end ? ends[mid] < at : ends[mid] <= at)
            low = mid + 1;
        else
            high = mid;
    }
    ptrdiff_t end = low ? result->matches[low - 1].end : 0, out = low ? ends[low - 1] : 0;
    ptrdiff_t place = end + at - out;
    if (low < result->count && place > result->matches[low].start)
        place = is_end ? result->matches[low].end : result->matches[low].start;
    return place;
}

/* Two lists in order become one; what overlaps becomes one match. True when something was new. */
static bool merge(struct redact_result *a, const struct redact_result *b, struct arena *arena)
{
    struct pii_match *m = arena_new(arena, struct pii_match, a->count + b->count);
    ptrdiff_t n = 0, i = 0, k = 0;
    bool news = false;

    while (i < a->count || k < b->count) {
        bool old = k >= b->count || (i < a->count && a->matches[i].start <= b->matches[k].start);
        struct pii_match x = old ? a->matches[i++] : b->matches[k++];
        if (n > 0 && x.start < m[n - 1].end) {
            news |= x.end > m[n - 1].end;
            m[n - 1].end = MAX(m[n - 1].end, x.end);
        } else {
            m[n++] = x;
            news |= !old;
        }
    }
    a->matches = m;
    a->count = n;
    return news;
}

/* Leaves out the kinds that were not asked for. */
static void only_wanted(const struct redact *r, struct redact_result *result)
{
    ptrdiff_t n = 0;

    for (ptrdiff_t i = 0; i < result->count; i++)
        if (r->pii.on[result->matches[i].kind])
            result->matches[n++] = result->matches[i];
    result->count = n;
}

#define ROUNDS_MAX 16

void redact_find(const struct redact *r, slice text, struct arena *arena,
                 struct redact_result *result)
{
    *result = (struct redact_result){ 0 };
    if (r->with == REDACT_DATATROVE) {
        redact_find_datatrove(text, arena, result);
        only_wanted(r, result);
        return;
    }
    if (r->with == REDACT_DOLMA) {
        redact_find_dolma(text, arena, result);
        only_wanted(r, result);
        return;
    }
    result->count = pii_scan(&r->pii, text, arena, &result->matches);
    if (r->with == REDACT_KEEP)
        return;
    for (int round = 0; result->count > 0 && round < ROUNDS_MAX; round++) {
        struct arena temp = { 0 };
        struct redact_result more;
        ptrdiff_t *ends = arena_new(&temp, ptrdiff_t, result->count);
        slice out = render(r, text, result, NULL, ends, &temp);
        more.count = pii_scan(&r->pii, out, &temp, &more.matches);
        for (ptrdiff_t i = 0; i < more.count; i++) {
            more.matches[i].start = place_before(result, ends, more.matches[i].start, false);
            more.matches[i].end = place_before(result, ends, more.matches[i].end, true);
        }
        bool news = more.count > 0 && merge(result, &more, arena);
        arena_release(&temp);
        if (!news)
            return;
    }
}

/* ---- what is told about it ---- */

slice redact_spans(slice text, const struct redact_result *result, struct arena *arena)
{
    struct buf b = { 0 };
    ptrdiff_t at = 0, chars = 0;

    buf_append(&b, SLICE("["));
    for (ptrdiff_t i = 0; i < result->count; i++) {
        const struct pii_match *m = &result->matches[i];
        ptrdiff_t start = chars + uni_count(slice_make(text.ptr + at, m->start - at));
        ptrdiff_t end = start + uni_count(slice_make(text.ptr + m->start, m->end - m->start));
        buf_printf(&b, "%s{\"kind\":\"%s\",\"bytes\":[%td,%td],\"chars\":[%td,%td]}", i ? "," : "",
                   pii_kinds[m->kind].name, m->start, m->end, start, end);
        at = m->end;
        chars = end;
    }
    buf_append(&b, SLICE("]"));
    slice json = arena_dup(arena, buf_slice(&b));
    buf_release(&b);
    return json;
}

slice redact_map(const struct redact *r, slice text, const struct redact_result *result,
                 struct arena *arena)
{
    struct buf b = { 0 };
    struct arena temp = { 0 };

    for (ptrdiff_t i = 0; i < result->count; i++) {
        const struct pii_match *m = &result->matches[i];
        slice value = slice_make(text.ptr + m->start, m->end - m->start);
        char token[TAG_MAX];
        buf_append(&b, SLICE("{\"token\":"));
        json_append_string(&b, write_token(r, m->kind, value, token, &temp));
        buf_printf(&b, ",\"kind\":\"%s\",\"text\":", pii_kinds[m->kind].name);
        json_append_string(&b, value);
        buf_append(&b, SLICE("}\n"));
    }
    slice lines = arena_dup(arena, buf_slice(&b));
    buf_release(&b);
    arena_release(&temp);
    return lines;
}

/* ---- and back ---- */

struct restore_entry {
    slice token, text;
};

struct restore {
    struct restore_entry *table;
    uint64_t mask;
};

static struct restore_entry *find_entry(const struct restore *r, slice token)
{
    for (uint64_t i = hash64_of(token, 0);; i++) {
        struct restore_entry *e = &r->table[i & r->mask];
        if (!e->token.ptr || slice_eq(e->token, token))
            return e;
    }
}

/* The token that begins at text.ptr[at] = '<'; its length, 0: none. */
static ptrdiff_t token_length(slice text, ptrdiff_t at)
{
    ptrdiff_t i = at + 1, limit = MIN(text.len, at + TAG_MAX);

    while (i < limit && ((text.ptr[i] >= 'A' && text.ptr[i] <= 'Z') || text.ptr[i] == '_'))
        i++;
    if (i == at + 1 || i >= limit || text.ptr[i] != ':')
        return 0;
    ptrdiff_t letters = ++i;
    while (i < limit && text.ptr[i] >= 'a' && text.ptr[i] <= 'p')
        i++;
    return i - letters == TOKEN_LETTERS && i < limit && text.ptr[i] == '>' ? i + 1 - at : 0;
}

struct restore *restore_new(slice map, struct arena *arena, struct err *err)
{
    struct restore *r = arena_new(arena, struct restore, 1);
    ptrdiff_t lines = 1, line = 0;

    for (ptrdiff_t i = 0; i < map.len; i++)
        lines += map.ptr[i] == '\n';
    r->mask = 15;
    while (r->mask < (uint64_t)lines * 2)
        r->mask = r->mask * 2 + 1;
    r->table = arena_new(arena, struct restore_entry, (ptrdiff_t)r->mask + 1);
    while (map.len > 0) {
        ptrdiff_t n = slice_find(map, '\n');
        slice text = slice_make(map.ptr, n < 0 ? map.len : n);
        map = slice_from(map, n < 0 ? map.len : n + 1);
        line++;
        if (text.len == 0)
            continue;
        struct err why = { 0 };
        struct json_node *node = json_parse(text, arena, &why);
        if (!node)
            return err_set(err, ERR_CONFIG, "line %td: %s", line, why.text), NULL;
        slice none = { 0 }, token = json_get_string(node, "token", none);
        slice value = json_get_string(node, "text", none);
        if (!token.ptr || !value.ptr || token.len == 0 || token_length(token, 0) != token.len)
            return err_set(err, ERR_CONFIG, "line %td: no \"token\" and \"text\" of --redact-map",
                           line),
                   NULL;
        struct restore_entry *e = find_entry(r, token);
        if (e->token.ptr && !slice_eq(e->text, value))
            return err_set(err, ERR_CONFIG, "line %td: %s stands for two texts", line,
                           ERR_QUOTE(token)),
                   NULL;
        *e = (struct restore_entry){ arena_dup(arena, token), arena_dup(arena, value) };
    }
    return r;
}

slice restore_apply(const struct restore *r, slice text, int64_t *count, struct arena *arena)
{
    struct buf b = { 0 };
    ptrdiff_t done = 0;

    for (ptrdiff_t at = 0; at < text.len;) {
        const char *hit = memchr(text.ptr + at, '<', (size_t)(text.len - at));
        if (!hit)
            break;
        at = hit - text.ptr;
        ptrdiff_t len = token_length(text, at);
        const struct restore_entry *e = len ? find_entry(r, slice_make(text.ptr + at, len)) : NULL;
        if (!e || !e->token.ptr) {
            at++;
            continue;
        }
        buf_append(&b, slice_make(text.ptr + done, at - done));
        buf_append(&b, e->text);
        at = done = at + len;
        ++*count;
    }
    if (done == 0)
        return text;
    buf_append(&b, slice_from(text, done));
    char *out = arena_alloc_raw(arena, b.len + RECORD_PADDING, 1);
    memcpy(out, b.ptr, (size_t)b.len);
    slice result = slice_make(out, b.len);
    buf_release(&b);
    return result;
}
