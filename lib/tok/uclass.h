/* uclass.h: the character classes of the reference tokenizers, one table look-up per code point.
 *
 * Split patterns name classes like \p{L}; which characters are in them depends on the Unicode
 * version of the engine that made the ids. These tables hold what the reference implementations
 * answer (Hugging Face tokenizers and tiktoken: Unicode 16 in regexes, other versions elsewhere),
 * measured over all code points; see gen/uclass.py.
 *
 *     unsigned c = uclass_of(cp);
 *     if (uclass_in(c, UCLASS_L)) ...
 */
#ifndef UCLASS_H
#define UCLASS_H

#include "../base.h"

/* Categories: exactly one per code point. N_OTHER are \p{N} without \d. SPACE is \s. */
enum uclass_category {
    UCAT_OTHER,
    UCAT_LU,
    UCAT_LT,
    UCAT_LL,
    UCAT_LM,
    UCAT_LO,
    UCAT_M,
    UCAT_N_OTHER,
    UCAT_D,
    UCAT_P,
    UCAT_S,
    UCAT_SPACE
};

/* Sets of categories. */
#define UCLASS_SET(category) (1u << (category))
#define UCLASS_L                                                                                   \
    (UCLASS_SET(UCAT_LU) | UCLASS_SET(UCAT_LT) | UCLASS_SET(UCAT_LL) | UCLASS_SET(UCAT_LM) |       \
     UCLASS_SET(UCAT_LO))
#define UCLASS_N     (UCLASS_SET(UCAT_N_OTHER) | UCLASS_SET(UCAT_D))
#define UCLASS_SPACE UCLASS_SET(UCAT_SPACE)

/* Properties: any combination, bits of the class. */
enum uclass_property {
    UPROP_HAN = 1 << 4,
    UPROP_WORD = 1 << 5,       /* \w where added tokens look for word edges */
    UPROP_NUMERIC = 1 << 6,    /* what the Digits pre-tokenizer splits off */
    UPROP_PUNCT = 1 << 7,      /* what the Punctuation pre-tokenizer splits off */
    UPROP_WORD_REGEX = 1 << 8, /* \w in a Split pattern */
    UPROP_ATTENTION = 1 << 9,  /* may change or move under NFC */
    UPROP_NEWER = 1 << 10,     /* unknown to the reference's normalizers */
};

#define UCLASS_PAGE 128

extern const uint16_t uclass_index[];
extern const uint16_t uclass_page[][UCLASS_PAGE];

/* The class of a code point below 0x110000. */
static inline unsigned uclass_of(uint32_t cp)
{
    return uclass_page[uclass_index[cp / UCLASS_PAGE]][cp % UCLASS_PAGE];
}

/* The set (one bit) of a class's category. */
static inline unsigned uclass_set(unsigned class)
{
    return 1u << (class & 15);
}

static inline bool uclass_in(unsigned class, unsigned set)
{
    return (uclass_set(class) & set) != 0;
}

#endif
