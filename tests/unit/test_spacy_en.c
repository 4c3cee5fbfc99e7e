#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "simd/cpu.h"
#include "text/spacy_chunk.h"

static struct arena process, arena;
static const struct spacy_en *en;
static const struct char_classes *classes;
static struct spacy_scratch *scratch;

static slice padded(const char *text)
{
    ptrdiff_t len = (ptrdiff_t)strlen(text);
    char *p = arena_alloc(&arena, len + RECORD_PADDING, 1, 1);

    memcpy(p, text, (size_t)len);
    return slice_make(p, len);
}

/* What spaCy 3.8 gives (spacy.blank("en"), tokens of white space left out), joined by bars. */
static void splits_like_spacy(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words;
    } cases[] = {
        { "Hello, world!", "Hello|,|world|!" },
        { "I can't, won't, don't; you're \"right\".",
          "I|ca|n't|,|wo|n't|,|do|n't|;|you|'re|\"|right|\"|." },
        { "U.S. vs. U.K., e.g. this i.e. that.", "U.S.|vs.|U.K.|,|e.g.|this|i.e.|that|." },
        { "(see http://example.com/a\?b=c&d=e, or www.x.org).",
          "(|see|http://example.com/a\?b=c&d=e|,|or|www.x.org|)|." },
        { "10km 5kg $5 US$5 5$ 3.5% 1,000.50 10-20 a-b",
          "10|km|5|kg|$|5|US$|5|5|$|3.5|%|1,000.50|10|-|20|a|-|b" },
        { "well-known state-of-the-art re-do--and"
          "\xe2"
          "\x80"
          "\x94"
          "then"
          "\xe2"
          "\x80"
          ""
          "\xa6"
          "",
          "well|-|known|state|-|of|-|the|-|art|re|-|do|--|and|"
          "\xe2"
          "\x80"
          "\x94"
          "|then|"
          ""
          "\xe2"
          "\x80"
          "\xa6"
          "" },
        { "8) :) (8) hello:) :-( x:) <3 ^_^ o_O", "8)|:)|(|8)|hello|:)|:-(|x|:)|<3|^_^|o_O" },
        { "o'clock y'all 'Cause "
          "\xe2"
          "\x80"
          "\x99"
          "tis doin' Let's she"
          "\xe2"
          "\x80"
          ""
          "\x99"
          "ll they'dn't've",
          "o'clock|y'|all|'Cause|"
          "\xe2"
          "\x80"
          "\x99"
          "|tis|doin'|Let|'s|she|"
          "\xe2"
          "\x80"
          "\x99"
          "ll|they'dn't've" },
        { "a.b.c A.B. Mr. Smith... wait..what .hidden ..",
          "a.b.c|A.B.|Mr.|Smith|...|wait|..|what|.hidden|.." },
        { "foo/bar foo,bar foo:bar foo=bar a<b 3<4 5*6 2^10 -1 +1",
          "foo|/|bar|foo|,|bar|foo|:|bar|foo|=|bar|a|<|b|3<4|5|*|6|2|^|10|-1|+1" },
        { "na"
          "\xc3"
          "\xaf"
          "ve caf"
          "\xc3"
          "\xa9"
          ", "
          "\xc3"
          "\x9c"
          "n"
          "\xc3"
          "\xaf"
          "code"
          "\xe2"
          "\x80"
          "\x99"
          "s "
          "\xe2"
          "\x80"
          "\x9c"
          "quoted"
          "\xe2"
          "\x80"
          "\x9d"
          " "
          "\xc2"
          "\xab"
          "text"
          "\xc2"
          "\xbb"
          "",
          "na"
          "\xc3"
          "\xaf"
          "ve|caf"
          "\xc3"
          "\xa9"
          "|,|"
          "\xc3"
          "\x9c"
          "n"
          "\xc3"
          "\xaf"
          "code"
          "|"
          "\xe2"
          "\x80"
          "\x99"
          "s|"
          "\xe2"
          "\x80"
          "\x9c"
          "|quoted|"
          "\xe2"
          "\x80"
          "\x9d"
          "|"
          "\xc2"
          "\xab"
          "|text|"
          "\xc2"
          "\xbb"
          "" },
        { ""
          "\xe6"
          "\x97"
          "\xa5"
          "\xe6"
          "\x9c"
          "\xac"
          "\xe8"
          "\xaa"
          "\x9e"
          "\xe3"
          "\x81"
          ""
          "\xae"
          "\xe3"
          "\x83"
          "\x86"
          "\xe3"
          "\x82"
          "\xad"
          "\xe3"
          "\x82"
          "\xb9"
          "\xe3"
          "\x83"
          ""
          "\x88"
          "\xe3"
          "\x80"
          "\x82"
          "\xe8"
          "\x8b"
          "\xb1"
          "\xe8"
          "\xaa"
          "\x9e"
          " mixed"
          ""
          "\xe6"
          "\x97"
          "\xa5"
          "\xe6"
          "\x9c"
          "\xac"
          "",
          ""
          "\xe6"
          "\x97"
          "\xa5"
          "\xe6"
          "\x9c"
          "\xac"
          "\xe8"
          "\xaa"
          "\x9e"
          "\xe3"
          "\x81"
          ""
          "\xae"
          "\xe3"
          "\x83"
          "\x86"
          "\xe3"
          "\x82"
          "\xad"
          "\xe3"
          "\x82"
          "\xb9"
          "\xe3"
          "\x83"
          "\x88"
          "\xe3"
          "\x80"
          "\x82"
          "\xe8"
          "\x8b"
          "\xb1"
          "\xe8"
          "\xaa"
          "\x9e"
          "|mixed"
          "\xe6"
          "\x97"
          "\xa5"
          "\xe6"
          "\x9c"
          "\xac"
          "" },
        { "user@example.com #tag @name snake_case __init__ C++ C# .NET",
          "user@example.com|#|tag|@name|snake_case|_|_|init|_|_|C++|C|#|.NET" },
        { "8a.m. 9p.m. 10am 5' 6\" 12:30 2020-01-02",
          "8|a.m.|9|p.m.|10|am|5|'|6|\"|12:30|2020|-|01|-|02" },
        { "~~~ ``` *** ((( ]]] \\n \\t", "~~~|`|`|`|*|*|*|(|(|(|]|]|]|\\n|\\t" },
        { "don't)(can't \"can't\" [can't]. can't.",
          "don't)(can't|\"|ca|n't|\"|[|ca|n't|]|.|ca|n't|." },
        { ""
          "\xf0"
          "\x9f"
          "\x98"
          "\x80"
          " hi"
          "\xf0"
          "\x9f"
          "\x98"
          "\x80"
          " "
          "\xc2"
          "\xa9"
          "2"
          "020 100"
          "\xc2"
          "\xb0"
          " 5"
          "\xc2"
          "\xb0"
          "C. "
          "\xe2"
          "\x82"
          "\xac"
          "5 "
          "\xc2"
          ""
          "\xa3"
          "10m",
          ""
          "\xf0"
          "\x9f"
          "\x98"
          "\x80"
          "|hi|"
          "\xf0"
          "\x9f"
          "\x98"
          "\x80"
          "|"
          "\xc2"
          "\xa9"
          ""
          "|2020|100|"
          "\xc2"
          "\xb0"
          "|5|"
          "\xc2"
          "\xb0"
          "|C|.|"
          "\xe2"
          "\x82"
          "\xac"
          "|5|"
          ""
          "\xc2"
          "\xa3"
          "|10|m" },
        { "Dr.No St.Louis Jan. 5th Dec.25", "Dr.|No|St.|Louis|Jan.|5th|Dec.25" },
        { "gonna gotta cannot Im dont ain't", "gon|na|got|ta|can|not|I|m|do|nt|ai|n't" },
        { "end.Start end.start ABC.def a.B 1.a x..y",
          "end|.|Start|end.start|ABC.def|a.|B|1.a|x|..|y" },
    };
    for (int round = 0; round < 2; round++) /* the second from the cache */
        for (int i = 0; i < countof(cases); i++) {
            struct words w = { 0 };
            char got[1024];
            ptrdiff_t len = 0;
            slice text = padded(cases[i].text);
            spacy_en_split(en, scratch, classes, text, &w, &arena);
            for (ptrdiff_t k = 0; k < w.count; k++) {
                slice word = word_slice(text, &w.at[k]);
                if (k)
                    got[len++] = '|';
                memcpy(got + len, word.ptr, (size_t)word.len);
                len += word.len;
            }
            got[len] = '\0';
            assert_string_equal(got, cases[i].words);
            arena_reset(&arena);
        }
}

/* What spaCy's sentencizer gives. */
static void counts_sentences_like_spacy(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int sentences;
    } cases[] = {
        { "One. Two! Three\?", 3 },
        { "Dr. Smith went.  And left. ", 2 },
        { "No end", 1 },
        { "\"Hi.\" She said... yes. (Ok.) Done", 4 },
        { "A.  .  B", 2 },
        { "Wait\?! Really. ...", 2 },
        { ""
          "\xe6"
          "\x97"
          "\xa5"
          "\xe6"
          "\x9c"
          "\xac"
          "\xe3"
          "\x80"
          "\x82"
          "\xe8"
          "\x8b"
          ""
          "\xb1"
          "\xe8"
          "\xaa"
          "\x9e"
          "\xef"
          "\xbc"
          "\x81"
          " x",
          2 },
        { " lead. a"
          "\x09"
          "b. c",
          2 },
        { "", 0 },
    };
    for (int i = 0; i < countof(cases); i++)
        assert_int_equal(spacy_en_sentences(en, scratch, classes, padded(cases[i].text)),
                         cases[i].sentences);
}

/* What is written out for ASCII says what the patterns say. */
static void written_out_is_the_patterns(void **state)
{
    (void)state;
    static const char *const parts[] = {
        "a",   "b",       "Z",   "US",  "C",   "A",  "s",  "S",    "km",  "m/s", "5", "10",
        ".",   ".",       "..",  "-",   "--",  "'",  "\"", "`",    "$",   "%",   "+", "*",
        "^",   "~",       "/",   ":",   ",",   "=",  "<",  ">",    "(",   ")",   "[", "]",
        "_",   "#",       "&",   "|",   "\\",  "@",  "!",  "?",    ";",   "{",   "}", "co",
        "com", "http://", "www", "n't", "'ll", ":)", "8",  "\x01", "mbar"
    };
    static const char *const wide[] = {
        "\u00e9", "\u2026", "\u2019", "\u00b0", "\u20ac", "\u00b2"
    };
    struct spacy_en *slow = (struct spacy_en *)spacy_en_new(&process, NULL);
    struct spacy_scratch *other = spacy_scratch_new();
    uint64_t seed = 7;

    spacy_en_by_pattern(slow);
    for (int i = 0; i < 60000; i++) {
        char text[64 + RECORD_PADDING] = { 0 };
        ptrdiff_t len = 0;
        int count = 1 + i % 7;
        for (int k = 0; k < count; k++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            const char *part = seed >> 60 == 0 ? wide[(seed >> 33) % countof(wide)]
                                               : parts[(seed >> 33) % countof(parts)];
            memcpy(text + len, part, strlen(part));
            len += (ptrdiff_t)strlen(part);
        }
        slice chunk = slice_make(text, len);
        spacy_chunk_split(slow, other, chunk);
        spacy_chunk_split(en, scratch, chunk);
        bool same = other->pieces.count == scratch->pieces.count;
        for (ptrdiff_t k = 0; same && k < other->pieces.count; k++)
            same = other->pieces.at[k].len == scratch->pieces.at[k].len;
        if (!same)
            fail_msg("%.*s", (int)len, text);
    }
    spacy_scratch_free(other);
}

/* Long chunks of affixes, dots and near-URLs: linear, and nothing is lost. */
static void takes_long_chunks(void **state)
{
    (void)state;
    static const char *const units[] = {
        "(", ".", "a.", "x-", "http://a", "$", "\xE2\x80\xA6", "1"
    };
    for (int i = 0; i < countof(units); i++) {
        ptrdiff_t unit = (ptrdiff_t)strlen(units[i]), n = 30000 / unit, chars = 0;
        char *p = arena_alloc(&arena, n * unit + RECORD_PADDING, 1, 1);
        struct words w = { 0 };
        for (ptrdiff_t k = 0; k < n; k++)
            memcpy(p + k * unit, units[i], (size_t)unit);
        spacy_en_split(en, scratch, classes, slice_make(p, n * unit), &w, &arena);
        for (ptrdiff_t k = 0; k < w.count; k++)
            chars += w.at[k].len;
        assert_int_equal(chars, n * unit);
        arena_reset(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(splits_like_spacy),
        cmocka_unit_test(counts_sentences_like_spacy),
        cmocka_unit_test(written_out_is_the_patterns),
        cmocka_unit_test(takes_long_chunks),
    };
    struct err err = { 0 };
    cpu_init();
    en = spacy_en_new(&process, &err);
    assert_non_null(en);
    classes = char_classes_new(&process);
    scratch = spacy_scratch_new();
    return cmocka_run_group_tests_name("spacy_en", tests, NULL, NULL);
}
