#include "quality_private.h"

#include "../opt.h"
#include "../unicode.h"
#include "c4.h"
#include "lineset.h"

#include <stdlib.h>

/* ---- tables ---- */

#define REP     GROUP_GOPHER_REPETITION
#define GOPHER  GROUP_GOPHER_QUALITY
#define FINEWEB GROUP_FINEWEB

const struct quality_rule quality_rules[QUALITY_RULES] = {
    [RULE_DUP_PARA] = { "gopher_dup_para_frac", REP, false, false, .3,
                        "paragraphs that came before / paragraphs" },
    [RULE_DUP_PARA_CHARS] = { "gopher_dup_para_char_frac", REP, false, false, .2,
                              "characters of paragraphs that came before / characters" },
    [RULE_DUP_LINE] = { "gopher_dup_line_frac", REP, false, false, .3,
                        "lines that came before / lines" },
    [RULE_DUP_LINE_CHARS] = { "gopher_dup_line_char_frac", REP, false, false, .2,
                              "characters of lines that came before / characters" },
    [RULE_TOP_2] = { "gopher_top_2_gram", REP, false, false, .20,
                     "characters of the most frequent 2-gram * count / characters" },
    [RULE_TOP_3] = { "gopher_top_3_gram", REP, false, false, .18, "the same for 3-grams" },
    [RULE_TOP_4] = { "gopher_top_4_gram", REP, false, false, .16, "the same for 4-grams" },
    [RULE_DUP_5] = { "gopher_duplicated_5_n_grams", REP, false, false, .15,
                     "characters in repeated 5-grams / characters" },
    [RULE_DUP_6] = { "gopher_duplicated_6_n_grams", REP, false, false, .14,
                     "the same for 6-grams" },
    [RULE_DUP_7] = { "gopher_duplicated_7_n_grams", REP, false, false, .13,
                     "the same for 7-grams" },
    [RULE_DUP_8] = { "gopher_duplicated_8_n_grams", REP, false, false, .12,
                     "the same for 8-grams" },
    [RULE_DUP_9] = { "gopher_duplicated_9_n_grams", REP, false, false, .11,
                     "the same for 9-grams" },
    [RULE_DUP_10] = { "gopher_duplicated_10_n_grams", REP, false, false, .10,
                      "the same for 10-grams" },
    [RULE_SHORT_DOC] = { "gopher_short_doc", GOPHER, true, false, 50, "words with a non-symbol" },
    [RULE_LONG_DOC] = { "gopher_long_doc", GOPHER, false, false, 100000,
                        "words with a non-symbol" },
    [RULE_SHORT_WORDS] = { "gopher_below_avg_threshold", GOPHER, true, false, 3,
                           "mean characters of words with a non-symbol" },
    [RULE_LONG_WORDS] = { "gopher_above_avg_threshold", GOPHER, false, false, 10,
                          "mean characters of words with a non-symbol" },
    [RULE_HASHES] = { "gopher_too_many_hashes", GOPHER, false, false, .1, "# / words" },
    [RULE_ELLIPSIS] = { "gopher_too_many_ellipsis", GOPHER, false, false, .1,
                        "... and U+2026 / words" },
    [RULE_BULLETS] = { "gopher_too_many_bullets", GOPHER, false, false, .9,
                       "lines that start with - or U+2022 / lines" },
    [RULE_END_ELLIPSIS] = { "gopher_too_many_end_ellipsis", GOPHER, false, false, .3,
                            "lines that end in ... or U+2026 / lines" },
    [RULE_ALPHA] = { "gopher_below_alpha_threshold", GOPHER, true, false, .8,
                     "words with a letter / words" },
    [RULE_STOP_WORDS] = { "gopher_enough_stop_words", GOPHER, true, false, 2,
                          "how many of: the be to of and that have with" },
    [RULE_LOREM_IPSUM] = { "c4_lorem_ipsum", GROUP_C4, false, false, 0,
                           "1 when a line has lorem ipsum" },
    [RULE_CURLY] = { "c4_curly_bracket", GROUP_C4, false, false, 0, "1 when a line has {" },
    [RULE_SENTENCES] = { "c4_sentences", GROUP_C4, true, false, 5,
                         "sentences of the lines that stay" },
    [RULE_EMPTY] = { "fineweb_empty", FINEWEB, true, false, 1, "lines that are not blank" },
    [RULE_LINE_PUNCT] = { "fineweb_line_punct_ratio", FINEWEB, true, false, .12,
                          "lines that end in a terminal mark / lines not blank" },
    [RULE_SHORT_LINES] = { "fineweb_short_line_ratio", FINEWEB, false, false, .67,
                           "lines of at most 30 characters / lines not blank" },
    [RULE_CHAR_DUP] = { "fineweb_char_dup_ratio", FINEWEB, false, false, .01,
                        "characters of lines that came before / characters but line feeds" },
    [RULE_LIST] = { "fineweb_list_ratio", FINEWEB, false, false, .3, "line feeds / words" },
    [RULE_DOLMA_SHORT_DOC] = { "dolma_short_doc", GROUP_DOLMA, true, false, 50, "words" },
    [RULE_DOLMA_LONG_DOC] = { "dolma_long_doc", GROUP_DOLMA, false, false, 100000, "words" },
    [RULE_DOLMA_SHORT_WORDS] = { "dolma_below_median_word_length", GROUP_DOLMA, true, false, 3,
                                 "median characters of words" },
    [RULE_DOLMA_LONG_WORDS] = { "dolma_above_median_word_length", GROUP_DOLMA, false, false, 10,
                                "median characters of words" },
    [RULE_DOLMA_SYMBOLS] = { "dolma_symbol_to_word_ratio", GROUP_DOLMA, false, false, 0.1,
                             "words with # or U+2026 / words" },
    [RULE_DOLMA_ALPHA] = { "dolma_words_with_alpha", GROUP_DOLMA, true, false, 0.8,
                           "words with a letter / words" },
    [RULE_DOLMA_STOP_WORDS] = { "dolma_required_words", GROUP_DOLMA, true, false, 2,
                                "words among: the be to of and that have with" },
    [RULE_DOLMA_BULLETS] = { "dolma_bullet_lines", GROUP_DOLMA, false, false, 0.9,
                             "lines that start with * or - / lines" },
    [RULE_DOLMA_ELLIPSIS] = { "dolma_ellipsis_lines", GROUP_DOLMA, false, false, 0.3,
                              "lines that end in U+2026 / lines" },
    [RULE_DOLMA_DUP_LINES] = { "dolma_duplicate_lines", GROUP_DOLMA, false, false, 0.3,
                               "lines that occur again, all copies / lines" },
    [RULE_DOLMA_DUP_LINE_CHARS] = { "dolma_duplicate_line_chars", GROUP_DOLMA, false, false, 0.3,
                                    "characters of these / characters of words" },
    [RULE_DOLMA_TOP_2] = { "dolma_top_2gram", GROUP_DOLMA, false, false, 2,
                           "characters of the most frequent 2-gram * count / characters of words; "
                           "as shipped this never drops" },
    [RULE_DOLMA_TOP_3] = { "dolma_top_3gram", GROUP_DOLMA, false, false, 3,
                           "the same for 3-grams" },
    [RULE_DOLMA_TOP_4] = { "dolma_top_4gram", GROUP_DOLMA, false, false, 4,
                           "the same for 4-grams" },
    [RULE_DOLMA_DUP_5] = { "dolma_duplicate_5grams", GROUP_DOLMA, false, false, 0.15,
                           "characters of repeated 5-grams, all copies / characters of all "
                           "5-grams" },
    [RULE_DOLMA_DUP_6] = { "dolma_duplicate_6grams", GROUP_DOLMA, false, false, 0.14,
                           "characters of repeated 6-grams, all copies / characters of all "
                           "6-grams" },
    [RULE_DOLMA_DUP_7] = { "dolma_duplicate_7grams", GROUP_DOLMA, false, false, 0.13,
                           "characters of repeated 7-grams, all copies / characters of all "
                           "7-grams" },
    [RULE_DOLMA_DUP_8] = { "dolma_duplicate_8grams", GROUP_DOLMA, false, false, 0.12,
                           "characters of repeated 8-grams, all copies / characters of all "
                           "8-grams" },
    [RULE_DOLMA_DUP_9] = { "dolma_duplicate_9grams", GROUP_DOLMA, false, false, 0.11,
                           "characters of repeated 9-grams, all copies / characters of all "
                           "9-grams" },
    [RULE_DOLMA_DUP_10] = { "dolma_duplicate_10grams", GROUP_DOLMA, false, false, 0.1,
                            "characters of repeated 10-grams, all copies / characters of all "
                            "10-grams" },
    [RULE_DCLM_SHORT_DOC] = { "dclm_short_doc", GROUP_DCLM, true, false, 50,
                              "runs of alphanumerics (ASCII texts) or UAX 29 words" },
    [RULE_DCLM_LONG_DOC] = { "dclm_long_doc", GROUP_DCLM, false, false, 100000, "the same" },
    [RULE_DCLM_SHORT_WORDS] = { "dclm_short_words", GROUP_DCLM, true, true, 3,
                                "mean bytes of words between White_Space" },
    [RULE_DCLM_LONG_WORDS] = { "dclm_long_words", GROUP_DCLM, false, true, 10,
                               "mean bytes of words between White_Space" },
    [RULE_DCLM_SYMBOLS] = { "dclm_symbol_to_word_ratio", GROUP_DCLM, false, true, 0.1,
                            "# ... \". . .\" and U+2026 / words" },
    [RULE_DCLM_BULLETS] = { "dclm_bullet_lines", GROUP_DCLM, false, true, 0.9,
                            "lines that start with U+25CF U+2022 * - / lines" },
    [RULE_DCLM_ELLIPSIS] = { "dclm_ellipsis_lines", GROUP_DCLM, false, true, 0.3,
                             "lines that end in ... \". . .\" or U+2026 / lines not empty" },
    [RULE_DCLM_NON_ALPHA] = { "dclm_non_alpha_words", GROUP_DCLM, false, true, 0.2,
                              "words without a letter / words; 1 for one word or none" },
    [RULE_DCLM_STOP_WORDS] = { "dclm_stop_words", GROUP_DCLM, true, false, 2,
                               "words, in either case, among: the be to of and that have with" },
    [RULE_DCLM_DUP_LINES] = { "dclm_duplicate_lines", GROUP_DCLM, false, true, 0.3,
                              "lines that occur again, all copies / lines not empty" },
    [RULE_DCLM_DUP_PARAS] = { "dclm_duplicate_paragraphs", GROUP_DCLM, false, true, 0.3,
                              "the same for paragraphs" },
    [RULE_DCLM_DUP_LINE_CHARS] = { "dclm_duplicate_line_bytes", GROUP_DCLM, false, true, 0.2,
                                   "bytes of lines that occur again / bytes of lines" },
    [RULE_DCLM_DUP_PARA_CHARS] = { "dclm_duplicate_paragraph_bytes", GROUP_DCLM, false, true, 0.2,
                                   "the same for paragraphs" },
    [RULE_DCLM_TOP_2] = { "dclm_top_2gram", GROUP_DCLM, false, true, 0.2,
                          "bytes of words in the most frequent 2-gram, if it occurs twice / bytes "
                          "of words" },
    [RULE_DCLM_TOP_3] = { "dclm_top_3gram", GROUP_DCLM, false, true, 0.18,
                          "bytes of words in the most frequent 3-gram, if it occurs twice / bytes "
                          "of words" },
    [RULE_DCLM_TOP_4] = { "dclm_top_4gram", GROUP_DCLM, false, true, 0.16,
                          "bytes of words in the most frequent 4-gram, if it occurs twice / bytes "
                          "of words" },
    [RULE_DCLM_DUP_5] = { "dclm_duplicate_5grams", GROUP_DCLM, false, true, 0.15,
                          "bytes of words in repeated 5-grams / bytes of words" },
    [RULE_DCLM_DUP_6] = { "dclm_duplicate_6grams", GROUP_DCLM, false, true, 0.14,
                          "bytes of words in repeated 6-grams / bytes of words" },
    [RULE_DCLM_DUP_7] = { "dclm_duplicate_7grams", GROUP_DCLM, false, true, 0.13,
                          "bytes of words in repeated 7-grams / bytes of words" },
    [RULE_DCLM_DUP_8] = { "dclm_duplicate_8grams", GROUP_DCLM, false, true, 0.12,
                          "bytes of words in repeated 8-grams / bytes of words" },
    [RULE_DCLM_DUP_9] = { "dclm_duplicate_9grams", GROUP_DCLM, false, true, 0.11,
                          "bytes of words in repeated 9-grams / bytes of words" },
    [RULE_DCLM_DUP_10] = { "dclm_duplicate_10grams", GROUP_DCLM, false, true, 0.1,
                           "bytes of words in repeated 10-grams / bytes of words" },
    [RULE_DCLM_EMPTY] = { "dclm_empty", GROUP_DCLM, true, true, 1, "bytes of the lines that stay" },
    [RULE_DCLM_REMOVED] = { "dclm_removed_words", GROUP_DCLM, false, true, 0.05,
                            "words of the lines that went / words" },
    [RULE_RP_SHORT_DOC] = { "redpajama_short_doc", GROUP_REDPAJAMA, true, false, 50,
                            "normalized words" },
    [RULE_RP_LONG_DOC] = { "redpajama_long_doc", GROUP_REDPAJAMA, false, false, 10000,
                           "normalized words" },
    [RULE_RP_SHORT_WORDS] = { "redpajama_short_words", GROUP_REDPAJAMA, true, false, 3,
                              "mean characters of normalized words" },
    [RULE_RP_LONG_WORDS] = { "redpajama_long_words", GROUP_REDPAJAMA, false, false, 10,
                             "mean characters of normalized words" },
    [RULE_RP_SYMBOLS] = { "redpajama_symbol_to_word_ratio", GROUP_REDPAJAMA, false, false, 0.1,
                          "# ... and U+2026 / words and runs of punctuation" },
    [RULE_RP_BULLETS] = { "redpajama_bullet_lines", GROUP_REDPAJAMA, false, false, 0.9,
                          "lines that start with a bullet / lines" },
    [RULE_RP_TOP_2] = { "redpajama_top_2gram", GROUP_REDPAJAMA, false, false, 0.2,
                        "characters of the most frequent 2-gram * count, if above 1 / characters "
                        "of words" },
    [RULE_RP_TOP_3] = { "redpajama_top_3gram", GROUP_REDPAJAMA, false, false, 0.18,
                        "characters of the most frequent 3-gram * count, if above 1 / characters "
                        "of words" },
    [RULE_RP_TOP_4] = { "redpajama_top_4gram", GROUP_REDPAJAMA, false, false, 0.16,
                        "characters of the most frequent 4-gram * count, if above 1 / characters "
                        "of words" },
    [RULE_RP_DUP_5] = { "redpajama_dupe_5grams", GROUP_REDPAJAMA, false, false, 0.15,
                        "characters of words in repeated 5-grams / characters of words" },
    [RULE_RP_DUP_6] = { "redpajama_dupe_6grams", GROUP_REDPAJAMA, false, false, 0.14,
                        "characters of words in repeated 6-grams / characters of words" },
    [RULE_RP_DUP_7] = { "redpajama_dupe_7grams", GROUP_REDPAJAMA, false, false, 0.13,
                        "characters of words in repeated 7-grams / characters of words" },
    [RULE_RP_DUP_8] = { "redpajama_dupe_8grams", GROUP_REDPAJAMA, false, false, 0.12,
                        "characters of words in repeated 8-grams / characters of words" },
    [RULE_RP_DUP_9] = { "redpajama_dupe_9grams", GROUP_REDPAJAMA, false, false, 0.11,
                        "characters of words in repeated 9-grams / characters of words" },
    [RULE_RP_DUP_10] = { "redpajama_dupe_10grams", GROUP_REDPAJAMA, false, false, 0.1,
                         "characters of words in repeated 10-grams / characters of words" },
    [RULE_RP_ELLIPSIS] = { "redpajama_ellipsis_lines", GROUP_REDPAJAMA, false, false, 0.3,
                           "lines that end in ... or U+2026 / lines" },
    [RULE_RP_NO_ALPHA] = { "redpajama_no_alpha_words", GROUP_REDPAJAMA, false, false, 0.2,
                           "words and runs of punctuation without A-Z a-z / all of these" },
    [RULE_CURATOR_NON_ALNUM] = { "curator_alpha_numeric", GROUP_CURATOR, false, false, 0.25,
                                 "characters but A-Z a-z 0-9 ! , . ? and line feeds / characters" },
    [RULE_CURATOR_SYMBOLS] = { "curator_symbol_to_word", GROUP_CURATOR, false, false, 0.1,
                               "words that are an ellipsis or mostly # / words" },
    [RULE_CURATOR_NUMBERS] = { "curator_numbers_ratio", GROUP_CURATOR, false, false, 0.15,
                               "digits / characters" },
    [RULE_CURATOR_URLS] = { "curator_urls_ratio", GROUP_CURATOR, false, false, 0.2,
                            "characters of URLs / characters" },
    [RULE_CURATOR_WHITE_SPACE] = { "curator_white_space", GROUP_CURATOR, false, false, 0.25,
                                   "TAB LF CR backspace and blanks / characters" },
    [RULE_CURATOR_PARENS] = { "curator_parentheses_ratio", GROUP_CURATOR, false, false, 0.1,
                              "()[]{} and angle brackets / characters" },
    [RULE_CURATOR_BOILERPLATE] = { "curator_boilerplate_string_ratio", GROUP_CURATOR, false, false,
                                   0.4,
                                   "paragraphs with a phrase of policies / paragraphs; 1 for lorem "
                                   "ipsum" },
    [RULE_CURATOR_LINES] = { "curator_repeated_lines", GROUP_CURATOR, true, false, 0.7,
                             "different lines / lines not blank" },
    [RULE_CURATOR_PARAS] = { "curator_repeated_paragraphs", GROUP_CURATOR, true, false, 0.7,
                             "different paragraphs / paragraphs" },
    [RULE_CURATOR_LINE_CHARS] = { "curator_repeated_lines_char", GROUP_CURATOR, true, false, 0.8,
                                  "characters of different lines / of lines not blank" },
    [RULE_CURATOR_PARA_CHARS] = { "curator_repeated_paragraphs_char", GROUP_CURATOR, true, false,
                                  0.8, "characters of different paragraphs / of paragraphs" },
    [RULE_CURATOR_SHORT_DOC] = { "curator_short_doc", GROUP_CURATOR, true, false, 50, "words" },
    [RULE_CURATOR_LONG_DOC] = { "curator_long_doc", GROUP_CURATOR, false, false, 100000, "words" },
    [RULE_CURATOR_PUNCTUATION] = { "curator_punctuation", GROUP_CURATOR, false, false, 0.85,
                                   "lines that do not end in . ? ! or a quote / lines not blank" },
    [RULE_CURATOR_ALPHA] = { "curator_words_without_alphabets", GROUP_CURATOR, true, false, 0.8,
                             "words with a letter / words" },
    [RULE_CURATOR_COMMON_WORDS] = { "curator_common_english_words", GROUP_CURATOR, true, false, 2,
                                    "words among: the be to of and that have with" },
    [RULE_CURATOR_SHORT_WORDS] = { "curator_short_words", GROUP_CURATOR, true, false, 3,
                                   "mean characters of words" },
    [RULE_CURATOR_LONG_WORDS] = { "curator_long_words", GROUP_CURATOR, false, false, 10,
                                  "mean characters of words" },
    [RULE_CURATOR_MAX_WORD] = { "curator_max_word_length", GROUP_CURATOR, false, false, 1000,
                                "characters of the longest word" },
    [RULE_CURATOR_ELLIPSIS] = { "curator_ellipsis", GROUP_CURATOR, false, false, 0.3,
                                "lines that end in an ellipsis or 'read more' / lines not blank" },
    [RULE_CURATOR_TOP_2] = { "curator_repeating_top_2grams", GROUP_CURATOR, false, false, 0.2,
                             "characters of the most frequent 2-gram wherever it stands / "
                             "characters; 1 for fewer words" },
    [RULE_CURATOR_TOP_3] = { "curator_repeating_top_3grams", GROUP_CURATOR, false, false, 0.18,
                             "characters of the most frequent 3-gram wherever it stands / "
                             "characters; 1 for fewer words" },
    [RULE_CURATOR_TOP_4] = { "curator_repeating_top_4grams", GROUP_CURATOR, false, false, 0.16,
                             "characters of the most frequent 4-gram wherever it stands / "
                             "characters; 1 for fewer words" },
    [RULE_CURATOR_DUP_5] = { "curator_repeating_dup_5gram", GROUP_CURATOR, false, false, 0.15,
                             "characters of 5-grams that came before / characters; 1 for fewer "
                             "words" },
    [RULE_CURATOR_DUP_6] = { "curator_repeating_dup_6gram", GROUP_CURATOR, false, false, 0.14,
                             "characters of 6-grams that came before / characters; 1 for fewer "
                             "words" },
    [RULE_CURATOR_DUP_7] = { "curator_repeating_dup_7gram", GROUP_CURATOR, false, false, 0.13,
                             "characters of 7-grams that came before / characters; 1 for fewer "
                             "words" },
    [RULE_CURATOR_DUP_8] = { "curator_repeating_dup_8gram", GROUP_CURATOR, false, false, 0.12,
                             "characters of 8-grams that came before / characters; 1 for fewer "
                             "words" },
    [RULE_CURATOR_DUP_9] = { "curator_repeating_dup_9gram", GROUP_CURATOR, false, false, 0.11,
                             "characters of 9-grams that came before / characters; 1 for fewer "
                             "words" },
    [RULE_CURATOR_DUP_10] = { "curator_repeating_dup_10gram", GROUP_CURATOR, false, false, 0.1,
                              "characters of 10-grams that came before / characters; 1 for fewer "
                              "words" },
    [RULE_CURATOR_BULLETS] = { "curator_bullet_ratio", GROUP_CURATOR, false, false, 0.9,
                               "lines that start with a bullet / lines not blank" },
};

const char *const quality_group_names[QUALITY_GROUPS] = {
    "gopher_repetition", "gopher_quality", "c4", "fineweb", "dolma", "dclm", "redpajama", "curator",
};

const struct quality_profile quality_profiles[] = {
    { "gopher", 1 << REP | 1 << GOPHER, false, WORDS_SPACY_EN, "datatrove a649de79" },
    { "c4", 1 << GROUP_C4, true, WORDS_SPACY_EN, "datatrove a649de79" },
    { "fineweb", 1 << REP | 1 << GOPHER | 1 << GROUP_C4 | 1 << FINEWEB, false, WORDS_SPACY_EN,
      "datatrove a649de79, examples/fineweb.py" },
    { "dolma", 1 << GROUP_DOLMA, false, WORDS_WHITESPACE,
      "dolma 669f5348, gopher_v1, configs/dolma-v1_6/mixing/cc-middle.yaml" },
    { "dclm", 1 << GROUP_DCLM, false, WORDS_UAX29,
      "datamap-rs f7717942, configs/dclm/dclm_config.yaml" },
    { "redpajama", 1 << GROUP_REDPAJAMA, false, WORDS_WHITESPACE,
      "RedPajama-Data 6d2cee9d; limits: Gopher rules of its data card, Rae et al. 2021" },
    { "curator", 1 << GROUP_CURATOR, false, WORDS_WHITESPACE,
      "NeMo Curator 1e2e4275, config/text/heuristic_filter_english_pipeline.yaml" },
};
const int quality_profile_count = countof(quality_profiles);

const char *quality_source(enum quality_group group)
{
    for (int p = 0; p < quality_profile_count; p++)
        if (quality_profiles[p].groups >> group & 1)
            return quality_profiles[p].source;
    return "";
}

/* ---- choosing ---- */

static bool unknown(const char *what, const char *name, const char *const *names, ptrdiff_t count,
                    struct err *err)
{
    const char *near = opt_nearest(name, names, count);

    return err_set(err, ERR_USAGE, "no %s %s%s%s%s", what, ERR_QUOTE(slice_of(name)),
                   near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

bool quality_init(struct quality *q, const char *profile, struct err *err)
{
    const char *names[countof(quality_profiles)];

    *q = (struct quality){ .citations = true };
    for (int i = 0; i < quality_profile_count; i++) {
        names[i] = quality_profiles[i].name;
        if (strcmp(names[i], profile) == 0)
            q->profile = &quality_profiles[i];
    }
    if (!q->profile)
        return unknown("profile", profile, names, countof(names), err);
    for (int g = 0; g < QUALITY_GROUPS; g++)
        q->groups[g] = q->profile->groups >> g & 1;
    q->terminal_lines = q->profile->terminal_lines;
    q->words = q->profile->words;
    for (int i = 0; i < QUALITY_RULES; i++) {
        q->on[i] = q->groups[quality_rules[i].group];
        q->limit[i] = quality_rules[i].limit;
    }
    return true;
}

static int find_rule(const struct quality *q, const char *name, struct err *err)
{
    const char *names[QUALITY_RULES];

    for (int i = 0; i < QUALITY_RULES; i++) {
        names[i] = quality_rules[i].name;
        if (strcmp(names[i], name) != 0)
            continue;
        if (q->groups[quality_rules[i].group])
            return i;
        err_set(err, ERR_USAGE, "profile '%s' has no rule '%s'", q->profile->name, name);
        return -1;
    }
    unknown("rule", name, names, countof(names), err);
    return -1;
}

bool quality_off(struct quality *q, const char *name, struct err *err)
{
    for (int g = 0; g < QUALITY_GROUPS; g++) {
        if (strcmp(quality_group_names[g], name) != 0)
            continue;
        if (!(q->profile->groups >> g & 1))
            return err_set(err, ERR_USAGE, "profile '%s' has no rules '%s'", q->profile->name,
                           name);
        q->groups[g] = false;
        for (int i = 0; i < QUALITY_RULES; i++)
            q->on[i] = q->on[i] && (int)quality_rules[i].group != g;
        return true;
    }
    int rule = find_rule(q, name, err);
    if (rule >= 0)
        q->on[rule] = false;
    return rule >= 0;
}

bool quality_set(struct quality *q, const char *assignment, struct err *err)
{
    const char *equals = strchr(assignment, '=');
    char name[64];
    double limit;

    if (!equals || equals - assignment >= (ptrdiff_t)sizeof name ||
        !opt_parse_float(slice_of(equals + 1), &limit))
        return err_set(err, ERR_USAGE, "%s is not RULE=LIMIT", ERR_QUOTE(slice_of(assignment)));
    memcpy(name, assignment, (size_t)(equals - assignment));
    name[equals - assignment] = '\0';
    int rule = find_rule(q, name, err);
    if (rule < 0)
        return false;
    if (limit < 0)
        return err_set(err, ERR_USAGE, "%s: a limit is not negative",
                       ERR_QUOTE(slice_of(assignment)));
    q->limit[rule] = limit;
    q->on[rule] = true;
    return true;
}

bool quality_ready(struct quality *q, struct arena *arena, struct err *err)
{
    q->classes = char_classes_new(arena);
    q->phrases = arena_new(arena, struct bytepair, 1);
    c4_phrases_ready(q->phrases);
    bytepair_add_first(&q->marks, 0, SLICE("#"));
    bytepair_add(&q->marks, 1, SLICE("."), SLICE("."));
    bytepair_add(&q->marks, 2, SLICE("\xE2"), SLICE("\x80"));
    bytepair_ready(&q->marks);
    if (q->words == WORDS_SPACY_EN || (q->on[RULE_SENTENCES] && !q->sentence_marks))
        q->spacy_en = spacy_en_new(arena, err);
    if (q->words == WORDS_UAX29 || q->groups[GROUP_DCLM])
        q->wordbreak = wordbreak_new(arena);
    if (!quality_peers_ready(q, arena, err))
        return false;
    return q->spacy_en ||
           !(q->words == WORDS_SPACY_EN || (q->on[RULE_SENTENCES] && !q->sentence_marks));
}

/* ---- measuring ---- */

struct quality_scratch *quality_scratch_new(const struct quality *q)
{
    struct quality_scratch *s = calloc(1, sizeof *s);

    if (!s)
        mem_oom();
    if (q->spacy_en)
        s->spacy_en = spacy_scratch_new();
    if (q->peers)
        s->regex = regex_scratch_new();
    return s;
}

void quality_scratch_free(struct quality_scratch *s)
{
    arena_release(&s->temp);
    ngram_table_release(&s->table);
    line_set_release(&s->lines);
    if (s->spacy_en)
        spacy_scratch_free(s->spacy_en);
    regex_scratch_free(s->regex);
    free(s);
}

bool quality_note(struct measuring *m, enum quality_rule_id rule, double value)
{
    const struct quality *q = m->q;
    struct quality_result *r = m->r;
    struct quality_counts *counts = &m->s->counts;
    double limit = quality_rules[rule].single ? (double)(float)q->limit[rule] : q->limit[rule];
    bool fails = quality_rules[rule].is_min ? value < limit : value > limit;

    if (!q->on[rule])
        return true;
    r->value[rule] = value;
    r->measured[rule] = true;
    counts->measured[rule]++;
    counts->fired[rule] += fails;
    if (q->clock_ns) {
        int64_t now = q->clock_ns();
        counts->cost_ns[rule] += now - m->s->last_ns;
        m->s->last_ns = now;
    }
    if (fails && (r->failed < 0 || (int)rule < r->failed))
        r->failed = (int)rule;
    return !fails;
}

void quality_split(const struct measuring *m, slice text, struct words *w)
{
    const struct quality *q = m->q;

    if (q->words == WORDS_SPACY_EN)
        spacy_en_split(q->spacy_en, m->s->spacy_en, q->classes, text, w, &m->s->temp);
    else if (q->words == WORDS_UAX29)
        wordbreak_split(q->wordbreak, q->classes, text, w, &m->s->temp);
    else
        words_split(w, q->classes, q->words, text, &m->s->temp);
}

static void split(struct measuring *m)
{
    if (!m->split)
        quality_split(m, m->r->text, &m->words);
    m->split = true;
}

static bool any_on(const struct quality *q, int first, int last)
{
    for (int i = first; i <= last; i++)
        if (q->on[i])
            return true;
    return false;
}

/* Repeated elements of a split: their number and characters, and how many elements there are. */
struct repeats {
    int64_t elements, repeated, chars;
};

static struct repeats find_repeats(struct measuring *m, enum line_kind how, slice text)
{
    struct line_cursor c = { .how = how };
    struct repeats n = { 0 };

    line_set_clear(&m->s->lines);
    for (slice line; line_next(&c, m->q->classes, text, &line); n.elements++)
        if (line_set_add(&m->s->lines, line)) {
            n.repeated++;
            n.chars += uni_count(line);
        }
    return n;
}

static bool measure_repetition(struct measuring *m)
{
    const struct quality *q = m->q;
    slice text = m->r->text;
    int64_t chars = uni_count(text);
    struct ngrams g;

    if (any_on(q, RULE_DUP_PARA, RULE_DUP_PARA_CHARS)) {
        struct repeats n = find_repeats(m, LINES_PARAGRAPHS, line_strip(q->classes, text));
        if (quality_fails(m, RULE_DUP_PARA, quality_ratio(n.repeated, n.elements)) ||
            quality_fails(m, RULE_DUP_PARA_CHARS, quality_ratio(n.chars, chars)))
            return false;
    }
    if (any_on(q, RULE_DUP_LINE, RULE_DUP_LINE_CHARS)) {
        struct repeats n = find_repeats(m, LINES_LF_RUNS, text);
        if (quality_fails(m, RULE_DUP_LINE, quality_ratio(n.repeated, n.elements)) ||
            quality_fails(m, RULE_DUP_LINE_CHARS, quality_ratio(n.chars, chars)))
            return false;
    }
    if (!any_on(q, RULE_TOP_2, RULE_DUP_10))
        return true;
    split(m);
    ngrams_init(&g, &m->s->table, text, m->words.at, m->words.count, &m->s->temp);
    for (int rule = RULE_TOP_2; rule <= RULE_DUP_10; rule++) {
        ngrams_next(&g);
        if (!q->on[rule])
            continue;
        int64_t value = rule <= RULE_TOP_4 ? ngrams_top_chars(&g) : ngrams_duplicate_chars(&g);
        if (quality_fails(m, (enum quality_rule_id)rule, quality_ratio(value, chars)))
            return false;
    }
    return true;
}

/* "#", "..." and the ellipsis, each counted from left to right. */
void quality_count_marks(const struct quality *q, slice text, int64_t *hashes, int64_t *ellipses)
{
    *hashes = *ellipses = 0;
    for (ptrdiff_t i = 0; (i = bytepair_find(&q->marks, text, i)) < text.len;) {
        slice rest = slice_from(text, i);
        if (text.ptr[i] == '#') {
            ++*hashes;
        } else if (slice_starts(rest, SLICE("...")) || slice_starts(rest, SLICE("\u2026"))) {
            ++*ellipses;
            i += 2;
        }
        i++;
    }
}

static int64_t count_byte(slice text, char byte)
{
    uint64_t ones = 0x0101010101010101u, pattern = ones * (unsigned char)byte;
    int64_t n = 0;
    ptrdiff_t i = 0;

    /* A byte of x is 0 where the text has `byte`; 0x80 + 0x7F does not carry into its neighbour. */
    for (; i + 8 <= text.len; i += 8) {
        uint64_t x = load_u64(text.ptr + i) ^ pattern;
        uint64_t other = ((x & ~(ones << 7)) + ~(ones << 7)) | x; /* top bit: not the byte */
        n += (int64_t)((~other >> 7 & ones) * ones >> 56);
    }
    for (; i < text.len; i++)
        n += text.ptr[i] == byte;
    return n;
}

static bool measure_word_counts(struct measuring *m)
{
    int64_t plain = 0, chars = 0, letters = 0, hashes, ellipses;

    split(m);
    for (ptrdiff_t i = 0; i < m->words.count; i++) {
        const struct word *w = &m->words.at[i];
        uint32_t is_plain = (w->classes & CHAR_PLAIN) != 0;
        plain += is_plain;
        chars += w->chars & -is_plain;
        letters += (w->classes & CHAR_LETTER) != 0;
    }
    quality_count_marks(m->q, m->r->text, &hashes, &ellipses);
    if (quality_fails(m, RULE_SHORT_DOC, (double)plain) ||
        quality_fails(m, RULE_LONG_DOC, (double)plain) ||
        quality_fails(m, RULE_SHORT_WORDS, quality_ratio(chars, plain)) ||
        quality_fails(m, RULE_LONG_WORDS, quality_ratio(chars, plain)) ||
        quality_fails(m, RULE_HASHES, quality_ratio(hashes, m->words.count)))
        return false;
    if (quality_fails(m, RULE_ELLIPSIS, quality_ratio(ellipses, m->words.count)))
        return false;
    m->r->value[RULE_ALPHA] = quality_ratio(letters, m->words.count); /* noted after the lines */
    return true;
}

/* Up to four bytes of a word as a number. */
#define WORD4(a, b, c, d)                                                                          \
    ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)

int quality_stop_word(slice text, const struct word *w)
{
    static const uint32_t list[] = {
        WORD4('t', 'h', 'e', 0),   WORD4('b', 'e', 0, 0),     WORD4('t', 'o', 0, 0),
        WORD4('o', 'f', 0, 0),     WORD4('a', 'n', 'd', 0),   WORD4('t', 'h', 'a', 't'),
        WORD4('h', 'a', 'v', 'e'), WORD4('w', 'i', 't', 'h'),
    };

    if (w->len - 2 > 2)
        return -1;
    uint32_t word = load_u32(text.ptr + w->start) & ~(uint32_t)0 >> (4 - w->len) * 8;
    for (int k = 0; k < countof(list); k++)
        if (word == list[k])
            return k;
    return -1;
}

static int stop_words(const struct measuring *m)
{
    unsigned found = 0;

    for (ptrdiff_t i = 0; i < m->words.count && found != 0xFF; i++) {
        int k = quality_stop_word(m->r->text, &m->words.at[i]);
        found |= k >= 0 ? 1u << k : 0;
    }
    return __builtin_popcount(found);
}

static bool measure_gopher(struct measuring *m)
{
    struct line_cursor c = { .how = LINES_PYTHON };
    const struct char_classes *classes = m->q->classes;
    int64_t lines = 0, bullets = 0, ends = 0;

    if (!measure_word_counts(m))
        return false;
    if (any_on(m->q, RULE_BULLETS, RULE_END_ELLIPSIS))
        for (slice line; line_next(&c, classes, m->r->text, &line); lines++) {
            slice left = line_strip_left(classes, line), right = line_strip_right(classes, line);
            bullets += slice_starts(left, SLICE("-")) || slice_starts(left, SLICE("\u2022"));
            ends += slice_ends(right, SLICE("...")) || slice_ends(right, SLICE("\u2026"));
        }
    double alpha = m->r->value[RULE_ALPHA];
    m->r->value[RULE_ALPHA] = 0;
    return !(quality_fails(m, RULE_BULLETS, quality_ratio(bullets, lines)) ||
             quality_fails(m, RULE_END_ELLIPSIS, quality_ratio(ends, lines)) ||
             quality_fails(m, RULE_ALPHA, alpha) ||
             quality_fails(m, RULE_STOP_WORDS, stop_words(m)));
}

static int64_t count_sentence_marks(slice line)
{
    int64_t n = 0;

    for (ptrdiff_t i = 0; i < line.len; i++)
        n += line.ptr[i] == '.' || line.ptr[i] == '!' || line.ptr[i] == '?';
    return MAX(n, 1);
}

/* Lines are cut and stripped at white space, so the words of a line are words of the text; one
 * from which a citation was taken is split again. */
static void add_line(void *arg, slice line)
{
    struct measuring *m = arg;
    slice text = m->r->text;

    if (m->q->on[RULE_SENTENCES] && m->q->sentence_marks)
        m->sentences += count_sentence_marks(line);
    else if (m->q->on[RULE_SENTENCES])
        m->sentences += spacy_en_sentences(m->q->spacy_en, m->s->spacy_en, m->q->classes, line);
    if (!m->counts_words)
        return;
    if (line.ptr < text.ptr || line.ptr >= text.ptr + text.len) {
        quality_split(m, line, &m->line_words);
        m->kept_words += m->line_words.count;
        return;
    }
    ptrdiff_t start = line.ptr - text.ptr, end = start + line.len;
    while (m->next_word < m->words.count && m->words.at[m->next_word].start < start)
        m->next_word++;
    ptrdiff_t first = m->next_word;
    while (m->next_word < m->words.count && m->words.at[m->next_word].start < end)
        m->next_word++;
    m->kept_words += m->next_word - first;
}

static bool measure_c4(struct measuring *m, struct arena *arena)
{
    const struct c4_conf conf = { .classes = m->q->classes,
                                  .phrases = m->q->phrases,
                                  .terminal_lines = m->q->terminal_lines,
                                  .look_for_lorem = m->q->on[RULE_LOREM_IPSUM],
                                  .look_for_curly = m->q->on[RULE_CURLY],
                                  .line = add_line,
                                  .arg = m };
    struct c4_result c;

    /* The words of what stays, when they are asked for: white space of all kinds ends lines and
     * words, but not with Rust's. */
    m->counts_words = m->split &&
                      (m->q->words == WORDS_SPACY_EN || m->q->words == WORDS_WHITESPACE) &&
                      m->q->on[RULE_LIST];
    c4_lines(&conf, m->r->text, arena, &c);
    if (quality_fails(m, RULE_LOREM_IPSUM, c.lorem) || quality_fails(m, RULE_CURLY, c.curly) ||
        quality_fails(m, RULE_SENTENCES, (double)m->sentences))
        return false;
    m->split = m->split && c.text.ptr == m->r->text.ptr;
    m->r->text = c.text;
    return true;
}

static bool ends_in_mark(const struct char_classes *c, slice line)
{
    uint32_t cp;

    uni_decode_back(line.ptr, line.ptr + line.len, &cp);
    return char_class(c, cp) & CHAR_TERMINAL;
}

static bool measure_fineweb(struct measuring *m)
{
    struct line_cursor c = { .how = LINES_LF };
    const struct char_classes *classes = m->q->classes;
    int64_t lines = 0, marks = 0, shorts = 0, repeated = 0;
    slice text = m->r->text;

    line_set_clear(&m->s->lines);
    for (slice line; line_next(&c, classes, text, &line);) {
        if (line_strip_left(classes, line).len == 0)
            continue;
        int64_t chars = uni_count(line);
        lines++;
        marks += ends_in_mark(classes, line);
        shorts += chars <= 30;
        repeated += line_set_add(&m->s->lines, line) ? chars : 0;
    }
    if (quality_fails(m, RULE_EMPTY, (double)lines) ||
        quality_fails(m, RULE_LINE_PUNCT, quality_ratio(marks, lines)) ||
        quality_fails(m, RULE_SHORT_LINES, quality_ratio(shorts, lines)))
        return false;
    int64_t feeds = count_byte(text, '\n');
    if (quality_fails(m, RULE_CHAR_DUP, quality_ratio(repeated, uni_count(text) - feeds)))
        return false;
    if (!m->q->on[RULE_LIST])
        return true;
    if (!m->counts_words)
        split(m);
    return !quality_fails(m, RULE_LIST,
                          quality_ratio(feeds, m->counts_words ? m->kept_words : m->words.count));
}

void quality_measure(const struct quality *q, struct quality_scratch *s, slice text, bool all,
                     struct arena *arena, struct quality_result *r)
{
    struct measuring m = { .q = q, .s = s, .r = r, .all = all };

    memset(r, 0, sizeof *r);
    r->failed = -1;
    r->text = text;
    arena_reset(&s->temp);
    s->counts.bytes += text.len;
    if (q->clock_ns)
        s->last_ns = q->clock_ns();
    if (q->groups[GROUP_GOPHER_REPETITION] && !measure_repetition(&m))
        return;
    if (q->groups[GROUP_GOPHER_QUALITY] && !measure_gopher(&m))
        return;
    if (q->groups[GROUP_C4] && !measure_c4(&m, arena))
        return;
    if (q->groups[GROUP_FINEWEB])
        measure_fineweb(&m);
    if (q->groups[GROUP_DOLMA])
        quality_dolma(&m);
    if (q->groups[GROUP_DCLM])
        quality_dclm(&m, arena);
    if (q->groups[GROUP_REDPAJAMA])
        quality_redpajama(&m);
    if (q->groups[GROUP_CURATOR])
        quality_curator(&m);
}
