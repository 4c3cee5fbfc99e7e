/* edit.h: edits of characters and of white space.
 *
 * Two passes over a text, each a pure function of it; a pass whose switches are all off, or which
 * finds nothing to do, returns the text it was given (same pointer, nothing copied).
 *
 * edit_chars(): removes or replaces single characters.
 *   strip_control      U+0000-0008, 000E-001F, 007F-0084, 0086-009F (Cc without white space)
 *   strip_zero_width   U+180E, 200B-200D, 2060, FEFF
 *   strip_bidi         U+061C, 200E, 200F, 202A-202E, 2066-2069
 *   strip_bom          U+FEFF with nothing but white space before it
 *   strip_soft_hyphen  U+00AD
 *   newlines           LF: CR LF and CR become LF; ALL: also U+000B, 000C, 0085, 2028, 2029
 *
 * edit_space(): works on runs of white space (Unicode's White_Space); a run never vanishes inside
 * a text. A line break is LF, CR or CR LF.
 *   collapse_space     each run of TAB and Zs characters becomes one U+0020
 *   trim_lines         white space next to a line break, or to an end of the text, goes
 *   max_newlines       of more than N line breaks with nothing between them (after trim_lines) the
 *                      first N stay
 *   trim               white space at both ends of the text goes
 *
 * Both are idempotent, together and with a normalization between them: removing characters comes
 * first because it may bring a base and a mark together.
 *
 * Texts are valid UTF-8 with RECORD_PADDING readable bytes after them; so are the results, which
 * lie in the arena or within the given text. A prepared text_edit is read-only, any thread may use
 * it.
 *
 *     struct text_edit e = { .trim = true, .newlines = EDIT_NEWLINES_LF };
 *     text_edit_ready(&e);
 *     text = edit_space(&e, edit_chars(&e, text, &arena), &arena);
 */
#ifndef EDIT_H
#define EDIT_H

#include "../arena.h"
#include "../simd/bytepair.h"

enum edit_newlines { EDIT_NEWLINES_KEEP, EDIT_NEWLINES_LF, EDIT_NEWLINES_ALL };

struct text_edit {
    bool strip_control, strip_zero_width, strip_bidi, strip_bom, strip_soft_hyphen;
    bool collapse_space, trim_lines, trim;
    int newlines;         /* enum edit_newlines */
    int64_t max_newlines; /* 0: no limit */

    struct bytepair chars, space; /* filled by text_edit_ready */
};

void text_edit_ready(struct text_edit *e);
slice edit_chars(const struct text_edit *e, slice text, struct arena *arena);
slice edit_space(const struct text_edit *e, slice text, struct arena *arena);

#endif
