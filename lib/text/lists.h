/* lists.h: lists of domains, hosts, addresses and words, and the rules that they make.
 *
 *   domains       the registered domain of the URL is in the list (domain.h)
 *   hosts         the host of the URL is
 *   urls          the URL is
 *   url_words     a word of the URL (letters and digits) is
 *   soft_words    two of its words are
 *   subwords      the letters and digits of the URL, without what is between, hold one
 *   bad_words     the text holds one: alone, as a word; for th, ja, zh and ko anywhere
 *
 * Everything is compared in lower case. A list is a file with one entry per line; blanks around it,
 * empty lines and lines that start with "#" are left out. Entries of domains and hosts may be written
 * as in a hosts file ("0.0.0.0 ads.example") or an Adblock list ("||ads.example^").
 *
 *     struct lists *l = lists_new(&arena);
 *     lists_add(l, LIST_HOSTS, NULL, "hosts.txt", file, &err);
 *     lists_ready(l);
 *     int rule = lists_test_url(l, url, &temp, &evidence);     // LIST_..., or -1
 *
 * The file's bytes may go away afterwards. Ready lists are read-only.
 */
#ifndef LISTS_H
#define LISTS_H

#include "../arena.h"
#include "../buf.h"
#include "../err.h"

enum list_kind {
    LIST_DOMAINS,
    LIST_HOSTS,
    LIST_URLS,
    LIST_URL_WORDS,
    LIST_SOFT_WORDS,
    LIST_SUBWORDS,
    LIST_BAD_WORDS,
    LIST_KINDS
};

extern const char *const list_rule_names[LIST_KINDS];

struct lists;

struct lists *lists_new(struct arena *arena);
/* lang: of bad words, NULL for texts in any language. name: of the file, for the report. Not UTF-8, or
 * nothing in it: ERR_DATA. */
bool lists_add(struct lists *l, enum list_kind kind, const char *lang, const char *name, slice file,
               struct err *err);
void lists_ready(struct lists *l);
bool lists_has(const struct lists *l, enum list_kind kind);

/* The rule that drops, -1: none; `hit` is the entry. */
int lists_test_url(const struct lists *l, slice url, struct arena *temp, slice *hit);
/* lang: of the text, NULL when it is not known. */
bool lists_test_text(const struct lists *l, slice text, const char *lang, struct arena *temp,
                     slice *hit);

/* JSON: [{"list":"hosts","file":"x","entries":3,"sha256":"..."},...] */
void lists_report(const struct lists *l, struct buf *out);

/* The host of a URL in lower case, without user, port and the dot at its end. */
slice lists_url_host(slice url, struct arena *temp);

#endif
