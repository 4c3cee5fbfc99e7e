/* hfuni.h: what Hugging Face's normalizers know about each code point: tables and normal forms.
 *
 * Their Unicode versions are older than those of the split patterns (uclass.h) and differ between
 * normalizers, so the tables are measured (gen/hfuni.py). Normal forms come as a list of points, each
 * with the change that says where it comes from, as the reference keeps offsets by it:
 *    0  it takes the place of the next character of the text
 *    1  it is inserted, and belongs to the character before it
 *   -n  it takes the place of the next 1 + n characters
 *
 *     struct points list = { 0 };
 *     hfuni_normal_form(UNI_NFKC, text, &list);   // appends
 *     points_release(&list);
 *
 * Reference: the crate unicode-normalization-alignments (decompose.rs, recompose.rs).
 */
#ifndef HFUNI_H
#define HFUNI_H

#include "../unicode.h"

enum hfuni_flags {
    HFUNI_CONTROL = 1,   /* BertNormalizer.clean_text removes it */
    HFUNI_MARK = 2,      /* BertNormalizer.strip_accents removes it */
    HFUNI_COMBINING = 4, /* StripAccents removes it */
    HFUNI_SECOND = 8,    /* it may be the second character of a composition */
};

struct hfuni {
    uint8_t ccc, flags;
    uint8_t nfd_len, nfkd_len, lower_len; /* 0: the character itself */
    uint16_t nfd_at, nfkd_at, lower_at;   /* in hfuni_points() */
};

const struct hfuni *hfuni_of(uint32_t cp);
const uint32_t *hfuni_points(ptrdiff_t at);

struct points {
    struct point {
        uint32_t cp;
        int32_t change;
    } * items;
    ptrdiff_t count, cap;
};
void points_push(struct points *list, uint32_t cp, int32_t change);
void points_release(struct points *list);

void hfuni_normal_form(enum uni_form form, slice text, struct points *out);

#endif
