#include "lists.h"

#include "../hash.h"
#include "../json.h"
#include "../sha256.h"
#include "domain.h"
#include "lang.h"
#include "literals.h"

const char *const list_rule_names[LIST_KINDS] = { "url-domain", "url-host",       "url",
                                                  "url-words",  "url-soft-words", "url-subwords",
                                                  "bad-words" };
static const char *const kind_names[LIST_KINDS] = { "domains",   "hosts",      "urls",
                                                    "url-words", "soft-words", "subwords",
                                                    "bad-words" };

/* ---- sets of strings ---- */

struct set {
    slice *table;
    uint64_t mask;
    ptrdiff_t count;
};

static slice *set_slot(const struct set *s, slice text)
{
    uint64_t at = hash64_of(text, 0) & s->mask;

    while (s->table[at].ptr && !slice_eq(s->table[at], text))
        at = (at + 1) & s->mask;
    return &s->table[at];
}

static void set_add(struct set *s, slice text, struct arena *arena)
{
    if ((uint64_t)s->count * 2 >= s->mask) {
        struct set bigger = { .mask = s->mask ? s->mask * 2 + 1 : 255, .count = s->count };
        bigger.table = arena_new(arena, slice, (ptrdiff_t)bigger.mask + 1);
        for (uint64_t i = 0; s->table && i <= s->mask; i++)
            if (s->table[i].ptr)
                *set_slot(&bigger, s->table[i]) = s->table[i];
        *s = bigger;
    }
    slice *slot = set_slot(s, text);
    if (!slot->ptr) {
        *slot = arena_dup(arena, text);
        s->count++;
    }
}

static bool set_has(const struct set *s, slice text)
{
    return s->table && text.len > 0 && set_slot(s, text)->ptr;
}

/* ---- lists ---- */

struct bad_words {
    struct bad_words *next;
    const char *lang; /* NULL: all */
    struct literals *words;
};

struct list_file {
    struct list_file *next;
    enum list_kind kind;
    const char *name, *lang;
    ptrdiff_t entries;
    char sha256[65];
};

struct lists {
    struct arena *arena;
    struct set sets[LIST_KINDS]; /* those that compare whole strings */
    struct literals *subwords;
    struct bad_words *bad;
    struct list_file *files, **files_tail;
};

struct lists *lists_new(struct arena *arena)
{
    struct lists *l = arena_new(arena, struct lists, 1);

    l->arena = arena;
    l->files_tail = &l->files;
    return l;
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static slice trim(slice s)
{
    while (s.len > 0 && is_blank(s.ptr[0]))
        s = slice_from(s, 1);
    while (s.len > 0 && is_blank(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

/* "0.0.0.0 host", "||host^", "*.host", ".host", "host." */
static slice host_entry(slice s)
{
    ptrdiff_t blank = 0;

    while (blank < s.len && !is_blank(s.ptr[blank]))
        blank++;
    if (blank < s.len && ((s.ptr[0] >= '0' && s.ptr[0] <= '9') || s.ptr[0] == ':'))
        s = trim(slice_from(s, blank));
    for (blank = 0; blank < s.len && !is_blank(s.ptr[blank]) && s.ptr[blank] != '#'; blank++) {
    }
    s.len = blank;
    if (slice_starts(s, SLICE("||")))
        s = slice_from(s, 2);
    if (slice_starts(s, SLICE("*.")))
        s = slice_from(s, 2);
    if (slice_starts(s, SLICE(".")))
        s = slice_from(s, 1);
    if (slice_ends(s, SLICE("^")))
        s.len--;
    if (slice_ends(s, SLICE(".")))
        s.len--;
    return s;
}

static struct literals *bad_words_of(struct lists *l, const char *lang)
{
    struct bad_words *b = l->bad;

    while (b && !(lang == b->lang || (lang && b->lang && strcmp(lang, b->lang) == 0)))
        b = b->next;
    if (!b) {
        b = arena_new(l->arena, struct bad_words, 1);
        *b = (struct bad_words){ l->bad, lang, literals_new(l->arena) };
        l->bad = b;
    }
    return b->words;
}

static void add_entry(struct lists *l, enum list_kind kind, const char *lang, slice entry)
{
    struct arena temp = { 0 };

    if (kind == LIST_BAD_WORDS) {
        literals_add(bad_words_of(l, lang), entry);
    } else if (kind == LIST_SUBWORDS) {
        l->subwords = l->subwords ? l->subwords : literals_new(l->arena);
        literals_add(l->subwords, entry);
    } else {
        if (kind == LIST_DOMAINS || kind == LIST_HOSTS)
            entry = host_entry(entry);
        if (entry.len)
            set_add(&l->sets[kind], literals_fold(entry, &temp), l->arena);
    }
    arena_release(&temp);
}

bool lists_add(struct lists *l, enum list_kind kind, const char *lang, const char *name, slice file,
               struct err *err)
{
    struct list_file *f = arena_new(l->arena, struct list_file, 1);
    unsigned char digest[SHA256_BYTES];

    if (kind == LIST_DOMAINS && !domain_available)
        return err_set(err, ERR_USAGE, "lists of domains need libpsl, which this build is without");
    ptrdiff_t bad = json_utf8_prefix(file);
    if (bad < file.len)
        return err_set(err, ERR_DATA, "%s: byte %td: invalid UTF-8", ERR_QUOTE(slice_of(name)),
                       bad);
    *f = (struct list_file){ .kind = kind, .name = name, .lang = lang };
    sha256_of(file, digest);
    sha256_hex(digest, f->sha256);
    if (slice_starts(file, SLICE("\xEF\xBB\xBF")))
        file = slice_from(file, 3);
    while (file.len > 0) {
        ptrdiff_t nl = slice_find(file, '\n');
        slice line = trim(slice_make(file.ptr, nl < 0 ? file.len : nl));
        file = slice_from(file, nl < 0 ? file.len : nl + 1);
        if (line.len == 0 || line.ptr[0] == '#')
            continue;
        add_entry(l, kind, lang, line);
        f->entries++;
    }
    if (f->entries == 0)
        return err_set(err, ERR_DATA, "%s: the list is empty", ERR_QUOTE(slice_of(name)));
    *l->files_tail = f;
    l->files_tail = &f->next;
    return true;
}

void lists_ready(struct lists *l)
{
    if (l->subwords)
        literals_ready(l->subwords);
    for (struct bad_words *b = l->bad; b; b = b->next)
        literals_ready(b->words);
}

bool lists_has(const struct lists *l, enum list_kind kind)
{
    return kind == LIST_BAD_WORDS  ? l->bad != NULL
           : kind == LIST_SUBWORDS ? l->subwords != NULL
                                   : l->sets[kind].count > 0;
}

/* ---- URLs ---- */

slice lists_url_host(slice url, struct arena *temp)
{
    slice s = literals_fold(trim(url), temp);

    for (ptrdiff_t i = 0; i + 2 < s.len; i++)
        if (s.ptr[i] == ':' && s.ptr[i + 1] == '/' && s.ptr[i + 2] == '/') {
            s = slice_from(s, i + 3);
            break;
        }
    if (slice_starts(s, SLICE("//")))
        s = slice_from(s, 2);
    ptrdiff_t end = 0;
    while (end < s.len && !strchr("/?#\\", s.ptr[end]))
        end++;
    s.len = end;
    for (ptrdiff_t i = s.len; i > 0; i--)
        if (s.ptr[i - 1] == '@') {
            s = slice_from(s, i);
            break;
        }
    ptrdiff_t colon = slice_find(s, ':');
    if (colon >= 0 && s.ptr[0] != '[')
        s.len = colon;
    if (slice_ends(s, SLICE(".")))
        s.len--;
    return s;
}

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* Words of letters and digits: the first of url_words, or the second of soft_words. */
static int test_words(const struct lists *l, slice url, slice *hit)
{
    int soft = 0;

    for (ptrdiff_t i = 0; i < url.len;) {
        ptrdiff_t begin = i;
        while (i < url.len && is_alnum(url.ptr[i]))
            i++;
        slice word = slice_make(url.ptr + begin, i - begin);
        if (set_has(&l->sets[LIST_URL_WORDS], word)) {
            *hit = word;
            return LIST_URL_WORDS;
        }
        if (set_has(&l->sets[LIST_SOFT_WORDS], word) && ++soft == 2)
            *hit = word;
        i++;
    }
    return soft >= 2 ? LIST_SOFT_WORDS : -1;
}

int lists_test_url(const struct lists *l, slice url, struct arena *temp, slice *hit)
{
    slice folded = literals_fold(trim(url), temp), host = lists_url_host(url, temp);
    const struct set *sets = l->sets;

    if (sets[LIST_DOMAINS].count && set_has(&sets[LIST_DOMAINS], *hit = domain_registered(host)))
        return LIST_DOMAINS;
    if (set_has(&sets[LIST_HOSTS], *hit = host))
        return LIST_HOSTS;
    if (set_has(&sets[LIST_URLS], *hit = folded))
        return LIST_URLS;
    int rule = test_words(l, folded, hit);
    if (rule >= 0 || !l->subwords)
        return rule;
    char *letters = arena_alloc_raw(temp, folded.len + RECORD_PADDING, 1);
    ptrdiff_t n = 0;
    for (ptrdiff_t i = 0; i < folded.len; i++)
        if (is_alnum(folded.ptr[i]))
            letters[n++] = folded.ptr[i];
    return literals_find(l->subwords, slice_make(letters, n), false, temp, hit) ? LIST_SUBWORDS
                                                                                : -1;
}

/* ---- texts ---- */

bool lists_test_text(const struct lists *l, slice text, const char *lang, struct arena *temp,
                     slice *hit)
{
    for (const struct bad_words *b = l->bad; b; b = b->next) {
        bool joined = b->lang && lang_listed("th,ja,zh,ko", b->lang);
        if (b->lang && !(lang && lang_listed(b->lang, lang)))
            continue;
        if (literals_find(b->words, text, !joined, temp, hit))
            return true;
    }
    return false;
}

void lists_report(const struct lists *l, struct buf *out)
{
    buf_append(out, SLICE("["));
    for (const struct list_file *f = l->files; f; f = f->next) {
        buf_printf(out, "%s{\"list\":\"%s\"", f == l->files ? "" : ",", kind_names[f->kind]);
        if (f->lang) {
            buf_append(out, SLICE(",\"lang\":"));
            json_append_bytes(out, slice_of(f->lang));
        }
        buf_append(out, SLICE(",\"file\":"));
        json_append_bytes(out, slice_of(f->name));
        buf_printf(out, ",\"entries\":%td,\"sha256\":\"%s\"}", f->entries, f->sha256);
    }
    buf_append(out, SLICE("]"));
}
